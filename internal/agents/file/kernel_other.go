//go:build !linux

package file

func fromKernel(string) bool { return false }
