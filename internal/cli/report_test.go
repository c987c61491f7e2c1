package cli

import (
	"bytes"
	"strings"
	"testing"
	"text/template"

	"mcollective/client"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/rpc"
	"mcollective/value"
)

func TestDotIsEscaped(t *testing.T) {
	m := &membership{members: map[string][]string{`uk"; evil`: {`a\b`, "n\x1b"}}}
	want := "graph {\n   subgraph \"uk\\\"; evil\" {\n      \"a\\\\b\" -- \"uk\\\"; evil\"\n      \"n\\\\x1b\" -- \"uk\\\"; evil\"\n   }\n}\n"
	if got := m.dot(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestInnerFacts(t *testing.T) {
	h := value.NewMap("release", value.NewMap("major", "7", "a.b", "x"), "c.d", value.NewMap("e", "y"))
	for path, want := range map[string]any{"release.major": "7", "release.a.b": "x", "c.d.e": "y", "release.minor": nil, "release.major.x": nil, "": nil} {
		if got := inner(h, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

// TestReportsAreCleaned: what a node says reaches a terminal, and a pipe that may end
// on one, without what that would obey; with --raw it is as it came.
func TestReportsAreCleaned(t *testing.T) {
	stats := value.NewMap(value.Symbol("version"), "2\x1b[2J", value.Symbol("starttime"), "\x1b", value.Symbol("times"), "no hash")
	about := value.NewMap(value.Symbol("agents"), []any{"a\x1b"}, value.Symbol("classes"), []any{"c\x1b"},
		value.Symbol("facts"), value.NewMap("f\x1b", []any{"v\x1b"}), value.Symbol("collectives"), []any{"k\x1b"})
	evil := &rpc.Reply{Data: value.NewMap(value.Symbol("stdout"), "o\x1b[2J\nsecond\u009b", value.Symbol("stderr"), "e\x1b", value.Symbol("tree"), "1 \x1b]0;x\a")}
	layout := template.Must(template.New("t").Parse(`{{.version}}`))
	n := newNodeReport("n", stats, about)
	for name, write := range map[string]func(env *Env) error{
		"inventory": func(env *Env) error { return n.print(env) },
		"template":  func(env *Env) error { return n.fill(env, layout) },
		"shell":     func(env *Env) error { printResult(env, "n", evil); return nil },
		"process":   func(env *Env) error { (&processes{}).tree(env, "n", evil); return nil },
		"facts": func(env *Env) error {
			(&factsOptions{fact: "f"}).print(env, map[string][]string{"v\x1b[2J": {"n"}})
			return nil
		},
	} {
		for _, terminal := range []bool{false, true} {
			for _, raw := range []bool{false, true} {
				var out bytes.Buffer
				env := (&Env{Out: &out, OutTerminal: terminal}).withDefaults()
				env.raw = raw
				if err := write(env); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(out.String(), "\x1b") != raw || strings.Contains(out.String(), `\x1b`) == raw && name != "inventory" {
					t.Errorf("%s, terminal %t, raw %t: got %q", name, terminal, raw, out.String())
				}
				if !raw && render.Clean(out.String()) != out.String() {
					t.Errorf("%s, terminal %t: got %q", name, terminal, out.String())
				}
			}
		}
	}
}

func TestExitStatusIsRubys(t *testing.T) {
	account := func(replies, failed int) *client.Account {
		a := &client.Account{Replies: replies, Outcomes: map[string]client.Outcome{}, Count: map[client.Outcome]int{client.OK: replies - failed}}
		for i, n := range []string{"a", "b"} {
			switch {
			case i >= replies:
				a.NoResponse = append(a.NoResponse, n)
				a.Outcomes[n] = client.TimedOut
			case i < failed:
				a.Outcomes[n] = client.TimedOut // and the node says so
			default:
				a.Outcomes[n] = client.OK
			}
		}
		return a
	}
	nodes := []string{"a", "b"}
	for _, tc := range []struct {
		name    string
		targets operation.Targets
		account *client.Account
		code    int
	}{
		{"all well", operation.Targets{Nodes: nodes}, account(2, 0), 0},
		{"one silent", operation.Targets{Nodes: nodes}, account(1, 0), 0},
		{"one failed", operation.Targets{Nodes: nodes}, account(2, 1), 2},
		{"none answered", operation.Targets{Nodes: nodes}, account(0, 0), 3},
		{"nobody found", operation.Targets{}, nil, 1},
		{"named and silent", operation.Targets{Nodes: nodes, Named: true}, account(0, 0), 4},
		{"named and failed", operation.Targets{Nodes: nodes, Named: true}, account(1, 1), 2},
	} {
		code := 0
		if err := exitStatus(&tc.targets, tc.account); err != nil {
			code = err.(*exitError).code
		}
		if code != tc.code {
			t.Errorf("%s: %d, want %d", tc.name, code, tc.code)
		}
	}
}
