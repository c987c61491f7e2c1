//go:build unix

package stdio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrusted has links of somebody else in the middle of the way to a file.
func TestTrusted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can have files of somebody else")
	}
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(base, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"real", "home", "sticky", "open"} {
		must(os.Mkdir(at(dir), 0o755))
	}
	put(t, at("real/tool"), "#!/bin/sh\n")
	put(t, at("sticky/tool"), "#!/bin/sh\n")
	put(t, at("open/tool"), "#!/bin/sh\n")
	for link, target := range map[string]string{
		"home/tool": at("real/tool"), "home/real": at("real"), // somebody's
		"one": at("real/tool"), "two": "./real/../one", "dir": "real", // ours
		"to-home": at("home/tool"), "by-home": at("home/real"), "dots": "home/../real/tool",
		"sticky/somebodys": at("real/tool"), "sticky/ours": "../real/tool", "to-sticky": "sticky/somebodys",
		"round": "about", "about": "round", "nowhere": "no/such",
	} {
		must(os.Symlink(target, at(link)))
	}
	for _, path := range []string{"home", "home/tool", "home/real", "sticky/somebodys"} {
		must(os.Lchown(at(path), 12345, 12345))
	}
	must(os.Chmod(at("sticky"), 0o777|os.ModeSticky))
	must(os.Chmod(at("open"), 0o777))
	for path, blamed := range map[string]string{
		"real/tool": "", "one": "", "two": "", "dir/tool": "", "dir": "", "sticky/tool": "", "sticky/ours": "",
		"to-home": "home", "by-home/tool": "home", "dots": "home", "home/tool": "home",
		"sticky/somebodys": "sticky/somebodys", "to-sticky": "sticky/somebodys", "sticky": "sticky",
		"open/tool": "open", "open": "open", "round": "round", "nowhere": "no", "real/tool/x": "real/tool/x", "none": "none",
	} {
		err := Trusted(at(path))
		if (err == nil) != (blamed == "") || err != nil && !strings.Contains(strings.NewReplacer(";", " ", ":", " ").Replace(err.Error())+" ", at(blamed)+" ") {
			t.Errorf("%s: %v, want %q", path, err, blamed)
		}
	}
}
