package facts

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// dmi makes the facts of what the firmware says. Serial numbers are for root.
func (m machine) dmi() Set {
	groups := map[string]map[string]any{"": {}, "bios": {}, "board": {}, "chassis": {}, "product": {}}
	s := Set{}
	for _, f := range [...]struct{ file, group, name, legacy string }{
		{"bios_vendor", "bios", "vendor", "bios_vendor"},
		{"bios_version", "bios", "version", "bios_version"},
		{"bios_date", "bios", "release_date", "bios_release_date"},
		{"board_asset_tag", "board", "asset_tag", "boardassettag"},
		{"board_vendor", "board", "manufacturer", "boardmanufacturer"},
		{"board_name", "board", "product", "boardproductname"},
		{"board_serial", "board", "serial_number", "boardserialnumber"},
		{"chassis_asset_tag", "chassis", "asset_tag", "chassisassettag"},
		{"chassis_type", "chassis", "type", "chassistype"},
		{"sys_vendor", "", "manufacturer", "manufacturer"},
		{"product_name", "product", "name", "productname"},
		{"product_version", "product", "version", ""},
		{"product_serial", "product", "serial_number", "serialnumber"},
		{"product_uuid", "product", "uuid", "uuid"},
	} {
		v := m.read("sys/class/dmi/id/" + f.file)
		if f.name == "type" {
			v = chassis(v)
		}
		put(groups[f.group], f.name, v)
		if f.legacy != "" {
			put(s, f.legacy, v)
		}
	}
	all := groups[""]
	for _, name := range []string{"bios", "board", "chassis", "product"} {
		putMap(all, name, groups[name])
	}
	putMap(s, "dmi", all)
	return s
}

// chassis names the type of a case; the numbers are those of SMBIOS.
func chassis(number string) string {
	n, err := strconv.Atoi(number)
	names := [...]string{"", "Other", "", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop", "Notebook",
		"Hand Held", "Docking Station", "All in One", "Sub Notebook", "Space-Saving", "Lunch Box", "Main System Chassis", "Expansion Chassis",
		"SubChassis", "Bus Expansion Chassis", "Peripheral Chassis", "Storage Chassis", "Rack Mount Chassis", "Sealed-Case PC", "Multi-system",
		"CompactPCI", "AdvancedTCA", "Blade", "Blade Enclosure", "Tablet", "Convertible", "Detachable"}
	if err != nil || n < 0 || n >= len(names) {
		return ""
	}
	return names[n]
}

// selinux makes the facts of SELinux; modern ones belong into os.
func (m machine) selinux() (modern map[string]any, legacy Set) {
	modern, legacy = map[string]any{"enabled": "false"}, Set{}
	if enforce := m.read("sys/fs/selinux/enforce"); enforce != "" {
		modern["enabled"] = "true"
		modern["enforced"] = truth(enforce == "1")
		modern["current_mode"] = map[bool]string{true: "enforcing", false: "permissive"}[enforce == "1"]
		put(modern, "policy_version", m.read("sys/fs/selinux/policyvers"))
		for line := range strings.Lines(m.read("etc/selinux/config")) {
			switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
			case "SELINUX":
				put(modern, "config_mode", value)
			case "SELINUXTYPE":
				put(modern, "config_policy", value)
			}
		}
		for _, name := range []string{"enforced", "current_mode", "policy_version", "config_mode", "config_policy"} {
			put(legacy, strings.Replace("selinux_"+name, "policy_version", "policyversion", 1), text(modern, name))
		}
	}
	legacy["selinux"] = modern["enabled"]
	return modern, legacy
}

// kernelModes makes the facts of FIPS mode and of the file systems that the
// kernel knows.
func (m machine) kernelModes() Set {
	s := Set{"fips_enabled": truth(m.read("proc/sys/crypto/fips_enabled") == "1")}
	var list []string
	for line := range strings.Lines(m.read("proc/filesystems")) {
		if name := strings.TrimSpace(line); name != "" && name != "fuseblk" && !strings.HasPrefix(line, "nodev") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	put(s, "filesystems", strings.Join(list, ","))
	return s
}

// ssh makes the facts of the host keys, which are public.
func (m machine) ssh() Set {
	all := map[string]any{}
	s := Set{}
	for _, kind := range []string{"rsa", "dsa", "ecdsa", "ed25519"} {
		fields := strings.Fields(m.read("etc/ssh/ssh_host_" + kind + "_key.pub"))
		if len(fields) < 2 {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			continue
		}
		number := map[string]string{"rsa": "1", "dsa": "2", "ecdsa": "3", "ed25519": "4"}[kind]
		old, now := sha1.Sum(raw), sha256.Sum256(raw)
		prints := map[string]any{
			"sha1":   "SSHFP " + number + " 1 " + hex.EncodeToString(old[:]),
			"sha256": "SSHFP " + number + " 2 " + hex.EncodeToString(now[:]),
		}
		all[kind] = map[string]any{"type": fields[0], "key": fields[1], "fingerprints": prints}
		s["ssh"+kind+"key"] = fields[1]
		s["sshfp_"+kind] = prints["sha1"].(string) + "\n" + prints["sha256"].(string)
	}
	putMap(s, "ssh", all)
	return s
}
