//go:build !unix

package dirtest

// Mask does nothing where files have no modes.
func Mask() {}
