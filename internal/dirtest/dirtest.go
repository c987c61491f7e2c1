// Package dirtest makes the directories of tests with modes of their own, so that a test does not depend on the
// mask that the shell of anyone who runs it has set: under one of 002 a directory of the testing package can be
// written by its group, and nothing in there is trusted.
package dirtest

import (
	"os"
	"path/filepath"
	"testing"
)

// New is t.TempDir with a mode that package trust accepts.
func New(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Write writes a file of this mode, and makes the directories that it is in.
func Write(t testing.TB, path, text string, mode os.FileMode) string {
	t.Helper()
	Make(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// Make makes a directory and those that it is in, unless they are there.
func Make(t testing.TB, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		return
	}
	Make(t, filepath.Dir(dir))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}
