package facts

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// An iface is a network interface with its addresses.
type iface struct {
	name string
	mac  string
	mtu  int
	v4   []netip.Prefix
	v6   []address6
}

type address6 struct {
	netip.Prefix
	flags []any // names, as Facter gives them
}

// ignored holds for addresses by which nobody reaches a machine.
func ignored(a netip.Addr) bool { return a.IsLoopback() || a.IsLinkLocalUnicast() }

// network makes the facts of the network. primary is the interface of the
// default route; if it is empty the first one with a usable address counts.
func network(hostname, domain, primary string, ifaces []iface) Set {
	fqdn := hostname
	if domain != "" && hostname != "" {
		fqdn += "." + domain
	}
	n := map[string]any{}
	s := Set{"networking": n}
	for name, value := range map[string]string{"hostname": hostname, "domain": domain, "fqdn": fqdn} {
		put(n, name, value)
		put(s, name, value)
	}
	all := map[string]any{}
	for _, i := range ifaces {
		facts := i.facts()
		all[i.name] = facts
		i.legacy(s, facts)
		if primary == "" && i.reachable() {
			primary = i.name
		}
	}
	putMap(n, "interfaces", all)
	names := slices.Sorted(maps.Keys(all))
	for i := range names {
		names[i] = legacyName(names[i])
	}
	put(s, "interfaces", strings.Join(names, ","))
	main, ok := all[primary].(map[string]any)
	if !ok {
		return s
	}
	n["primary"] = primary
	for _, f := range mirrored {
		if v, ok := main[f.modern].(string); ok {
			n[f.modern] = v
			if f.modern != "mtu" {
				s[f.legacy] = v
			}
		}
	}
	return s
}

// mirrored are the facts of an interface that the primary one lends to the
// machine, and their legacy names.
var mirrored = [...]struct{ modern, legacy string }{
	{"ip", "ipaddress"}, {"netmask", "netmask"}, {"network", "network"},
	{"ip6", "ipaddress6"}, {"netmask6", "netmask6"}, {"network6", "network6"}, {"scope6", "scope6"},
	{"mac", "macaddress"}, {"mtu", "mtu"},
}

func (i iface) reachable() bool {
	return slices.ContainsFunc(i.v4, func(p netip.Prefix) bool { return !ignored(p.Addr()) }) ||
		slices.ContainsFunc(i.v6, func(p address6) bool { return !ignored(p.Addr()) })
}

// facts returns the modern facts of one interface.
func (i iface) facts() map[string]any {
	m := map[string]any{}
	put(m, "mac", i.mac)
	if i.mtu > 0 {
		m["mtu"] = whole(i.mtu)
	}
	var list []any
	for _, p := range i.v4 {
		list = append(list, map[string]any{"address": p.Addr().String(), "netmask": mask(p), "network": p.Masked().Addr().String()})
	}
	if b := best(i.v4, func(p netip.Prefix) netip.Addr { return p.Addr() }); b >= 0 {
		m["bindings"] = list
		p := i.v4[b]
		m["ip"], m["netmask"], m["network"] = p.Addr().String(), mask(p), p.Masked().Addr().String()
	}
	list = nil
	for _, p := range i.v6 {
		b := map[string]any{"address": p.Addr().String(), "netmask": mask(p.Prefix), "network": p.Masked().Addr().String(), "scope6": scope6(p.Addr())}
		if len(p.flags) > 0 {
			b["flags"] = p.flags
		}
		list = append(list, b)
	}
	if b := best(i.v6, func(p address6) netip.Addr { return p.Addr() }); b >= 0 {
		m["bindings6"] = list
		p := i.v6[b]
		m["ip6"], m["netmask6"], m["network6"], m["scope6"] = p.Addr().String(), mask(p.Prefix), p.Masked().Addr().String(), scope6(p.Addr())
	}
	return m
}

// legacy adds the flat facts of one interface: ipaddress_eth0.
func (i iface) legacy(s Set, facts map[string]any) {
	for _, f := range mirrored {
		if v, ok := facts[f.modern].(string); ok {
			s[f.legacy+"_"+legacyName(i.name)] = v
		}
	}
}

// best returns the index of the first address by which a machine can be reached, else
// of the first one, or -1.
func best[T any](list []T, addr func(T) netip.Addr) int {
	if i := slices.IndexFunc(list, func(a T) bool { return !ignored(addr(a)) }); i >= 0 {
		return i
	}
	return min(len(list), 1) - 1
}

// mask returns the network mask of p as an address.
func mask(p netip.Prefix) string {
	all := [16]byte{}
	for i := range p.Bits() {
		all[i/8] |= 0x80 >> (i % 8)
	}
	if p.Addr().Is4() {
		return netip.AddrFrom4([4]byte(all[:4])).String()
	}
	return netip.AddrFrom16(all).String()
}

func scope6(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "host"
	case a.IsLinkLocalUnicast():
		return "link"
	case netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0xc0}), 10).Contains(a):
		return "site"
	}
	return "global"
}

// legacyName returns an interface's name as a part of a fact's name: eth0.100 is
// eth0_100.
func legacyName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' {
			return r
		}
		return '_'
	}, name)
}
