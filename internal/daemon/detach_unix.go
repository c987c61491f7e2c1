//go:build unix

package daemon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// detachedEnv tells a child on which descriptor its parent waits. It names the
// parent too, so that the variable is worth nothing to anyone who inherits it.
const detachedEnv = "MCO_DETACHED"

// startPatience is how long a parent waits for the word of its child.
const startPatience = 60 * time.Second

// A Detached is the child's line to the parent that waits for it. All its
// methods may be called on nil, which is a process that did not detach.
type Detached struct{ line *os.File }

// Detach starts this program again, with the same words, in a session of its own
// and without a terminal. In the parent it returns (nil, pid, nil) once the
// child called Ready, or an error with the child's own words once it failed; the
// parent then ends. In the child it returns the line to the parent, and pid 0.
//
// The child is a fresh process, since a Go program cannot fork: whatever was
// opened before Detach is open in the parent only.
func Detach() (child *Detached, pid int, err error) {
	if line := inherited(); line != nil {
		return &Detached{line: line}, 0, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, 0, fmt.Errorf("daemonize: find this program: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("daemonize: %w", err)
	}
	defer null.Close()
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, 0, fmt.Errorf("daemonize: %w", err)
	}
	defer ours.Close()
	p, err := os.StartProcess(exe, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), fmt.Sprintf("%s=%d", detachedEnv, os.Getpid())),
		Files: []*os.File{null, null, null, theirs},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	theirs.Close()
	if err != nil {
		return nil, 0, fmt.Errorf("daemonize: start %s: %w", exe, err)
	}
	if err := awaitWord(ours, startPatience); err != nil {
		return nil, p.Pid, err
	}
	return nil, p.Pid, nil
}

// childLine is the descriptor after stdin, stdout and stderr.
const childLine = 3

// inherited opens the line to the parent if this process is a child of Detach.
func inherited() *os.File {
	parent := os.Getenv(detachedEnv)
	os.Unsetenv(detachedEnv) // agents are not to find it
	if parent == "" || parent != strconv.Itoa(os.Getppid()) {
		return nil
	}
	syscall.CloseOnExec(childLine)
	return os.NewFile(childLine, "line to the parent")
}

const readyWord = "ready"

// awaitWord reads the one line that a child writes.
func awaitWord(r *os.File, patience time.Duration) error {
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	text, err := bufio.NewReader(io.LimitReader(r, 8<<10)).ReadString('\n')
	switch {
	case strings.TrimSpace(text) == readyWord:
		return nil
	case text != "":
		return errors.New(strings.TrimSpace(text))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the daemon gave no sign of life for %v; its log may tell why", patience)
	default:
		return errors.New("the daemon ended while it started; its log may tell why")
	}
}

// Ready lets the parent end well.
func (d *Detached) Ready() { d.say(readyWord) }

// Failed lets the parent end with this error.
func (d *Detached) Failed(err error) {
	d.say(strings.ReplaceAll(err.Error(), "\n", "; "))
}

func (d *Detached) say(word string) {
	if d == nil || d.line == nil {
		return
	}
	fmt.Fprintln(d.line, word) // a parent that is gone has nothing to miss
	d.line.Close()
	d.line = nil
}
