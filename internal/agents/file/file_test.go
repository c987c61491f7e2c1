package file

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/rpc"
)

func newAgent(t *testing.T, o Options) *Agent {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("files have no owners")
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// directory is an empty directory, by the path that has no links in it.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dirtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func create(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// names are those in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestStatus(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	file := filepath.Join(dir, "a b")
	create(t, file, "hello", 0o750|os.ModeSetuid)
	if err := os.Symlink("a b", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	reply := agenttest.OK(t, a, "status", "file", file, "checksum", true)
	for name, want := range map[string]any{"name": file, "output": "present", "present": int64(1), "type": "file", "size": int64(5), "mode": "4750", "uid": int64(os.Geteuid()), "checksum": sha("hello")} {
		t.Run(name, func(t *testing.T) {
			if got, _ := reply.Output(name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		})
	}
	reply = agenttest.OK(t, a, "status", "file", dir+"/link")
	if kind, target := agenttest.Output[string](t, reply, "type"), agenttest.Output[string](t, reply, "target"); kind != "symlink" || target != "a b" {
		t.Error(kind, target)
	}
	reply = agenttest.OK(t, a, "status", "file", dir, "dirlist", true)
	if n := len(agenttest.Output[[]any](t, reply, "dir_listing")); n != 2 || agenttest.Output[string](t, reply, "type") != "directory" {
		t.Error(n)
	}
	if got := agenttest.Output[int64](t, agenttest.OK(t, a, "status", "file", dir+"/none"), "present"); got != 0 {
		t.Error("a file that is not there is present")
	}
}

func TestRead(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	file := filepath.Join(dir, "f")
	create(t, file, "0123456789", 0o644)
	if err := os.Symlink("f", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		inputs []any
		want   string
		eof    bool
	}{
		{nil, "0123456789", true},
		{[]any{"offset", 3, "length", 4}, "3456", false},
		{[]any{"offset", -4}, "6789", true},
		{[]any{"offset", -40, "length", 1}, "0", false},
		{[]any{"offset", 10}, "", true},
	} {
		t.Run(subtest.Name(test.eof), func(t *testing.T) {
			for _, path := range []string{file, dir + "/link", dir + "/../" + filepath.Base(dir) + "//./f"} {
				reply := agenttest.OK(t, a, "read", append(test.inputs, "file", path)...)
				if got, eof := agenttest.Output[string](t, reply, "content"), agenttest.Output[bool](t, reply, "eof"); got != test.want || eof != test.eof {
					t.Errorf("%s %v: %q %v", path, test.inputs, got, eof)
				}
			}
		})
	}
	create(t, file, "\xff\x00", 0o644)
	reply := agenttest.OK(t, a, "read", "file", file)
	if got := agenttest.Output[string](t, reply, "content"); got != "/wA=" || agenttest.Output[string](t, reply, "encoding") != "base64" {
		t.Error(got)
	}
	create(t, file, strings.Repeat("x", maxPart+1), 0o644)
	reply = agenttest.OK(t, a, "read", "file", file, "length", 10*maxPart)
	if n := len(agenttest.Output[string](t, reply, "content")); n != maxPart || agenttest.Output[bool](t, reply, "eof") {
		t.Error(n)
	}
	for _, wrong := range [][]any{{"offset", maxPart + 2}, {"length", -1}} {
		if reply := agenttest.Call(t, a, "read", append(wrong, "file", file)...); reply.Status != rpc.InvalidData {
			t.Errorf("%v: %d %s", wrong, reply.Status, reply.Message)
		}
	}
	if runtime.GOOS == "linux" {
		reply := agenttest.OK(t, a, "read", "file", "/proc/version")
		if got := agenttest.Output[string](t, reply, "content"); !strings.HasPrefix(got, "Linux version") {
			t.Errorf("%q", got)
		}
	}
}

func TestPaths(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	for _, path := range []string{"", "relative", "./x", "/", "//", "/..", "/a\x00b", strings.Repeat("/a", 600)} {
		for _, action := range []string{"status", "read", "remove"} {
			if reply := agenttest.Call(t, a, action, "file", path); reply.Status != rpc.InvalidData {
				t.Errorf("%s %.20q: %d %s", action, path, reply.Status, reply.Message)
			}
		}
	}
	if reply := agenttest.Call(t, a, "read", "file", dir+"/none/x"); reply.Status != rpc.Aborted || reply.Message != dir+"/none/x: no such file or directory" {
		t.Error(reply.Message)
	}
	if reply := agenttest.Call(t, a, "read", "file", dir); reply.Status != rpc.Aborted || reply.Message != dir+" is a directory, not a file" {
		t.Error(reply.Message)
	}
	// Links in a circle.
	for from, to := range map[string]string{"a": "b", "b": "a", "c": "c/x"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/a", "/a/x", "/c/y"} {
		if reply := agenttest.Call(t, a, "read", "file", dir+path); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "too many symbolic links") {
			t.Errorf("%s: %d %s", path, reply.Status, reply.Message)
		}
	}
}

// A link that another user put in the way leads nowhere.
func TestLinksOfOthers(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	if os.Geteuid() != 0 {
		t.Skip("needs another user's files")
	}
	if err := os.Mkdir(dir+"/secret", 0o700); err != nil {
		t.Fatal(err)
	}
	create(t, dir+"/secret/f", "secret", 0o600)
	for name, to := range map[string]string{"way": "secret", "file": "secret/f"} {
		for _, uid := range []int{0, 12345} {
			path := dir + "/" + name
			if uid != 0 {
				path += "-planted"
			}
			if err := os.Symlink(to, path); err != nil {
				t.Fatal(err)
			}
			if err := os.Lchown(path, uid, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{"/way/f", "/file"} {
		if got := agenttest.Output[string](t, agenttest.OK(t, a, "read", "file", dir+path), "content"); got != "secret" {
			t.Error(got)
		}
	}
	for _, path := range []string{"/way-planted/f", "/file-planted"} {
		for _, action := range []string{"read", "fetch"} {
			if reply := agenttest.Call(t, a, action, "file", dir+path); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "belongs to user 12345") {
				t.Errorf("%s %s: %d %s", action, path, reply.Status, reply.Message)
			}
		}
	}
	for _, path := range []string{"/way-planted/new", "/file-planted", "/file"} { // not even a trusted link is written through
		if reply := agenttest.Call(t, a, "write", "file", dir+path, "content", "x"); reply.Status != rpc.Aborted {
			t.Errorf("%s: %d %s", path, reply.Status, reply.Message)
		}
	}
	agenttest.OK(t, a, "remove", "file", dir+"/file-planted")
	if content(t, dir+"/secret/f") != "secret" {
		t.Error("the file behind a link was changed")
	}
}

func TestAllowAndDeny(t *testing.T) {
	dir := directory(t)
	for _, name := range []string{"in", "in/deny", "inside"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		create(t, filepath.Join(dir, name, "f"), "x", 0o644)
	}
	if err := os.Symlink("../inside", dir+"/in/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../inside/f", dir+"/in/linked"); err != nil {
		t.Fatal(err)
	}
	a := newAgent(t, Options{Allow: []string{dir + "/in/"}, Deny: []string{dir + "/in/deny"}})
	for path, ok := range map[string]bool{"/in/f": true, "/in/deny/f": false, "/inside/f": false, "/in/../inside/f": false, "/in/link/f": false, "/in/linked": false} {
		t.Run(subtest.Name(path), func(t *testing.T) {
			reply := agenttest.Call(t, a, "read", "file", dir+path)
			if (reply.Status == rpc.OK) != ok || !ok && !strings.Contains(reply.Message, "does not allow") {
				t.Errorf("%s: %d %s", path, reply.Status, reply.Message)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	a, dir := newAgent(t, Options{Now: func() time.Time { return now }}), directory(t)
	file := filepath.Join(dir, "f")
	changed := func(inputs ...any) bool {
		t.Helper()
		reply := agenttest.OK(t, a, "write", append(inputs, "file", file)...)
		return agenttest.Output[bool](t, reply, "changed")
	}
	if !changed("content", "one", "noop", true) || len(names(t, dir)) != 0 {
		t.Error("no-op wrote a file, or saw no change")
	}
	if !changed("content", "one", "expect", "absent") || content(t, file) != "one" {
		t.Error("not written")
	}
	if changed("content", "one") {
		t.Error("the same is a change")
	}
	if !changed("content", "dHdv", "encoding", "base64", "expect", sha("one"), "mode", "0600") || content(t, file) != "two" {
		t.Error("not written")
	}
	reply := agenttest.OK(t, a, "write", "file", file, "content", "three", "backup", true)
	backup := agenttest.Output[string](t, reply, "backup")
	if content(t, file) != "three" || content(t, backup) != "two" || backup != file+".20260102T030405.000000006Z.bak" {
		t.Error(backup)
	}
	if fi, _ := os.Stat(file); fi.Mode() != 0o600 {
		t.Errorf("the mode was not kept: %v", fi.Mode())
	}
	for _, test := range []struct {
		inputs []any
		status rpc.Status
		text   string
	}{
		{[]any{"expect", "absent"}, rpc.Aborted, "nothing was done"},
		{[]any{"expect", sha("one")}, rpc.Aborted, "is " + sha("three") + " and not"},
		{[]any{"owner", "nobody-of-this-name"}, rpc.InvalidData, "there is no user"},
		{[]any{"group", "4294967295"}, rpc.InvalidData, "there is no group"},
		{[]any{"mode", "0999"}, rpc.InvalidData, "mode"},
		{[]any{"encoding", "base64"}, rpc.InvalidData, "not base64"},
	} {
		t.Run(subtest.Name(test.text), func(t *testing.T) {
			reply := agenttest.Call(t, a, "write", append(test.inputs, "file", file, "content", "!")...)
			if reply.Status != test.status || !strings.Contains(reply.Message, test.text) {
				t.Errorf("%v: %d %s", test.inputs, reply.Status, reply.Message)
			}
		})
	}
	if reply := agenttest.Call(t, a, "write", "file", dir+"/none", "content", "x", "expect", sha("")); reply.Status != rpc.Aborted {
		t.Error(reply.Message)
	}
	if got := names(t, dir); content(t, file) != "three" || len(got) != 2 {
		t.Errorf("a refused write left %v", got)
	}
}

func TestOwner(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	file := dir + "/f"
	agenttest.OK(t, a, "write", "file", file, "content", "x", "owner", "12345", "group", "54321", "mode", "4755")
	for range 2 { // the second keeps what the first set
		fi, err := os.Stat(file)
		if err != nil || ownerOf(fi) != (owner{12345, 54321}) || octal(fi.Mode()) != "4755" {
			t.Errorf("%v %+v %v", err, ownerOf(fi), fi.Mode())
		}
		agenttest.OK(t, a, "write", "file", file, "content", "y")
	}
}

func TestMaxSize(t *testing.T) {
	a, dir := newAgent(t, Options{MaxSize: 4}), directory(t)
	if reply := agenttest.Call(t, a, "write", "file", dir+"/f", "content", "12345"); reply.Status != rpc.InvalidData {
		t.Error(reply.Message)
	}
	agenttest.OK(t, a, "store", "file", dir+"/f", "upload", "abcdefgh", "data", "MTIzNA==")
	if reply := agenttest.Call(t, a, "store", "file", dir+"/f", "upload", "abcdefgh", "offset", 4, "data", "MQ=="); reply.Status != rpc.InvalidData {
		t.Error(reply.Message)
	}
}

// copyTo and copyFrom are how a client uses the actions.
func copyFrom(t *testing.T, a *Agent, file string, length int) string {
	t.Helper()
	var all []byte
	inputs := []any{"file", file, "length", length}
	for {
		reply := agenttest.OK(t, a, "fetch", append(inputs, "offset", len(all), "checksum", true)...)
		data, err := base64.StdEncoding.DecodeString(agenttest.Output[string](t, reply, "data"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
		inputs = []any{"file", file, "length", length, "state", agenttest.Output[string](t, reply, "state")}
		if agenttest.Output[bool](t, reply, "eof") {
			if got := agenttest.Output[string](t, reply, "checksum"); got != sha(string(all)) {
				t.Errorf("checksum is %s", got)
			}
			return string(all)
		}
	}
}

func TestCopy(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	random := make([]byte, 700_001)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	file := dir + "/big"
	create(t, file, string(random), 0o640)
	if got := copyFrom(t, a, file, 100_000); got != string(random) {
		t.Error("what was fetched is not what was there")
	}
	if copyFrom(t, a, file, maxPart) != string(random) {
		t.Error("what was fetched is not what was there")
	}
	reply := agenttest.OK(t, a, "fetch", "file", file, "length", 10)
	before := agenttest.Output[string](t, reply, "state")
	create(t, file, "another", 0o640)
	if reply := agenttest.Call(t, a, "fetch", "file", file, "offset", 1, "state", before); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "begin again") {
		t.Error(reply.Message)
	}

	upload := []any{"file", file, "upload", "Upload0001"}
	store := func(more ...any) *rpc.Reply {
		t.Helper()
		return agenttest.Call(t, a, "store", append(more, upload...)...)
	}
	offset := func(reply *rpc.Reply) int64 { t.Helper(); return agenttest.Output[int64](t, reply, "offset") }
	if n := offset(store()); n != 0 {
		t.Error(n)
	}
	encode := base64.StdEncoding.EncodeToString
	if n := offset(store("data", encode(random[:300_000]))); n != 300_000 {
		t.Error(n)
	}
	if reply := store("data", "AAAA", "offset", 300_001); reply.Status != rpc.InvalidData || offset(reply) != 300_000 {
		t.Error(reply.Message)
	}
	if n := offset(store()); n != 300_000 { // where a copy that was broken off goes on
		t.Error(n)
	}
	if n := offset(store("data", encode(random[200_000:500_000]), "offset", 200_000)); n != 500_000 {
		t.Error(n)
	}
	commit := append([]any{"checksum", sha(string(random)), "expect", sha("another"), "backup", true}, upload...)
	if reply := agenttest.Call(t, a, "commit", commit...); reply.Status != rpc.Aborted || content(t, file) != "another" {
		t.Error(reply.Message)
	}
	store("data", encode(random[500_000:]), "offset", 500_000)
	agenttest.OK(t, a, "commit", append(commit, "noop", true)...)
	if content(t, file) != "another" {
		t.Error("no-op changed the file")
	}
	reply = agenttest.OK(t, a, "commit", commit...)
	if fi, _ := os.Stat(file); content(t, file) != string(random) || fi.Mode() != 0o640 || content(t, agenttest.Output[string](t, reply, "backup")) != "another" {
		t.Error("the file is not as it was sent")
	}
	if reply := agenttest.Call(t, a, "commit", commit...); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "no part") {
		t.Error(reply.Message)
	}
	store("data", "AAAA")
	if !agenttest.Output[bool](t, agenttest.OK(t, a, "discard", upload...), "changed") || agenttest.Output[bool](t, agenttest.OK(t, a, "discard", upload...), "changed") {
		t.Error("discard")
	}
	if got := names(t, dir); len(got) != 2 {
		t.Error(got)
	}
}

// A file for parts that somebody else laid out is not written to.
func TestPartsOfOthers(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	create(t, dir+"/victim", "victim", 0o644)
	if err := os.Symlink("victim", dir+"/.f.abcdefgh.mco-part"); err != nil {
		t.Fatal(err)
	}
	if reply := agenttest.Call(t, a, "store", "file", dir+"/f", "upload", "abcdefgh", "data", "AAAA"); reply.Status != rpc.Aborted {
		t.Error(reply)
	}
	if content(t, dir+"/victim") != "victim" {
		t.Error("it was written through a link")
	}
}

func TestRemove(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	create(t, dir+"/f", "x", 0o644)
	if err := os.MkdirAll(dir+"/full/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	removed := func(inputs ...any) bool {
		t.Helper()
		return agenttest.Output[bool](t, agenttest.OK(t, a, "remove", inputs...), "changed")
	}
	if !removed("file", dir+"/f", "noop", true) || len(names(t, dir)) != 2 {
		t.Error("no-op")
	}
	if reply := agenttest.Call(t, a, "remove", "file", dir+"/f", "expect", sha("y")); reply.Status != rpc.Aborted {
		t.Error(reply.Message)
	}
	if !removed("file", dir+"/f", "expect", sha("x")) || removed("file", dir+"/f") {
		t.Error("not removed")
	}
	if reply := agenttest.Call(t, a, "remove", "file", dir+"/full"); reply.Status != rpc.Aborted || !strings.Contains(reply.Message, "not empty") {
		t.Error(reply.Message)
	}
	if !removed("file", dir+"/full/sub") {
		t.Error("not removed")
	}
}

func TestFilemgr(t *testing.T) {
	dir := directory(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a, err := NewFilemgr(Options{Touch: dir + "/touched", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if a.Active(t.Context()) != nil {
		t.Skip("not here")
	}
	reply := agenttest.Call(t, a, "status")
	if reply.Status != rpc.Aborted || reply.Message != dir+"/touched does not exist" || agenttest.Output[int64](t, reply, "present") != 0 {
		t.Error(reply.Message)
	}
	agenttest.OK(t, a, "touch", "noop", true)
	for range 2 {
		agenttest.OK(t, a, "touch")
	}
	create(t, dir+"/touched", "hello", 0o640)
	agenttest.OK(t, a, "touch", "file", dir+"/touched")
	reply = agenttest.OK(t, a, "status")
	sum := md5.Sum([]byte("hello"))
	for name, want := range map[string]any{"name": dir + "/touched", "output": "present", "type": "file", "mode": "100640", "md5": hex.EncodeToString(sum[:]), "mtime_seconds": now.Unix(), "size": int64(5)} {
		t.Run(name, func(t *testing.T) {
			if got, _ := reply.Output(name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		})
	}
	reply = agenttest.OK(t, a, "status", "file", dir, "dirlist", true)
	if diff := cmp.Diff([]any{"touched"}, agenttest.Output[[]any](t, reply, "dir_listing")); diff != "" {
		t.Error(diff)
	}
	agenttest.OK(t, a, "remove", "noop", true)
	agenttest.OK(t, a, "remove")
	if reply := agenttest.Call(t, a, "remove"); reply.Message != "Could not remove file '"+dir+"/touched' - it is not present" {
		t.Error(reply.Message)
	}
	if reply := agenttest.Call(t, a, "remove", "file", dir); reply.Message != "Could not remove file '"+dir+"': is a directory" {
		t.Error(reply.Message)
	}
}

// Whatever a path is, only what is below an allowed directory is found.
func FuzzFind(f *testing.F) {
	dir, err := filepath.EvalSymlinks(dirtest.New(f))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.Symlink("../out", dir+"/in/up"); err != nil {
		f.Fatal(err)
	}
	o := Options{Allow: []string{dir + "/in"}}
	for _, s := range []string{"/x", "/../out/x", "/up/x", "/./up/../x", "/up/../in/x", "//", "/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := o.find(dir + "/in" + s)
		if err != nil {
			return
		}
		defer p.close()
		here, err := p.directory.Stat(".")
		if err != nil {
			t.Fatal(err)
		}
		in, err := os.Stat(dir + "/in")
		if err != nil {
			t.Fatal(err)
		}
		if whole := path.Clean(dir+"/in"+s) == dir+"/in"; !whole && !os.SameFile(here, in) { // there are no directories in it
			t.Errorf("%q led out", s)
		}
		if bytes.ContainsAny([]byte(p.name), "/\x00") || p.name == ".." || p.name == "." {
			t.Errorf("%q has the name %q", s, p.name)
		}
	})
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// Directories of the configuration may be written with links in them, as /var/run is.
func TestConfiguredLinks(t *testing.T) {
	dir := directory(t)
	for _, sub := range []string{"run/secrets", "var", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link(t, filepath.Join(dir, "run"), filepath.Join(dir, "var/run"))
	create(t, filepath.Join(dir, "run/secrets/key"), "k", 0o600)
	create(t, filepath.Join(dir, "other/f"), "f", 0o600)
	paths := []string{"var/run/secrets/key", "run/secrets/key", "var/../var/run/./secrets//key", "other/f", "run/later/x"}
	for _, test := range []struct {
		o    Options
		want string // which of them may be touched
	}{
		{Options{Deny: []string{dir + "/var/run/secrets"}}, "   ++"},
		{Options{Deny: []string{dir + "/var/run/secrets/key"}}, "   ++"},
		{Options{Deny: []string{dir + "/run/secrets/"}}, "   ++"},
		{Options{Deny: []string{dir + "/var/run/later"}}, "++++ "}, // made later
		{Options{Allow: []string{dir + "/var/run"}}, "+++ +"},
		{Options{Allow: []string{dir + "/var/run"}, Deny: []string{dir + "/var/run/secrets"}}, "    +"},
		{Options{Allow: []string{dir + "/other", dir + "/none"}}, "   + "},
	} {
		t.Run(subtest.Name(strings.ReplaceAll(fmt.Sprint(test.o), dir, "")), func(t *testing.T) {
			if err := os.RemoveAll(dir + "/run/later"); err != nil {
				t.Fatal(err)
			}
			got := ""
			for i, name := range paths {
				if i == len(paths)-1 {
					if err := os.Mkdir(dir+"/run/later", 0o755); err != nil {
						t.Fatal(err)
					}
				}
				p, err := test.o.settled().find(dir + "/" + name)
				if err != nil {
					got += " "
					continue
				}
				p.close()
				got += "+"
			}
			if got != test.want {
				t.Errorf("%+v: %q, want %q", test.o, got, test.want)
			}
		})
	}
	if os.Geteuid() != 0 {
		return
	}
	// Somebody else's link in the place of a directory that is allowed.
	link(t, dir+"/other", dir+"/planted")
	if err := os.Lchown(dir+"/planted", 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/other/f", "/planted/f"} {
		if p, err := (Options{Allow: []string{dir + "/planted"}}).settled().find(dir + name); err == nil {
			p.close()
			t.Errorf("%s may be touched", name)
		}
	}
}

// A relative link leads on from the directory that it lies in, and not from that by
// which it was asked for; nor is ".." the directory whose name was written before it.
func TestRelativeLinks(t *testing.T) {
	a, dir := newAgent(t, Options{}), directory(t)
	if err := os.MkdirAll(filepath.Join(dir, "a/d"), 0o755); err != nil {
		t.Fatal(err)
	}
	create(t, dir+"/a/f", "right", 0o600)
	create(t, dir+"/f", "wrong", 0o600)
	link(t, "../f", dir+"/a/d/link")
	link(t, "a/d", dir+"/l")
	link(t, "l/../f", dir+"/round")
	for _, name := range []string{"/l/link", "/round", "/l/../f", "/a/d/link", "/l/./link", "/a/d/../f"} {
		if got := agenttest.Output[string](t, agenttest.OK(t, a, "read", "file", dir+name), "content"); got != "right" {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, want := range map[string]string{"/l/..": "directory", "/a/d/.": "directory", "/a/": "directory", "/l": "symlink"} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if got := agenttest.Output[string](t, agenttest.OK(t, a, "status", "file", dir+name), "type"); got != want {
				t.Errorf("%s: %s", name, got)
			}
		})
	}
	for _, root := range []string{"/", "//", "/.", "/..", "/../."} {
		if reply := agenttest.Call(t, a, "status", "file", root); reply.Status != rpc.InvalidData {
			t.Errorf("%s: %d %s", root, reply.Status, reply.Message)
		}
	}
}
