package adapter

import (
	"path/filepath"
	"testing"

	"mcollective/agent/stdio"
	"mcollective/internal/dirtest"
	"mcollective/marshal"
	"mcollective/rpc"
	"mcollective/value"
)

// sendable fails the test if a reply cannot be sent as Ruby reads it.
func sendable(t *testing.T, r *rpc.Reply) {
	t.Helper()
	b, err := marshal.Marshal(r.Body())
	if err != nil {
		t.Fatalf("cannot be sent: %v", err)
	}
	if len(b) < 1<<20 {
		if _, err := marshal.DefaultPolicy.Unmarshal(b); err != nil {
			t.Errorf("is not received: %v", err)
		}
	}
}

// FuzzBolt reads what a task prints.
func FuzzBolt(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"_error":{"msg":"x","kind":"y"}}`, `{"_error":1}`, `{"_error":{"msg":[]}}`, "text", `{"_output":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		reply := rpc.NewReply()
		readBolt(reply, b)
		sendable(t, reply)
	})
}

// FuzzPerfdata reads what a plugin of Nagios prints.
func FuzzPerfdata(f *testing.F) {
	for _, s := range []string{"OK | a=1;2;3;4;5", "OK | 'a b'=1.5ms;@1:2;~:3", "x|y\nz|w\nv=2", "|'", "|=1", "|'a''b'=1", "a|b=1 c d=2", "|a=-1e5KB;;;;;;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, perfdata := splitNagios(s)
		metrics := parsePerfdata(perfdata)
		if len(metrics) > mostMetrics {
			t.Errorf("%d metrics", len(metrics))
		}
		for _, m := range metrics {
			if v, ok := m.(*value.Map).Get(value.Symbol("value")); !ok || v == nil {
				t.Errorf("a metric without a value: %v", m)
			}
		}
		if err := stdio.IsText("stdout", []byte(s)); err == nil {
			reply := rpc.NewReply()
			reply.Set("metrics", metrics)
			sendable(t, reply)
		}
	})
}

// FuzzTask reads the metadata of a task.
func FuzzTask(f *testing.F) {
	f.Add([]byte(`{"parameters": {"a": {"type": "Optional[Enum[x, 'y']]", "default": 1}}, "files": ["m/files/"], "supports_noop": true}`))
	f.Add([]byte(`{"implementations": [{"name": "a.sh", "requirements": ["shell"], "input_method": "stdin", "files": ["b"]}], "private": true}`))
	f.Add([]byte(`{"remote": true, "input_method": "powershell", "x": {}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		task, err := ParseTask(b)
		if err != nil {
			return
		}
		name, err := task.Choose([]string{"shell"})
		if err == nil && name != "" && filepath.Base(name) != name {
			t.Errorf("an implementation at %q", name)
		}
		if files, err := task.FindFiles(dirtest.New(t)); err == nil && len(files) > 0 {
			t.Errorf("files in an empty directory: %q", files)
		}
		if d, err := task.Definition("x"); err == nil && d.Action(boltAction) == nil {
			t.Error("a task without its action")
		}
	})
}
