package trust_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"mcollective/internal/trust"
)

// asUser runs something on a thread that acts as another user, and ends it.
func asUser(uid int, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without unlocking, so that nobody else gets the thread
		// The system changes one thread only; package syscall would change all.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			panic(errno)
		}
		do()
	}()
	<-done
}

// TestGroups has files that a group may write to. Only a user's own group is no stranger, and only for that user.
// Group 0 is no exception, though it often has no member but root: services run in it, and in some containers
// everybody does.
func TestGroups(t *testing.T) {
	tr := newTree(t)
	tr.must(os.Chmod(filepath.Dir(tr.base), 0o755)) // which is for its owner otherwise
	for _, f := range []struct {
		name     string
		uid, gid int
	}{{"root-root", 0, 0}, {"root-own", 0, 12345}, {"user-own", 12345, 12345}, {"user-root", 12345, 0}, {"user-other", 12345, 12346}} {
		tr.file(f.name, "", 0o664)
		tr.must(syscall.Chown(tr.at(f.name), f.uid, f.gid))
	}
	for name, want := range map[string]string{
		"root-root": "can be written by users other than its owner; run: chmod go-w", "root-own": "can be written by",
		"user-own": "belongs to user 12345", "user-root": "belongs to user 12345", "user-other": "belongs to user 12345",
	} {
		t.Run(name, func(t *testing.T) {
			err := trust.Check(tr.at(name))
			tr.blames("for root: "+name, err, name)
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("for root: %v, want %q", err, want)
			}
		})
	}
	for name, blamed := range map[string]string{
		"root-root": "root-root", "root-own": "root-own", "user-own": "", "user-root": "user-root", "user-other": "user-other",
	} {
		var err error
		asUser(12345, func() { err = trust.Check(tr.at(name)) })
		tr.blames("for user 12345: "+name, err, blamed)
	}
}
