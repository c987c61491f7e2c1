package creds

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/filter"
	"mcollective/internal/credential/credentialtest"
	"mcollective/message"
	"mcollective/security"
	"mcollective/value"
)

// What another implementation could read in two ways is read in none, even signed by a caller.
func TestStrictDocuments(t *testing.T) {
	w := newWorld(t)
	r := ask("puppet", value.NewMap("agent", "puppet", "action", "status"))
	r.Filter.Facts = []filter.Fact{{Name: "os", Operator: "==", Value: "Linux"}}
	r.AnswerAll, r.Definition = true, "puppet"
	whole := string(w.encode(w.client, r).Data)
	at := broadcast("puppet")
	open := func(document string, o message.Origin) error {
		_, err := w.web1.DecodeRequest(t.Context(), w.client.seal(requestDomain, []byte(document)), o)
		return err
	}
	if err := open(whole, at); err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%s has no %s", whole, old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for what, bad := range map[string]string{
		"nothing behind the form":     requestForm,
		"no object":                   `[1]`,
		"version 2":                   swap(`"version":1`, `"version":2`),
		"the version as a text":       swap(`"version":1`, `"version":"1"`),
		"another type":                swap(`"type":"request"`, `"type":"Request"`),
		"a blank at the beginning":    " " + whole,
		"another spelling":            swap(`"version":1,`, `"version": 1,`),
		"a member more":               swap(`"body":`, `"x":1,"body":`),
		"a member more at the end":    whole[:len(whole)-1] + `,"x":1}`,
		"an agent in another case":    swap(`"agent":"puppet"`, `"agent":"puppet","Agent":"shell"`),
		"an agent in that case alone": swap(`"agent":"puppet"`, `"Agent":"puppet"`),
		"two agents":                  swap(`"agent":"puppet"`, `"agent":"puppet","agent":"shell"`),
		"an agent in escapes":         swap(`"agent":"puppet"`, `"agent":"puppet","\u0061gent":"shell"`),
		"two bodies":                  whole[:len(whole)-1] + `,"body":"x"}`,
		"two agents in the body":      swap(`{"agent":"puppet","action"`, `{"agent":"puppet","agent":"shell","action"`),
		"members in another order":    swap(`"collective":"mcollective","agent":"puppet"`, `"agent":"puppet","collective":"mcollective"`),
		"no body":                     whole[:strings.Index(whole, `,"body":`)] + "}",
		"no time":                     swap(`"time":1795336394,`, ``),
		"a time with a part":          swap(`"time":1795336394`, `"time":1795336394.0`),
		"a time with an exponent":     swap(`"time":1795336394`, `"time":1e9`),
		"a time of zero":              swap(`"time":1795336394`, `"time":0`),
		"a negative time":             swap(`"time":1795336394`, `"time":-1`),
		"a TTL of nothing":            swap(`"ttl":60`, `"ttl":0`),
		"a TTL as a text":             swap(`"ttl":60`, `"ttl":"60"`),
		"a TTL of no end":             swap(`"ttl":60`, `"ttl":99999999999999999999`),
		"an agent that is a path":     swap(`"agent":"puppet"`, `"agent":"../x"`),
		"no collective":               swap(`"collective":"mcollective"`, `"collective":""`),
		"a key of the filter more":    swap(`"filter":{`, `"filter":{"x":[],`),
		"a filter that lacks a key":   swap(`,"compound":[]`, ``),
		"a key of a fact more":        swap(`{"fact":"os"`, `{"x":1,"fact":"os"`),
		"a fact in another case":      swap(`{"fact":"os"`, `{"Fact":"os"`),
		"a filter of nothing":         swap(`[{"fact":"os","value":"Linux","operator":"=="}]`, `[]`),
		"no filter of nothing":        swap(`"filter":{`, `"filter":null,"x":{`),
		"a wish that is no":           swap(`"answer_all":true`, `"answer_all":false`),
		"a wish that is 1":            swap(`"answer_all":true`, `"answer_all":1`),
		"a definition of nothing":     swap(`"definition":"puppet"`, `"definition":""`),
		"text behind":                 whole + "x",
		"a document behind":           whole + whole,
		"a newline and more":          whole + "\n{}",
		"no UTF-8":                    swap(`"sender":"laptop"`, "\"sender\":\"lap\xfftop\""),
		"a zero byte":                 swap(`"sender":"laptop"`, "\"sender\":\"lap\x00top\""),
		"a long reply address":        swap(`"reply_to":"`, `"reply_to":"`+strings.Repeat("x", 1024)),
		"for a node without a name":   strings.Replace(whole, requestForm, requestForm+`"to":"",`, 1),
		"for a path":                  strings.Replace(whole, requestForm, requestForm+`"to":"../x",`, 1),
		"for a name without an end":   strings.Replace(whole, requestForm, requestForm+`"to":"`+strings.Repeat("x", 2000), 1),
		"for two nodes":               strings.Replace(whole, requestForm, requestForm+`"to":"web1","to":"web2",`, 1),
		"for a node in another place": swap(`"ttl":60`, `"ttl":60,"to":"web1"`),
		"for a node in escapes":       strings.Replace(whole, requestForm, requestForm+`"to":"web\u0031",`, 1),
		"for a number":                strings.Replace(whole, requestForm, requestForm+`"to":1,`, 1),
		"deep":                        swap(`"body":{`, `"body":{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,`),
		"deeper than a stack":         swap(`"body":{`, `"body":{"x":`+strings.Repeat("[", 500_000)),
		"many values":                 swap(`"body":{`, `"body":{"x":[`+strings.Repeat("1,", 100_000)+`1],`),
		"too long":                    swap(`"body":{`, `"body":{"x":"`+strings.Repeat("x", maxRequest)+`",`),
	} {
		t.Run(what, func(t *testing.T) {
			for _, o := range []message.Origin{at, directed("web1")} {
				if err := open(bad, o); !errors.Is(err, security.ErrMalformed) {
					t.Errorf("%s: error %v, want ErrMalformed\n%.300s", what, err, bad)
				}
			}
		})
	}
	got, err := w.web1.DecodeRequest(t.Context(), w.encode(w.client, r), at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.web1.EncodeReply(t.Context(), got, &message.Reply{Body: "y", Reason: message.Busy, Time: then})
	if err != nil {
		t.Fatal(err)
	}
	whole = string(p.Data)
	for what, bad := range map[string]string{
		"nothing":                  replyForm,
		"a member more":            swap(`"body":`, `"x":1,"body":`),
		"two nodes":                swap(`"node":"web1"`, `"node":"web1","node":"web2"`),
		"a node in another case":   swap(`"node":"web1"`, `"node":"web1","Node":"web2"`),
		"members in another order": swap(`"node":"web1","agent":"puppet"`, `"agent":"puppet","node":"web1"`),
		"a reason that is none":    swap(`"reason":"busy"`, `"reason":"Busy"`),
		"a reason of nothing":      swap(`"reason":"busy"`, `"reason":""`),
		"no body":                  whole[:strings.Index(whole, `,"body":`)] + "}",
		"text behind":              whole + "x",
		"version 2":                swap(`"version":1`, `"version":2`),
		"many values":              swap(`"body":"y"`, `"body":[`+strings.Repeat("1,", 300_000)+`1]`),
		"too long":                 swap(`"body":"y"`, `"body":"`+strings.Repeat("x", 9<<20)+`"`),
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := w.client.DecodeReply(t.Context(), r, w.web1.seal(replyDomain, []byte(bad))); !errors.Is(err, security.ErrMalformed) {
				t.Errorf("reply, %s: error %v, want ErrMalformed", what, err)
			}
		})
	}
}

