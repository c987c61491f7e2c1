//go:build !linux

package daemon

// ReleaseProgram does nothing here.
func ReleaseProgram() error { return nil }
