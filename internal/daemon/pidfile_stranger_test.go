//go:build linux

package daemon

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A stranger is another user on this machine.
const strangerID = 65533

func asStranger(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: strangerID, Gid: strangerID}}
}

func TestLockOfAStrangerDoesNotKeepTheNodeFromStarting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mco.pid")
	if err := os.WriteFile(path, []byte("999999999\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// To read the file is enough for that.
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
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
	var running *RunningError
	if q, err := WritePID(path); !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Errorf("the second one got %v, %v; want that %d is running", q, err, os.Getpid())
	}
}

func TestStrangerDoesNotPassForANode(t *testing.T) {
	program, err := exec.LookPath("cat")
	if err != nil {
		t.Skip(err)
	}
	c := exec.Command(program, "-", "mcollectived")
	asStranger(t, c)
	c.Dir = "/"
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); c.Wait() })
	if _, err := in.Write([]byte("here\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if !maybeNode(c.Process.Pid) {
		t.Fatal("the test has a process that nobody takes for a node")
	}
	path := filepath.Join(t.TempDir(), "mco.pid")
	if err := os.WriteFile(path, []byte(strconv.Itoa(c.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := WritePID(path)
	if err != nil {
		t.Fatal(err)
	}
	p.Remove()
}
