package facts

import (
	"cmp"
	"strings"
)

// distro says which distribution this is, in Facter's words.
func (m machine) distro() distro {
	r := m.osRelease()
	d := distro{hardware: m.hardware, codename: r["VERSION_CODENAME"], text: r["PRETTY_NAME"], release: r["VERSION_ID"]}
	id := strings.ToLower(r["ID"])
	d.name, d.family = distroName(id), distroFamily(id, r["ID_LIKE"])
	if d.name == "" {
		d.name = cmp.Or(strings.TrimSuffix(r["NAME"], " Linux"), m.kernel)
	}
	if d.codename == "" {
		if _, rest, ok := strings.Cut(r["VERSION"], "("); ok {
			d.codename, _, _ = strings.Cut(rest, ")")
		}
	}
	switch {
	case id == "debian" || id == "raspbian":
		d.release = cmp.Or(m.read("etc/debian_version"), d.release)
		// Between releases the file says "trixie/sid" also on trixie itself.
		if v := r["VERSION_ID"]; strings.Contains(d.release, "/") && v != "" {
			d.release = v
		}
	case id == "ubuntu" || id == "pop" || id == "neon":
		d.majorOnly = true
	case d.family == "RedHat" && id != "amzn" || len(r) == 0:
		m.redhat(&d, r)
	}
	if d.release == "" { // rolling distributions
		d.release = cmp.Or(r["BUILD_ID"], m.release)
	}
	d.architecture = m.architecture(d.family)
	return d
}

// osRelease reads the variables of os-release.
func (m machine) osRelease() map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(cmp.Or(m.read("etc/os-release"), m.read("usr/lib/os-release"))) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		vars[name] = strings.NewReplacer(`\"`, `"`, `\$`, "$", `\\`, `\`, "\\`", "`").Replace(value)
	}
	return vars
}

// redhat reads redhat-release, which tells the minor version that os-release
// may leave out, and which was there before os-release was.
func (m machine) redhat(d *distro, vars map[string]string) {
	line, _, _ := strings.Cut(cmp.Or(m.read("etc/redhat-release"), m.read("etc/system-release")), "\n")
	if line == "" {
		return
	}
	d.text = line
	before, after, ok := strings.Cut(line, " release ")
	if !ok {
		return
	}
	version, rest, _ := strings.Cut(after, " ")
	d.release = cmp.Or(version, d.release)
	if _, name, ok := strings.Cut(rest, "("); ok {
		d.codename, _, _ = strings.Cut(name, ")")
	}
	d.id = strings.ReplaceAll(strings.TrimSuffix(before, " Linux"), " ", "")
	if len(vars) == 0 { // before version 7
		switch word, _, _ := strings.Cut(before, " "); word {
		case "Red":
			d.name = "RedHat"
		case "Oracle":
			d.name = "OracleLinux"
		default:
			d.name = word
		}
		d.family = "RedHat"
	}
}

func (m machine) architecture(family string) string {
	switch m.hardware {
	case "x86_64":
		if family == "Debian" || family == "Gentoo" {
			return "amd64"
		}
	case "i486", "i586", "i686":
		return "i386"
	}
	return m.hardware
}

// distroName is Facter's name for an ID of os-release, or "".
func distroName(id string) string {
	switch id {
	case "debian":
		return "Debian"
	case "ubuntu":
		return "Ubuntu"
	case "raspbian":
		return "Raspbian"
	case "linuxmint":
		return "Linuxmint"
	case "devuan":
		return "Devuan"
	case "kali":
		return "Kali"
	case "rhel":
		return "RedHat"
	case "centos":
		return "CentOS"
	case "fedora":
		return "Fedora"
	case "rocky":
		return "Rocky"
	case "almalinux":
		return "AlmaLinux"
	case "ol":
		return "OracleLinux"
	case "amzn":
		return "Amazon"
	case "scientific":
		return "Scientific"
	case "sles", "sles_sap":
		return "SLES"
	case "sled":
		return "SLED"
	case "opensuse", "opensuse-leap", "opensuse-tumbleweed":
		return "OpenSuSE"
	case "arch":
		return "Archlinux"
	case "manjaro":
		return "ManjaroLinux"
	case "gentoo":
		return "Gentoo"
	case "alpine":
		return "Alpine"
	case "slackware":
		return "Slackware"
	case "mageia":
		return "Mageia"
	case "photon":
		return "PhotonOS"
	}
	return ""
}

// distroFamily follows the distribution and those it says it is like.
func distroFamily(id, like string) string {
	for _, id := range append([]string{id}, strings.Fields(strings.ToLower(like))...) {
		switch id {
		case "debian", "ubuntu", "raspbian", "linuxmint", "devuan", "kali", "pop", "neon":
			return "Debian"
		case "rhel", "centos", "fedora", "rocky", "almalinux", "ol", "amzn", "scientific", "photon":
			return "RedHat"
		case "sles", "sled", "sles_sap", "suse", "opensuse", "opensuse-leap", "opensuse-tumbleweed":
			return "Suse"
		case "arch", "manjaro":
			return "Archlinux"
		case "gentoo":
			return "Gentoo"
		case "mageia", "mandriva":
			return "Mandrake"
		case "alpine":
			return "Alpine"
		case "slackware":
			return "Slackware"
		}
	}
	return "Linux"
}
