package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/dirtest"
)

// The agent of the tests below by honest nodes, and by one whose owner would like
// its action to run everywhere: nothing is asked, nothing is checked, defaults are
// given, and the client waits for an hour.
const (
	honestWeb = `agent: web
version: "1.0"
command: web.sh
output: kv
actions:
  stop:
    destructive: true
    display: always
    input:
      site: {required: true, validation: '\A[a-z]+\z'}
      wait: {type: integer, default: 3}
    output: {done: }
  status:
    display: always
    output: {done: }
`
	hostileWeb = `agent: web
version: "9.9"
command: web.sh
output: kv
timeout: 3600
actions:
  stop:
    noop: true
    input:
      site: {default: everything}
      force: {type: boolean, default: true}
  status:
    display: failed
`
	webProgram = "#!/bin/sh\necho \"$MCO_ACTION ${MCO_ARG_site-none} wait=${MCO_ARG_wait-none} force=${MCO_ARG_force-none}\" >> \"${0%/*}/calls\"\necho \"done=$MCO_ACTION\"\n"
)

// A webNode is a node with the agent web.
type webNode struct {
	c    *collective
	name string
	dir  string // of its agents
	run  *background
}

func (c *collective) webNode(name, definition string) *webNode {
	c.t.Helper()
	n := &webNode{c: c, name: name, dir: dirtest.New(c.t)}
	put(c.t, filepath.Join(n.dir, "web.sh"), webProgram, 0o755)
	n.start(definition)
	return n
}

func (n *webNode) start(definition string) {
	n.c.t.Helper()
	put(n.c.t, filepath.Join(n.dir, "web.yaml"), definition, 0o644)
	n.run = n.c.node(n.name, n.dir, "")
}

// becomes restarts the node with another definition.
func (n *webNode) becomes(definition string) {
	n.c.t.Helper()
	n.run.stop(n.c.t, n.name)
	n.start(definition)
}

