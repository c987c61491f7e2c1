//go:build unix

package stdio

import (
	"io/fs"
	"syscall"
)

// ownerOf is who owns the file and where it is, to tell it from another.
func ownerOf(fi fs.FileInfo) (uid, inode uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Uid), st.Ino
	}
	return 0, 0
}

// openPlain keeps opening from following a link, and from waiting for a pipe.
const openPlain = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// solely reports whether a file is the user's and has no other name, as somebody
// else's may be given one; or a folder is the user's and only he may write to it.
func solely(fi fs.FileInfo, uid int) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) != uid {
		return false
	}
	if fi.IsDir() {
		return fi.Mode().Perm()&0o022 == 0
	}
	return st.Nlink == 1
}

func executable(fi fs.FileInfo) bool { return fi.Mode().IsRegular() && fi.Mode().Perm()&0o111 != 0 }
