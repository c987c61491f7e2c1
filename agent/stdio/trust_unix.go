//go:build unix

package stdio

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// mostLinks is how many links a path may have, as for the kernel.
const mostLinks = 40

// Trusted tells why a file is not to be run or believed: because somebody other
// than root and this user could have put it there, or could put another in its
// place. It walks the path as the kernel does and looks at the file, at each link
// on the way, and at each folder in which one of them is. A folder that all may
// write to is well if it is sticky, like /tmp.
func Trusted(path string) error {
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return err
		}
		path = here + "/" + path // not cleaned: .. of a link is elsewhere
	}
	at, links := "/", 0 // without links
	if _, err := trustedPart(at, false); err != nil {
		return err
	}
	for rest := path; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		link, err := trustedPart(next, false)
		if err != nil {
			return err
		}
		if !link {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if links++; links > mostLinks {
			return fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = target + "/" + rest
	}
	_, err := trustedPart(at, true)
	return err
}

// trustedPart judges one file, link or folder, and tells links. That it is sticky is no excuse for a
// folder that is itself what is to be trusted.
func trustedPart(path string, last bool) (link bool, err error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return false, fmt.Errorf("cannot tell who owns %s", path)
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return false, fmt.Errorf("not trusted, because %s belongs to user %d; run: chown -h root %s", path, st.Uid, path)
	}
	mode := fi.Mode()
	sticky := mode.IsDir() && mode&fs.ModeSticky != 0 && !last
	if mode&fs.ModeSymlink == 0 && mode.Perm()&0o022 != 0 && !sticky {
		return false, fmt.Errorf("not trusted, because others may write to %s; run: chmod go-w %s", path, path)
	}
	return mode&fs.ModeSymlink != 0, nil
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
