//go:build !unix

package broker

import (
	"math"
	"net/netip"
)

// eachSocket yields nothing: how to ask differs from system to system.
func eachSocket(func(fd int, peer netip.AddrPort)) {}

// reset leaves it to nats-server to end the connections, which it does when a write
// that is under way has ended.
func reset(map[netip.AddrPort]bool) {}

// descriptors returns how many files this process may open: nobody knows.
func descriptors() int { return math.MaxInt32 }
