//go:build unix

package descriptor

import (
	"io/fs"
	"syscall"
)

// ownerOf returns who owns the file and where it is, to tell it from another.
func ownerOf(fi fs.FileInfo) (uid, inode uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Uid), st.Ino
	}
	return 0, 0
}

func executable(fi fs.FileInfo) bool { return fi.Mode().IsRegular() && fi.Mode().Perm()&0o111 != 0 }
