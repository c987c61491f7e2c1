package nettest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"mcollective/internal/waittest"
)

// A socket is closed on exec as soon as it is there: no program that is started
// meanwhile holds one. Any protocol shows it, and this one is given to everybody.
func TestSocketIsNotInherited(t *testing.T) {
	fd, err := socket(unix.AF_INET, unix.IPPROTO_UDP)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	unix.Close(fd)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags are %#x, %v", flags, err)
	}
	if testing.Short() {
		return
	}
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			if fd, err := socket(unix.AF_INET, unix.IPPROTO_UDP); err == nil {
				unix.Close(fd)
			}
		}
	}()
	defer func() { stop.Store(true); waittest.Receive(t, "the last socket", done) }()
	ls, err := exec.LookPath("ls")
	if err != nil {
		t.Skip(err)
	}
	for range 100 {
		out, err := exec.CommandContext(waittest.Within(t, waittest.Patience), ls, "-l", "/proc/self/fd/").Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), "socket:") && !inherited(t) {
			t.Fatalf("a program inherited the socket:\n%s", out)
		}
	}
}

// inherited reports whether the tests themselves were started with a socket.
func inherited(t *testing.T) bool {
	for _, name := range []string{"0", "1", "2"} {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", name)); err == nil && strings.HasPrefix(target, "socket:") {
			return true
		}
	}
	return false
}