// calls are what the agent was called with since it was last asked.
func (n *webNode) calls() string {
	path := filepath.Join(n.dir, "calls")
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if err := os.Remove(path); err != nil {
		n.c.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// does runs mco, and checks its exit code and what it says on both streams together.
func (c *collective) does(code int, words string, says ...string) string {
	c.t.Helper()
	out, errs, got := c.mco(strings.Fields(words)...)
	if all := out + errs; got != code {
		c.t.Errorf("mco %s: exit code %d, want %d\n%s", words, got, code, all)
	}
	for _, want := range says {
		if !strings.Contains(out+errs, want) {
			c.t.Errorf("mco %s does not say %q:\n%s", words, want, out+errs)
		}
	}
	return out + errs
}

// TestHostileDefinition has a node that defines an agent to its liking among others.
func TestHostileDefinition(t *testing.T) {
	c := newCollective(t)
	all := []*webNode{c.webNode("n1", honestWeb), c.webNode("n2", honestWeb), c.webNode("evil", hostileWeb)}
	nothing := func(after string) {
		t.Helper()
		for _, n := range all {
			if got := n.calls(); got != "" {
				t.Errorf("after %s the agent of %s was called: %s", after, n.name, got)
			}
		}
	}
	for range 2 { // at first nothing is known, then all is in the cache
		c.does(1, "rpc web stop", "Action stop needs a site argument (by the definition of", "stop of agent web is another on evil than on",
			"it may take 1h0m0s instead of 10s")
		c.does(1, "rpc web stop site=$(reboot)", "Cannot validate input site")
		c.does(1, "rpc web stop site=shop", "web stop may change things (it is defined so on", "n1", "on 3 nodes, and there is no terminal to ask")
		c.does(1, "rpc web stop site=shop --noop", "does not know --noop")
		c.does(1, "rpc web stop site=shop --nr", "web stop may change things", "on all nodes that match the filter")
		c.does(1, "web stop site=shop", "may change things")
		if inputs := c.does(0, "completion --list-inputs --agent web --action stop"); inputs != "site\nwait\n" {
			t.Errorf("the shell offers the inputs %q", inputs)
		}
		nothing("calls that are refused")
	}
	// Named on the command line or in a file, they are asked before they are called.
	put(t, filepath.Join(c.dir, "names"), "n1\nn2\nevil\n", 0o600)
	c.does(1, "rpc web stop site=shop -I evil -I n1", "may change things (it is defined so on n1, and not on others)")
	c.does(1, "rpc web stop site=shop --nodes names", "may change things (it is defined so on")
	nothing("calls by name")

	// Who says yes gets what the honest nodes define, and no node's defaults but its own.
	c.does(0, "rpc web stop site=shop --yes", "3 / 3")
	for i, want := range []string{"stop shop wait=3 force=none", "stop shop wait=3 force=none", "stop shop wait=none force=true"} {
		if got := all[i].calls(); got != want {
			t.Errorf("%s was called with %q, want %q", all[i].name, got, want)
		}
	}
	// A node speaks for itself.
	c.does(0, "rpc web stop -I evil", "")
	if got := all[2].calls(); got != "stop everything wait=none force=true" {
		t.Errorf("the node alone was called with %q", got)
	}
	c.does(0, "rpc web status --sort", "Done: status") // and hides nobody's results
	if doc := c.does(0, "plugin doc web", "As defined on n", "stop of agent web is another on evil", "Version: 1.0"); strings.Contains(doc, "Version: 9.9") {
		t.Errorf("the definition of one node is shown:\n%s", doc)
	}
	for _, n := range all {
		n.calls()
	}

	// Alone with one other that gives no definition, its word is not believed.
	all[0].becomes(strings.Replace(hostileWeb, "agent: web", "agent: other", 1))
	all[1].becomes("agent: web\ncommand: web.sh\noutput: kv\nactions: {stop: {description: Another}}\n")
	c.does(1, "rpc web stop", "its definition is the word of one node")
	nothing("a call that nobody stands for")
	c.does(1, "rpc web stop --noop", "noop")
	nothing("a call with noop")
}

// TestDefinitionsChange has the nodes change theirs under a client that keeps them.
func TestDefinitionsChange(t *testing.T) {
	c := newCollective(t)
	n1, n2 := c.webNode("n1", honestWeb), c.webNode("n2", honestWeb)
	c.does(0, "rpc web status", "2 / 2")
	c.does(1, "rpc web drain", "Attempted to call action drain for web but it's not declared in the DDL")

	// An action became destructive, another is new, on one of them first.
	changed := strings.Replace(honestWeb, "  status:\n", "  drain: {}\n  status:\n    destructive: true\n", 1)
	n1.becomes(changed)
	n1.calls()
	n2.calls()
	c.does(1, "rpc web status", "it is defined so on n1, and not on others", "Warning: status of agent web is another on")
	c.does(1, "rpc web drain", "Warning: agent web on n2 has no action drain", "its definition is the word of one node")
	n2.becomes(changed)
	out := c.does(1, "rpc web status", "web status changes things on 2 nodes")
	if strings.Contains(out, "Warning") {
		t.Errorf("they agree, and it is said otherwise:\n%s", out)
	}
	if n1.calls()+n2.calls() != "" {
		t.Error("something was called")
	}
	c.does(0, "rpc web drain", "2 / 2")

	// What was learnt goes when it is told to.
	c.does(0, "plugin refresh other", "Of agent other nothing was kept")
	c.does(0, "plugin refresh web", "Forgot 2 definitions of agent web that nodes gave, the last used of version 1.0")
	c.does(0, "plugin refresh", "Forgot what completion offers: 2 nodes, 1 agent, ")
	c.does(0, "plugin refresh", "Nothing was kept of what nodes said")
	c.does(0, "completion --list-actions --agent web", "")
	c.does(0, "rpc web drain", "2 / 2")
	c.does(0, "completion --list-actions --agent web", "drain")

	// Without a node there is only what was said before, and nothing is called by it.
	n1.run.stop(t, "n1")
	n2.run.stop(t, "n2")
	c.does(0, "plugin doc web", "This is what a node gave on ", "Version: 1.0")
	c.does(1, "rpc web drain --dt 1", "No request sent, we did not discover any nodes")
}
