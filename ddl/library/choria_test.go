package library

import (
	"os"
	"path/filepath"
	"testing"

	"mcollective/ddl"
	"mcollective/internal/dirtest"
)

// TestChoriasJSON is about directories of Choria's packages, which have a .json of
// another form beside each .ddl.
func TestChoriasJSON(t *testing.T) {
	dir := dirtest.New(t)
	put := func(name, text string) {
		path := filepath.Join(dir, "agent", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const other = `{"$schema":"https://choria.io/schemas/mcorpc/ddl/v1/agent.json","metadata":{"name":"both"},"actions":[]}`
	put("both.json", other)
	put("both.ddl", `metadata :name => "both", :description => "Ruby's", :author => "a", :license => "l", :version => "1", :url => "u", :timeout => 1`)
	put("alone.json", other)
	l := &Library{Dirs: []string{dir}}
	d, err := l.Find(ddl.Agent, "both")
	if err != nil || d.Metadata.Description != "Ruby's" {
		t.Errorf("%v %v", d, err)
	}
	if _, err := l.Find(ddl.Agent, "alone"); err == nil {
		t.Error("a definition of Choria's alone was read")
	}
	entries := l.List(ddl.Agent)
	if len(entries) != 2 || entries[0].Name != "alone" || entries[0].Err == nil || entries[1].Source != filepath.Join(dir, "agent", "both.ddl") || entries[1].Err != nil {
		t.Errorf("%v", entries)
	}
}
