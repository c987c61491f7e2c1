package data_test

import (
	order "cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/ddl"
	"mcollective/internal/data"
	"mcollective/internal/subtest"
	"mcollective/internal/timelimit/timelimittest"
	"mcollective/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type node struct{}

func (node) Facts() map[string]any {
	return map[string]any{
		"os":    map[string]any{"family": "Debian", "release": map[string]any{"major": "12"}},
		"disks": []any{"sda", map[string]any{"name": "<sdb>"}}, "cpus": "4", "": "nothing",
	}
}

func (node) Agents() []rpc.Metadata {
	return []rpc.Metadata{{Agent: "rpcutil", Version: "1.0", License: "l", Timeout: 10 * time.Second}}
}

func builtIn() *data.Set { return data.NewSet(data.BuiltIn(node{}, []string{"mcollective", "eu"})...) }

func text(s string) *string { return &s }

// TestAnswers has what Ruby's plugins answer to get_data.
func TestAnswers(t *testing.T) {
	s := builtIn()
	fact := func(exists bool, value, encoding any) []data.Output {
		return []data.Output{{"exists", exists}, {"value", value}, {"value_encoding", encoding}}
	}
	none := fact(false, false, false)
	for _, c := range []struct {
		plugin, query string
		want          []data.Output
		err           string
		status        rpc.Status
	}{
		{plugin: "fact", query: "cpus", want: fact(true, "4", "text/plain")},
		{plugin: "fact", query: "os.release.major", want: fact(true, "12", "text/plain")},
		{plugin: "Fact_data", query: "os.release", want: fact(true, `{"major":"12"}`, "application/json")},
		{plugin: "fact", query: "disks.0", want: fact(true, "sda", "text/plain")},
		{plugin: "fact", query: "disks.-1.name", want: fact(true, "<sdb>", "text/plain")},
		{plugin: "fact", query: "disks.1", want: fact(true, `{"name":"<sdb>"}`, "application/json")},
		{plugin: "fact", query: "disks.2", want: none},
		{plugin: "fact", query: "disks.-3", want: none},
		{plugin: "fact", query: "disks.99999999999999999999", want: none},
		{plugin: "fact", query: "disks.x", err: `invalid value for Integer(): "x"`},
		{plugin: "fact", query: "cpus.x", want: none},
		{plugin: "fact", query: "nosuch", want: none},
		{plugin: "fact", query: "os.", want: fact(true, `{"family":"Debian","release":{"major":"12"}}`, "application/json")},
		{plugin: "fact", query: "", err: "Cannot validate input query: value should match .", status: 4},
		{plugin: "fact", query: strings.Repeat("x", 257), err: "Cannot validate input query: Input string is longer than 256 character(s)", status: 4},
		{plugin: "collective", query: "eu", want: []data.Output{{"member", true}}},
		{plugin: "collective", query: "us", want: []data.Output{{"member", false}}},
		{plugin: "agent", query: "rpcutil", want: []data.Output{{"license", "l"}, {"timeout", int64(10)}, {"description", "unknown"}, {"url", "unknown"}, {"version", "1.0"}, {"author", "unknown"}, {"agent", "rpcutil"}}},
		{plugin: "agent", query: "nosuch", err: "No agent called nosuch found"},
		{plugin: "nosuch", query: "x", err: "Can't find DDL for data plugin 'nosuch_data'"},
	} {
		t.Run(subtest.Name(c.plugin, c.query), func(t *testing.T) {
			got, err := s.Lookup(t.Context(), c.plugin, &c.query)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s %q: %v %s", c.plugin, c.query, err, diff)
			}
			if fmt.Sprint(err) != c.err && (err != nil || c.err != "") {
				t.Errorf("%s %q: %v, want %s", c.plugin, c.query, err, c.err)
			}
			if e := (*rpc.Error)(nil); errors.As(err, &e) && e.Status != order.Or(c.status, rpc.UnknownError) || c.status != 0 && e == nil {
				t.Errorf("%s %q: %v has another status than %d", c.plugin, c.query, err, c.status)
			}
		})
	}
	if _, err := s.Lookup(t.Context(), "nosuch", nil); fmt.Sprint(err) != "No plugin nosuch_data defined" {
		t.Error(err)
	}
	if _, err := s.Lookup(t.Context(), "fact", nil); fmt.Sprint(err) != "Cannot validate input query: value should be a string" {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"agent_data", "collective_data", "fact_data"}, s.Names()); diff != "" {
		t.Error(diff)
	}
	var empty *data.Set
	if _, err := empty.Data(t.Context(), "fact", "x"); err == nil || empty.Names() != nil || empty.Definitions() != nil {
		t.Error("no set at all has something")
	}
}

