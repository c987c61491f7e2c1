//go:build unix

package rpcutil

import (
	"syscall"
	"time"

	"mcollective/marshal"
)

// times is the processor time in seconds that the process took, and that those
// which it ran took.
func times() *marshal.Hash {
	var self, children syscall.Rusage
	// Neither can fail: both arguments are right.
	syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	seconds := func(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }
	return marshal.NewHash(
		marshal.Symbol("utime"), seconds(self.Utime),
		marshal.Symbol("stime"), seconds(self.Stime),
		marshal.Symbol("cutime"), seconds(children.Utime),
		marshal.Symbol("cstime"), seconds(children.Stime),
	)
}
