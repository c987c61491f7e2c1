package facts

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

// tree makes a machine of files.
func tree(t *testing.T, files map[string]string) machine {
	t.Helper()
	root := dirtest.New(t)
	for path, text := range files {
		write(t, filepath.Join(root, path), text, 0o644)
	}
	return machine{
		root: root, hostname: "web1", kernel: "Linux", release: "5.10.0-21-amd64", hardware: "x86_64",
		ifaces: func() ([]iface, error) { return nil, nil },
		statfs: func(string) (uint64, uint64, uint64, error) { return 10 << 30, 4 << 30, 3 << 30, nil },
	}
}

func TestDistributions(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  map[string]string // legacy names; the modern ones mirror them
	}{
		{"Debian", map[string]string{
			"etc/os-release":     "PRETTY_NAME=\"Debian GNU/Linux 11 (bullseye)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"11\"\nVERSION_CODENAME=bullseye\nID=debian\n",
			"etc/debian_version": "11.7\n",
		}, map[string]string{"operatingsystem": "Debian", "osfamily": "Debian", "operatingsystemrelease": "11.7", "operatingsystemmajrelease": "11", "architecture": "amd64", "lsbdistcodename": "bullseye", "lsbminordistrelease": "7"}},
		{"Debian testing", map[string]string{
			"etc/os-release": "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\n", "etc/debian_version": "trixie/sid\n",
		}, map[string]string{"operatingsystemrelease": "trixie/sid", "operatingsystemmajrelease": "trixie/sid"}},
		{"Ubuntu", map[string]string{
			"etc/os-release":     "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nPRETTY_NAME=\"Ubuntu 22.04.3 LTS\"\n",
			"etc/debian_version": "bookworm/sid\n",
		}, map[string]string{"operatingsystem": "Ubuntu", "osfamily": "Debian", "operatingsystemrelease": "22.04", "operatingsystemmajrelease": "22.04", "architecture": "amd64", "lsbdistdescription": "Ubuntu 22.04.3 LTS"}},
		{"CentOS 7", map[string]string{
			"etc/os-release":     "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n",
			"etc/redhat-release": "CentOS Linux release 7.9.2009 (Core)\n",
		}, map[string]string{"operatingsystem": "CentOS", "osfamily": "RedHat", "operatingsystemrelease": "7.9.2009", "operatingsystemmajrelease": "7", "architecture": "x86_64", "lsbdistid": "CentOS", "lsbdistcodename": "Core", "lsbminordistrelease": "9", "hardwareisa": "x86_64"}},
		{"CentOS 6, before os-release", map[string]string{
			"etc/redhat-release": "CentOS release 6.10 (Final)\n",
		}, map[string]string{"operatingsystem": "CentOS", "osfamily": "RedHat", "operatingsystemrelease": "6.10", "operatingsystemmajrelease": "6", "lsbdistcodename": "Final"}},
		{"RHEL 8", map[string]string{
			"etc/os-release":     "NAME=\"Red Hat Enterprise Linux\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"8.8\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 8.8 (Ootpa)\"\n",
			"etc/redhat-release": "Red Hat Enterprise Linux release 8.8 (Ootpa)\n",
		}, map[string]string{"operatingsystem": "RedHat", "osfamily": "RedHat", "operatingsystemrelease": "8.8", "operatingsystemmajrelease": "8", "lsbdistid": "RedHatEnterprise"}},
		{"Rocky", map[string]string{
			"etc/os-release":     "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.2\"\nPRETTY_NAME=\"Rocky Linux 9.2 (Blue Onyx)\"\n",
			"etc/redhat-release": "Rocky Linux release 9.2 (Blue Onyx)\n",
		}, map[string]string{"operatingsystem": "Rocky", "osfamily": "RedHat", "operatingsystemrelease": "9.2", "operatingsystemmajrelease": "9", "lsbdistcodename": "Blue Onyx"}},
		{"Amazon", map[string]string{
			"etc/os-release":     "NAME=\"Amazon Linux\"\nID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"\nPRETTY_NAME=\"Amazon Linux 2\"\n",
			"etc/system-release": "Amazon Linux release 2 (Karoo)\n",
		}, map[string]string{"operatingsystem": "Amazon", "osfamily": "RedHat", "operatingsystemrelease": "2", "operatingsystemmajrelease": "2"}},
		{"SLES", map[string]string{
			"etc/os-release": "NAME=\"SLES\"\nVERSION=\"15-SP4\"\nVERSION_ID=\"15.4\"\nID=\"sles\"\nID_LIKE=\"suse\"\nPRETTY_NAME=\"SUSE Linux Enterprise Server 15 SP4\"\n",
		}, map[string]string{"operatingsystem": "SLES", "osfamily": "Suse", "operatingsystemrelease": "15.4", "operatingsystemmajrelease": "15"}},
		{"Alpine", map[string]string{
			"etc/os-release": "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.4\nPRETTY_NAME='Alpine Linux v3.18'\n",
		}, map[string]string{"operatingsystem": "Alpine", "osfamily": "Alpine", "operatingsystemrelease": "3.18.4", "operatingsystemmajrelease": "3"}},
		{"Arch, which has no releases", map[string]string{
			"usr/lib/os-release": "NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\nPRETTY_NAME=\"Arch Linux\"\n",
		}, map[string]string{"operatingsystem": "Archlinux", "osfamily": "Archlinux", "operatingsystemrelease": "rolling"}},
		{"a distribution of tomorrow", map[string]string{
			"etc/os-release": "NAME=\"Vapor Linux\"\nID=vapor\nID_LIKE=\"neon ubuntu\"\nVERSION_ID=1.2\n",
		}, map[string]string{"operatingsystem": "Vapor", "osfamily": "Debian", "operatingsystemrelease": "1.2", "architecture": "amd64"}},
		{"nothing at all", nil, map[string]string{"operatingsystem": "Linux", "osfamily": "Linux", "operatingsystemrelease": "5.10.0-21-amd64"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tree(t, tt.files).system()
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				if s[name] != want {
					t.Errorf("%s: %s is %q, want %q", tt.name, name, s[name], want)
				}
			}
			flat := flatten(s)
			for modern, legacy := range map[string]string{"os.name": "operatingsystem", "os.family": "osfamily", "os.release.full": "operatingsystemrelease", "os.release.major": "operatingsystemmajrelease", "os.architecture": "architecture", "os.hardware": "hardwaremodel", "os.distro.id": "lsbdistid", "os.distro.codename": "lsbdistcodename"} {
				if flat[modern] != flat[legacy] {
					t.Errorf("%s: %s is %q, %s is %q", tt.name, modern, flat[modern], legacy, flat[legacy])
				}
			}
		})
	}
}

