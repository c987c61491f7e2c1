//go:build unix

package broker

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// nats-server keeps the connections to itself. But they are sockets of this process,
// and the system knows them by the addresses of their peers.

// eachSocket calls yield with every connected socket of this process. The system
// gives the lowest number that is free, so that after many which are not in use there
// are no more. No call here lets go of the processor: a goroutine that does so on a
// busy broker waits for seconds until it has one again.
func eachSocket(yield func(fd int, peer netip.AddrPort)) {
	for fd, unused := 0, 0; unused < 4096; fd++ {
		peer, err := peerOf(fd)
		switch {
		case err == nil:
			yield(fd, peer)
			unused = 0
		case err == unix.EBADF:
			unused++
		default:
			unused = 0
		}
	}
}

func peerOf(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)), nil
	}
	return netip.AddrPort{}, unix.EAFNOSUPPORT
}

// reset ends the connections with these peers at once, together with what the
// system still holds for them.
func reset(peers map[netip.AddrPort]bool) {
	eachSocket(func(fd int, peer netip.AddrPort) {
		if !peers[peer] {
			return
		}
		// The descriptor stays nats-server's, which closes it when its reads and writes
		// fail. If it did so a moment ago and the number is another's by now, that one
		// has to connect again.
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
	})
}
