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

	"mcollective/internal/waittest"
)

func TestPIDFileIsWrittenAndRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mco.pid")
	p, err := WritePID(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("pid file holds %q, %v", text, err)
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pid file is still there: %v", err)
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
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mco.pid")
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := WritePID(path)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Remove()
			if got, _ := os.ReadFile(path); string(got) != strconv.Itoa(os.Getpid())+"\n" {
				t.Errorf("pid file holds %q", got)
			}
		})
	}
}

// waiting starts a program under a name, as of a daemon, that lives as long as the
// test. The program is this one or a copy, which is another.
func waiting(t *testing.T, program, name string) (pid int) {
	t.Helper()
	child := exec.Command(program)
	child.Args = []string{name}
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
	// Its first byte says that it is that program by now.
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
	path := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPIDFileOfANodeThatDoesNotLockIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mco.pid")
	pid := waiting(t, copyOfProgram(t), "/usr/sbin/mcollectived")
	text := strconv.Itoa(pid) + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := WritePID(path)
	var running *RunningError
	if !errors.As(err, &running) || running.PID != pid || !strings.Contains(err.Error(), strconv.Itoa(pid)) {
		t.Errorf("got %v, want an error that names pid %d", err, pid)
	}
	if got, _ := os.ReadFile(path); string(got) != text {
		t.Errorf("the file of the other was changed to %q", got)
	}
}

func TestPIDFileOfAnotherProgramIsTakenOver(t *testing.T) {
	if _, err := commandLine(os.Getpid()); err != nil {
		t.Skip("this system does not say what a process is: ", err)
	}
	other := copyOfProgram(t)
	for name, pid := range map[string]int{
		"another program":  waiting(t, other, "postgres"),
		"first of a shell": waiting(t, other, "-sh"),
		"parent":           os.Getppid(),                           // go test, or a shell
		"a node of ours":   waiting(t, os.Args[0], "mcollectived"), // it would have locked the file
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mco.pid")
			if err := os.WriteFile(path, []byte(strconv.Itoa(pid)), 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := WritePID(path)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Remove()
			if got, _ := os.ReadFile(path); string(got) != strconv.Itoa(os.Getpid())+"\n" {
				t.Errorf("pid file holds %q", got)
			}
		})
	}
}

func TestPIDFileIsWonOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mco.pid")
	if err := os.WriteFile(path, []byte("999999999\n"), 0o644); err != nil {
		t.Fatal(err)
	}
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
	path := filepath.Join(t.TempDir(), "mco.pid")
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
	if got, _ := os.ReadFile(path); string(got) != "1\n" {
		t.Errorf("another's pid file now holds %q", got)
	}
}

func TestPIDFileInMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "mco.pid")
	if _, err := WritePID(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
	var none *PIDFile
	if err := none.Remove(); err != nil {
		t.Error(err)
	}
}
