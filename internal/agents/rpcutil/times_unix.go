//go:build unix

package rpcutil

import (
	"syscall"
	"time"

	"mcollective/value"
)

// times returns the processor time in seconds that the process took, and that those
// which it ran took.
func times() *value.Map {
	var self, children syscall.Rusage
	// Neither can fail: both arguments are right.
	syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	seconds := func(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }
	return value.NewMap(
		value.Symbol("utime"), seconds(self.Utime),
		value.Symbol("stime"), seconds(self.Stime),
		value.Symbol("cutime"), seconds(children.Utime),
		value.Symbol("cstime"), seconds(children.Stime),
	)
}
