//go:build unix

package daemon

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mcollective/internal/dirtest"
	"mcollective/internal/plainfile"
	"mcollective/internal/waittest"
)

// TestLockOfAStranger has somebody lock the file who may only read it, which is enough for that.
func TestLockOfAStranger(t *testing.T) {
	path := leftBehind(t, "999999999\n")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	takeOver(t, path)
	refuse(t, path, os.Getpid())
}

// TestStrangerDoesNotPassForANode has a process of another user call itself mcollectived.
func TestStrangerDoesNotPassForANode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	if _, err := ownerOf(os.Getpid()); err != nil {
		t.Skip("this system does not say whose a process is: ", err)
	}
	const stranger = 65533
	cat, err := exec.LookPath("cat") // which that user can run, and which waits for its input
	if err != nil {
		t.Skip(err)
	}
	c := exec.Command(cat)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	pid := waiting(t, c, "cat", "-", "mcollectived")
	if !maybeNode(pid) {
		t.Fatal("the test has a process that nobody takes for a node")
	}
	takeOver(t, leftBehind(t, strconv.Itoa(pid)))
}

// TestPIDFileThatIsNone finds a pipe, a link to one and a directory at the path, which are neither waited for nor
// removed.
func TestPIDFileThatIsNone(t *testing.T) {
	dir := dirtest.New(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("pipe", at("link")), os.Mkdir(at("directory"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "link", "directory"} {
		var err error
		waittest.Return(t, "an answer for "+name, func() { _, err = WritePID(at(name)) })
		if err == nil || name != "directory" && !errors.Is(err, plainfile.ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(at(name)); err != nil {
			t.Error(err)
		}
	}
}
