package swarm

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// A Node is a machine that does not exist.
type Node struct {
	Identity string
	Facts    Facts
	Classes  []string
}

// Facts are the facts of a Node: text, and maps of the same.
type Facts map[string]any

// Fact returns the value of a top-level fact.
func (f Facts) Fact(name string) (any, bool) {
	v, ok := f[name]
	return v, ok
}

// An operating system, with Facter's names. Those that come more than once here
// are more common.
type system struct{ name, release, family, kernel string }

var systems = []system{
	{"CentOS", "7.9.2009", "RedHat", "3.10.0-1160.el7"},
	{"CentOS", "7.9.2009", "RedHat", "3.10.0-1160.el7"},
	{"CentOS", "6.10", "RedHat", "2.6.32-754.el6"},
	{"CentOS", "8.5.2111", "RedHat", "4.18.0-348.el8"},
	{"RedHat", "8.9", "RedHat", "4.18.0-513.el8_9"},
	{"RedHat", "9.3", "RedHat", "5.14.0-362.el9"},
	{"Rocky", "9.3", "RedHat", "5.14.0-362.el9"},
	{"Debian", "12.4", "Debian", "6.1.0-17-amd64"},
	{"Debian", "12.4", "Debian", "6.1.0-17-amd64"},
	{"Debian", "11.8", "Debian", "5.10.0-26-amd64"},
	{"Ubuntu", "22.04", "Debian", "5.15.0-91-generic"},
	{"Ubuntu", "20.04", "Debian", "5.4.0-169-generic"},
	{"SLES", "15.5", "Suse", "5.14.21-150500.55"},
	{"FreeBSD", "13.2", "FreeBSD", "13.2-RELEASE"},
}

type role struct {
	name    string
	classes []string
}

var roles = []role{
	{"web", []string{"nginx", "php"}},
	{"web", []string{"apache", "php"}},
	{"web", []string{"nginx", "ruby"}},
	{"app", []string{"tomcat", "java"}},
	{"db", []string{"mysql"}},
	{"db", []string{"postgresql"}},
	{"cache", []string{"memcached"}},
	{"mq", []string{"activemq", "java"}},
	{"mail", []string{"postfix", "dovecot"}},
}

type site struct{ name, country, timezone string }

var sites = []site{
	{"ams", "nl", "CET"}, {"fra", "de", "CET"}, {"lon", "uk", "GMT"},
	{"par", "fr", "CET"}, {"nyc", "us", "EST"}, {"sin", "sg", "SGT"},
}

var (
	environments = []string{"production", "production", "production", "staging", "development"}
	processors   = []int{1, 1, 2, 2, 4, 4, 8, 16, 32}
	memories     = []int{1, 2, 4, 4, 8, 16, 32, 64} // GiB
	platforms    = []struct{ virtual, maker, product string }{
		{"kvm", "QEMU", "Standard PC"}, {"kvm", "QEMU", "Standard PC"}, {"vmware", "VMware, Inc.", "VMware Virtual Platform"},
		{"physical", "Dell Inc.", "PowerEdge R640"}, {"physical", "HPE", "ProLiant DL360 Gen10"},
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// Describe makes up node number i, counted from 0, of the swarm with a seed.
// Different numbers have different identities; nothing else depends on how many
// nodes there are.
func Describe(seed uint64, i int) Node {
	r := rand.New(rand.NewPCG(seed, uint64(i)+1))
	kind, place := pick(r, roles), pick(r, sites)
	host := fmt.Sprintf("%s%02d", kind.name, i+1)
	domain := place.name + ".example.net"
	os, env := pick(r, systems), pick(r, environments)
	n := Node{
		Identity: host + "." + domain,
		Classes:  append([]string{"base", "ntp", "role::" + kind.name, "env::" + env}, kind.classes...),
		Facts:    make(Facts, 40),
	}
	n.Facts.set("hostname", host, "domain", domain, "fqdn", n.Identity, "clientcert", n.Identity,
		"role", kind.name, "environment", env,
		"zone", place.name+string('a'+rune(r.IntN(3))), "datacenter", place.name, "country", place.country, "timezone", place.timezone)
	n.Facts.system(os)
	n.Facts.hardware(r)
	n.Facts.network(i, host, domain)
	return n
}

func (f Facts) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = pairs[i+1]
	}
}

func (f Facts) system(os system) {
	major, kernel := os.release, "Linux"
	for i, c := range os.release {
		if c == '.' {
			major = os.release[:i]
			break
		}
	}
	if os.name == "FreeBSD" {
		kernel = "FreeBSD"
	}
	f.set("operatingsystem", os.name, "operatingsystemrelease", os.release, "operatingsystemmajrelease", major, "osfamily", os.family,
		"kernel", kernel, "kernelrelease", os.kernel, "architecture", "x86_64", "hardwaremodel", "x86_64")
	f["os"] = map[string]any{
		"name": os.name, "family": os.family, "architecture": "x86_64",
		"release": map[string]any{"full": os.release, "major": major},
	}
}

func (f Facts) hardware(r *rand.Rand) {
	cpus, gib, disk := pick(r, processors), pick(r, memories), 20<<r.IntN(6)
	machine, days := pick(r, platforms), r.IntN(400)
	count, mib := strconv.Itoa(cpus), gib<<10-r.IntN(200)
	total := fmt.Sprintf("%.2f GB", float64(mib)/1024)
	f.set("processorcount", count, "physicalprocessorcount", strconv.Itoa(1+cpus/16), "processor0", "Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz",
		"memorysize", total, "memorysize_mb", strconv.Itoa(mib)+".00",
		"virtual", machine.virtual, "is_virtual", strconv.FormatBool(machine.virtual != "physical"),
		"manufacturer", machine.maker, "productname", machine.product, "serialnumber", fmt.Sprintf("%08X", r.Uint32()),
		"blockdevices", "sda", "blockdevice_sda_size", strconv.Itoa(disk<<30),
		"uptime_days", strconv.Itoa(days), "uptime_seconds", strconv.Itoa(days*86400+r.IntN(86400)))
	f["processors"] = map[string]any{"count": count, "isa": "x86_64"}
	f["memory"] = map[string]any{"system": map[string]any{"total": total, "total_bytes": strconv.Itoa(mib << 20)}}
	f["disks"] = map[string]any{"sda": map[string]any{"size": strconv.Itoa(disk) + " GiB", "size_bytes": strconv.Itoa(disk << 30)}}
}

// network gives node i addresses that no other has, from ranges that nobody
// routes.
func (f Facts) network(i int, host, domain string) {
	ip := fmt.Sprintf("10.%d.%d.%d", i>>16&0xff, i>>8&0xff, i&0xff)
	mac := fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", i>>24&0xff, i>>16&0xff, i>>8&0xff, i&0xff)
	f.set("ipaddress", ip, "ipaddress_eth0", ip, "macaddress", mac, "interfaces", "eth0,lo", "netmask", "255.0.0.0")
	f["networking"] = map[string]any{
		"hostname": host, "domain": domain, "fqdn": host + "." + domain, "ip": ip, "mac": mac, "primary": "eth0",
		"interfaces": map[string]any{"eth0": map[string]any{"ip": ip, "mac": mac, "mtu": "1500"}},
	}
}
