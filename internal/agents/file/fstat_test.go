//go:build unix

package file

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mcollective/internal/data"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// fstat is a set with the data plugin alone.
func fstat(t *testing.T, o Options) *data.Set {
	t.Helper()
	p, err := NewFstat(o)
	if err != nil {
		t.Fatal(err)
	}
	return data.NewSet(p)
}

func TestFstat(t *testing.T) {
	dir, err := filepath.EvalSymlinks(dirtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	file, link, pipe := filepath.Join(dir, "f"), filepath.Join(dir, "l"), filepath.Join(dir, "p")
	if err := errors.Join(os.WriteFile(file, []byte("hello"), 0o640), os.Chmod(file, 0o640), os.Symlink(file, link), os.Symlink("nowhere", filepath.Join(dir, "d")),
		syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	mtime := time.Unix(1795336394, 0)
	if err := os.Chtimes(file, mtime, mtime); err != nil {
		t.Fatal(err)
	}
	s := fstat(t, Options{Now: func() time.Time { return mtime.Add(time.Minute) }})
	sum := md5.Sum([]byte("hello"))
	for path, want := range map[string]map[string]any{
		file: {"name": file, "output": "present", "present": int64(1), "size": int64(5), "mode": "100640", "type": "file", "md5": hex.EncodeToString(sum[:]),
			"mtime": mtime.Local().Format(time.DateTime), "mtime_seconds": mtime.Unix(), "mtime_age": int64(60), "atime_age": int64(60), "uid": int64(os.Getuid())},
		link:                     {"present": int64(1), "type": "symlink", "md5": int64(0), "mode": "120777"},
		dir:                      {"type": "directory", "md5": int64(0)},
		pipe:                     {"present": int64(1), "type": "unknown", "md5": int64(0), "mode": "10600"},
		"/":                      {"present": int64(1), "type": "directory"},
		"/dev/zero":              {"type": "chardev", "md5": int64(0)},
		filepath.Join(dir, "d"):  {"present": int64(0), "output": "not present", "mode": "0000", "md5": int64(0), "mtime_age": nil},
		"nosuch":                 {"present": int64(0), "type": "unknown", "mtime": int64(0)},
		"/nosuch/directory/file": {"present": int64(0), "type": "unknown"},
		file + "/x":              {"present": int64(0), "type": "unknown"},
	} {
		t.Run(subtest.Name(strings.TrimPrefix(path, dir)), func(t *testing.T) {
			got, err := s.Data(t.Context(), "fstat", path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s: %s is %v (%T), want %v", path, k, got[k], got[k], v)
				}
			}
			if len(got) != 18 {
				t.Errorf("%s: %d outputs", path, len(got))
			}
		})
	}
	if _, err := s.Data(t.Context(), "fstat", "/etc\x00/hosts"); err == nil {
		t.Error("a path with a null byte has an answer")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Data(ctx, "fstat", file); err == nil {
		t.Error("it answered after the end of its context")
	}
}

// TestFstatAllowed asks about what the agent file may not touch.
func TestFstatAllowed(t *testing.T) {
	dir, err := filepath.EvalSymlinks(dirtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(at("open"), 0o755), os.WriteFile(at("open/file"), nil, 0o644), os.WriteFile(at("secret"), nil, 0o600),
		os.WriteFile(at("open/no"), nil, 0o644), os.Symlink("..", at("open/up")), os.Symlink("../secret", at("open/link"))); err != nil {
		t.Fatal(err)
	}
	s := fstat(t, Options{Allow: []string{at("open")}, Deny: []string{at("open/no")}})
	for path, allowed := range map[string]bool{
		at("open/file"): true, at("open"): true, at("open/none"): true, at("open/none/x"): true, at("open/link"): true, // the link itself
		at("secret"): false, at("open/../secret"): false, at("open/up/secret"): false, at("none"): false, at("none/x"): false, at("open/no"): false, "/": false,
	} {
		t.Run(subtest.Name(strings.TrimPrefix(path, dir)), func(t *testing.T) {
			got, err := s.Data(t.Context(), "fstat", path)
			if (err == nil) != allowed || err != nil && !strings.Contains(err.Error(), "does not allow it") {
				t.Errorf("%s: %v %v, allowed %v", path, got, err, allowed)
			}
			if allowed && path == at("open/link") && got["md5"] != int64(0) {
				t.Errorf("a checksum of what a link leads to: %v", got)
			}
		})
	}
}

// TestFstatKernel asks about files without an end, which call themselves regular: no checksum is made of them.
func TestFstatKernel(t *testing.T) {
	s := fstat(t, Options{})
	for _, path := range []string{"/proc/kmsg", "/proc/self/pagemap", "/sys/kernel/debug/tracing/trace_pipe", "/proc/meminfo"} {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		got, err := s.Data(t.Context(), "fstat", path)
		if err != nil || got["type"] != "file" || got["md5"] != int64(0) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}
