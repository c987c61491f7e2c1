//go:build unix

package files

import (
	"io/fs"
	"syscall"
)

// openPlain keeps opening from following a link, and from waiting for a pipe.
const openPlain = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// solely reports whether a file is the user's and has no other name, as somebody
// else's may be given one; or a directory is the user's and only he may write to it.
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
