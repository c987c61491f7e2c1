package filter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A testNode is a Node made of plain values. Its data plugins are functions of
// the query.
type testNode struct {
	identity string
	agents   []string
	classes  []string
	facts    map[string]any
	data     map[string]func(query string) (map[string]any, error)
	calls    int
}

func (n *testNode) Identity() string  { return n.identity }
func (n *testNode) Agents() []string  { return n.agents }
func (n *testNode) Classes() []string { return n.classes }

func (n *testNode) Fact(name string) (any, bool) {
	v, ok := n.facts[name]
	return v, ok
}

func (n *testNode) Data(ctx context.Context, plugin, query string) (map[string]any, error) {
	n.calls++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	run, ok := n.data[plugin]
	if !ok {
		return nil, errors.New("there is no such data plugin")
	}
	return run(query)
}

// sample is a node for tests that need no particular one.
func sample() *testNode {
	return &testNode{
		identity: "web1.example.net",
		agents:   []string{"discovery", "rpcutil"},
		classes:  []string{"common", "role::web", "Upper", "with space"},
		facts: map[string]any{
			"country": "de", "cpus": "4", "memory": "2048.5", "uptime": "010", "odd": "08", "clock": "10:30",
			"negative": "-5", "empty": "", "version": "2.10.1", "path": "/usr/bin", "eq": "a=b", "lines": "one\ntwo",
			"interfaces": []any{"lo", "eth0"},
			"a.b":        "literal",
			"a":          map[string]any{"b": "nested", "c": "1"},
			"os":         map[string]any{"family": "Debian", "release": map[string]any{"major": "12", "full": "12.5"}},
			"disks":      []any{map[string]any{"name": "sda"}, map[string]any{"name": "sdb"}},
			"mounts":     map[string]any{"/": map[string]any{"size": "10"}, "/srv/a.b": map[string]any{"size": "20"}},
		},
		data: map[string]func(string) (map[string]any, error){
			"fstat": func(q string) (map[string]any, error) {
				if q == "" {
					return nil, errors.New("the query is missing")
				}
				return map[string]any{"size": int64(100), "type": "file", "present": true, "load": 0.5, "none": nil}, nil
			},
		},
	}
}

func mustMatch(t *testing.T, f *Filter, n Node, r Rules) bool {
	t.Helper()
	ok, err := f.Match(context.Background(), n, r)
	if ok && err != nil {
		t.Fatalf("%s: true comes with the error %v", f, err)
	}
	return ok
}

// render shows terms for comparison.
func render(c Compound) string {
	var b strings.Builder
	for i, t := range c {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch t.Kind {
		case Statement:
			fmt.Fprintf(&b, "<%s>", t.Text)
		case Call:
			fmt.Fprintf(&b, "{%s %#v %s %s %q %v}", t.Call.Name, t.Call.Params, t.Call.Output, t.Call.Operator, t.Call.Compare.Text, t.Call.Compare.Regexp)
		default:
			b.WriteString(string(t.Kind))
		}
	}
	return b.String()
}
