//go:build !linux

package daemon

// NoDumps does nothing here.
func NoDumps() error { return nil }

func monotonic() int64 { return 0 }
