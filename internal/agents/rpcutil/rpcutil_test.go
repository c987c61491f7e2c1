package rpcutil_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/data"
	"mcollective/internal/subtest"
	"mcollective/marshal"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

type sym = value.Symbol

// fake is the node of the recorded messages.
type fake struct {
	facts   map[string]any
	classes []string
	config  *config.Config

	data     *data.Set
	inactive map[string]string
}

func (f *fake) Facts() map[string]any { return f.facts }
func (f *fake) Classes() []string     { return f.classes }
func (f *fake) Agents() []rpc.Metadata {
	return []rpc.Metadata{
		{Agent: "interop", Name: "Interop", Description: "d", Author: "a", License: "l", Version: "2", URL: "u", Timeout: time.Minute},
		{Agent: "discovery"},
		rpcutil.Definition().Metadata,
	}
}
func (f *fake) Stats() rpcutil.Stats {
	return rpcutil.Stats{StartTime: time.Unix(1795336393, 0), Total: 40, Validated: 40, Passed: 40, Replies: 38}
}
func (f *fake) ConfigItem(name string) (any, bool) {
	if f.config == nil {
		return nil, false
	}
	return rpcutil.Item(f.config, name)
}

var now = time.Unix(1795349243, 0)

func newAgent(f *fake) *agent.Handler {
	return agent.NewHandler(rpcutil.New(rpcutil.Options{
		Machine: f, Daemon: f, Version: "2.12.5", ConfigFile: "/tmp/mco-interop/nodes/golden-node/etc/server.cfg",
		Collectives: []string{"mcollective", "eu_collective"}, Now: func() time.Time { return now },
		Data: f.data, Inactive: func() map[string]string { return f.inactive },
		Definitions: func(k ddl.Kind, name string) *ddl.Definition {
			if k == ddl.Agent && name == "other" {
				return &ddl.Definition{Kind: ddl.Agent, Metadata: rpc.Metadata{Agent: "other", Name: "other"}}
			}
			return nil
		},
	}), agent.Options{})
}

func goldenNode() *fake {
	return &fake{
		classes: []string{"common", "role::web", "golden-node"},
		facts: map[string]any{
			"hostname": "golden-node", "country": "de", "environment": "dev", "role": "web", "cpus": "4", "memory_mb": "2048.5",
			"is_virtual": "true", "operatingsystem": "Debian", "operatingsystemrelease": "12.7", "uptime_days": "017",
			"description": "Grüße from the node", "interfaces": []any{"lo", "eth0"}, "empty": "",
			"os": map[string]any{"family": "Debian", "release": map[string]any{"major": "12", "minor": "7"}},
		},
	}
}

func recorded(t testing.TB, name string) *value.Map {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := marshal.ReplyPolicy.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	inner, _ := envelope.(*value.Map).Get(value.Symbol("body"))
	body, err := marshal.ReplyPolicy.Unmarshal([]byte(inner.(value.Binary)))
	if err != nil {
		t.Fatal(err)
	}
	return body.(*value.Map)
}

