package daemon

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoDumps keeps the memory of the process, which holds keys, out of core files
// and from debuggers of the same user.
func NoDumps() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	return nil
}

// monotonic returns the clock that systemd compares reloads with, in microseconds.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return t.Nano() / 1000
}
