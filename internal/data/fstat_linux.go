package data

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

func details(info fs.FileInfo) stat {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stat{mtime: info.ModTime(), ctime: info.ModTime(), atime: info.ModTime()}
	}
	at := func(t syscall.Timespec) time.Time { return time.Unix(t.Unix()) }
	return stat{mode: s.Mode, uid: s.Uid, gid: s.Gid, mtime: at(s.Mtim), ctime: at(s.Ctim), atime: at(s.Atim)}
}

// openQuietly opens a file without waiting for anybody, and none that a link at
// the end of the path leads to.
func openQuietly(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_NOCTTY, 0)
}
