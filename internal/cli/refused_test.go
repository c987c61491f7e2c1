package cli_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"mcollective/internal/fleettest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// says is a successful reply with some outputs.
func says(outputs ...any) *rpc.Reply {
	r := rpc.NewReply()
	for i := 0; i < len(outputs); i += 2 {
		r.Set(outputs[i].(string), outputs[i+1])
	}
	return r
}

// What a node does not tell is unknown, and not nothing.
func TestRefusalsAreNoAnswers(t *testing.T) {
	const denied = "web1: You are not authorized to call this agent or action.\n"
	kinds := map[string]fleettest.Behaviour{
		"denied": fleettest.Actions(map[string]*rpc.Reply{"": {Status: rpc.Aborted, Message: rpc.TextDenied}}),
		"failed": fleettest.Actions(map[string]*rpc.Reply{"": {Status: rpc.UnknownError, Message: "the disk is \x1b[2Jfull"}}),
		"tells": fleettest.Actions(map[string]*rpc.Reply{
			"inventory":       says("facts", value.NewMap("os", "Debian"), "classes", []any{"db"}, "agents", []any{"rpcutil"}),
			"get_fact":        says("value", nil),
			"daemon_stats":    says("version", "2", "starttime", int64(0)),
			"collective_info": says("collectives", []any{"mcollective"}),
		}),
		"no counters": fleettest.Actions(map[string]*rpc.Reply{
			"inventory":    says("facts", value.NewMap("os", "Debian")),
			"daemon_stats": {Status: rpc.Aborted, Message: rpc.TextDenied},
		}),
		"no data": fleettest.Actions(map[string]*rpc.Reply{
			"inventory": says("facts", value.NewMap("os", "Debian")), "": {Status: rpc.Aborted, Message: rpc.TextDenied},
		}),
		"no definition": fleettest.Actions(map[string]*rpc.Reply{"get_ddl": {Status: rpc.Aborted, Message: "this node has no definition of the agent rpcutl"}}),
	}
	for _, tc := range []struct {
		command string
		nodes   string // what web1, web2, ... are
		code    int
		out     string // on standard output
		errs    string // on standard error
		not     string // nowhere
	}{
		{"why -F os=CentOS", "denied", 1, "No node said enough to know whether it matches.\n", "rpcutil inventory failed on " + denied, "no node"},
		{"why -F os=CentOS", "failed", 1, "No node said enough to know whether it matches.\n", `rpcutil inventory failed on web1: the disk is \x1b[2Jfull` + "\n", "no node"},
		{"why -F rel=CentOS", "denied,tells", 2, "0 of 2 match, 1 unknown\n                    no other node has a fact 'rel'\n\nAll of it: no node that is known to match.\nNot known of 1 node: web1.\n", "failed on " + denied, "no node has"},
		{"why -F os=Debian", "denied,tells", 2, "1 of 2 matches, 1 unknown\n\nAll of it: 1 node, web2.\nNot known of 1 node: web1.\n", "failed on " + denied, "no node"},
		{"why -F os=Debian -I web2", "denied,tells", 0, "\nAll of it: 1 node, web2.\n", "failed on " + denied, "Not known"},
		{"why -F os=CentOS -j", "denied,tells", 2, `"unknown":["web1"],"hints":["nearest: Debian (1 node)"]`, "failed on " + denied, "\x1b"},
		{"why -F os=CentOS -j", "failed,tells", 2, `"matches":0,"excludes":1,`, `the disk is \x1b[2Jfull`, "\x1b"},
		{"why -C dbs nowhere", "tells", 0, "no node has it; did you mean the class 'db' (1 node)?", "", "unknown"},
		{`why -S !fact("x").value=y`, "no data", 0, "0 of 1 match, 1 unknown\n", "", "no node"},
		{"why", "denied", 0, "each of them is found.\n", "failed on " + denied, "unknown"},

		{"facts os", "denied", 2, "No node said what it has for fact os\n", "rpcutil get_fact failed on " + denied, "No values found"},
		{"facts os.name", "failed,failed", 2, "No node said what it has for fact os.name\n", "rpcutil get_fact failed on web1, web2: the disk", "No values found"},
		{"facts rel", "denied,tells", 2, "No values found for fact rel on 1 of 2 nodes; the others did not say what they have\n", "failed on " + denied, "fact rel\n"},
		{"facts rel -j", "denied,tells", 2, "[]\n", "failed on " + denied, "No values"},
		{"facts rel", "tells", 0, "No values found for fact rel\n", "", "failed"},
		{"facts -v", "denied,tells", 2, "No fact differs on these 1 nodes.\n", "rpcutil inventory failed on " + denied, "2 nodes"},

		{"inventory web1", "denied", 2, "", "rpcutil daemon_stats failed on " + denied, "Failed to retrieve"},
		{"inventory web1", "failed", 2, "", "rpcutil daemon_stats failed on web1: the disk", "Did not receive"},
		{"inventory web1", "no counters", 2, "", "rpcutil daemon_stats failed on " + denied, "Inventory for"},
		{"inventory -j", "no counters,tells", 2, `"sender":"web1"`, "rpcutil daemon_stats failed on " + denied, "inventory failed"},
		{"inventory -j", "denied,tells", 2, `"sender":"web2"`, "rpcutil daemon_stats failed on " + denied, `"sender":"web1"`},
		{"inventory --list-collectives", "denied,tells", 2, "Total nodes: 1 of 2\n", "rpcutil collective_info failed on " + denied, "inventory failed"},
		{"inventory --list-collectives", "tells", 0, "Total nodes: 1\n", "", "failed"},

		{"rpc toucher run", "denied", 1, "", "Can't find DDL for agent plugin 'toucher': the definition of agent toucher on web1 could not be had: You are not authorized to call this agent or action.", "No node gave one"},
		{"rpc toucher run", "failed,failed,denied", 1, "", `on web1, web2 could not be had: the disk is \x1b[2Jfull`, "No node gave one"},
		{"rpc rpcutl ping -I web1", "no definition", 1, "", "this node has no definition of the agent rpcutl\nDid you mean 'rpcutil'?\n", "authorized"},
		{"plugin doc toucher", "denied", 1, "", "on web1 could not be had: You are not authorized to call this agent or action.\n", "Did you mean"},
		{"plugin doc toucher", "failed", 1, "", "Whether nodes have one is not known: Can't find DDL for agent plugin 'toucher': the definition of agent toucher on web1 could not be had: the disk", "Did you mean"},
		{"plugin doc toucher", "", 1, "", "Could not find a plugin named 'toucher' in any supported plugin type\n", "not known"},
	} {
		t.Run(tc.command+" "+tc.nodes, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newKnownFleet(t, nil)
				for i, kind := range strings.FieldsFunc(tc.nodes, func(r rune) bool { return r == ',' }) {
					f.Node("web"+string(rune('1'+i)), kinds[kind])
				}
				r := f.mco("").exits(t, tc.code, strings.Fields(tc.command)...)
				out, errs := r.out.String(), r.err.String()
				if !strings.Contains(out, tc.out) || !strings.Contains(errs, tc.errs) || strings.Contains(out+errs, tc.not) {
					t.Errorf("stdout: %s\nstderr: %s\nwant %q and %q, and nowhere %q", out, errs, tc.out, tc.errs, tc.not)
				}
				if tc.errs != "" && strings.Count(errs, tc.errs) != 1 {
					t.Errorf("said more than once: %s", errs)
				}
				if tc.errs == "" && errs != "" {
					t.Errorf("stderr: %s", errs)
				}
			})
		})
	}
}

