package authorization

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mcollective/internal/dirtest"
)

// A machine is a node as policies see it.
type machine struct {
	facts   map[string]any
	classes []string
	data    map[string]map[string]any
}

func (m *machine) Identity() string  { return "web1.example.net" }
func (m *machine) Agents() []string  { return []string{"discovery", "puppet"} }
func (m *machine) Classes() []string { return m.classes }
func (m *machine) Fact(name string) (any, bool) {
	v, ok := m.facts[name]
	return v, ok
}
func (m *machine) Data(_ context.Context, plugin, query string) (map[string]any, error) {
	if d, ok := m.data[plugin]; ok {
		return d, nil
	}
	return nil, errors.New("no data plugin " + plugin)
}

var web = &machine{
	facts: map[string]any{
		"a": "1", "b": "2", "n": "10", "os": "Linux", "environment": "production",
		"list": []any{"x"}, "deep": map[string]any{"er": "z"},
	},
	classes: []string{"web", "db::server"},
	data:    map[string]map[string]any{"puppet": {"enabled": false}},
}

// files makes a directory of policies.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := filepath.Join(dirtest.New(t), "policies")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
