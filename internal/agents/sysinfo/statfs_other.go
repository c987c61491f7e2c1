//go:build !linux

package sysinfo

import "errors"

func statfs(string) (Filesystem, error) { return Filesystem{}, errors.ErrUnsupported }