func handle(t testing.TB, a *agent.Handler, body any) *value.Map {
	t.Helper()
	got, err := a.Handle(t.Context(), &message.Request{Agent: rpcutil.Name, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return got.(*value.Map)
}

func ask(action any, data ...any) *value.Map {
	return value.NewMap(sym("agent"), "rpcutil", sym("action"), action, sym("caller"), "uid=0", sym("data"), value.NewMap(data...))
}

func member(t testing.TB, h *value.Map, keys ...string) any {
	t.Helper()
	var v any = h
	for _, k := range keys {
		var ok bool
		if v, ok = v.(*value.Map).Get(sym(k)); !ok {
			t.Fatalf("no %s in %v", k, h)
		}
	}
	return v
}

// sorted is h with its keys in order: those of facts are a matter of taste.
func sorted(h *value.Map) *value.Map {
	m := map[string]any{}
	for k, v := range h.All() {
		m[k.(string)] = v
	}
	got := value.NewMap()
	for _, k := range []string{"country", "cpus", "description", "empty", "environment", "hostname", "interfaces", "is_virtual", "memory_mb",
		"operatingsystem", "operatingsystemrelease", "os", "role", "uptime_days"} {
		got.Set(k, m[k])
	}
	return got
}

// TestAsRecorded answers requests that Ruby's client sent, and compares with what
// Ruby's daemon answered, order of keys and kinds of values included.
func TestAsRecorded(t *testing.T) {
	a := newAgent(goldenNode())
	for _, name := range []string{"inventory", "get_fact", "daemon_stats"} {
		want, got := recorded(t, name+".reply.bin"), handle(t, a, recorded(t, name+".request.bin"))
		switch name {
		case "inventory":
			data := member(t, want, "data").(*value.Map)
			data.Set(sym("data_plugins"), []any{})
			data.Set(sym("facts"), sorted(member(t, data, "facts").(*value.Map)))
		case "daemon_stats":
			theirs, ours := member(t, want, "data").(*value.Map), member(t, got, "data").(*value.Map)
			for _, key := range []string{"utime", "stime", "cutime", "cstime"} {
				if v, ok := member(t, ours, "times", key).(float64); !ok || v < 0 {
					t.Errorf("%s is %v", key, v)
				}
			}
			if !reflect.DeepEqual(keys(member(t, theirs, "times")), keys(member(t, ours, "times"))) {
				t.Errorf("times are %v", member(t, ours, "times"))
			}
			here := "goroutine "
			if threads := member(t, ours, "threads").([]any); len(threads) == 0 || !strings.HasPrefix(threads[0].(string), here) {
				t.Errorf("threads are %v", threads)
			}
			if pid := member(t, ours, "pid"); pid != int64(os.Getpid()) {
				t.Errorf("pid is %v", pid)
			}
			for _, key := range []string{"times", "threads", "pid"} {
				theirs.Set(sym(key), nil)
				ours.Set(sym(key), nil)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := a.Handle(t.Context(), &message.Request{Body: recorded(t, "no-results.request.bin")}); err != rpc.ErrNoReply {
		t.Errorf("a request that wants no reply: %v", err)
	}
	if _, err := a.Handle(t.Context(), &message.Request{Body: "ping"}); !errors.Is(err, rpc.ErrNoReply) {
		t.Errorf("what is no request: %v", err)
	}
}

func keys(v any) []any {
	var all []any
	for k := range v.(*value.Map).All() {
		all = append(all, k)
	}
	return all
}

func TestOtherActions(t *testing.T) {
	a := newAgent(goldenNode())
	ok := func(data *value.Map) *value.Map {
		return value.NewMap(sym("statuscode"), int64(0), sym("statusmsg"), "OK", sym("data"), data)
	}
	described := func(name string, timeout int64, words ...any) *value.Map {
		h := value.NewMap(sym("agent"), name)
		for i, key := range []string{"license", "timeout", "description", "name", "url", "version", "author"} {
			if key == "timeout" {
				h.Set(sym(key), timeout)
				continue
			}
			h.Set(sym(key), words[i])
		}
		return h
	}
	for _, test := range []struct{ request, want *value.Map }{
		{ask("ping"), value.NewMap(sym("pong"), now.Unix())},
		{ask("collective_info"), value.NewMap(sym("main_collective"), "mcollective", sym("collectives"), []any{"mcollective", "eu_collective"})},
		{ask("get_fact", "fact", "nosuch"), value.NewMap(sym("fact"), "nosuch", sym("value"), nil)},
		{ask("get_fact", "fact", "os.family"), value.NewMap(sym("fact"), "os.family", sym("value"), nil)},
		{ask("get_facts", "facts", " country , os,\v nosuch,country"), value.NewMap(sym("values"), value.NewMap("country", "de",
			"os", value.NewMap("family", "Debian", "release", value.NewMap("major", "12", "minor", "7")), "nosuch", nil))},
		{ask("agent_inventory"), value.NewMap(sym("agents"), []any{
			described("interop", 60, "l", nil, "d", "Interop", "u", "2", "a"),
			described("discovery", 0, "unknown", nil, "unknown", "discovery", "unknown", "unknown", "unknown"),
			described("rpcutil", 10, "Apache License, Version 2.0", nil, "General helpful actions that expose stats and internals to SimpleRPC clients", "rpcutil",
				"https://docs.puppetlabs.com/mcollective/", "1.0", "R.I.Pienaar <rip@devco.net>"),
		})},
	} {
		t.Run(subtest.Name(test.request), func(t *testing.T) {
			if diff := cmp.Diff(ok(test.want), handle(t, a, test.request)); diff != "" {
				t.Errorf("%v: %s", member(t, test.request, "action"), diff)
			}
		})
	}
}

// TestRefusals has the words and the empty outputs of Ruby's daemon, to which
// interop compares them as well.
func TestRefusals(t *testing.T) {
	fact := func(value any) *value.Map { return ask("get_fact", sym("fact"), value) }
	facts := func(value any) *value.Map { return ask("get_facts", sym("facts"), value) }
	for _, test := range []struct {
		request *value.Map
		status  int64
		text    string
		outputs []any
	}{
		{ask("reboot"), 4, "Attempted to call action reboot for rpcutil but it's not declared in the DDL", nil},
		{ask(nil), 4, "Attempted to call action  for rpcutil but it's not declared in the DDL", nil},
		{ask("Ping"), 4, "Attempted to call action Ping for rpcutil but it's not declared in the DDL", nil},
		{ask(strings.Repeat("x", 5000)), 4, "Attempted to call action " + strings.Repeat("x", 1000) + "... for rpcutil but it's not declared in the DDL", nil},
		{ask("get_fact"), 4, "Action get_fact needs a fact argument", []any{sym("fact"), sym("value")}},
		{fact(nil), 4, "Cannot validate input fact: value should be a string", []any{sym("fact"), sym("value")}},
		{fact(int64(7)), 4, "Cannot validate input fact: value should be a string", []any{sym("fact"), sym("value")}},
		{fact(""), 4, `Cannot validate input fact: value should match ^[\w\-\.]+$`, []any{sym("fact"), sym("value")}},
		{fact(strings.Repeat("x", 41)), 4, "Cannot validate input fact: Input string is longer than 40 character(s)", []any{sym("fact"), sym("value")}},
		{fact(strings.Repeat("é", 40)), 4, `Cannot validate input fact: value should match ^[\w\-\.]+$`, []any{sym("fact"), sym("value")}},
		{fact("a\xff"), 4, "Cannot validate input fact: invalid byte sequence in UTF-8", []any{sym("fact"), sym("value")}},
		{facts("a,,b"), 4, `Cannot validate input facts: value should match ^\s*[\w\.\-]+(\s*,\s*[\w\.\-]+)*$`, []any{sym("values")}},
		{ask("get_config_item", "item", "nosuch"), 1, "Unknown config property nosuch", []any{sym("item"), sym("value")}},
		{ask("get_config_item", "item", value.Binary("\xff")), 1, "Unknown config property \uFFFD", []any{sym("item"), sym("value")}},
		{ask("get_data", "source", "fstat", "query", "/etc/hosts"), 5, "Can't find DDL for data plugin 'fstat_data'", nil},
		{ask("get_data", "source", "fstat"), 5, "No plugin fstat_data defined", nil},
		{ask("get_data", "query", "x"), 4, "Action get_data needs a source argument", nil},
		{ask("get_data", "source", "fstat", "query", int64(7)), 4, "Cannot validate input query: value should be a string", nil},
	} {
		t.Run(subtest.Name(test.status, test.text), func(t *testing.T) {
			got := handle(t, newAgent(goldenNode()), test.request)
			if code, text := member(t, got, "statuscode"), member(t, got, "statusmsg"); code != test.status || text != test.text {
				t.Errorf("status %v %q, want %d %q", code, text, test.status, test.text)
			}
			data := member(t, got, "data").(*value.Map)
			if diff := cmp.Diff(test.outputs, keys(data)); diff != "" {
				t.Errorf("%s: %s", test.text, diff)
			}
			for k, v := range data.All() {
				if v != nil {
					t.Errorf("%s: %v is %v", test.text, k, v)
				}
			}
		})
	}
}

// TestLinesOfPatterns: to Ruby one good line makes a good text.
func TestLinesOfPatterns(t *testing.T) {
	a := newAgent(goldenNode())
	for _, name := range []any{"a b\ncountry", "country\n", strings.Repeat("x", 40), value.Binary("country"), &value.String{Bytes: "country", Encoding: "ISO-8859-1"}} {
		got := handle(t, a, ask("get_fact", sym("fact"), name))
		if code := member(t, got, "statuscode"); code != int64(0) {
			t.Errorf("%q: status %v %v", name, code, member(t, got, "statusmsg"))
		}
	}
}

func TestManyGoroutinesAreCounted(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	for range 300 {
		go func() { <-done }()
	}
	threads := member(t, handle(t, newAgent(goldenNode()), ask("daemon_stats")), "data", "threads").([]any)
	if len(threads) != 1 || !strings.HasSuffix(threads[0].(string), " goroutines") {
		t.Errorf("threads are %v", threads)
	}
}

func BenchmarkPing(b *testing.B) {
	a, m := newAgent(goldenNode()), &message.Request{Body: ask("ping", sym("process_results"), true)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Handle(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzHandle(f *testing.F) {
	for _, name := range []string{"inventory", "get_fact", "daemon_stats", "no-results"} {
		data, err := marshal.Marshal(recorded(f, name+".request.bin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	data, err := marshal.Marshal(ask("get_facts", "facts", "os, country"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	node := goldenNode()
	if node.config, err = config.Load("", config.Server); err != nil {
		f.Fatal(err)
	}
	a := newAgent(node)
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := marshal.BodyPolicy.Unmarshal(data)
		if err != nil {
			return
		}
		got, err := a.Handle(t.Context(), &message.Request{Body: body})
		if err != nil {
			if !errors.Is(err, rpc.ErrNoReply) {
				t.Fatal(err)
			}
			return
		}
		if _, err := marshal.Marshal(got); err != nil {
			t.Fatalf("the reply %v cannot be sent: %v", got, err)
		}
	})
}
