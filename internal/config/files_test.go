package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// TestPlaces has a node start with keys that name what it can and cannot read later.
func TestPlaces(t *testing.T) {
	dir := dirtest.New(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"dir", "open"} {
		dirtest.Make(t, at(name))
	}
	if err := os.Chmod(at("open"), 0o777); err != nil {
		t.Fatal(err)
	}
	dirtest.Write(t, at("file"), "", 0o600)
	dirtest.Write(t, at("writable"), "", 0o666)
	for key, r := range rows {
		p := r.place
		if p == nil {
			continue
		}
		good, other, open := "file", "dir", "writable"
		if p.directory {
			good, other, open = "dir", "file", "open"
		}
		for name, want := range map[string]string{
			good: "", "none": "no such file or directory", other: "not a ", open: "is not trusted",
		} {
			t.Run(subtest.Name(name), func(t *testing.T) {
				if p.optional && name == "none" || p.data && name == open {
					want = ""
				}
				path := write(t, dir, "server.cfg", key+" = "+at(name))
				c, err := Load(path, Server)
				if err != nil {
					t.Fatal(err)
				}
				said := strings.Join(c.Warnings, "\n")
				if (said != "") != (want != "") || !strings.Contains(said, want) || want != "" && !strings.HasPrefix(said, path+":1: "+key+": ") {
					t.Errorf("%s = %s: warnings %q, want %q", key, at(name), said, want)
				}
				if ignored := strings.Join(c.Ignored, "\n"); p.optional && name == "none" && !strings.Contains(ignored, "there is no "+at(name)) {
					t.Errorf("%s = %s: nothing is said at debug: %q", key, at(name), ignored)
				}
				if c, err = Load(path, Client); err != nil || len(c.Warnings) > 0 {
					t.Errorf("%s = %s: a client: %v, %q", key, at(name), err, c.Warnings)
				}
			})
		}
	}
}
