//go:build unix

package stdio

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Trusted tells why a file is not to be run or believed: because somebody other
// than root and this user could have put it there, or could put another in its
// place. It looks at the file, at every folder above it, and at the same of what
// links lead to. A folder that all may write to is well if it is sticky, like
// /tmp.
func Trusted(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, p := range []string{path, real} {
		if err := trustedPath(filepath.Clean(p)); err != nil {
			return err
		}
		if path == real {
			break
		}
	}
	return nil
}

func trustedPath(path string) error {
	for first := true; ; first = false {
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("cannot tell who owns %s", path)
		}
		if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return fmt.Errorf("not trusted, because %s belongs to user %d; run: chown root %s", path, st.Uid, path)
		}
		mode := fi.Mode()
		sticky := mode.IsDir() && mode&fs.ModeSticky != 0 && !first
		if mode&fs.ModeSymlink == 0 && mode.Perm()&0o022 != 0 && !sticky {
			return fmt.Errorf("not trusted, because others may write to %s; run: chmod go-w %s", path, path)
		}
		up := filepath.Dir(path)
		if up == path {
			return nil
		}
		path = up
	}
}

// ownerOf is who owns the file and where it is, to tell it from another.
func ownerOf(fi fs.FileInfo) (uid, inode uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Uid), st.Ino
	}
	return 0, 0
}

// openPlain keeps opening from following a link, and from waiting for a pipe.
const openPlain = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// solely reports whether the file or folder is the user's, and a file has no other
// name: somebody else's file may be given one.
func solely(fi fs.FileInfo, uid int) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == uid && (fi.IsDir() || st.Nlink == 1)
}

func executable(fi fs.FileInfo) bool { return fi.Mode().IsRegular() && fi.Mode().Perm()&0o111 != 0 }
