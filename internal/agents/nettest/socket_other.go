//go:build unix && !linux

package nettest

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// socket opens a socket that no program which another thread starts at this
// moment inherits: none starts before it is marked.
func socket(family, protocol int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, protocol)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	return fd, err
}