func TestVirtual(t *testing.T) {
	dmi := func(product, vendor string) map[string]string {
		return map[string]string{"sys/class/dmi/id/product_name": product, "sys/class/dmi/id/sys_vendor": vendor}
	}
	for want, files := range map[string]map[string]string{
		"physical":       dmi("PowerEdge R740", "Dell Inc."),
		"vmware":         dmi("VMware7,1", "VMware, Inc."),
		"virtualbox":     dmi("VirtualBox", "innotek GmbH"),
		"kvm":            dmi("Standard PC (Q35 + ICH9, 2009)", "QEMU"),
		"hyperv":         dmi("Virtual Machine", "Microsoft Corporation"),
		"gce":            dmi("Google Compute Engine", "Google"),
		"xenhvm":         {"sys/hypervisor/type": "xen\n", "sys/class/dmi/id/sys_vendor": "Xen"},
		"xenu":           {"sys/hypervisor/type": "xen\n"},
		"docker":         {".dockerenv": ""},
		"podman":         {"run/.containerenv": ""},
		"systemd_nspawn": {"proc/1/environ": "PATH=/bin\x00container=systemd-nspawn\x00"},
		"lxc":            {"proc/1/environ": "container=lxc\x00"},
		"unknown":        {"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor\n"},
	} {
		t.Run(want, func(t *testing.T) {
			s, _ := tree(t, files).system()
			if s["virtual"] != want || s["is_virtual"] != truth(want != "physical") {
				t.Errorf("virtual is %q (is_virtual %q), want %q", s["virtual"], s["is_virtual"], want)
			}
		})
	}
	if s, _ := tree(t, dmi("m5.metal", "Amazon EC2")).system(); s["virtual"] != "physical" {
		t.Errorf("bare metal of a cloud is %q", s["virtual"])
	}
}

