// Package securitytest is the suite that each security provider passes.
//
// It says what the engines rely on: what is encoded is decoded as it was, for
// every kind of filter and body and in both directions; nothing that was damaged,
// made by a stranger or made for the other role is taken; hostile bytes are only
// ever an error; nothing decoded refers to the bytes it came from.
package securitytest

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/security"
)

// A Suite is a provider under test.
type Suite struct {
	// New returns a client and a node that trust each other.
	New func(testing.TB) (security.Client, security.Node)

	// Stranger returns a client and a node of the same kind that do not trust
	// those of New, nor are trusted by them.
	Stranger func(testing.TB) (security.Client, security.Node)

	// Forge returns a request in caller's name, proven as well as one who is
	// trusted can; nil when the provider binds the name to a key.
	Forge func(t testing.TB, caller string) security.Payload

	// NoSymbols says that the serializer writes symbols as strings and hash keys
	// as text.
	NoSymbols bool

	// Slow says that decoding takes much longer than ten microseconds, so that
	// long messages are damaged in fewer places.
	Slow bool

	// TooLarge is a number of bytes that no request's body may have. Default 2 MiB.
	TooLarge int
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	if s.TooLarge == 0 {
		s.TooLarge = 2 << 20
	}
	t.Run("Bodies", s.bodies)
	t.Run("Filters", s.filters)
	t.Run("Headers", s.headers)
	t.Run("OtherRole", s.otherRole)
	t.Run("Stranger", s.stranger)
	t.Run("CallerID", s.callerID)
	t.Run("Names", s.names)
	t.Run("Damage", s.damage)
	t.Run("Junk", s.junk)
	t.Run("Size", s.size)
	t.Run("NothingKept", s.nothingKept)
	t.Run("Concurrent", s.concurrent)
}

// request is a valid request; its time is fixed so that failures repeat.
func request(body any) *message.Request {
	return &message.Request{
		ID: "7d827a9dde2556b9a293f86e5460a7e5", Collective: "mcollective", Agent: "discovery", Sender: "client.example.com",
		Time: time.Unix(1795336394, 0).UTC(), TTL: 60 * time.Second, Body: body,
	}
}

func reply(body any) *message.Reply {
	return &message.Reply{RequestID: "7d827a9dde2556b9a293f86e5460a7e5", Sender: "node.example.com", Agent: "discovery",
		Time: time.Unix(1795336395, 0).UTC(), Body: body}
}

func encodeRequest(t testing.TB, c security.Client, r *message.Request) security.Payload {
	t.Helper()
	p, err := c.EncodeRequest(r)
	if err != nil {
		t.Fatalf("EncodeRequest: %v", err)
	}
	return p
}

func encodeReply(t testing.TB, c security.Client, n security.Node, r *message.Reply) security.Payload {
	t.Helper()
	req := request("ping")
	req.Caller = c.CallerID()
	p, err := n.EncodeReply(req, r)
	if err != nil {
		t.Fatalf("EncodeReply: %v", err)
	}
	return p
}

func (s Suite) bodies(t *testing.T) {
	c, n := s.New(t)
	for _, b := range Bodies() {
		want := b.Value
		if s.NoSymbols {
			want = b.Plain
		}
		t.Run(b.Name, func(t *testing.T) {
			req, err := n.DecodeRequest(encodeRequest(t, c, request(b.Value)))
			if err != nil {
				t.Errorf("DecodeRequest: %v", err)
			} else if !reflect.DeepEqual(req.Body, want) {
				t.Errorf("request body %#v came as %#v", want, req.Body)
			}
			rep, err := c.DecodeReply(encodeReply(t, c, n, reply(b.Value)))
			if err != nil {
				t.Errorf("DecodeReply: %v", err)
			} else if !reflect.DeepEqual(rep.Body, want) {
				t.Errorf("reply body %#v came as %#v", want, rep.Body)
			}
		})
	}
}

