//go:build unix

package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// mostLinks is how many links a path may have, as for the kernel.
const mostLinks = 40

// walk judges a path part by part and returns what it leads to.
func walk(path string) (fs.FileInfo, error) {
	fi, _, err := trail(path)
	return fi, err
}

// walkInterpreter is walk, which returns nothing if there is nothing, provided that nobody else could put
// something there before it is started.
func walkInterpreter(path string) (fs.FileInfo, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("interpreter %s is not named by its whole path", quote(path))
	}
	fi, dir, err := trail(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = part(path, dir, last)
		return nil, err
	}
	return fi, err
}

// trail judges a path part by part and returns what it leads to, or the directory without links at which
// the error occurred.
func trail(path string) (fs.FileInfo, string, error) {
	whole := path
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return nil, "", err
		}
		whole = here + "/" + path // not cleaned: .. of a link is elsewhere
	}
	at, links := "/", 0 // without links
	if _, err := part(path, at, above); err != nil {
		return nil, at, err
	}
	for rest := whole; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next, end := filepath.Join(at, name), strings.Trim(rest, "/") == ""
		fi, err := part(path, next, where(end))
		if err != nil {
			return nil, at, err
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if err != nil {
			return nil, at, err
		}
		if end && strings.HasPrefix(next, "/proc/") {
			if fi, err := nameless(next, target); fi != nil || err != nil {
				return fi, at, err
			}
		}
		if links++; links > mostLinks {
			return nil, at, fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = target + "/" + rest
	}
	fi, err := part(path, at, last)
	return fi, at, err
}

// nameless judges what a link in /proc leads to that has no name of its own, such as the pipe that a shell
// makes of <(COMMAND). It returns nil, nil for what has one.
func nameless(link, target string) (fs.FileInfo, error) {
	if _, err := os.Lstat(target); filepath.IsAbs(target) && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	fi, err := os.Stat(link)
	if err != nil {
		return nil, err
	}
	err = judge(link, link, fi, last)
	var untrusted *Error
	if errors.As(err, &untrusted) {
		untrusted.Fix = "write it to a file first"
	}
	return fi, err
}

// A place is where on a path something is.
type place int

const (
	above place = iota // a directory on the way
	named              // what the path ends in, maybe a link
	last               // what the path leads to
)

func where(end bool) place {
	if end {
		return named
	}
	return above
}

// part judges one file, link or directory.
func part(path, at string, p place) (fs.FileInfo, error) {
	fi, err := os.Lstat(at)
	if err != nil {
		return nil, err
	}
	return fi, judge(path, at, fi, p)
}

// judge judges what the system says of one part. The sticky bit does not excuse a directory that is
// itself what is to be trusted.
func judge(path, at string, fi fs.FileInfo, p place) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: the system does not say who owns it", at)
	}
	me := os.Geteuid()
	if st.Uid != 0 && int(st.Uid) != me {
		return foreign(path, at, int(st.Uid), p)
	}
	mode := fi.Mode()
	if mode&fs.ModeSymlink != 0 || mode.IsDir() && mode&fs.ModeSticky != 0 && p != last {
		return nil
	}
	others := mode.Perm() & 0o022
	if me != 0 && int(st.Gid) == me && int(st.Uid) == me {
		others &^= 0o020 // a user's own group, as many systems give one to each user
	}
	if others != 0 {
		return &Error{path, at, "can be written by users other than its owner", "run: chmod go-w " + quote(at)}
	}
	return nil
}

// foreign says that something belongs to somebody else. A directory on the way may be somebody's home: it
// is what is in there that should move, not its owner that should change.
func foreign(path, at string, owner int, p place) error {
	problem, ours := fmt.Sprintf("belongs to user %d instead of root", owner), "root"
	if me := os.Geteuid(); me != 0 {
		problem, ours = fmt.Sprintf("belongs to user %d, neither to root nor to user %d", owner, me), fmt.Sprintf("root or user %d", me)
	}
	fix := "run: chown -h root " + quote(at)
	switch {
	case at == "/":
		fix = "in a user namespace, map root into it"
	case os.Geteuid() == 0 && strconv.Itoa(owner) == os.Getenv("SUDO_UID"):
		// Not trusted for it, as git does: sudo may permit a few commands only, and what is in the
		// file would have root do more than these.
		fix = "that is who called sudo, and root obeys no file of others: run this without sudo, or use a copy that belongs to root"
	case p == above:
		fix = fmt.Sprintf("keep it in a directory of %s, or run this as user %d", ours, owner)
	case os.Geteuid() != 0:
		fix = "use a copy that belongs to " + ours
	}
	return &Error{path, at, problem, fix}
}

// secret judges who may read what a path leads to.
func secret(path string, fi fs.FileInfo) error {
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", quote(path))
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("the system does not say who owns it")
	}
	switch {
	case open(fi.Mode()):
		return &Error{path, path, "holds a secret and can be read by everybody", "run: chmod o-rwx " + quote(path)}
	case st.Uid != 0 && fi.Mode().Perm()&0o070 != 0:
		return &Error{path, path, "holds a secret and can be read by its group", "run: chmod go-rwx " + quote(path)}
	}
	return nil
}
