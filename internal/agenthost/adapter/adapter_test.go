package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/rpc"
	"mcollective/value"
)

// A fakeHost has a program that ends as it is told.
type fakeHost struct {
	result Result
	err    error
	given  Command
}

func (h *fakeHost) Agent() string  { return "x" }
func (h *fakeHost) Path() string   { return "/agents/x/x.sh" }
func (h *fakeHost) Config() string { return "/etc/mcollective/server.cfg" }
func (h *fakeHost) Facts() string  { return "/run/facts.json" }
func (h *fakeHost) Run(_ context.Context, c Command) (*Result, error) {
	h.given = c
	if h.err != nil {
		return nil, h.err
	}
	return &h.result, nil
}

func ended(exit int, stdout, stderr, reply string) Result {
	return Result{Result: &run.Result{Exit: exit, Stdout: []byte(stdout), Stderr: []byte(stderr)}, Reply: []byte(reply)}
}

// TestAdapters has each adapter call a program that ends in one of several ways.
func TestAdapters(t *testing.T) {
	task, err := ParseTask([]byte(`{"parameters": {"n": {"type": "Integer"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	killed := ended(-1, "", "ouch", "")
	killed.Signal = "killed"
	for name, c := range map[string]struct {
		adapter Adapter
		result  Result
		err     error
		want    string // status, message and data
	}{
		"script":                 {Script{Spoken: stdio.JSON}, ended(0, "n=5\n", "", ""), nil, `0 OK {"n":5}`},
		"script fails":           {Script{Spoken: stdio.JSON}, ended(3, "", "W! no name", ""), nil, `3 no name {"output":""}`},
		"script killed":          {Script{Spoken: stdio.JSON}, killed, nil, `5 agent x was ended by a signal: killed; stderr: ouch {"output":""}`},
		"script not run":         {Script{Spoken: stdio.JSON}, Result{}, errors.New("no such file"), `5 no such file {}`},
		"implemented_by":         {ImplementedBy{}, ended(0, "", "", `{"n": 1}`), nil, `0 OK {"n":1}`},
		"implemented_by fails":   {ImplementedBy{}, ended(2, "", "why", `{"n": 1}`), nil, `2 Failed to run /agents/x/x.sh: why {"n":1}`},
		"implemented_by not run": {ImplementedBy{}, Result{}, errors.New("no such file"), `1 Unexpected failure calling /agents/x/x.sh: no such file {}`},
		"choria":                 {ExternalAgent{}, ended(0, "", "", `{"statuscode": 4, "statusmsg": "bad n", "data": {"n": 1}}`), nil, `4 bad n {"n":1}`},
		"choria says nothing":    {ExternalAgent{}, ended(0, "", "", ""), nil, `1 external agent x did not answer: its reply file is empty, want JSON {}`},
		"choria fails":           {ExternalAgent{}, ended(1, "", "oops", ""), nil, `1 external agent x failed: oops {}`},
		"bolt":                   {task, ended(0, `{"n": 1}`, "", ""), nil, `0 OK {"n":1}`},
		"bolt prints text":       {task, ended(0, "done\n", "", ""), nil, `0 OK {"_output":"done"}`},
		"bolt fails":             {task, ended(7, `{"_error": {"msg": "no disk"}}`, "", ""), nil, `1 no disk {"_error":{"msg":"no disk"}}`},
		"nagios":                 {Check{}, ended(1, "load high | load=5;4;6\n", "", ""), nil, `1 WARNING {"exitcode":1,"metrics":[{"crit":6,"label":"load","value":5,"warn":4}],"output":"load high","perfdata":"load=5;4;6"}`},
		"nagios breaks":          {Check{}, ended(127, "", "", ""), nil, `5 agent x ended with exit status 127, which shells mean by a command that cannot be run {}`},
	} {
		t.Run(name, func(t *testing.T) {
			action := &ddl.Action{Name: "go", Outputs: []*ddl.Output{{Name: "n", Type: ddl.Integer}}}
			req := &stdio.Request{ID: "1", Agent: "x", Action: "go", Caller: "uid=7", Data: map[string]any{"n": int64(1)}}
			reply := rpc.NewReply()
			if err := c.adapter.Call(t.Context(), &fakeHost{result: c.result, err: c.err}, req, action, reply); err != nil {
				reply.Fail(err)
			}
			data, _ := json.Marshal(value.ForJSON(reply.Data))
			if got := fmt.Sprintf("%d %s %s", reply.Status, reply.Message, data); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// TestCommands has what programs are given.
func TestCommands(t *testing.T) {
	task, err := ParseTask([]byte(`{"input_method": "environment", "parameters": {"n": {"default": 3}}}`))
	if err != nil {
		t.Fatal(err)
	}
	action := &ddl.Action{Inputs: []*ddl.Input{{Name: "w"}, {Name: "critical"}, {Name: "verbose"}, {Name: "quiet"}}}
	for name, c := range map[string]struct {
		adapter Adapter
		data    map[string]any
		args    string
		env     string
		stdin   string
		request string
	}{
		"script":         {Script{Spoken: stdio.JSON}, map[string]any{"n": int64(1)}, "[]", "MCO_ARG_n=1", `"data":{"n":1}}`, ""},
		"words":          {Script{Spoken: stdio.JSON, Words: true}, map[string]any{"args": "a 'b c'"}, `["a" "b c"]`, "MCO_FACTS_FILE=/run/facts.json", "{", ""},
		"implemented_by": {ImplementedBy{}, map[string]any{"n": int64(1)}, "[]", "", "", `"data":{"n":1,"process_results":true}`},
		"choria":         {ExternalAgent{}, map[string]any{}, `["io.choria.mcorpc.external.v1.rpc_request"]`, "CHORIA_EXTERNAL_FACTS=/run/facts.json", "", `"data":{"process_results":true}`},
		"bolt":           {task, map[string]any{"list": []any{"a"}}, "[]", `PT_list=["a"]`, "", ""},
		"bolt default":   {task, map[string]any{}, "[]", "PT_n=3", "", ""},
		"nagios":         {Check{}, map[string]any{"w": int64(5), "critical": "9", "verbose": true, "quiet": false}, `["-w5" "--critical=9" "--verbose"]`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := &fakeHost{result: ended(0, "", "", "{}")}
			req := &stdio.Request{ID: "1", Agent: "x", Action: "go", Data: c.data}
			_ = c.adapter.Call(t.Context(), h, req, action, rpc.NewReply()) // judged by TestAdapters
			if got := fmt.Sprintf("%q", h.given.Args); got != c.args {
				t.Errorf("arguments %s, want %s", got, c.args)
			}
			if c.env != "" && !slices.Contains(h.given.Env, c.env) {
				t.Errorf("no %s in %q", c.env, h.given.Env)
			}
			if !strings.Contains(string(h.given.Stdin), c.stdin) {
				t.Errorf("stdin is %s", h.given.Stdin)
			}
			var request []byte
			if h.given.Files != nil {
				request = h.given.Files.Request
			}
			if !strings.Contains(string(request), c.request) || (c.request == "") != (h.given.Files == nil) {
				t.Errorf("request file is %s", request)
			}
		})
	}
}

// TestNoop: what cannot do without doing is not run.
func TestNoop(t *testing.T) {
	h := &fakeHost{result: ended(0, "{}", "", "")}
	req := &stdio.Request{Agent: "x", Noop: true, Data: map[string]any{"noop": true}}
	err := (&Task{}).Call(t.Context(), h, req, nil, rpc.NewReply())
	if err == nil || !strings.Contains(err.Error(), "does not know noop, and was not run") || h.given.Stdin != nil {
		t.Errorf("%v, given %s", err, h.given.Stdin)
	}
	if err := (&Task{Noop: true}).Call(t.Context(), h, req, nil, rpc.NewReply()); err != nil || !strings.Contains(string(h.given.Stdin), `"_noop":true`) {
		t.Errorf("%v, given %s", err, h.given.Stdin)
	}
}

// What says nothing of its inputs takes any; what declares them takes those alone.
func TestOtherInputs(t *testing.T) {
	of := func(d *ddl.Definition, err error) bool {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d.Actions[0].OtherInputs
	}
	if !of(ScriptDefinition("disk")) {
		t.Error("a script without a descriptor takes no inputs")
	}
	for metadata, want := range map[string]bool{
		`{"description": "any"}`: true, `{"parameters": null}`: true, `{"parameters": {}}`: false, `{"parameters": {"n": {"type": "Integer"}}}`: false,
	} {
		t.Run(subtest.Name(metadata), func(t *testing.T) {
			task, err := ParseTask([]byte(metadata))
			if err != nil {
				t.Fatal(err)
			}
			if got := of(task.Definition("t")); got != want {
				t.Errorf("%s: %v", metadata, got)
			}
		})
	}
}
