package discovery_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/dirtest"
)

func TestFlatfile(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "nodes")
	write(t, path, "\ufeffweb1\n# a comment\n\n  web2  \r\ndb1\nweb1\n")
	identities := func(texts ...string) filter.Filter {
		var f filter.Filter
		for _, s := range texts {
			f.Identities = append(f.Identities, filter.Pattern{Text: s})
		}
		return f
	}
	for _, tc := range []struct {
		name  string
		query discovery.Query
		want  []string
	}{
		{"all", discovery.Query{}, []string{"web1", "web2", "db1"}},
		{"literal", discovery.Query{Filter: identities("db1", "elsewhere")}, []string{"db1"}},
		{"regex", discovery.Query{Filter: identities("/^web/")}, []string{"web1", "web2"}},
		{"any of several is enough", discovery.Query{Filter: identities("/1$/", "web2")}, []string{"web1", "web2", "db1"}},
		{"limit", discovery.Query{Limit: 2}, []string{"web1", "web2"}},
		{"agents are not judged", discovery.Query{Filter: filter.Filter{Agents: []filter.Pattern{{Text: "rpcutil"}}}}, []string{"web1", "web2", "db1"}},
		{"nothing", discovery.Query{Filter: identities("elsewhere")}, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := discovery.Flatfile{Path: path}.Discover(context.Background(), tc.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFlatfileRefuses(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "nodes")
	write(t, path, "web1\nweb 2\n")
	empty := filepath.Join(dirtest.New(t), "empty")
	write(t, empty, "# none today\n\n")
	good := filepath.Join(dirtest.New(t), "good")
	write(t, good, "web1\n")
	for _, tc := range []struct {
		name, path, want string
		filter           filter.Filter
	}{
		{"no path", "", "needs a path", filter.Filter{}},
		{"no file", path + ".missing", "cannot read the discovery file", filter.Filter{}},
		{"bad name", path, "line 2", filter.Filter{}},
		{"facts", good, "cannot use fact filters", filter.Filter{Facts: []filter.Fact{{Name: "a", Operator: "==", Value: "b"}}}},
		{"classes", good, "cannot use class filters", filter.Filter{Classes: []filter.Pattern{{Text: "a"}}}},
		{"compound", good, "cannot use compound filters", filter.Filter{Compound: []filter.Compound{{{Kind: filter.Statement, Text: "a"}}}}},
		{"no names", empty, "no nodes: there is no name in", filter.Filter{}},
		{"bad regex", good, "identity filter", filter.Filter{Identities: []filter.Pattern{{Text: "/(/"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := discovery.Flatfile{Path: tc.path}.Discover(context.Background(), discovery.Query{Filter: tc.filter})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want it to contain %q", err, tc.want)
			}
		})
	}
}

func TestStdin(t *testing.T) {
	for _, tc := range []struct {
		name, format, input string
		want                []string
		wantErr             string
	}{
		{"text", "", "n1\nn2\n", []string{"n1", "n2"}, ""},
		{"json by its look", "auto", ` [{"sender":"n1","data":{}},{"certname":"n2"},{"sender":"n1"}]`, []string{"n1", "n2"}, ""},
		{"text of an editor", "", "\ufeffn1\r\nn2\r\n", []string{"n1", "n2"}, ""},
		{"json of an editor", "", "\ufeff[{\"sender\":\"n1\"}]\r\n", []string{"n1"}, ""},
		{"UTF-16", "", "\xff\xfen\x001\x00", nil, "save it as UTF-8"},
		{"json", "JSON", `[{"sender":"n1"}]`, []string{"n1"}, ""},
		{"blank", "", " \n", nil, "no nodes: standard input is empty"},
		{"no sender", "", `[{"name":"n1"}]`, nil, "neither a sender nor a certname"},
		{"bad sender", "", `[{"sender":"n 1"}]`, nil, "is no identity"},
		{"not json", "json", "n1", nil, "not a JSON array"},
		{"empty array", "", "[]", nil, "no nodes: the list"},
		{"truncated", "", `[{"sender":"n1"},{"sen`, nil, "not a JSON array"},
		{"nothing at all", "", "", nil, "no nodes"},
		{"unknown type", "xml", "n1", nil, "only knows the types"},
		{"bad name", "", "n1;rm", nil, "line 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := discovery.Stdin{Reader: strings.NewReader(tc.input), Format: tc.format}
			got, err := m.Discover(context.Background(), discovery.Query{})
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error is %v, want it to contain %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzStdin(f *testing.F) {
	f.Add("n1\nn2")
	f.Add(`[{"sender":"n1"}]`)
	f.Fuzz(func(t *testing.T, input string) {
		names, err := discovery.Stdin{Reader: strings.NewReader(input)}.Discover(context.Background(), discovery.Query{})
		if err != nil {
			return
		}
		for _, n := range names {
			if strings.ContainsAny(n, " \n/\x00\x1b") || n == "" {
				t.Errorf("%q became a node", n)
			}
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
