package rsakey

import (
	"os"
	"path/filepath"
	"testing"

	"mcollective/internal/dirtest"
)

// TestNamesAreNoPaths: what a caller id names is inside of the directory, or nothing.
func TestNamesAreNoPaths(t *testing.T) {
	dir := dirtest.New(t)
	keys := filepath.Join(dir, "keys")
	dirtest.Write(t, filepath.Join(keys, "a.pem"), "x", 0o644)
	dirtest.Write(t, filepath.Join(dir, "outside.pem"), "x", 0o644)
	d, err := OpenDirectory(keys, DefaultBits)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "cert=", "cert=../outside", "cert=..", "cert=.", "cert=a/b", `cert=a\b`, "cert=/etc/x", "cert=a\nuid=0", "uid=0\ncert=a",
		"cert=a\x00", "uid=a", "mycert=a", "cert=cert=a", "CERT=a"} {
		if file, err := d.File(id); err == nil {
			t.Errorf("caller %q has the file %s", id, file)
		}
		if _, err := d.Key(id); err == nil {
			t.Errorf("caller %q has a key", id)
		}
	}
	if file, err := d.File("cert=a"); err != nil || file != filepath.Join(keys, "a.pem") {
		t.Errorf("caller cert=a has the file %s, %v", file, err)
	}
	// A link that leads out is root's own doing; one that others could make is not
	// trusted, which trust.Check sees to.
	if err := os.Symlink(filepath.Join(dir, "outside.pem"), filepath.Join(keys, "b.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "outside.pem"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Key("cert=b"); err == nil {
		t.Error("a link to what everybody can write is followed")
	}
}
