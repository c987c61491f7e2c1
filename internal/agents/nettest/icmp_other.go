//go:build !unix

package nettest

import (
	"net"
	"net/netip"
)

// listen opens a raw socket, which needs an administrator.
func listen(to netip.Addr) (net.PacketConn, bool, error) {
	network := "ip6:ipv6-icmp"
	if to.Is4() {
		network = "ip4:icmp"
	}
	conn, err := net.ListenPacket(network, "")
	return conn, false, err
}
