//go:build unix

package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

// systemd is the listening end of a notify socket.
func systemd(t *testing.T, watchdog string) (*Notifier, func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", watchdog)
	t.Setenv("WATCHDOG_PID", "")
	n := NewNotifier()
	if os.Getenv("NOTIFY_SOCKET") != "" {
		t.Error("children would inherit the socket")
	}
	return n, func() string {
		b := make([]byte, 4096)
		l.SetReadDeadline(time.Now().Add(10 * time.Second))
		k, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:k])
	}
}

func TestNotify(t *testing.T) {
	n, heard := systemd(t, "")
	say := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	say(n.Ready("serving\nweb1"))
	if got := heard(); got != "READY=1\nSTATUS=serving; web1" {
		t.Errorf("ready says %q", got)
	}
	say(n.Reloading())
	if got := heard(); !strings.HasPrefix(got, "RELOADING=1\n") {
		t.Errorf("reloading says %q", got)
	}
	say(n.Status("busy"))
	if got := heard(); got != "STATUS=busy" {
		t.Errorf("status says %q", got)
	}
	say(n.Stopping("bye"))
	if got := heard(); got != "STOPPING=1\nSTATUS=bye" {
		t.Errorf("stopping says %q", got)
	}
}

func TestWatchdogOnlyWhileHealthy(t *testing.T) {
	n, heard := systemd(t, "20000")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	checks, complaints := 0, 0
	go func() {
		defer close(done)
		n.Watchdog(ctx, func() error {
			if checks++; checks > 2 && checks < 6 {
				return errors.New("stuck")
			}
			return nil
		}, func(error) { complaints++ })
	}()
	for range 3 {
		if got := heard(); got != "WATCHDOG=1" {
			t.Errorf("watchdog says %q", got)
		}
	}
	cancel()
	waittest.Receive(t, "the watchdog to end", done)
	if checks < 6 || complaints != 1 {
		t.Errorf("3 pings after %d checks and %d complaints, want at least 6 and 1", checks, complaints)
	}
}

func TestNoSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n := NewNotifier()
	if n != nil {
		t.Fatal("a notifier without a socket")
	}
	if err := errors.Join(n.Ready("x"), n.Reloading(), n.Status("x"), n.Stopping("x")); err != nil {
		t.Error(err)
	}
	n.Watchdog(t.Context(), func() error { t.Error("asked"); return nil }, func(error) {})
}

func TestSystemdIsGone(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dirtest.New(t), "nothing"))
	if err := NewNotifier().Ready("x"); err == nil || !strings.Contains(err.Error(), "notify systemd") {
		t.Errorf("got %v", err)
	}
}