func TestNumbers(t *testing.T) {
	m := tree(t, map[string]string{
		"proc/meminfo": "MemTotal:        8000000 kB\nMemFree:  1000000 kB\nBuffers: 500000 kB\nCached: 500000 kB\nSwapTotal: 1048576 kB\nSwapFree: 1048576 kB\n",
		"proc/uptime":  "93784.22 12.1\n",
		"proc/loadavg": "0.50 0.00 12.34 1/100 999\n",
	})
	flat := flatten(m.live())
	for name, want := range map[string]string{
		"memory.system.total_bytes": "8192000000", "memory.system.total": "7.63 GiB", "memorysize_mb": "7812.5",
		"memory.system.available_bytes": "2048000000", "memory.system.capacity": "75.00%",
		"memory.swap.total": "1.00 GiB", "memory.swap.capacity": "0%", "swapfree": "1.00 GiB",
		"system_uptime.seconds": "93784", "system_uptime.uptime": "1 day", "uptime_hours": "26", "uptime_days": "1",
		"load_averages.1m": "0.5", "load_averages.5m": "0.0", "load_averages.15m": "12.34",
	} {
		t.Run(name, func(t *testing.T) {
			if flat[name] != want {
				t.Errorf("%s is %q, want %q", name, flat[name], want)
			}
		})
	}
	if got := flatten(tree(t, nil).live()); len(got) > 1 { // only the time zone
		t.Errorf("facts from nothing: %v", got)
	}
}

func TestARM(t *testing.T) {
	m := tree(t, map[string]string{
		"proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\n\nprocessor\t: 1\nBogoMIPS\t: 108.00\n\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi 4\n",
		"sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
		"sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
		"sys/devices/system/cpu/cpufreq/x":                         "",
	})
	s := m.processors("Debian")
	if s["processorcount"] != "2" || s["physicalprocessorcount"] != "1" || s["processor1"] != "BCM2835" {
		t.Errorf("%v", s)
	}
}

func TestNetwork(t *testing.T) {
	m := tree(t, map[string]string{
		"etc/hosts":       "127.0.0.1 localhost web1.localdomain\n10.0.0.5 web1.example.net web1 # us\n",
		"etc/resolv.conf": "search other.example\n",
		"proc/net/route":  "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\neth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\nbond0.7\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n",
	})
	p := netip.MustParsePrefix
	m.ifaces = func() ([]iface, error) {
		return []iface{
			{name: "lo", mtu: 65536, v4: []netip.Prefix{p("127.0.0.1/8")}, v6: []address6{{Prefix: p("::1/128")}}},
			{name: "eth1", mac: "02:00:00:00:00:01", mtu: 1500, v4: []netip.Prefix{p("192.168.1.5/24")}},
			{name: "bond0.7", mac: "02:00:00:00:00:02", mtu: 9000, v4: []netip.Prefix{p("169.254.1.1/16"), p("10.0.0.5/22")}, v6: []address6{{Prefix: p("fe80::1/64")}, {Prefix: p("2001:db8::5/64")}}},
		}, errors.New("half of it")
	}
	s, err := m.system()
	if err == nil {
		t.Error("no error")
	}
	flat := flatten(s)
	for name, want := range map[string]string{
		"fqdn": "web1.example.net", "domain": "example.net", "networking.hostname": "web1",
		"networking.primary": "bond0.7", "ipaddress": "10.0.0.5", "networking.ip": "10.0.0.5", "netmask": "255.255.252.0", "network": "10.0.0.0",
		"ipaddress6": "2001:db8::5", "netmask6": "ffff:ffff:ffff:ffff::", "scope6": "global", "macaddress": "02:00:00:00:00:02",
		"interfaces": "bond0_7,eth1,lo", "ipaddress_bond0_7": "10.0.0.5", "ipaddress_eth1": "192.168.1.5", "ipaddress_lo": "127.0.0.1", "mtu_bond0_7": "9000",
		"networking.interfaces.bond0.7.bindings.0.address": "169.254.1.1", "networking.interfaces.lo.ip6": "::1",
	} {
		t.Run(name, func(t *testing.T) {
			if flat[name] != want {
				t.Errorf("%s is %q, want %q", name, flat[name], want)
			}
		})
	}
	m.hostname = "web2.big.example"
	if s, _ := m.system(); s["fqdn"] != "web2.big.example" || s["hostname"] != "web2" {
		t.Errorf("fqdn is %v", s["fqdn"])
	}
	m.hostname = "other"
	if s, _ := m.system(); s["fqdn"] != "other.other.example" {
		t.Errorf("fqdn is %v", s["fqdn"])
	}
}

