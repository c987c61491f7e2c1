//go:build unix && !linux

package run

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// tree is a program and what it starts, as far as it stays in its process group.
type tree struct{ pid int }

// launch starts the program in a session of its own.
func launch(path string, c *Command, files []*os.File) (*os.Process, *tree, error) {
	if c.Memory > 0 || c.Processes > 0 || c.Files > 0 {
		return nil, nil, errors.New("limits of memory, processes and files are known on Linux only")
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	who, err := credential(c.User, sys)
	if err != nil {
		return nil, nil, err
	}
	attr := &os.ProcAttr{Dir: or(c.Dir, "/"), Env: environ(who, c), Files: files, Sys: sys}
	proc, err := startProcess(path, append([]string{path}, c.Args...), attr)
	if err != nil {
		return nil, nil, err
	}
	return proc, &tree{proc.Pid}, nil
}

func (t *tree) terminate() bool { return syscall.Kill(-t.pid, syscall.SIGTERM) == nil }
func (t *tree) kill()           { syscall.Kill(-t.pid, syscall.SIGKILL) }
func (t *tree) alive() bool     { return syscall.Kill(-t.pid, 0) == nil }
func (t *tree) keep()           {}

// finish ends what the program left in its group after the grace.
func (t *tree) finish(grace time.Duration) (left int) {
	for began := time.Now(); t.alive(); time.Sleep(time.Millisecond) {
		if time.Since(began) > grace {
			t.kill()
		}
		if time.Since(began) > grace+stuck {
			return t.pid
		}
	}
	return 0
}

func scratch() (*os.File, error) {
	f, err := os.CreateTemp("", "mco-run-")
	if err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
}

// seal does nothing: what was left behind may go on to write into a file that has
// no name.
func seal(*os.File) {}
