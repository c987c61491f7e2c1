package stdio

import (
	"path/filepath"
	"testing"

	"mcollective/ddl"
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

// FuzzOutput reads what a program prints, in every form.
func FuzzOutput(f *testing.F) {
	for _, s := range []string{"", "a=1\nb=2\n", `{"a": [1, 2.5, {"b": null}], "mco": {"statuscode": 3, "statusmsg": "x"}}`, "a: 1\nb: [x, ~]\n", "plain text",
		"\x00\xff", `{"a":1}{"b":2}`, `{"a":` + "[[[[[[", "a: &x 1\nb: *x\n", `{"a": 99999999999999999999999, "b": 1e999}`, "0x1f: .inf\n", "=\n", "mco=1\n"} {
		for form := range 6 {
			f.Add(uint8(form), []byte(s))
		}
	}
	action := &ddl.Action{Outputs: []*ddl.Output{{Name: "a", Type: ddl.Integer}, {Name: "b", Type: ddl.Boolean}}}
	f.Fuzz(func(t *testing.T, form uint8, b []byte) {
		forms := []outputForm{guess, jsonForm, yamlForm, kvForm, textForm}
		answer, err := readOutput(forms[int(form)%len(forms)], form > 4, b)
		if err != nil {
			return
		}
		reply := rpc.NewReply()
		if err := fill(reply, action, answer); err == nil && (reply.Status < 0 || reply.Status > 255) {
			t.Errorf("status %d", reply.Status)
		}
		sendable(t, reply)
		Check(action, reply)
	})
}

// FuzzMessage reads what a worker says.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{hello, `{"type":"reply","id":"1","statuscode":0,"data":{"a":1}}`, `{"type":"reply","id":1}`, `{"type":"log","level":"warn","text":"x"}`,
		`{"type":"event","data":{}}`, `{"type":"progress","percent":1e9,"text":[]}`, `{"type":"pong"}`, `{"type":7}`, `[]`, "type: reply\nid: 2\ndata: {a: b}\n"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, yamlSpoken bool) {
		m, err := parseMessage(b, yamlSpoken)
		if err != nil {
			return
		}
		if m.kind == "" || m.all == nil {
			t.Error("a message without a type")
		}
		reply := rpc.NewReply()
		readReply(reply, nil, m.all)
		sendable(t, reply)
	})
}

// FuzzChoria reads what an external agent answers.
func FuzzChoria(f *testing.F) {
	for _, s := range []string{`{"statuscode":0,"statusmsg":"OK","data":{"a":1}}`, `{"statuscode":1.5}`, `{"data":[]}`, `{"statusmsg":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		answer, err := readObject(jsonForm, b)
		if err != nil {
			return
		}
		reply := rpc.NewReply()
		readChoria(reply, nil, answer)
		sendable(t, reply)
	})
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
			if v, ok := m.(*value.Map).Get(sym("value")); !ok || v == nil {
				t.Errorf("a metric without a value: %v", m)
			}
		}
		if err := isText([]byte(s)); err == nil {
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
		task, err := parseTask(b)
		if err != nil {
			return
		}
		name, err := task.choose([]string{"shell"})
		if err == nil && name != "" && filepath.Base(name) != name {
			t.Errorf("an implementation at %q", name)
		}
		if files, err := task.findFiles(dirtest.New(t)); err == nil && len(files) > 0 {
			t.Errorf("files in an empty directory: %q", files)
		}
		if d, err := boltDefinition("x", task); err == nil && d.Action(boltAction) == nil {
			t.Error("a task without its action")
		}
	})
}
