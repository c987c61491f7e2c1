package stdio

import (
	"testing"

	"mcollective/marshal"
	"mcollective/rpc"
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
	f.Fuzz(func(t *testing.T, form uint8, b []byte) {
		forms := []Form{Guess, JSON, YAML, Pairs, Plain}
		spoken := JSON
		if form > 4 {
			spoken = YAML
		}
		answer, err := ReadOutput(forms[int(form)%len(forms)], spoken, b)
		if err != nil {
			return
		}
		reply := rpc.NewReply()
		if err := Fill(reply, answer, AsGiven); err == nil && (reply.Status < 0 || reply.Status > 255) {
			t.Errorf("status %d", reply.Status)
		}
		sendable(t, reply)
	})
}

// FuzzMessage reads what a worker says.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{`{"type":"hello","protocol":1,"agent":"x"}`, `{"type":"reply","id":"1","statuscode":0,"data":{"a":1}}`, `{"type":"reply","id":1}`, `{"type":"log","level":"warn","text":"x"}`,
		`{"type":"event","data":{}}`, `{"type":"progress","percent":1e9,"text":[]}`, `{"type":"pong"}`, `{"type":7}`, `[]`, "type: reply\nid: 2\ndata: {a: b}\n",
		`{"type":"reply","statuscode":1.5}`, `{"type":"reply","data":[]}`, `{"type":"reply","statusmsg":{}}`} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, yaml bool) {
		form := JSON
		if yaml {
			form = YAML
		}
		m, err := ParseMessage(b, form)
		if err != nil {
			return
		}
		if m.Type == "" || m.All == nil {
			t.Error("a message without a type")
		}
		reply := rpc.NewReply()
		FillFrom(reply, m.All, AsGiven)
		sendable(t, reply)
	})
}
