//go:build unix

package plainfile_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/plainfile"
)

// TestNeverWaits opens what would keep others waiting: a pipe that nobody writes to, and what leads to one.
func TestNeverWaits(t *testing.T) {
	dir := dirtest.New(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := errors.Join(syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("pipe", at("link"))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{at("pipe"), at("link"), "/dev/null", "/dev/zero"} {
		if _, err := plainfile.Read(path, 10); !errors.Is(err, plainfile.ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := plainfile.Read(at("socket"), 10); err == nil {
		t.Error("a socket was read")
	}
}
