package files

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

const nobody = 65534

// asNobody calls f again and again, until the test ends, in a thread that has no
// more rights than user nobody.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with its goroutine
		unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
		unix.RawSyscall(unix.SYS_SETRESGID, nobody, nobody, nobody)
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
		for errno == 0 {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				f()
			}
		}
		<-stop
		stopped <- errno
	}()
	t.Cleanup(func() {
		close(stop)
		if err := waittest.Receive(t, "the thread of another user to end", stopped); err != nil {
			t.Error(err)
		}
	})
}

// openDirectory is a directory like /tmp.
func openDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stdio") // not t.TempDir, which others cannot enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestExchangeIsNotMisled has the user of a program put links in the place of the
// files by which it talks, while they are made.
func TestExchangeIsNotMisled(t *testing.T) {
	temp, secret := openDirectory(t), filepath.Join(dirtest.New(t), "secret")
	if err := os.WriteFile(secret, []byte("of root"), 0o600); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		entries, _ := os.ReadDir(temp)
		for _, e := range entries {
			for _, name := range []string{"request.json", "reply.json"} {
				os.Symlink(secret, filepath.Join(temp, e.Name(), name))
			}
		}
	})
	for range 300 {
		x, err := NewExchange(temp, "x", "nobody", []byte("request"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{x.Dir, x.Request, x.Reply} {
			fi, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if uid := ownerOf(fi); uid != nobody || fi.Mode().Perm()&0o077 != 0 || fi.Mode()&os.ModeSymlink != 0 {
				t.Fatalf("%s belongs to %d, %v", path, uid, fi.Mode())
			}
		}
		x.Remove()
		fi, err := os.Stat(secret)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(secret)
		if uid := ownerOf(fi); uid != 0 || string(b) != "of root" {
			t.Fatalf("root's file belongs to user %d and holds %q", uid, b)
		}
	}
}

func ownerOf(fi os.FileInfo) int { return int(fi.Sys().(*syscall.Stat_t).Uid) }

// TestReplyIsTheProgramsOwn has a program make other things of its reply file, and
// change it while it is read.
func TestReplyIsTheProgramsOwn(t *testing.T) {
	dir, elsewhere := dirtest.New(t), dirtest.New(t)
	secret := filepath.Join(elsewhere, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := &Exchange{Dir: dir, Reply: filepath.Join(dir, "reply.json"), uid: os.Geteuid()}
	for name, become := range map[string]func() error{
		"link":        func() error { return os.Symlink(secret, x.Reply) },
		"second name": func() error { return os.Link(secret, x.Reply) },
		"pipe":        func() error { return unix.Mkfifo(x.Reply, 0o600) },
		"directory":   func() error { return os.Mkdir(x.Reply, 0o700) },
		"somebody's": func() error {
			somebody := nobody
			if x.uid == nobody {
				somebody--
			}
			return errors.Join(os.WriteFile(x.Reply, []byte("x"), 0o600), os.Chown(x.Reply, somebody, somebody))
		},
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if err := become(); err != nil {
				t.Log(name, err) // chown, without rights
			} else if b, err := x.ReadReply(100); err == nil {
				t.Errorf("%s: %q is read", name, b)
			}
			os.Remove(x.Reply)
		})
	}
	done := t.Context().Done()
	stopped := goes(func() {
		for {
			select {
			case <-done:
				return
			default:
				os.WriteFile(x.Reply+".a", nil, 0o600)
				os.Rename(x.Reply+".a", x.Reply)
				os.Symlink(secret, x.Reply+".b")
				os.Rename(x.Reply+".b", x.Reply)
			}
		}
	})
	t.Cleanup(func() { waittest.Receive(t, "the attacker to end", stopped) })
	for range 20000 {
		if b, err := x.ReadReply(100); err == nil && len(b) > 0 {
			t.Fatalf("%q is read", b)
		}
	}
}

func goes(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}
