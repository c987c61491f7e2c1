package library

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/ddl"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
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
		"good": "", "open": "open.yaml is not trusted: it can be written", "place": dir + "/mcollective can be written", "directory": "not a regular file", "none": ddl.ErrUnknown.Error(),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := l.Find(ddl.Agent, name); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		})
	}
	for _, e := range l.List(ddl.Agent) {
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
	built := &ddl.Definition{Kind: ddl.Agent}
	built.Metadata.Agent, built.Metadata.Description = "rpcutil", "built"
	second := *built
	second.Metadata.Agent = "second"
	l := &Library{Dirs: []string{one, two, "/does/not/exist"}, BuiltIn: func(k ddl.Kind) map[string]*ddl.Definition {
		if k != ddl.Agent {
			return nil
		}
		return map[string]*ddl.Definition{"rpcutil": built, "second": &second}
	}}
	for name, want := range map[string]string{"hello": "one", "second": "two", "rpcutil": "built"} {
		t.Run(name, func(t *testing.T) {
			d, err := l.Find(ddl.Agent, name)
			if err != nil || d.Metadata.Description != want {
				t.Errorf("%s: %v, %v", name, d, err)
			}
		})
	}
	if d, err := l.Find(ddl.Data, "fact"); err != nil || d.Query.Output("value") == nil {
		t.Errorf("fact: %v", err)
	}
	for name, want := range map[string]string{
		"broken": `broken.yaml:2: unknown key "actoins"; did you mean "actions"?`, "other": "it defines the agent another, not the agent other",
		"../agent/hello": "cannot be the name", "": "needs a name",
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if _, err := l.Find(ddl.Agent, name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		})
	}
	if _, err := l.Find(ddl.Agent, "none"); !errors.Is(err, ddl.ErrUnknown) {
		t.Errorf("none: %v", err)
	}
	var got []string
	for _, e := range l.List(ddl.Agent) {
		mark := ""
		if e.Err != nil {
			mark = "!"
		}
		got = append(got, e.Name+mark+"="+e.Description)
	}
	if want := "broken!= hello=one other!= rpcutil=built second=two"; strings.Join(got, " ") != want {
		t.Errorf("listed %v, want %s", got, want)
	}
	if all := l.List(ddl.Data); len(all) != 1 || all[0].Name != "fact" || all[0].Err != nil {
		t.Errorf("data plugins: %+v", all)
	}
}

// What nodes gave is listed and found, and is not this machine's own.
func TestLibraryHasACache(t *testing.T) {
	c := ddl.Cache{Dir: filepath.Join(dirtest.New(t), "cache")}
	if err := c.Put("web", []byte(`{"agent":"web"}`)); err != nil {
		t.Fatal(err)
	}
	l := &Library{Cache: c}
	if all := l.List(ddl.Agent); len(all) != 1 || all[0].Name != "web" || all[0].Source != "a node" {
		t.Errorf("listed %+v", all)
	}
	if _, err := l.Find(ddl.Agent, "web"); err != nil {
		t.Error(err)
	}
	if _, err := l.Local(ddl.Agent, "web"); !errors.Is(err, ddl.ErrUnknown) {
		t.Errorf("what nodes gave is taken for this machine's own: %v", err)
	}
}
