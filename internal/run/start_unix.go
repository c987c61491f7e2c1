//go:build unix

package run

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// credential says as whom the program is to run, and where that user is at home.
func credential(name string, sys *syscall.SysProcAttr) (who user.User, err error) {
	if name == "" {
		return user.User{HomeDir: or(os.Getenv("HOME"), "/"), Username: os.Getenv("USER")}, nil
	}
	u, uid, gid, err := lookUser(name)
	if err != nil {
		return who, err
	}
	if uid == os.Geteuid() && gid == os.Getegid() {
		return *u, nil
	}
	if os.Geteuid() != 0 {
		return who, fmt.Errorf("%w %s: only root can, and this is user %d", ErrUser, name, os.Geteuid())
	}
	c := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	ids, err := u.GroupIds()
	if err != nil {
		return who, fmt.Errorf("groups of user %q: %w", name, err)
	}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			c.Groups = append(c.Groups, uint32(n))
		}
	}
	sys.Credential = c
	return *u, nil
}

// environ returns the whole environment of the program.
func environ(who user.User, c *Command) []string {
	env := []string{"PATH=" + SearchPath, "LC_ALL=C", "HOME=" + who.HomeDir}
	if who.Username != "" {
		env = append(env, "USER="+who.Username, "LOGNAME="+who.Username)
	}
	if tz, ok := os.LookupEnv("TZ"); ok {
		env = append(env, "TZ="+tz)
	}
	return merge(env, c.Env)
}

// startProcess is os.StartProcess, which tries again when the file is still open
// for writing: not by its author, but in a child that another thread forked and
// that has not come to closing it.
func startProcess(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	for pause := time.Millisecond; ; pause *= 2 {
		p, err := os.StartProcess(path, argv, attr)
		if !errors.Is(err, syscall.ETXTBSY) || pause > 64*time.Millisecond {
			return p, err
		}
		time.Sleep(pause)
	}
}

func signalOf(s *os.ProcessState) string {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return w.Signal().String()
	}
	return ""
}
