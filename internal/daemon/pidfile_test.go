package daemon

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

func TestPIDFileIsWrittenAndRemoved(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "mco.pid")
	p, err := WritePID(path)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, path, strconv.Itoa(os.Getpid())+"\n")
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pid file is still there: %v", err)
	}
}

// leftBehind makes a pid file that holds a text.
func leftBehind(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(dirtest.New(t), "mco.pid")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// takeOver has a process start that finds a pid file, and checks that it wins.
func takeOver(t *testing.T, path string) {
	t.Helper()
	p, err := WritePID(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Remove() })
	holds(t, path, strconv.Itoa(os.Getpid())+"\n")
}

// refuse has a process start that finds the pid file of one that runs.
func refuse(t *testing.T, path string, pid int) {
	t.Helper()
	_, err := WritePID(path)
	var running *RunningError
	if !errors.As(err, &running) || running.PID != pid || !strings.Contains(err.Error(), strconv.Itoa(pid)) {
		t.Errorf("got %v, want an error that names pid %d", err, pid)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want {
		t.Errorf("pid file holds %q, %v; want %q", got, err, want)
	}
}

func TestPIDFileLeftBehindIsTakenOver(t *testing.T) {
	child := exec.CommandContext(waittest.Within(t, waittest.Patience), os.Args[0], "-test.run=^$")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"of a process that ended": strconv.Itoa(child.Process.Pid) + "\n and more text than a pid needs",
		"empty":                   "",
		"not a number":            "mcollectived\n",
		"our own pid":             strconv.Itoa(os.Getpid()),
		"negative":                "-1",
	} {
		t.Run(name, func(t *testing.T) { takeOver(t, leftBehind(t, text)) })
	}
}

// waiting starts a program with arguments of which the first is its name, as of a
// daemon, and that lives as long as the test. The program is this one, a copy, which
// is another, or cat.
func waiting(t *testing.T, child *exec.Cmd, args ...string) (pid int) {
	t.Helper()
	child.Args = args
	child.Env = append(os.Environ(), "DAEMON_TEST=waits")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		waittest.Return(t, "the child to end", func() { child.Wait() })
	})
	// Its first byte says that it is that program by now; cat gives back its own.
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return child.Process.Pid
}

func copyOfProgram(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dirtest.New(t), "copy")
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPIDFileOfANodeThatDoesNotLockIsRefused(t *testing.T) {
	pid := waiting(t, exec.Command(copyOfProgram(t)), "/usr/sbin/mcollectived")
	path := leftBehind(t, strconv.Itoa(pid)+"\n")
	refuse(t, path, pid)
	holds(t, path, strconv.Itoa(pid)+"\n")
}

func TestPIDFileOfAnotherProgramIsTakenOver(t *testing.T) {
	if _, err := commandLine(os.Getpid()); err != nil {
		t.Skip("this system does not say what a process is: ", err)
	}
	other := copyOfProgram(t)
	for name, pid := range map[string]int{
		"another program":  waiting(t, exec.Command(other), "postgres"),
		"first of a shell": waiting(t, exec.Command(other), "-sh"),
		"parent":           os.Getppid(),                                         // go test, or a shell
		"a node of ours":   waiting(t, exec.Command(os.Args[0]), "mcollectived"), // it would have locked the file
	} {
		t.Run(name, func(t *testing.T) { takeOver(t, leftBehind(t, strconv.Itoa(pid))) })
	}
}

func TestPIDFileIsWonOnce(t *testing.T) {
	path := leftBehind(t, "999999999\n")
	var wg sync.WaitGroup
	won := make(chan *PIDFile, 50)
	for range cap(won) {
		wg.Go(func() {
			p, err := WritePID(path)
			var running *RunningError
			switch {
			case err == nil:
				won <- p
			case !errors.As(err, &running):
				t.Error(err)
			}
		})
	}
	waittest.Return(t, "all to write", wg.Wait)
	if len(won) != 1 {
		t.Fatalf("%d won, want 1", len(won))
	}
	(<-won).Remove()
}

func TestPIDFileOfAnotherIsNotRemoved(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "mco.pid")
	p, err := WritePID(path)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	holds(t, path, "1\n")
}

func TestPIDFileInMissingDirectory(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "missing", "mco.pid")
	if _, err := WritePID(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
	var none *PIDFile
	if err := none.Remove(); err != nil {
		t.Error(err)
	}
}