// Every change of what travels is noticed, wherever it is.
func TestMutations(t *testing.T) {
	w := newWorld(t)
	r := ask("puppet", value.NewMap("agent", "puppet", "action", "status"))
	request := w.encode(w.client, r)
	got, err := w.web1.DecodeRequest(t.Context(), request, broadcast("puppet"))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := w.web1.EncodeReply(t.Context(), got, &message.Reply{Body: "y"})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	most, limit := 1_000_000, 20*time.Second
	if testing.Short() {
		most, limit = 20_000, time.Second
	}
	n := 0
	for end := time.Now().Add(limit); n < most && time.Now().Before(end); n++ {
		p := request
		if n%2 == 1 {
			p = reply
		}
		changed := security.Payload{Data: bytes.Clone(p.Data), Headers: map[string]string{}}
		for k, v := range p.Headers {
			changed.Headers[k] = v
		}
		switch rng.IntN(8) {
		case 0:
			changed.Headers[signatureHeader] = string(mutate(rng, []byte(p.Headers[signatureHeader])))
		case 1:
			changed.Headers[credentialHeader] = string(mutate(rng, []byte(p.Headers[credentialHeader])))
		default:
			changed.Data = mutate(rng, changed.Data)
		}
		if bytes.Equal(changed.Data, p.Data) && reflect.DeepEqual(changed.Headers, p.Headers) {
			continue
		}
		if n%2 == 1 {
			_, err = w.client.DecodeReply(t.Context(), r, changed)
		} else {
			_, err = w.web1.DecodeRequest(t.Context(), changed, broadcast("puppet"))
		}
		if err == nil || errors.As(err, new(*security.Refusal)) {
			t.Fatalf("taken after %d changes: %q %q, error %v", n, changed.Data, changed.Headers, err)
		}
	}
	t.Logf("%d changes", n)
}

