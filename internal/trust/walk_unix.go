//go:build unix

package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
		_, err = part(path, dir, true)
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
	if _, err := part(path, at, false); err != nil {
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
		next := filepath.Join(at, name)
		fi, err := part(path, next, false)
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
		if links++; links > mostLinks {
			return nil, at, fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = target + "/" + rest
	}
	fi, err := part(path, at, true)
	return fi, at, err
}

// part judges one file, link or directory. That it is sticky is no excuse for a directory that is itself
// what is to be trusted.
func part(path, at string, last bool) (fs.FileInfo, error) {
	fi, err := os.Lstat(at)
	if err != nil {
		return nil, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fmt.Errorf("%s: the system does not say who owns it", at)
	}
	me := os.Geteuid()
	if st.Uid != 0 && int(st.Uid) != me {
		problem := fmt.Sprintf("belongs to user %d instead of root", st.Uid)
		if me != 0 {
			problem = fmt.Sprintf("belongs to user %d, neither to root nor to user %d", st.Uid, me)
		}
		return nil, &Error{path, at, problem, "chown -h root"}
	}
	mode := fi.Mode()
	if mode&fs.ModeSymlink != 0 || mode.IsDir() && mode&fs.ModeSticky != 0 && !last {
		return fi, nil
	}
	others := mode.Perm() & 0o022
	if me != 0 && int(st.Gid) == me && int(st.Uid) == me {
		others &^= 0o020 // a user's own group, as many systems give one to each user
	}
	if others != 0 {
		return nil, &Error{path, at, "can be written by users other than its owner", "chmod go-w"}
	}
	return fi, nil
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
		return &Error{path, path, "holds a secret and can be read by everybody", "chmod o-rwx"}
	case st.Uid != 0 && fi.Mode().Perm()&0o070 != 0:
		return &Error{path, path, "holds a secret and can be read by its group", "chmod go-rwx"}
	}
	return nil
}