func (s Suite) filters(t *testing.T) {
	c, n := s.New(t)
	for _, f := range Filters() {
		t.Run(f.Name, func(t *testing.T) {
			r := request("ping")
			r.Filter = f.Filter
			got, err := n.DecodeRequest(encodeRequest(t, c, r))
			if err != nil {
				t.Fatalf("DecodeRequest: %v", err)
			}
			want := f.Filter
			want.Irregular = want.Collective != "" // a sixth key
			if !reflect.DeepEqual(got.Filter, want) {
				t.Errorf("filter %#v came as %#v", want, got.Filter)
			}
		})
	}
	r := request("ping")
	r.Filter.Facts = []filter.Fact{{Name: "a", Operator: "=>", Value: "b"}}
	if _, err := c.EncodeRequest(r); err == nil {
		t.Error("a fact with an operator that does not exist is sent")
	}
}

func (s Suite) headers(t *testing.T) {
	c, n := s.New(t)
	sent := request("ping")
	p := encodeRequest(t, c, sent)
	if sent.Caller != c.CallerID() || message.ValidCallerID(sent.Caller) != nil {
		t.Errorf("EncodeRequest filled in caller %q, CallerID is %q", sent.Caller, c.CallerID())
	}
	got, err := n.DecodeRequest(p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("request %+v came as %+v", sent, got)
	}
	want := reply("pong")
	rep, err := c.DecodeReply(encodeReply(t, c, n, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rep, want) {
		t.Errorf("reply %+v came as %+v", want, rep)
	}

	// What is left out of a reply comes from the request and the node.
	p, err = n.EncodeReply(got, &message.Reply{Body: "pong"})
	if err != nil {
		t.Fatal(err)
	}
	if rep, err = c.DecodeReply(p); err != nil {
		t.Fatal(err)
	}
	if rep.RequestID != got.ID || rep.Agent != got.Agent || rep.Sender == "" || rep.Time.Unix() <= 0 {
		t.Errorf("a reply without headers came as %+v", rep)
	}
}

func (s Suite) otherRole(t *testing.T) {
	c, n := s.New(t)
	if _, err := n.DecodeRequest(encodeReply(t, c, n, reply("ping"))); !errors.Is(err, security.ErrMalformed) {
		t.Errorf("a reply taken for a request: error %v, want ErrMalformed", err)
	}
	if _, err := c.DecodeReply(encodeRequest(t, c, request("pong"))); !errors.Is(err, security.ErrMalformed) {
		t.Errorf("a request taken for a reply: error %v, want ErrMalformed", err)
	}
}

func (s Suite) stranger(t *testing.T) {
	c, n := s.New(t)
	sc, sn := s.Stranger(t)
	if _, err := n.DecodeRequest(encodeRequest(t, sc, request("ping"))); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a stranger's request: error %v, want ErrUnverified", err)
	}
	if _, err := c.DecodeReply(encodeReply(t, sc, sn, reply("pong"))); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a stranger's reply: error %v, want ErrUnverified", err)
	}
}

// BadCallers are caller ids that no provider may take or answer.
func BadCallers() []string {
	return []string{"", "uid", "uid=", "=0", "uid=0\nroot", "uid=0\n", "\nuid=0", "uid=a/b", `uid=a\b`, "uid=a|b", "uid=a=b", "foo-bar",
		"uid=ü", "uid=.", "cert=..", "cert=../../x", "uid=0\x00", "uid=0 ", "u=" + strings.Repeat("x", 300)}
}