// mutate changes bytes, as somebody would who knows what is in them.
func mutate(rng *rand.Rand, b []byte) []byte {
	words := []string{`"to":"web1",`, `"agent":"shell"`, `"body":`, `}`, `,`, `"`, `{"`, `\u0000`, "\n", "=", "A", `"web2"`, "\x00", "\xff"}
	for range 1 + rng.IntN(3) {
		if len(b) == 0 {
			return b
		}
		i := rng.IntN(len(b))
		switch rng.IntN(5) {
		case 0:
			b[i] ^= 1 << rng.IntN(8)
		case 1:
			b = append(b[:i], b[i+1:]...)
		case 2:
			b = append(b[:i:i], append([]byte(words[rng.IntN(len(words))]), b[i:]...)...)
		case 3:
			b = b[:i]
		case 4:
			j := rng.IntN(len(b))
			b[i], b[j] = b[j], b[i]
		}
	}
	return b
}

// FuzzRequest: whatever a caller signs, what is read of it is what is written of that.
func FuzzRequest(f *testing.F) {
	r := ask("puppet", value.NewMap("agent", "puppet", "action", "status"))
	r.Caller = "creds=jane"
	for _, change := range []func(){
		func() {},
		func() { r.Filter.Facts = []filter.Fact{{Name: "os", Operator: "==", Value: "Linux"}} },
		func() { r.AnswerAll, r.Definition = true, "puppet" },
		func() { r.Body = []any{nil, 1.5, true, value.Binary("\x00\xff"), value.NewRegexp("a", 1)} },
	} {
		change()
		document, err := encodeRequest(r, digest(nil))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
		f.Add(direct(document, "web1"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkForm(data, requestForm) != nil {
			return
		}
		r, to, held, err := decodeRequest(data, "creds=jane")
		if err != nil {
			return
		}
		if message.ValidAgent(r.Agent) != nil || message.ValidCollective(r.Collective) != nil || to != "" && message.ValidIdentity(to) != nil || r.TTL < time.Second || r.Time.Unix() <= 0 {
			t.Fatalf("%q is read as %+v", data, r)
		}
		again, err := encodeRequest(r, held)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", data, err)
		}
		if to != "" {
			again = direct(again, to)
		}
		r2, to2, held2, err := decodeRequest(again, "creds=jane")
		if err != nil || to2 != to || held2 != held {
			t.Fatalf("%q is written as %q: %v", data, again, err)
		}
		twice, err := encodeRequest(r2, held)
		if to != "" && err == nil {
			twice = direct(twice, to)
		}
		if err != nil || !bytes.Equal(again, twice) {
			t.Fatalf("%q is written as %q, and then as %q, %v", data, again, twice, err)
		}
	})
}

// FuzzReply is FuzzRequest for replies.
func FuzzReply(f *testing.F) {
	for _, r := range []message.Reply{{Body: "pong"}, {Body: value.NewMap("a", []any{1.5, nil}), Reason: message.Busy}} {
		r.RequestID, r.Sender, r.Agent, r.Time = message.NewID(), "web1", "puppet", then
		document, err := encodeReply(&r, digest(nil))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkForm(data, replyForm) != nil {
			return
		}
		r, answers, err := decodeReply(data)
		if err != nil {
			return
		}
		if message.ValidIdentity(r.Sender) != nil || message.ValidAgent(r.Agent) != nil || message.ValidReason(r.Reason) != nil {
			t.Fatalf("%q is read as %+v", data, r)
		}
		if len(answers) != digestSize {
			return // it answers no request of ours
		}
		again, err := encodeReply(r, answers)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", data, err)
		}
		once, _, err := decodeReply(again)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", data, again, err)
		}
		twice, err := encodeReply(once, answers)
		if err != nil || !bytes.Equal(again, twice) {
			t.Fatalf("%q is written as %q, and then as %q, %v", data, again, twice, err)
		}
	})
}

// FuzzPayload: a node takes from the network what a caller has made, and nothing else.
func FuzzPayload(f *testing.F) {
	s := credentialtest.New(f, then)
	c, n := newClient(f, s.Caller(credentialtest.CallerOf("jane"))), newNode(f, s.Node("web1"))
	p, err := c.EncodeRequest(f.Context(), ask("puppet", "x"))
	if err != nil {
		f.Fatal(err)
	}
	sig, token := p.Headers[signatureHeader], p.Headers[credentialHeader]
	f.Add(p.Data, sig, token)
	f.Add([]byte(requestForm), sig, "a.b.c")
	f.Fuzz(func(t *testing.T, data []byte, s, k string) {
		same := bytes.Equal(data, p.Data) && s == sig && k == token
		_, err := n.DecodeRequest(t.Context(), security.Payload{Data: data, Headers: map[string]string{signatureHeader: s, credentialHeader: k}}, broadcast("puppet"))
		if (err == nil) != same {
			t.Fatalf("%q %q %q: %v", data, s, k, err)
		}
		if _, err := c.DecodeReply(t.Context(), ask("puppet", "x"), security.Payload{Data: data, Headers: map[string]string{signatureHeader: s, credentialHeader: k}}); err == nil {
			t.Fatal("a reply is taken that nobody made")
		}
	})
}
