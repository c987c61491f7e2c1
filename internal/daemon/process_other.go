//go:build !linux

package daemon

import "errors"

// commandLine cannot be read without /proc.
func commandLine(int) ([]string, error) { return nil, errors.ErrUnsupported }

func sameProgram(int) bool { return false }

func ownerOf(int) (int, error) { return 0, errors.ErrUnsupported }
