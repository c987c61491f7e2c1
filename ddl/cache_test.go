package ddl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// What nodes gave is found by its hash, survives being written, and nothing else is
// taken for it.
func TestCache(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	c := Cache{Dir: filepath.Join(dirtest.New(t), "cache"), Now: func() time.Time { return now }}
	version := func(n int) []byte { return fmt.Appendf(nil, `{"agent":"web","version":"%d"}`, n) }
	hashes := make([]string, maxVersions+2)
	for i := range hashes {
		data := version(i)
		hashes[i] = HashOf(data)
		if c.Get("web", hashes[i][:32]) != nil {
			t.Errorf("version %d is there before it was put", i)
		}
		if err := c.Put("web", data); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		if d := c.Get("web", hashes[0]); d == nil || d.Metadata.Version != "0" { // in use, so that it stays
			t.Errorf("after %d others the first is %v", i, d)
		}
		if d := c.Get("web", hashes[i][:32]); d == nil || d.Metadata.Version != strconv.Itoa(i) {
			t.Errorf("version %d is %v", i, d)
		}
	}
	if c.Get("web", hashes[1]) != nil || c.Get("web", hashes[2]) != nil || c.Get("web", hashes[3]) == nil {
		t.Error("others went than those that were not used for longest")
	}
	if l := c.Latest("web"); l == nil || !slices.Contains(hashes, l.Hash) || l.Time.Before(now.Add(-2*time.Second)) {
		t.Errorf("the latest is %+v", l)
	}
	dir := filepath.Join(c.Dir, "agent", "web")
	for path, mode := range map[string]os.FileMode{filepath.Join(dir, hashes[3]+".json"): 0o600, dir: 0o700} {
		t.Run(subtest.Name(filepath.Base(path)), func(t *testing.T) {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		})
	}
	if left, _ := os.ReadDir(dir); len(left) != maxVersions {
		t.Errorf("%d files are left, want %d", len(left), maxVersions)
	}
	if err := os.WriteFile(filepath.Join(dir, hashes[3]+".json"), version(4), 0o644); err != nil { // another than its name says
		t.Fatal(err)
	}
	for _, hash := range []string{hashes[3], "", "../" + hashes[4], strings.ToUpper(hashes[4])} {
		if d := c.Get("web", hash); d != nil {
			t.Errorf("%q has version %s", hash, d.Metadata.Version)
		}
	}
	if c.Get("../agent/web", hashes[4]) != nil || c.Put("../web", version(4)) == nil {
		t.Error("a path is taken for an agent")
	}
	if n, err := c.Forget("web"); n != maxVersions || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if n, err := c.Forget("web"); n != 0 || err != nil || c.Latest("web") != nil || len(c.Agents()) != 0 {
		t.Errorf("forgot %d once more, %v", n, err)
	}
	none := Cache{}
	if err := none.Put("web", version(1)); err != nil || none.Latest("web") != nil || none.Agents() != nil {
		t.Errorf("a cache without a directory keeps something: %v", err)
	}
}

func TestParseRemote(t *testing.T) {
	for text, want := range map[string]string{
		`{"agent": "other"}`:                                    "a node gave the definition of the agent other",
		`{"data": "web"}`:                                       "a node gave the definition of the data web",
		`{"agent": "web", "x": 1}`:                              `unknown key "x"`,
		`{"agent": "web"`:                                       "unexpected EOF",
		`{"agent": "web", "description": "\u001b[2J"}`:          "control character",
		`{"agent": "web"}` + strings.Repeat(" ", maxRemote):     "more than 262144",
		`{"agent":"web","usage":` + strings.Repeat("[", 100000): "too deep",
		"": "the file is empty",
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			if _, err := ParseRemote("web", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.60s: %v, want %q", text, err, want)
			}
		})
	}
}
