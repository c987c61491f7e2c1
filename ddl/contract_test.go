package ddl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/value"
)

func parse(t *testing.T, text string) *Definition {
	t.Helper()
	d, err := Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The definitions of an agent by an honest node, one that has an older version, and
// one whose owner would like an action to run everywhere without a question.
const (
	honest = `{agent: web, timeout: 30, actions: {restart: {destructive: true, noop: true, display: failed,
		input: {service: {required: true, validation: '\A[a-z]+\z'}, wait: {type: integer, default: 5}},
		output: {state: {}}}}}`
	older   = `{agent: web, timeout: 30, actions: {restart: {noop: true, input: {service: {required: true, validation: '\A[a-z]+\z'}, wait: {type: integer, default: 5}}, output: {state: {}}}, old: }}`
	hostile = `{agent: web, timeout: 3600, actions: {restart: {display: ok, noop: true, input: {service: {default: sshd}, cmd: {default: 'rm -rf /'}}}}}`
)

func inputs(pairs ...string) *value.Map {
	h := value.NewMap()
	for i := 0; i < len(pairs); i += 2 {
		h.Set(value.Symbol(pairs[i]), pairs[i+1])
	}
	return h
}

// What a call goes by, by who defines the agent how.
func TestContract(t *testing.T) {
	type nodes map[string][]string // by definition
	for name, tc := range map[string]struct {
		local   string
		learnt  nodes
		missing []string
		called  []string // besides those that gave one
		sole    bool

		destructive bool
		why         string
		noop        bool
		timeout     time.Duration
		display     Display
		refused     string // what is said of inputs without service; "" means that they pass
		says        []string
	}{
		"a hostile node alone": {
			learnt: nodes{hostile: {"evil"}}, destructive: true, why: "its definition is the word of one node",
			timeout: MaxLearntTimeout, display: DisplayAlways,
		},
		"a hostile node alone, and called alone": {
			learnt: nodes{hostile: {"evil"}}, sole: true, noop: true, timeout: MaxLearntTimeout, display: DisplayOK,
		},
		"a hostile node among honest ones": {
			learnt: nodes{hostile: {"evil"}, honest: {"n1", "n2"}}, destructive: true, why: "it is defined so on n1, n2, and not on others",
			noop: true, timeout: 30 * time.Second, display: DisplayAlways, refused: "Action restart needs a service argument (by the definition of n1, n2)",
			says: []string{"restart of agent web is another on evil than on n1, n2: it does not say that it changes things, it may take 1h0m0s instead of 30s, there is no input wait, input service may be left out, input cmd is new, and 1 more; the stricter counts"},
		},
		"a hostile majority": {
			learnt: nodes{hostile: {"evil1", "evil2", "evil3"}, honest: {"n1"}}, destructive: true, why: "it is defined so on n1, and not on others",
			noop: true, timeout: MaxLearntTimeout, display: DisplayAlways, refused: "Action restart needs a service argument (by the definition of n1)",
			says: []string{"restart of agent web is another on n1 than on evil1, evil2, evil3: it changes things, it may take 30s instead of 1h0m0s, there is no input cmd, input service is required, input wait is new, and 1 more; the stricter counts"},
		},
		"a hostile node on a machine that has the file": {
			local: honest, learnt: nodes{hostile: {"evil"}}, destructive: true, noop: true, timeout: 30 * time.Second, display: DisplayFailed,
			refused: "Action restart needs a service argument",
		},
		"a file that does not know yet that it changes things": {
			local: older, learnt: nodes{honest: {"n1", "n2", "n3", "n4", "n5"}}, destructive: true,
			why:  "it is defined so on n1, n2, n3 and 2 more, and not on this machine",
			noop: true, timeout: 30 * time.Second, display: DisplayFailed, refused: "Action restart needs a service argument",
			says: []string{"restart of agent web changes things on n1, n2, n3 and 2 more, whose definition is another than that on this machine"},
		},
		"a file alone": {
			local: older, noop: true, timeout: 30 * time.Second, display: DisplayFailed, refused: "Action restart needs a service argument",
		},
		"two agree": {
			learnt: nodes{older: {"n1", "n2"}}, noop: true, timeout: 30 * time.Second, display: DisplayFailed, refused: "Action restart needs a service argument",
		},
		"one has become destructive": {
			learnt: nodes{older: {"n1", "n2"}, honest: {"n3"}}, destructive: true, why: "it is defined so on n3, and not on others", noop: true,
			timeout: 30 * time.Second, display: DisplayFailed, refused: "Action restart needs a service argument (by the definition of n1, n2)",
			says: []string{"restart of agent web is another on n3 than on n1, n2: it changes things; the stricter counts"},
		},
		"two agree and one gives none": {
			learnt: nodes{older: {"n1", "n2"}}, missing: []string{"n3"}, destructive: true, why: "the definition on n3 could not be had",
			timeout: 30 * time.Second, display: DisplayAlways, refused: "Action restart needs a service argument",
			says: []string{"the definition of agent web on n3 could not be had: it is broken"},
		},
		"two agree, among nodes of Ruby": {
			learnt: nodes{older: {"n1", "n2"}}, called: []string{"r4", "r3", "r2", "r1", "r1"}, destructive: true,
			why: "no definition comes from r1, r2, r3 and 1 more", timeout: 30 * time.Second, display: DisplayAlways,
			refused: "Action restart needs a service argument",
			says:    []string{"no definition of agent web comes from r1, r2, r3 and 1 more, where it may be another; a file in a libdir of this machine decides for all"},
		},
		"two hostile nodes, among nodes of Ruby": {
			learnt: nodes{hostile: {"evil1", "evil2"}}, called: []string{"r1"}, destructive: true, why: "no definition comes from r1",
			timeout: MaxLearntTimeout, display: DisplayAlways,
			says: []string{"no definition of agent web comes from r1, where it may be another; a file in a libdir of this machine decides for all"},
		},
		"a file, among nodes of Ruby": {
			local: older, learnt: nodes{older: {"n1", "n2"}}, called: []string{"r1"}, noop: true, timeout: 30 * time.Second, display: DisplayFailed,
			refused: "Action restart needs a service argument",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var local *Definition
			if tc.local != "" {
				local = parse(t, tc.local)
			}
			c := NewContract("web", local)
			for text, who := range tc.learnt {
				c.Learn(parse(t, text), who)
			}
			if tc.missing != nil {
				c.Missing(tc.missing, errors.New("it is broken"))
			}
			called := tc.called
			for _, who := range tc.learnt {
				called = append(called, who...)
			}
			if called = append(called, tc.missing...); len(called) > 1 || tc.sole {
				c.Called(called) // else nobody knows yet who is
			}
			if d, why := c.Destructive("restart"); d != tc.destructive || why != tc.why {
				t.Errorf("destructive %v, %q; want %v, %q", d, why, tc.destructive, tc.why)
			}
			if c.Noop("restart") != tc.noop {
				t.Errorf("noop %v", !tc.noop)
			}
			if limit, cut := c.Timeout("restart"); limit != tc.timeout || cut != (limit == MaxLearntTimeout) {
				t.Errorf("timeout %v, cut %v, want %v", limit, cut, tc.timeout)
			}
			a := c.Action("restart")
			if a.Display != tc.display || a.Destructive != tc.destructive {
				t.Errorf("display %s, destructive %v, want %s, %v", a.Display, a.Destructive, tc.display, tc.destructive)
			}
			for _, data := range []*value.Map{inputs(), inputs("service", "web; reboot")} {
				before := fmt.Sprint(data)
				err := c.Validate("restart", data)
				if (err == nil) != (tc.refused == "") || err != nil && data.Len() == 0 && err.Error() != tc.refused {
					t.Errorf("inputs %v: %v, want %q", data, err, tc.refused)
				}
				if local == nil {
					if a.Complete(data); fmt.Sprint(data) != before {
						t.Errorf("a node's defaults are filled in: %v", data)
					}
				}
			}
			if diff := cmp.Diff(tc.says, c.Differences("restart")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The two sides of what a rollout looks like: a new action on some nodes, and an
// old one that only others still have.
func TestContractOfARollout(t *testing.T) {
	c := NewContract("web", nil)
	c.Learn(parse(t, older), []string{"n1", "n2"})
	c.Learn(parse(t, "{agent: web, actions: {restart: , drain: {timeout: 90}}}"), []string{"n3"})
	if c.Action("drain") == nil || c.Validate("drain", inputs()) != nil {
		t.Error("a new action is not known")
	}
	if d, why := c.Destructive("drain"); !d || why != "its definition is the word of one node" {
		t.Errorf("a new action of one node: %v, %q", d, why)
	}
	if limit, _ := c.Timeout("drain"); limit != 90*time.Second {
		t.Errorf("it may take %v", limit)
	}
	if got := c.Differences("drain"); len(got) != 1 || got[0] != "agent web on n1, n2 has no action drain" {
		t.Errorf("differences: %q", got)
	}
	if err := c.Validate("nosuch", inputs()); err == nil || !strings.Contains(err.Error(), "not declared in the DDL") || c.Action("nosuch") != nil {
		t.Errorf("an action that nobody has: %v", err)
	}
	if limit, _ := c.Timeout("nosuch"); limit != 30*time.Second {
		t.Errorf("an action that nobody has may take %v", limit)
	}
	// An input has to satisfy both, whichever nodes are more.
	for _, who := range [][]string{{"n1"}, {"n1", "n2", "n3"}} {
		c := NewContract("web", nil)
		c.Learn(parse(t, "{agent: web, actions: {go: {input: {n: {type: integer}}}}}"), []string{"a", "b"})
		c.Learn(parse(t, "{agent: web, actions: {go: {input: {n: {list: [1, 2]}, only: {sensitive: true}}}}}"), who)
		a := c.Action("go")
		for text, ok := range map[string]bool{"1": true, "7": false} {
			t.Run(text, func(t *testing.T) {
				v, err := a.Coerce("n", text)
				if err != nil {
					t.Fatal(err)
				}
				data := value.NewMap(value.Symbol("n"), v)
				if err := c.Validate("go", data); (err == nil) != ok {
					t.Errorf("n=%s with the list on %v: %v", text, who, err)
				}
			})
		}
		if in := a.Input("only"); in == nil || !in.Sensitive {
			t.Errorf("an input that some nodes have: %+v", in)
		}
	}
}

// Of one node nothing counts twice, by whatever way it came.
func TestOneNodeIsNotTwo(t *testing.T) {
	c := NewContract("web", nil)
	d := parse(t, older)
	c.Learn(d, []string{"evil", "evil"})
	c.Learn(parse(t, older), []string{"evil"})
	if destructive, _ := c.Destructive("restart"); !destructive {
		t.Error("one node is believed like two")
	}
	c.Learn(d, []string{"n1"})
	if destructive, _ := c.Destructive("restart"); destructive {
		t.Error("two nodes are not believed")
	}
}

// A message names a few nodes, however many there are.
func TestContractOfManyNodes(t *testing.T) {
	c := NewContract("web", nil)
	many := make([]string, 50_000)
	for i := range many {
		many[i] = fmt.Sprintf("n%d", i)
	}
	c.Learn(parse(t, honest), many)
	c.Learn(parse(t, honest), many) // which would take long by comparing each with each
	c.Learn(parse(t, hostile), []string{"evil"})
	if d := c.Differences("restart"); len(d) != 1 || !strings.Contains(d[0], "n0, n1, n10 and 49997 more: ") || len(d[0]) > 500 {
		t.Errorf("differences: %q", d)
	}
}
