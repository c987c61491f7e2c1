package files

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
)

// TestFactsFileComesBack removes the file as those do who tidy /tmp, and makes its
// directory somebody else's.
func TestFactsFileComesBack(t *testing.T) {
	f := &Facts{facts: func() map[string]any { return map[string]any{"a": "b"} }, temp: dirtest.New(t)}
	defer f.Close()
	log := slog.New(slog.DiscardHandler)
	look := func() string {
		t.Helper()
		path := f.Path(log)
		if b, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(b)) != `{"a":"b"}` {
			t.Fatalf("%q %v", b, err)
		}
		return path
	}
	first := look()
	if again := look(); again != first {
		t.Error("it is another one each time")
	}
	os.Remove(first)
	if again := look(); again != first {
		t.Error("it came back elsewhere, where workers do not look")
	}
	f.made = f.made.Add(-2 * factsAge)
	os.RemoveAll(f.dir)
	if again := look(); again != first {
		t.Error("its directory came back elsewhere, where workers do not look")
	}
	os.RemoveAll(f.dir) // before they are too old
	if again := look(); again != first {
		t.Error("its directory came back elsewhere, where workers do not look")
	}
	if os.Geteuid() != 0 {
		return
	}
	f.made = f.made.Add(-2 * factsAge)
	theirs := f.dir
	if err := os.Chown(theirs, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if path := look(); filepath.Dir(path) == theirs {
		t.Error("it is in a directory of somebody else")
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Error("a directory of somebody else was removed")
	}
}

func TestFactsFileOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has a run directory")
	}
	t.Setenv("TMPDIR", "")
	base := dirtest.New(t)
	f := &Facts{facts: func() map[string]any { return nil }, run: filepath.Join(base, "run")}
	log := slog.New(slog.DiscardHandler)
	if path := f.Path(log); filepath.Dir(filepath.Dir(path)) != f.run {
		t.Error(path)
	}
	if fi, err := os.Stat(f.run); err != nil || fi.Mode().Perm() != 0o711 {
		t.Errorf("%v %v", fi.Mode(), err)
	}
	first := f.Path(log)
	os.RemoveAll(f.run)
	if again := f.Path(log); again != first {
		t.Errorf("the run directory came back with %s, was %s", again, first)
	}
	f.Close()
	if left, _ := os.ReadDir(base); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Symlink(dirtest.New(t), f.run); err != nil {
		t.Fatal(err)
	}
	if path := f.Path(log); path == "" || filepath.Dir(filepath.Dir(path)) == f.run {
		t.Errorf("%q, though the run directory is a link", path)
	}
	f.Close()
}
