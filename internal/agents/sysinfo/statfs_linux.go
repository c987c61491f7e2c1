package sysinfo

import "golang.org/x/sys/unix"

func statfs(path string) (Filesystem, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Filesystem{}, err
	}
	block := uint64(s.Frsize)
	if block == 0 {
		block = uint64(s.Bsize)
	}
	return Filesystem{
		Size: s.Blocks * block, Used: (s.Blocks - s.Bfree) * block, Available: s.Bavail * block,
		Inodes: s.Files, InodesUsed: s.Files - s.Ffree,
	}, nil
}
