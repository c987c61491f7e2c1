package nettest

import "golang.org/x/sys/unix"

// socket opens a socket that no program which another thread starts at this
// moment inherits.
func socket(family, protocol int) (int, error) {
	return unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol)
}
