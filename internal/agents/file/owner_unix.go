//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

// nonblock keeps the agent from waiting for who opens the other end of a pipe.
const nonblock = syscall.O_NONBLOCK

type owner struct{ uid, gid uint32 }

func ownerOf(fi fs.FileInfo) owner {
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		return owner{s.Uid, s.Gid}
	}
	return owner{^uint32(0), ^uint32(0)}
}
