package facts

import "strings"

// virtual names what this machine runs in, in Facter's words: a container, a
// virtual machine, or "physical". "unknown" is a virtual machine of a kind that
// does not say its name.
func (m machine) virtual() string {
	if v := m.container(); v != "" {
		return v
	}
	if v := m.hypervisor(); v != "" {
		return v
	}
	for line := range strings.Lines(m.read("proc/cpuinfo")) {
		if strings.HasPrefix(line, "flags") {
			if strings.Contains(line+" ", " hypervisor ") {
				return "unknown"
			}
			break
		}
	}
	return "physical"
}

func (m machine) container() string {
	switch {
	case m.exists("run/.containerenv"):
		return "podman"
	case m.exists(".dockerenv"):
		return "docker"
	case m.exists("proc/vz") && !m.exists("proc/bc"):
		return "openvzve"
	}
	// The first process knows what started it; only root may ask.
	for _, v := range strings.Split(m.read("proc/1/environ"), "\x00") {
		switch kind, ok := strings.CutPrefix(v, "container="); {
		case !ok || kind == "":
		case kind == "systemd-nspawn":
			return "systemd_nspawn"
		default:
			return kind // lxc, docker, podman, crio
		}
	}
	groups := m.read("proc/1/cgroup")
	switch {
	case strings.Contains(groups, "/docker/") || strings.Contains(groups, "/docker-"):
		return "docker"
	case strings.Contains(groups, "/lxc"):
		return "lxc"
	case strings.Contains(groups, "/kubepods"):
		return "container_other"
	}
	if strings.Contains(strings.ToLower(m.release), "microsoft") {
		return "wsl"
	}
	return ""
}

func (m machine) hypervisor() string {
	if m.read("sys/hypervisor/type") == "xen" || m.exists("proc/xen/capabilities") {
		switch {
		case strings.Contains(m.read("proc/xen/capabilities"), "control_d"):
			return "xen0"
		case m.exists("sys/class/dmi/id/sys_vendor"):
			return "xenhvm"
		}
		return "xenu"
	}
	var parts []string
	for _, name := range []string{"bios_vendor", "sys_vendor", "product_name", "board_vendor"} {
		parts = append(parts, m.read("sys/class/dmi/id/"+name))
	}
	id := strings.Join(parts, "\n")
	for _, h := range [...]struct{ mark, name string }{
		{"VMware", "vmware"}, {"VirtualBox", "virtualbox"}, {"innotek", "virtualbox"},
		{"Parallels", "parallels"}, {"RHEV", "rhev"}, {"oVirt", "ovirt"},
		{"Google", "gce"}, {"HVM domU", "xenhvm"}, {"Bochs", "bochs"},
		{"BHYVE", "bhyve"}, {"Nutanix AHV", "ahv"},
		{"Amazon EC2", "kvm"}, {"OpenStack", "kvm"}, {"QEMU", "kvm"}, {"KVM", "kvm"}, {"DigitalOcean", "kvm"}, {"Firecracker", "kvm"},
	} {
		if strings.Contains(id, h.mark) && !bareMetal(h.name, id) {
			return h.name
		}
	}
	if strings.Contains(id, "Microsoft Corporation") && strings.Contains(id, "Virtual Machine") {
		return "hyperv"
	}
	return ""
}

// bareMetal holds for the machines of cloud vendors that are no virtual ones.
func bareMetal(name, id string) bool { return name == "kvm" && strings.Contains(id, ".metal") }
