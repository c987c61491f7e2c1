package broker

import "golang.org/x/sys/unix"

// unread returns how many bytes a socket has received that nobody has read yet.
func unread(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}
