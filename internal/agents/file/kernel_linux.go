package file

import (
	"slices"
	"syscall"
)

// kernelFiles are the kinds of file systems whose files the kernel makes when they are read: proc, sysfs,
// debugfs, tracefs, securityfs, cgroup and cgroup2.
var kernelFiles = []int64{0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x27e0eb, 0x63677270}

// fromKernel reports whether the content of a file is the kernel's. Such a file may have no end, like
// /proc/kmsg, and to read it may take from others what it tells.
func fromKernel(path string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(path, &s) == nil && slices.Contains(kernelFiles, int64(s.Type))
}