// An agent that the cache knows is not suggested in place of itself.
func TestNoSuggestionOfTheSame(t *testing.T) {
	f := newFleet(t)
	f.Node("web1", fleettest.Actions(map[string]*rpc.Reply{"": {Status: rpc.Aborted, Message: rpc.TextDenied}}))
	r := f.mco("")
	if err := r.env.Files().Definitions().Put("touchit", []byte(`{"agent":"touchit","version":"1","actions":{"run":{}}}`)); err != nil {
		t.Fatal(err)
	}
	r.exits(t, 1, "rpc", "touchit", "run", "-I", "web1")
	if errs := r.err.String(); strings.Contains(errs, "Did you mean 'touchit'") || !strings.Contains(errs, "You are not authorized") {
		t.Errorf("stderr: %s", errs)
	}
}

// A node that says why it does not answer is no node that answers.
func TestPingRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newKnownFleet(t, nil)
		f.Node("web1", func(_ *message.Request, answer func(any)) { answer(fleettest.As{Body: "later", Reason: message.Busy}) })
		r := f.mco("").exits(t, 4, "ping")
		if want := "discovery ping failed on web1: the node gives a reason for a failure: busy\n"; r.err.String() != want || !strings.Contains(r.out.String(), "No responses received") {
			t.Errorf("stdout %q, stderr %q", &r.out, &r.err)
		}
		f.Node("web2", fleettest.Pong)
		r.exits(t, 0, "ping")
		if !strings.Contains(r.out.String(), "\n1 replies") || !strings.Contains(r.err.String(), "failed on web1") {
			t.Errorf("stdout %q, stderr %q", &r.out, &r.err)
		}
	})
}
