//go:build unix

package facts

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the program the first of a process group, all of which ends
// with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