// Network file systems are not even looked at.
func TestMounts(t *testing.T) {
	m := tree(t, map[string]string{
		"proc/self/mounts": `/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw 0 0
//server/share /mnt cifs rw 0 0
sshfs#x /fuse fuse.sshfs rw 0 0
proc /proc proc rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
overlay /var/lib/docker/overlay2/x overlay rw 0 0
/dev/sdb1 /data\040disk xfs rw 0 0
`,
		"sys/block/sda/device/model":     "SuperDisk\n",
		"sys/block/sda/size":             "4194304\n",
		"sys/block/sda/queue/rotational": "0\n",
		"sys/block/sda/sda1/partition":   "1\n",
		"sys/block/sda/sda1/size":        "2097152\n",
		"sys/block/loop0/size":           "8\n",
	})
	var looked []string
	statfs := m.statfs
	m.statfs = func(path string) (uint64, uint64, uint64, error) {
		looked = append(looked, path)
		return statfs(path)
	}
	s := m.disks()
	if d := cmp.Diff([]string{"/", "/dev/shm", "/data disk"}, looked); d != "" {
		t.Error(d)
	}
	flat := flatten(s)
	for name, want := range map[string]string{
		"mountpoints./.size": "10.00 GiB", "mountpoints./.used": "6.00 GiB", "mountpoints./.capacity": "66.67%", "mountpoints./.options.1": "relatime",
		"disks.sda.model": "SuperDisk", "disks.sda.size": "2.00 GiB", "disks.sda.type": "ssd", "blockdevices": "sda", "blockdevice_sda_size": "2147483648",
		"partitions./dev/sda1.mount": "/", "partitions./dev/sda1.size": "1.00 GiB",
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if flat[name] != want {
				t.Errorf("%s is %q, want %q", name, flat[name], want)
			}
		})
	}
}

func TestHardware(t *testing.T) {
	m := tree(t, map[string]string{
		"sys/class/dmi/id/chassis_type": "23\n", "sys/class/dmi/id/product_serial": "ABC\n", "sys/class/dmi/id/bios_vendor": "AMI\n",
		"sys/fs/selinux/enforce": "1", "etc/selinux/config": "# x\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
		"etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAB root@web1\n",
		"proc/filesystems":                 "nodev\tproc\n\txfs\n\text4\n\tfuseblk\n",
	})
	s, _ := m.system()
	flat := flatten(s)
	for name, want := range map[string]string{
		"dmi.chassis.type": "Rack Mount Chassis", "chassistype": "Rack Mount Chassis", "serialnumber": "ABC", "dmi.product.serial_number": "ABC", "bios_vendor": "AMI",
		"os.selinux.current_mode": "enforcing", "selinux": "true", "os.selinux.config_policy": "targeted", "selinux_config_mode": "enforcing",
		"ssh.ed25519.type": "ssh-ed25519", "sshed25519key": "AAAAC3NzaC1lZDI1NTE5AAAAIAAB", "filesystems": "ext4,xfs",
	} {
		t.Run(name, func(t *testing.T) {
			if flat[name] != want {
				t.Errorf("%s is %q, want %q", name, flat[name], want)
			}
		})
	}
}

