//go:build unix

package facts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// ownGroup makes the program the first of a process group, all of which ends
// with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// trusted refuses a program that somebody other than root and this user could
// have put there: it will run with this process's rights.
func trusted(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, p := range []string{real, filepath.Dir(real), filepath.Dir(path)} {
		fi, err := os.Stat(p)
		if err != nil {
			return err
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("cannot tell who owns %s", p)
		}
		if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return fmt.Errorf("not run, because %s belongs to user %d; run: chown root %s", p, st.Uid, p)
		}
		if fi.Mode().Perm()&0o022 != 0 {
			return fmt.Errorf("not run, because others may write to %s; run: chmod go-w %s", p, p)
		}
	}
	return nil
}
