//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

// TestMain also plays the program that daemonizes: with DAEMON_TEST set the test
// binary is that program, in both of its lives.
func TestMain(m *testing.M) {
	switch plan := os.Getenv("DAEMON_TEST"); plan {
	case "":
	case "waits":
		fmt.Print("x")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	default:
		os.Exit(detaching(plan))
	}
	goleak.VerifyTestMain(m)
}

// detaching does what plan says once it is detached. Its exit code is that of
// the parent, and "child PID" on stdout its word.
func detaching(plan string) int {
	child, pid, err := Detach()
	if err != nil {
		fmt.Printf("error %v\n", err)
		return 3
	}
	if child == nil {
		fmt.Printf("child %d\n", pid)
		return 0
	}
	switch plan {
	case "ready":
		sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
		fds := ""
		for fd := range 3 {
			name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			fds += name + " "
		}
		word := fmt.Sprintf("leader=%v std=%s env=%q args=%q", int(sid) == os.Getpid(), fds, os.Getenv(detachedEnv), os.Args[1:])
		if err := os.WriteFile(os.Getenv("DAEMON_TEST_OUT"), []byte(word), 0o600); err != nil {
			child.Failed(err)
		}
		child.Ready()
		child.Ready() // once more harms nobody
	case "fails":
		child.Failed(errors.New("no configuration\nat all"))
		return 1
	case "dies":
		return 1
	}
	return 0
}

func runDetaching(t *testing.T, plan string) (text, left string, code int) {
	t.Helper()
	out := dirtest.New(t) + "/out"
	cmd := exec.CommandContext(waittest.Within(t, waittest.Patience), os.Args[0], "-test.run=^$", "word")
	cmd.Env = append(os.Environ(), "DAEMON_TEST="+plan, "DAEMON_TEST_OUT="+out)
	b, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	word, _ := os.ReadFile(out)
	return string(b), string(word), cmd.ProcessState.ExitCode()
}

func TestDetachedChildIsReady(t *testing.T) {
	text, left, code := runDetaching(t, "ready")
	if code != 0 || !strings.HasPrefix(text, "child ") {
		t.Errorf("the parent ended with %d and said %q", code, text)
	}
	want := `leader=true std=/dev/null /dev/null /dev/null  env="" args=["-test.run=^$" "word"]`
	if left != want {
		t.Errorf("the child was %s\nwant          %s", left, want)
	}
}

func TestDetachedChildFails(t *testing.T) {
	text, _, code := runDetaching(t, "fails")
	if code != 3 || text != "error no configuration; at all\n" {
		t.Errorf("the parent ended with %d and said %q", code, text)
	}
}

func TestDetachedChildDies(t *testing.T) {
	text, _, code := runDetaching(t, "dies")
	if code != 3 || !strings.Contains(text, "ended while it started") {
		t.Errorf("the parent ended with %d and said %q", code, text)
	}
}

func TestInheritedVariableOfAStranger(t *testing.T) {
	t.Setenv(detachedEnv, "1234567890")
	if line := inherited(); line != nil {
		t.Error("a variable that does not name the parent was believed")
	}
	if os.Getenv(detachedEnv) != "" {
		t.Error("the variable is still there")
	}
}

func TestNotDetached(t *testing.T) {
	var d *Detached
	d.Ready()
	d.Failed(errors.New("x"))
}
