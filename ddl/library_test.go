package ddl

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

func TestLibraryOrder(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
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
		d, err := l.Find(context.Background(), Agent, name)
		if err != nil || d.Metadata.Description != want {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	if d, err := l.Find(context.Background(), Data, "fact"); err != nil || d.Query.Output("value") == nil {
		t.Errorf("fact: %v", err)
	}
	for name, want := range map[string]string{
		"broken": `broken.yaml:2: unknown key "actoins"; did you mean "actions"?`, "other": "it defines the agent another, not the agent other",
		"../agent/hello": "cannot be the name", "": "needs a name",
	} {
		if _, err := l.Find(context.Background(), Agent, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := l.Find(context.Background(), Agent, "none"); !errors.Is(err, ErrUnknown) {
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

func TestLibraryAsksNodes(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	d, err := Parse("web.yaml", []byte("agent: web\nactions: {go: }"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var asked []string
	answer, failure := data, error(nil)
	l := &Library{Cache: cache, Now: func() time.Time { return now }, Fetch: func(_ context.Context, name, hash string) ([]byte, error) {
		asked = append(asked, name+" "+hash)
		return answer, failure
	}}
	find := func(times int, hash, want string) {
		t.Helper()
		asked = nil
		got, err := l.Find(context.Background(), Agent, "web")
		if want == "" && (err != nil || got.Hash() != d.Hash()) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, %v, want %q", got, err, want)
		}
		if len(asked) != times || times > 0 && asked[0] != "web "+hash {
			t.Errorf("asked %q, want %d times with %q", asked, times, hash)
		}
	}
	find(1, "", "")
	find(0, "", "")
	now = now.Add(2 * time.Hour)
	answer = nil // unchanged
	find(1, d.Hash(), "")
	find(0, "", "")
	now = now.Add(2 * time.Hour)
	failure = errors.New("nobody is there")
	find(1, d.Hash(), "")

	file := filepath.Join(cache, "agent", "web.json")
	for path, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left in the cache: %v", left)
	}
	if all := l.List(Agent); len(all) != 1 || all[0].Name != "web" {
		t.Errorf("listed %+v", all)
	}

	write(t, file, strings.Repeat("x", maxRemote+1))
	find(1, "", "nobody is there")
	failure = nil
	find(1, "", ErrUnknown.Error())
	for text, want := range map[string]string{
		`{"agent": "other"}`:                                    "a node gave the definition of the agent other",
		`{"data": "web"}`:                                       "a node gave the definition of the data web",
		`{"agent": "web", "x": 1}`:                              `unknown key "x"`,
		`{"agent": "web"`:                                       "unexpected EOF",
		`{"agent": "web", "description": "\u001b[2J"}`:          "control character",
		`{"agent": "web"}` + strings.Repeat(" ", maxRemote):     "more than 262144",
		`{"agent":"web","usage":` + strings.Repeat("[", 100000): "too deep",
	} {
		answer = []byte(text)
		find(1, "", want)
	}
}
