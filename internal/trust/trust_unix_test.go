//go:build unix

package trust_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/trust"
)

// A tree is a directory with files of root and of somebody else.
type tree struct {
	*testing.T
	base string
}

func newTree(t *testing.T) tree {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can have files of somebody else")
	}
	base, err := filepath.EvalSymlinks(dirtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{t, base}
	if err := trust.Check(base); err != nil {
		t.Fatal("the temporary directory of this machine is not trusted; set TMPDIR:", err)
	}
	return tr
}

func (t tree) at(name string) string { return filepath.Join(t.base, name) }

func (t tree) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t tree) dir(name string, mode fs.FileMode) {
	t.Helper()
	t.must(os.Mkdir(t.at(name), 0o755))
	t.must(os.Chmod(t.at(name), mode))
}

func (t tree) file(name, text string, mode fs.FileMode) {
	t.Helper()
	t.must(os.WriteFile(t.at(name), []byte(text), 0o600))
	t.must(os.Chmod(t.at(name), mode))
}

func (t tree) stranger(names ...string) {
	t.Helper()
	for _, n := range names {
		t.must(os.Lchown(t.at(n), 12345, 12345))
	}
}

// blames checks that an error is about the path and blames a part of it, "" for no error.
func (t tree) blames(what string, err error, blamed string) {
	t.Helper()
	if (err == nil) != (blamed == "") {
		t.Errorf("%s: %v, want %q blamed", what, err, blamed)
		return
	}
	var e *trust.Error
	if errors.As(err, &e) && e.Part != t.at(blamed) || err != nil && e == nil && !strings.Contains(err.Error(), t.at(blamed)) {
		t.Errorf("%s: %v, want %q blamed", what, err, blamed)
	}
}

// TestCheck has links of somebody else in the middle of the way to a file.
func TestCheck(t *testing.T) {
	tr := newTree(t)
	tr.dir("real", 0o755)
	tr.dir("home", 0o755)
	tr.dir("sticky", 0o777|fs.ModeSticky)
	tr.dir("open", 0o777)
	tr.dir("group", 0o775)
	for _, name := range []string{"real/tool", "sticky/tool", "sticky/theirs", "open/tool", "group/tool"} {
		tr.file(name, "#!/bin/sh\n", 0o755)
	}
	tr.file("real/open", "#!/bin/sh\n", 0o757)
	for link, target := range map[string]string{
		"home/tool": tr.at("real/tool"), "home/real": tr.at("real"), // somebody's
		"one": tr.at("real/tool"), "two": "./real/../one", "dir": "real", // ours
		"to-home": tr.at("home/tool"), "by-home": tr.at("home/real"), "dots": "home/../real/tool",
		"sticky/somebodys": tr.at("real/tool"), "sticky/ours": "../real/tool", "to-sticky": "sticky/somebodys",
		"round": "about", "about": "round", "nowhere": "no/such", "to-open": "real/open",
	} {
		tr.must(os.Symlink(target, tr.at(link)))
	}
	tr.stranger("home", "home/tool", "home/real", "sticky/somebodys", "sticky/theirs")
	for path, blamed := range map[string]string{
		"real/tool": "", "one": "", "two": "", "dir/tool": "", "dir": "", "sticky/tool": "", "sticky/ours": "",
		"to-home": "home", "by-home/tool": "home", "dots": "home", "home/tool": "home", "home": "home",
		"sticky/somebodys": "sticky/somebodys", "to-sticky": "sticky/somebodys", "sticky": "sticky", "sticky/theirs": "sticky/theirs",
		"open/tool": "open", "open": "open", "group/tool": "group", "real/open": "real/open", "to-open": "real/open",
		"round": "round", "nowhere": "no", "real/tool/x": "real/tool/x", "none": "none",
	} {
		tr.blames(path, trust.Check(tr.at(path)), blamed)
	}
	tr.blames("several", trust.All(tr.at("one"), tr.at("home/tool")), "home")

	// The message has all that is needed, once the command in it was run the file is trusted.
	for path, want := range map[string]string{
		"open/tool": "%[1]s/open/tool is not trusted: %[1]s/open can be written by users other than its owner; run: chmod go-w %[1]s/open",
		"home":      "%[1]s/home is not trusted: it belongs to user 12345 instead of root; run: chown -h root %[1]s/home",
		"home/real": "%[1]s/home/real is not trusted: %[1]s/home belongs to user 12345 instead of root; keep it in a directory of root, or run this as user 12345",
	} {
		t.Run(subtest.Name(path), func(t *testing.T) {
			if err, want := trust.Check(tr.at(path)), fmt.Sprintf(want, tr.base); err == nil || err.Error() != want {
				t.Errorf("%v\nwant %s", err, want)
			}
		})
	}
	tr.must(os.Chmod(tr.at("open"), 0o755))
	tr.must(os.Lchown(tr.at("home"), 0, -1))
	tr.blames("mended", trust.All(tr.at("open/tool"), tr.at("home")), "")
}

// TestSudo has files of the user who became root by sudo. They are refused, and the error knows the way out.
func TestSudo(t *testing.T) {
	tr := newTree(t)
	tr.dir("home", 0o755)
	tr.file("home/client.cfg", "", 0o600)
	tr.file("client.cfg", "", 0o600)
	tr.stranger("home", "home/client.cfg", "client.cfg")
	for uid, want := range map[string]string{
		"12345": "run this without sudo, or use a copy that belongs to root", "12346": "", "": "", "0": "",
	} {
		t.Run(subtest.Name(uid), func(t *testing.T) {
			t.Setenv("SUDO_UID", uid)
			for path, blamed := range map[string]string{"client.cfg": "client.cfg", "home/client.cfg": "home"} {
				err := trust.Check(tr.at(path))
				tr.blames(path+" with SUDO_UID="+uid, err, blamed)
				if err != nil && strings.Contains(err.Error(), "without sudo") != (want != "") || err != nil && !strings.HasSuffix(err.Error(), want) {
					t.Errorf("SUDO_UID=%s: %v, want %q", uid, err, want)
				}
			}
		})
	}
}

