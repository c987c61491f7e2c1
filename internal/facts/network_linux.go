package facts

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

func (m machine) network() (Set, error) {
	host, domain, _ := strings.Cut(m.hostname, ".")
	if domain == "" {
		domain = m.domain(host)
	}
	ifaces, err := m.ifaces()
	if err != nil {
		err = fmt.Errorf("network interfaces: %w", err)
	}
	return network(host, domain, m.defaultRoute(), ifaces), err
}

// domain asks the files that name a machine. The name service is not asked: it
// may take its time, and on a machine without a domain it does.
func (m machine) domain(host string) string {
	for line := range strings.Lines(m.read("etc/hosts")) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i := 1; i < len(fields); i++ {
			if name, domain, ok := strings.Cut(fields[i], "."); ok && strings.EqualFold(name, host) && domain != "localdomain" && domain != "" {
				return strings.TrimSuffix(domain, ".")
			}
		}
	}
	search := ""
	for line := range strings.Lines(m.read("etc/resolv.conf")) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "domain":
			return strings.Trim(fields[1], ".")
		case "search":
			search = strings.Trim(fields[1], ".")
		}
	}
	return search
}

// defaultRoute returns the interface by which packets leave, or "".
func (m machine) defaultRoute() string {
	best, metric := "", uint64(1<<63)
	for line := range strings.Lines(m.read("proc/net/route")) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		flags, _ := strconv.ParseUint(f[3], 16, 32)
		if n, err := strconv.ParseUint(f[6], 10, 32); err == nil && flags&1 != 0 && n < metric {
			best, metric = f[0], n
		}
	}
	if best != "" {
		return best
	}
	const any6 = "00000000000000000000000000000000"
	for line := range strings.Lines(m.read("proc/net/ipv6_route")) {
		f := strings.Fields(line)
		if len(f) < 10 || f[0] != any6 || f[1] != "00" || f[9] == "lo" {
			continue
		}
		if n, err := strconv.ParseUint(f[5], 16, 32); err == nil && n < metric {
			best, metric = f[9], n
		}
	}
	return best
}

// interfaces asks the kernel once for all interfaces and once for all
// addresses; the net package would ask again for each interface.
func interfaces() ([]iface, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	rib, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	all := make([]iface, 0, len(links))
	place := map[string]int{}
	names := map[int]string{}
	add := func(name string) *iface {
		i, ok := place[name]
		if !ok {
			i = len(all)
			place[name] = i
			all = append(all, iface{name: name})
		}
		return &all[i]
	}
	for _, l := range links {
		names[l.Index] = l.Name
		i := add(l.Name)
		i.mtu = l.MTU
		if mac := l.HardwareAddr.String(); strings.Trim(mac, "0:") != "" {
			i.mac = mac
		}
	}
	for _, msg := range messages {
		if msg.Header.Type != syscall.RTM_NEWADDR {
			continue
		}
		if index, label, p, flags, ok := address(msg); ok {
			if label == "" {
				label = names[index]
			}
			i := add(label) // an alias such as eth0:1 counts as an interface
			if p.Addr().Is4() {
				i.v4 = append(i.v4, p)
			} else {
				i.v6 = append(i.v6, address6{p, flags6(flags)})
			}
		}
	}
	return all, nil
}

// address reads one message about an address: a header of 8 bytes (family,
// prefix, flags, scope, index), then attributes.
func address(msg syscall.NetlinkMessage) (index int, label string, p netip.Prefix, flags byte, ok bool) {
	if len(msg.Data) < syscall.SizeofIfAddrmsg {
		return
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&msg)
	if err != nil {
		return
	}
	index = int(binary.NativeEndian.Uint32(msg.Data[4:8]))
	var local, remote netip.Addr
	for _, a := range attrs {
		switch a.Attr.Type {
		case syscall.IFA_ADDRESS:
			remote, _ = netip.AddrFromSlice(a.Value)
		case syscall.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(a.Value)
		case syscall.IFA_LABEL:
			label = strings.TrimRight(string(a.Value), "\x00")
		}
	}
	if !local.IsValid() { // IPv6 and broadcast links give only one
		local = remote
	}
	p = netip.PrefixFrom(local, int(msg.Data[1]))
	return index, label, p, msg.Data[2], p.IsValid()
}

// flags6 names the flags of an IPv6 address.
func flags6(flags byte) []any {
	var list []any
	for i, name := range [...]string{"temporary", "noad", "optimistic", "dadfailed", "homeaddress", "deprecated", "tentative", "permanent"} {
		if flags&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}