// A plugin answers as a test tells it.
type plugin struct {
	definition *ddl.Definition
	query      func(context.Context, string) (map[string]any, error)
}

func (p plugin) Definition() *ddl.Definition { return p.definition }
func (p plugin) Query(ctx context.Context, q string) (map[string]any, error) {
	return p.query(ctx, q)
}

func newPlugin(query func(context.Context, string) (map[string]any, error)) data.Plugin {
	return plugin{&ddl.Definition{Kind: ddl.Data, Metadata: rpc.Metadata{Agent: "slow", Name: "slow", Timeout: 2 * time.Second}, Query: &ddl.Action{
		Outputs: []*ddl.Output{{Name: "value", Default: "none"}},
	}}, query}
}

func TestTimeLimit(t *testing.T) {
	timelimittest.Run(t, 8, func(_ *testing.T, code timelimittest.Code) func(context.Context) string {
		set := data.NewSet(newPlugin(func(ctx context.Context, _ string) (map[string]any, error) { return nil, code(ctx) }))
		return func(ctx context.Context) string {
			_, err := set.Lookup(ctx, "slow", nil)
			if err == nil {
				return ""
			}
			return err.Error()
		}
	})
}

func TestTextOfTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := data.NewSet(newPlugin(func(ctx context.Context, _ string) (map[string]any, error) { <-ctx.Done(); return nil, ctx.Err() }))
		if _, err := set.Lookup(t.Context(), "slow", nil); fmt.Sprint(err) != "Data plugin slow_data timed out on query ''" {
			t.Error(err)
		}
		if _, err := set.Lookup(t.Context(), "slow", text("x")); err == nil || !strings.Contains(err.Error(), "No data plugin argument was declared") {
			t.Error(err)
		}
	})
}

func TestBadPlugins(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		err    string
	}{
		"list": {map[string]any{"value": []int{1}}, "data plugin slow: output value: it is []interface {}; only strings, integers, floats and booleans can be compared"},
		"func": {map[string]any{"other": func() {}}, "data plugin slow: output other: a message cannot hold func()"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := data.NewSet(newPlugin(func(context.Context, string) (map[string]any, error) { return c.values, nil })).Data(t.Context(), "slow", "")
			if fmt.Sprint(err) != c.err {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	_, err := data.NewSet(newPlugin(func(context.Context, string) (map[string]any, error) { panic("oh") })).Data(t.Context(), "slow", "")
	if fmt.Sprint(err) != "data plugin slow broke: oh" {
		t.Error(err)
	}
}

func FuzzFact(f *testing.F) {
	for _, s := range []string{"os.release", "disks.0.x", "..", "disks.-1", "disks.0x1"} {
		f.Add(s)
	}
	s := builtIn()
	f.Fuzz(func(t *testing.T, path string) {
		out, err := s.Lookup(t.Context(), "fact", &path)
		if err == nil && len(out) != 3 {
			t.Fatalf("%q: %v", path, out)
		}
	})
}

// A filter has no other way to say that it gives no query.
func TestNoQueryInAFilter(t *testing.T) {
	for _, optional := range []bool{true, false} {
		def := &ddl.Definition{Kind: ddl.Data, Metadata: rpc.Metadata{Agent: "x", Name: "x", Timeout: time.Second}, Query: &ddl.Action{
			Inputs:  []*ddl.Input{{Name: "query", Type: ddl.String, Optional: optional, Validation: ddl.Validation{Regexp: "."}}},
			Outputs: []*ddl.Output{{Name: "value"}},
		}}
		answers := plugin{def, func(context.Context, string) (map[string]any, error) { return map[string]any{"value": "y"}, nil }}
		if _, err := data.NewSet(answers).Data(t.Context(), "x", ""); (err == nil) != optional {
			t.Errorf("optional %v: %v", optional, err)
		}
	}
}