func TestPrograms(t *testing.T) {
	dir := dirtest.New(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(dir, "marker.sock")
	t.Setenv("MCOLLECTIVE_PSK", "hunter2")
	write(t, filepath.Join(dir, "a.sh"), "#!/bin/sh\necho Kind=sh\necho psk=$MCOLLECTIVE_PSK\npwd | sed s/^/pwd=/\n", 0o755)
	write(t, filepath.Join(dir, "b.py"), "#!/bin/sh\necho '{\"json\": [1, true]}'\n", 0o755)
	write(t, filepath.Join(dir, "c"), "#!/bin/sh\necho 'yaml: 1.10'\necho warning >&2\n", 0o755)
	write(t, filepath.Join(dir, "d"), "#!/bin/sh\ntouch "+marker+"\necho bad=1\n", 0o777)
	write(t, filepath.Join(dir, "f"), "#!/bin/sh\nyes | head -c 3000000\n", 0o755)
	write(t, filepath.Join(dir, "g"), "#!/bin/sh\necho 'no luck' >&2\nexit 3\n", 0o755)
	write(t, filepath.Join(dir, "h"), "kind=data\n", 0o644)
	var log journal
	base := write(t, filepath.Join(dirtest.New(t), "base.yaml"), "base: 1\n", 0o644)
	f := open(t, Options{Source: "yaml", Files: []string{base}, Dirs: []string{dir}, Logger: log.logger(), ProgramTimeout: time.Minute, StartWait: time.Minute})
	want := Set{"base": "1", "kind": "sh", "pwd": "/", "json": []any{"1", "true"}, "yaml": "1.1"}
	if d := cmp.Diff(want, f.Snapshot()); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a program that everybody can change was run")
	}
	for _, want := range []string{"/d is not trusted: it can be written by users other than its owner", "chmod go-w", "/f: prints more than", "/g: exit status 3: no luck"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}

// A program that does not end is ended, with what it has started.
func TestProgramDeadline(t *testing.T) {
	path := write(t, filepath.Join(dirtest.New(t), "a"), "#!/bin/sh\nsleep 600 & sleep 600\n", 0o755)
	start := time.Now()
	_, err := output(context.Background(), 100*time.Millisecond, 1000, path)
	if err == nil || !strings.Contains(err.Error(), "did not end within 100ms") {
		t.Errorf("error %v", err)
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("ended after %v", d)
	}
}

func TestProgramOutputIsKept(t *testing.T) {
	dir := dirtest.New(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(dir, "a"), "#!/bin/sh\necho a=1\n", 0o755)
	base := write(t, filepath.Join(dirtest.New(t), "base.yaml"), "base: 1\n", 0o644)
	f := open(t, Options{Source: "yaml", Files: []string{base}, Dirs: []string{dir}, StartWait: time.Minute})
	write(t, path, "#!/bin/sh\nexit 1\n", 0o755)
	refresh(t, f)
	if v, _ := f.Fact("a"); v != "1" {
		t.Errorf("after a failure a is %v", v)
	}
	os.Remove(path)
	refresh(t, f)
	if v, ok := f.Fact("a"); ok {
		t.Errorf("the program is gone, a is still %v", v)
	}
}

// Close ends a program that is running.
func TestCloseEndsPrograms(t *testing.T) {
	dir := dirtest.New(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a"), "#!/bin/sh\nsleep 600\n", 0o755)
	base := write(t, filepath.Join(dirtest.New(t), "base.yaml"), "base: 1\n", 0o644)
	f, err := Open(context.Background(), Options{Source: "yaml", Files: []string{base}, Dirs: []string{dir}, Logger: quiet(), StartWait: time.Millisecond, ProgramTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the other facts, which a slow program does not keep away", func() bool {
		v, _ := f.Fact("base")
		return v == "1"
	})
	start := time.Now()
	if err := f.Close(); err != nil || time.Since(start) > 2*time.Second {
		t.Errorf("Close: %v after %v", err, time.Since(start))
	}
}

// A program that is out of time can put things in order.
func TestProgramIsAskedToEnd(t *testing.T) {
	done := filepath.Join(dirtest.New(t), "done")
	path := write(t, filepath.Join(dirtest.New(t), "a"), "#!/bin/sh\ntrap 'echo yes >"+done+"; exit' TERM\nwhile :; do sleep 0.05; done\n", 0o755)
	if _, err := output(context.Background(), time.Second, 1000, path); err == nil || !strings.Contains(err.Error(), "did not end within 1s") {
		t.Errorf("error %v", err)
	}
	if text, err := os.ReadFile(done); string(text) != "yes\n" {
		t.Errorf("%q %v", text, err)
	}
}