func (s Suite) callerID(t *testing.T) {
	_, n := s.New(t)
	if s.Forge != nil {
		r, err := n.DecodeRequest(s.Forge(t, "uid=foo.bar-1"))
		if err != nil || r.Caller != "uid=foo.bar-1" {
			t.Fatalf("Forge makes a request that is refused (%v): the others prove nothing", err)
		}
	}
	for _, caller := range BadCallers() {
		if s.Forge != nil {
			if _, err := n.DecodeRequest(s.Forge(t, caller)); !errors.Is(err, security.ErrMalformed) {
				t.Errorf("a request of caller %q: error %v, want ErrMalformed", caller, err)
			}
		}
		req := request("ping")
		req.Caller = caller
		if _, err := n.EncodeReply(req, reply("pong")); err == nil {
			t.Errorf("caller %q gets a reply", caller)
		}
	}
}

func (s Suite) names(t *testing.T) {
	c, n := s.New(t)
	for what, change := range map[string]func(*message.Request){
		"agent with a path":        func(r *message.Request) { r.Agent = "../x" },
		"no agent":                 func(r *message.Request) { r.Agent = "" },
		"sender with a newline":    func(r *message.Request) { r.Sender = "a\nb" },
		"collective with a star":   func(r *message.Request) { r.Collective = "a*" },
		"no id":                    func(r *message.Request) { r.ID = "" },
		"id with a control byte":   func(r *message.Request) { r.ID = "a\x1bb" },
		"TTL of a thousand years":  func(r *message.Request) { r.TTL = 1 << 62 },
		"negative TTL":             func(r *message.Request) { r.TTL = -time.Second },
		"time before there was it": func(r *message.Request) { r.Time = time.Unix(-5, 0) },
	} {
		r := request("ping")
		change(r)
		if _, err := c.EncodeRequest(r); err == nil {
			t.Errorf("%s: the request is sent", what)
		}
	}
	for what, change := range map[string]func(*message.Reply){
		"sender with a blank":  func(r *message.Reply) { r.Sender = "a b" },
		"agent with a path":    func(r *message.Reply) { r.Agent = "a/b" },
		"id with control byte": func(r *message.Reply) { r.RequestID = "a\x1bb" },
	} {
		r := reply("pong")
		change(r)
		req := request("ping")
		req.Caller = c.CallerID()
		if _, err := n.EncodeReply(req, r); err == nil {
			t.Errorf("%s: the reply is sent", what)
		}
	}
}

func (s Suite) nothingKept(t *testing.T) {
	c, n := s.New(t)
	for _, b := range Bodies() {
		r := request(b.Value)
		r.Filter = fullFilter()
		p := encodeRequest(t, c, r)
		want, err := n.DecodeRequest(p)
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		data := append([]byte(nil), p.Data...)
		got, _ := n.DecodeRequest(security.Payload{Data: data, Headers: p.Headers})
		clear(data)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the request changes with the bytes it came from", b.Name)
		}
		p = encodeReply(t, c, n, reply(b.Value))
		wantReply, err := c.DecodeReply(p)
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		data = append([]byte(nil), p.Data...)
		gotReply, _ := c.DecodeReply(security.Payload{Data: data, Headers: p.Headers})
		clear(data)
		if !reflect.DeepEqual(gotReply, wantReply) {
			t.Errorf("%s: the reply changes with the bytes it came from", b.Name)
		}
	}
}

func (s Suite) concurrent(t *testing.T) {
	c, n := s.New(t)
	rounds := 50
	if testing.Short() {
		rounds = 10
	}
	bodies := Bodies()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range rounds {
				b := bodies[(g+i)%len(bodies)]
				want := b.Value
				if s.NoSymbols {
					want = b.Plain
				}
				p, err := c.EncodeRequest(request(b.Value))
				if err != nil {
					t.Error(err)
					return
				}
				req, err := n.DecodeRequest(p)
				if err != nil || !reflect.DeepEqual(req.Body, want) {
					t.Errorf("request with %s: %v", b.Name, err)
					return
				}
				if p, err = n.EncodeReply(req, reply(req.Body)); err != nil {
					t.Error(err)
					return
				}
				if rep, err := c.DecodeReply(p); err != nil || !reflect.DeepEqual(rep.Body, want) {
					t.Errorf("reply with %s: %v", b.Name, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