// TestRelative judges a path from the working directory on, which somebody else may own.
func TestRelative(t *testing.T) {
	tr := newTree(t)
	tr.dir("theirs", 0o755)
	tr.file("theirs/tool", "", 0o755)
	tr.file("ours", "", 0o755)
	tr.stranger("theirs")
	t.Chdir(tr.at("theirs"))
	tr.blames("tool", trust.Check("tool"), "theirs")
	tr.blames("../ours", trust.Check("../ours"), "theirs")
}

func TestStrangeNames(t *testing.T) {
	tr := newTree(t)
	for name, want := range map[string]string{
		"it's a file": `'%s/it'\''s a file'`,
		"a\x1b[2J\nb": `$'%s/a\x1b[2J\nb'`,
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			tr.file(name, "", 0o666)
			err := trust.Check(tr.at(name))
			if want := "run: chmod go-w " + fmt.Sprintf(want, tr.base); err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v\nwant ... %s", err, want)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	tr := newTree(t)
	tr.dir("open", 0o777)
	for name, mode := range map[string]fs.FileMode{"own": 0o600, "group": 0o640, "all": 0o644, "execute": 0o601, "written": 0o620, "theirs": 0o600, "open/key": 0o600} {
		tr.file(name, "secret", mode)
	}
	tr.stranger("theirs")
	tr.must(os.Symlink("all", tr.at("link")))
	for name, blamed := range map[string]string{
		"own": "", "group": "", "all": "all", "execute": "execute", "written": "written", "theirs": "theirs", "open/key": "open", "link": "link", "none": "none",
	} {
		tr.blames(name, trust.Secret(tr.at(name)), blamed)
	}
	if err := trust.Secret(tr.base); err == nil {
		t.Error("a directory is a secret")
	}
}

func TestProgram(t *testing.T) {
	tr := newTree(t)
	tr.dir("theirs", 0o755)
	tr.file("theirs/ruby", "\x7fELF", 0o755)
	tr.file("good", "\x7fELF", 0o755)
	tr.file("script", "#!"+tr.at("good")+" -w\n", 0o755)
	tr.file("direct", "#! "+tr.at("theirs/ruby")+" -w\n", 0o755)
	tr.file("nested", "#!"+tr.at("direct")+"\n", 0o755)
	tr.file("env", "#!/usr/bin/env ruby\n", 0o755)
	tr.file("env-options", "#!/usr/bin/env -S X=1 ruby -w\n", 0o755)
	tr.file("env-other", "#!/usr/bin/env other\n", 0o755)
	tr.file("nowhere", "#!/no/such/interpreter\n", 0o755)
	tr.dir("sticky", 0o777|fs.ModeSticky)
	tr.file("missing", "#!"+tr.at("sticky/ruby")+"\n", 0o755)
	tr.must(os.Symlink(tr.at("sticky/ruby"), tr.at("dangling")))
	tr.file("missing-link", "#!"+tr.at("dangling")+"\n", 0o755)
	tr.file("env-unset", "#!/usr/bin/env -S -u X ruby -w\n", 0o755)
	tr.file("env-joined", "#!/usr/bin/env -Sruby -w\n", 0o755)
	tr.file("endless", "#!"+tr.at("endless")+"\n", 0o755)
	tr.file("empty", "", 0o755)
	tr.file("bang", "#!", 0o755)
	tr.stranger("theirs")
	look := func(name string) (string, error) {
		if name == "ruby" {
			return tr.at("theirs/ruby"), nil
		}
		return "", errors.New("no such program")
	}
	want := map[string]string{
		"good": "", "script": "", "direct": "theirs", "nested": "theirs", "env-other": "", "nowhere": "", "missing": "sticky", "missing-link": "sticky", "endless": "endless", "empty": "", "bang": "", "none": "none",
	}
	if _, err := os.Stat("/usr/bin/env"); err == nil && trust.Check("/usr/bin/env") == nil {
		for _, name := range []string{"env", "env-options", "env-unset", "env-joined"} {
			want[name] = "theirs"
		}
	}
	for name, blamed := range want {
		tr.blames(name, trust.Program(tr.at(name), look), blamed)
	}
}

// TestPipe judges what a shell makes of <(COMMAND): a link in /proc to what has no name.
func TestPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("this system has no files of descriptors:", err)
	}
	if err := trust.Check(path); err != nil {
		t.Error("our own pipe:", err)
	}
	gone, err := os.CreateTemp(dirtest.New(t), "here")
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	if err := os.Remove(gone.Name()); err != nil {
		t.Fatal(err)
	}
	path = fmt.Sprintf("/dev/fd/%d", gone.Fd())
	if err := trust.Check(path); err != nil {
		t.Error("a file of ours without a name:", err)
	}
	if err := gone.Chmod(0o666); err != nil {
		t.Fatal(err)
	}
	if err := trust.Check(path); err == nil {
		t.Error("a file without a name that all may write to is trusted")
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := errors.Join(gone.Chmod(0o600), gone.Chown(12345, -1)); err != nil {
		t.Fatal(err)
	}
	if err := trust.Check(path); err == nil || !strings.HasSuffix(err.Error(), "; write it to a file first") {
		t.Errorf("somebody else's file without a name: %v", err)
	}
}
