//go:build unix

package nettest

import (
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// listen opens a socket for pings: the kind that Linux gives to users, if it does,
// or else the raw one that needs root. datagram says that it is the first.
func listen(to netip.Addr) (conn net.PacketConn, datagram bool, err error) {
	family, protocol, raw := unix.AF_INET6, unix.IPPROTO_ICMPV6, "ip6:ipv6-icmp"
	if to.Is4() {
		family, protocol, raw = unix.AF_INET, unix.IPPROTO_ICMP, "ip4:icmp"
	}
	fd, err := socket(family, protocol)
	if err == nil {
		f := os.NewFile(uintptr(fd), "ping") // FilePacketConn makes it non-blocking
		conn, err = net.FilePacketConn(f)
		f.Close()
		if err == nil {
			return conn, true, nil
		}
	}
	conn, err = net.ListenPacket(raw, "")
	return conn, false, err
}
