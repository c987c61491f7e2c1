package ddl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/internal/trust"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestLibraryTrust has definitions that others may change, and one that would keep its reader waiting.
func TestLibraryTrust(t *testing.T) {
	dir := dirtest.New(t)
	if err := trust.Check(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"good", "open"} {
		write(t, filepath.Join(dir, "agent", name+".yaml"), "agent: "+name)
	}
	write(t, filepath.Join(dir, "mcollective/agent/place.yaml"), "agent: place")
	if err := errors.Join(os.Chmod(filepath.Join(dir, "agent/open.yaml"), 0o666), os.Chmod(filepath.Join(dir, "mcollective"), 0o777), os.Mkdir(filepath.Join(dir, "agent/directory.yaml"), 0o755)); err != nil {
		t.Fatal(err)
	}
	l := &Library{Dirs: []string{dir}}
	for name, want := range map[string]string{
		"good": "", "open": "open.yaml is not trusted: it can be written", "place": dir + "/mcollective can be written", "directory": "not a regular file", "none": ErrUnknown.Error(),
	} {
		if _, err := l.Find(Agent, name); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for _, e := range l.List(Agent) {
		if (e.Err == nil) != (e.Name == "good") {
			t.Errorf("%+v", e)
		}
	}
}

func TestLibraryOrder(t *testing.T) {
	one, two := dirtest.New(t), dirtest.New(t)
	write(t, filepath.Join(one, "mcollective/agent/hello.yaml"), "agent: hello\ndescription: one")
	write(t, filepath.Join(two, "agent/hello.json"), `{"agent": "hello", "description": "two"}`)
	write(t, filepath.Join(two, "agent/second.yml"), "agent: second\ndescription: two")
	write(t, filepath.Join(two, "agent/broken.yaml"), "agent: broken\nactoins: {}")
	write(t, filepath.Join(two, "agent/other.yaml"), "agent: another")
	write(t, filepath.Join(two, "agent/notes.txt"), "nothing")
	write(t, filepath.Join(two, "mcollective/data/fact_data.yaml"), "data: fact\noutput: {value: }")
	built := &Definition{Kind: Agent}
	built.Metadata.Agent, built.Metadata.Description = "rpcutil", "built"
	second := *built
	second.Metadata.Agent = "second"
	l := &Library{Dirs: []string{one, two, "/does/not/exist"}, BuiltIn: func(k Kind) map[string]*Definition {
		if k != Agent {
			return nil
		}
		return map[string]*Definition{"rpcutil": built, "second": &second}
	}}
	for name, want := range map[string]string{"hello": "one", "second": "two", "rpcutil": "built"} {
		d, err := l.Find(Agent, name)
		if err != nil || d.Metadata.Description != want {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	if d, err := l.Find(Data, "fact"); err != nil || d.Query.Output("value") == nil {
		t.Errorf("fact: %v", err)
	}
	for name, want := range map[string]string{
		"broken": `broken.yaml:2: unknown key "actoins"; did you mean "actions"?`, "other": "it defines the agent another, not the agent other",
		"../agent/hello": "cannot be the name", "": "needs a name",
	} {
		if _, err := l.Find(Agent, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := l.Find(Agent, "none"); !errors.Is(err, ErrUnknown) {
		t.Errorf("none: %v", err)
	}
	var got []string
	for _, e := range l.List(Agent) {
		mark := ""
		if e.Err != nil {
			mark = "!"
		}
		got = append(got, e.Name+mark+"="+e.Description)
	}
	if want := "broken!= hello=one other!= rpcutil=built second=two"; strings.Join(got, " ") != want {
		t.Errorf("listed %v, want %s", got, want)
	}
	if all := l.List(Data); len(all) != 1 || all[0].Name != "fact" || all[0].Err != nil {
		t.Errorf("data plugins: %+v", all)
	}
}

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
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != maxVersions {
		t.Errorf("%d files are left, want %d", len(left), maxVersions)
	}
	l := &Library{Cache: c}
	if all := l.List(Agent); len(all) != 1 || all[0].Name != "web" || all[0].Source != "a node" {
		t.Errorf("listed %+v", all)
	}
	if _, err := l.Find(Agent, "web"); err != nil {
		t.Error(err)
	}
	if _, err := l.Local(Agent, "web"); !errors.Is(err, ErrUnknown) {
		t.Errorf("what nodes gave is taken for this machine's own: %v", err)
	}

	write(t, filepath.Join(dir, hashes[3]+".json"), string(version(4))) // another than its name says
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
		if _, err := ParseRemote("web", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}
