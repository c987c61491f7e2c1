//go:build unix

package broker

import (
	"math"

	"golang.org/x/sys/unix"
)

// descriptors returns how many files this process may open. The runtime raises that
// to the hard limit when the program starts.
func descriptors() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil || uint64(r.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(r.Cur)
}
