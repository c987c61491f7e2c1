package file

import (
	"io/fs"
	"syscall"
	"time"
)

// times are when a file was read last and when what is known of it changed.
func times(fi fs.FileInfo) (atime, ctime time.Time) {
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Atim.Unix()), time.Unix(s.Ctim.Unix())
	}
	return fi.ModTime(), fi.ModTime()
}
