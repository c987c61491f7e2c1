// Package securitytest is the suite that each security provider passes.
//
// It says what the engines rely on: what is encoded is decoded as it was, for
// every kind of filter and body and in both directions; nothing that was damaged,
// made by a stranger or made for the other role is taken; hostile bytes are only
// ever an error; nothing decoded refers to the bytes it came from.
package securitytest

import (
	"bytes"
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

	// Refused returns a client and a node that refuses it though it knows who it is, as
	// one whose credential has ended; nil if the provider refuses nobody whom it knows.
	Refused func(testing.TB) (security.Client, security.Node)

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
	t.Run("Principal", s.principal)
	t.Run("Bound", s.bound)
	t.Run("Reasons", s.reasons)
	t.Run("Wishes", s.wishes)
	t.Run("Refused", s.refused)
	t.Run("Damage", s.damage)
	t.Run("Junk", s.junk)
	t.Run("Size", s.size)
	t.Run("NothingKept", s.nothingKept)
	t.Run("Concurrent", s.concurrent)
}

// request returns a valid request; its time is fixed so that failures repeat.
func request(body any) *message.Request {
	return &message.Request{
		ID: "7d827a9dde2556b9a293f86e5460a7e5", Collective: "mcollective", Agent: "discovery", Sender: "client.example.com",
		Time: time.Unix(1795336394, 0).UTC(), TTL: 60 * time.Second, ReplyTo: "here", Body: body,
	}
}

func reply(body any) *message.Reply {
	return &message.Reply{RequestID: "7d827a9dde2556b9a293f86e5460a7e5", Sender: "node.example.com", Agent: "discovery",
		Time: time.Unix(1795336395, 0).UTC(), Body: body}
}

// origin returns where those requests come in.
func origin() message.Origin {
	return message.Origin{Collective: "mcollective", Agent: "discovery", ReplyTo: "here"}
}

func encodeRequest(t testing.TB, c security.Client, r *message.Request) security.Payload {
	t.Helper()
	p, err := c.EncodeRequest(t.Context(), r)
	if err != nil {
		t.Fatalf("EncodeRequest: %v", err)
	}
	return p
}

// A pair is a client and a node, and a request that went from the one to the other.
type pair struct {
	t              testing.TB
	client         security.Client
	node           security.Node
	sent, received *message.Request
}

func newPair(t testing.TB, c security.Client, n security.Node) *pair {
	t.Helper()
	p := &pair{t: t, client: c, node: n, sent: request("ping")}
	var err error
	if p.received, err = n.DecodeRequest(t.Context(), encodeRequest(t, c, p.sent), origin()); err != nil {
		t.Fatalf("DecodeRequest: %v", err)
	}
	return p
}

// request takes a request to the node.
func (p *pair) request(r *message.Request) (*message.Request, error) {
	p.t.Helper()
	return p.open(encodeRequest(p.t, p.client, r))
}

// open has the node open a request. One that it does not take is nothing to answer
// either: those of whom a node knows who they are, and refuses them, are in Refused.
func (p *pair) open(payload security.Payload) (*message.Request, error) {
	p.t.Helper()
	r, err := p.node.DecodeRequest(p.t.Context(), payload, origin())
	if errors.As(err, new(*security.Refusal)) {
		p.t.Errorf("the error %v is a Refusal, which would be answered", err)
	}
	return r, err
}

// encode makes the payload of a reply to the request.
func (p *pair) encode(r *message.Reply) security.Payload {
	p.t.Helper()
	payload, err := p.node.EncodeReply(p.t.Context(), p.received, r)
	if err != nil {
		p.t.Fatalf("EncodeReply: %v", err)
	}
	return payload
}

func (p *pair) openReply(payload security.Payload) (*message.Reply, error) {
	return p.client.DecodeReply(p.t.Context(), p.sent, payload)
}

// pair returns one of a provider's.
func (s Suite) pair(t testing.TB) *pair {
	t.Helper()
	c, n := s.New(t)
	return newPair(t, c, n)
}

func (s Suite) bodies(t *testing.T) {
	p := s.pair(t)
	for _, b := range Bodies() {
		want := b.Value
		if s.NoSymbols {
			want = b.Plain
		}
		t.Run(b.Name, func(t *testing.T) {
			req, err := p.request(request(b.Value))
			if err != nil {
				t.Errorf("DecodeRequest: %v", err)
			} else if !reflect.DeepEqual(req.Body, want) {
				t.Errorf("request body %#v came as %#v", want, req.Body)
			}
			rep, err := p.openReply(p.encode(reply(b.Value)))
			if err != nil {
				t.Errorf("DecodeReply: %v", err)
			} else if !reflect.DeepEqual(rep.Body, want) {
				t.Errorf("reply body %#v came as %#v", want, rep.Body)
			}
		})
	}
}

func (s Suite) filters(t *testing.T) {
	p := s.pair(t)
	for _, f := range Filters() {
		t.Run(f.Name, func(t *testing.T) {
			r := request("ping")
			r.Filter = f.Filter
			got, err := p.request(r)
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
	if _, err := p.client.EncodeRequest(t.Context(), r); err == nil {
		t.Error("a fact with an operator that does not exist is sent")
	}
}

func (s Suite) headers(t *testing.T) {
	p := s.pair(t)
	if p.sent.Caller != p.client.CallerID() || message.ValidCallerID(p.sent.Caller) != nil {
		t.Errorf("EncodeRequest filled in caller %q, CallerID is %q", p.sent.Caller, p.client.CallerID())
	}
	got := *p.received
	got.Principal = message.Principal{}
	if got.ReplyTo == "" {
		got.ReplyTo = p.sent.ReplyTo // it is nowhere in the message
	}
	if !reflect.DeepEqual(&got, p.sent) {
		t.Errorf("request %+v came as %+v", p.sent, &got)
	}
	want := reply("pong")
	rep, err := p.openReply(p.encode(want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rep, want) {
		t.Errorf("reply %+v came as %+v", want, rep)
	}

	// What is left out of a reply comes from the request and the node.
	if rep, err = p.openReply(p.encode(&message.Reply{Body: "pong"})); err != nil {
		t.Fatal(err)
	}
	if rep.RequestID != p.sent.ID || rep.Agent != p.sent.Agent || rep.Sender == "" || rep.Time.Unix() <= 0 {
		t.Errorf("a reply without headers came as %+v", rep)
	}
}

// principal: who asks is said by every request that is taken, and by no other.
func (s Suite) principal(t *testing.T) {
	p := s.pair(t)
	who := p.received.Principal
	if who.ID != p.client.CallerID() || who.ID != p.received.Caller {
		t.Errorf("the request of %s is that of %q, its principal %q", p.client.CallerID(), p.received.Caller, who.ID)
	}
	if err := who.Check(p.received.Time); err != nil {
		t.Errorf("principal %+v: %v", who, err)
	}
	if len(who.Permissions) == 0 {
		t.Error("the principal may do nothing")
	}
}

// bound: a reply counts for the request that it answers, and for no other.
func (s Suite) bound(t *testing.T) {
	p := s.pair(t)
	answer := p.encode(&message.Reply{Body: "pong"})
	other := request("ping")
	other.ID = strings.Repeat("1", 32)
	encodeRequest(t, p.client, other)
	if _, err := p.client.DecodeReply(t.Context(), other, answer); !errors.Is(err, security.ErrOtherRequest) {
		t.Errorf("a reply to another request: error %v, want ErrOtherRequest", err)
	}
	if _, err := p.openReply(answer); err != nil {
		t.Errorf("a reply: %v", err)
	}
	if p.sent.Digest == "" {
		return // the id is all that binds
	}
	same := request("another body")
	encodeRequest(t, p.client, same)
	if same.Digest == p.sent.Digest {
		t.Error("two requests have one digest")
	}
	if _, err := p.client.DecodeReply(t.Context(), same, answer); !errors.Is(err, security.ErrOtherRequest) {
		t.Errorf("a reply to another request of the same id: error %v, want ErrOtherRequest", err)
	}
}

// reasons: a refusal comes with its reason, and what is none is not sent.
func (s Suite) reasons(t *testing.T) {
	p := s.pair(t)
	for _, r := range []message.Reason{message.Denied, message.Expired, message.NoAgent, message.Busy, message.TimedOut,
		message.Stopping, message.TooLarge, message.Broken, "of_a_later_version"} {
		want := reply("no")
		want.Reason = r
		if got, err := p.openReply(p.encode(want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("reason %s came as %+v, %v", r, got, err)
		}
	}
	for _, r := range []message.Reason{"Denied", "a b", "a\n", "ü", message.Reason(strings.Repeat("x", 33))} {
		bad := reply("no")
		bad.Reason = r
		if _, err := p.node.EncodeReply(t.Context(), p.received, bad); err == nil {
			t.Errorf("reason %q is sent", r)
		}
	}
}

// wishes: what the caller wants to hear of a search arrives with the request.
func (s Suite) wishes(t *testing.T) {
	p := s.pair(t)
	for _, all := range []bool{false, true} {
		for _, agent := range []string{"", "rpcutil"} {
			r := request("ping")
			r.AnswerAll, r.Definition = all, agent
			if got, err := p.request(r); err != nil || got.AnswerAll != all || got.Definition != agent {
				t.Errorf("wishes %v and %q came as %+v, %v", all, agent, got, err)
			}
		}
	}
}

// refused: a request that is proven and refused can be answered, bound to it as any
// reply is; one that is damaged or a stranger's is not.
func (s Suite) refused(t *testing.T) {
	if s.Refused == nil {
		t.Skip("this provider refuses nobody whom it knows")
	}
	ctx := t.Context()
	client, node := s.Refused(t)
	sent := request("ping")
	payload := encodeRequest(t, client, sent)
	r, err := node.DecodeRequest(ctx, payload, origin())
	var no *security.Refusal
	if r != nil || !errors.As(err, &no) || no.Request == nil {
		t.Fatalf("a request that is to be refused: %+v, error %v; want a Refusal with the request", r, err)
	}
	got := no.Request
	if p := &got.Principal; p.Proven() != nil || p.ID != client.CallerID() || got.Caller != p.ID || got.ID != sent.ID || got.Agent != sent.Agent ||
		got.Collective != sent.Collective || got.Digest != sent.Digest {
		t.Errorf("the refused request is %+v, sent was %+v", got, sent)
	}
	if no.Reason != message.Denied && no.Reason != message.Expired && no.Reason != message.Busy {
		t.Errorf("the reason is %q", no.Reason)
	}
	if no.Err == nil {
		t.Error("the refusal does not say why")
	}
	want := reply("no")
	want.Reason = no.Reason
	answer, err := node.EncodeReply(ctx, got, want)
	if err != nil {
		t.Fatalf("answer the refused request: %v", err)
	}
	if a, err := client.DecodeReply(ctx, sent, answer); err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("the answer came as %+v, %v", a, err)
	}
	other := request("ping")
	other.ID = strings.Repeat("1", 32)
	encodeRequest(t, client, other)
	if _, err := client.DecodeReply(ctx, other, answer); !errors.Is(err, security.ErrOtherRequest) {
		t.Errorf("the answer, taken for one to another request: error %v, want ErrOtherRequest", err)
	}

	p := &pair{t: t, client: client, node: node}
	for i := range payload.Data {
		changed := bytes.Clone(payload.Data)
		changed[i] ^= 1
		var no *security.Refusal
		// What a provider does not prove may change, and nothing else.
		if _, err := node.DecodeRequest(ctx, security.Payload{Data: changed, Headers: payload.Headers}, origin()); errors.As(err, &no) &&
			(no.Request == nil || no.Request.Body != sent.Body) {
			t.Fatalf("a request damaged at byte %d is a Refusal: %v", i, err)
		}
	}
	sc, _ := s.Stranger(t)
	if _, err := p.open(encodeRequest(t, sc, request("ping"))); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a stranger's request: error %v, want ErrUnverified", err)
	}
}

func (s Suite) otherRole(t *testing.T) {
	p := s.pair(t)
	if _, err := p.open(p.encode(reply("ping"))); !errors.Is(err, security.ErrMalformed) {
		t.Errorf("a reply taken for a request: error %v, want ErrMalformed", err)
	}
	if _, err := p.openReply(encodeRequest(t, p.client, request("pong"))); !errors.Is(err, security.ErrMalformed) {
		t.Errorf("a request taken for a reply: error %v, want ErrMalformed", err)
	}
}

func (s Suite) stranger(t *testing.T) {
	p := s.pair(t)
	sc, sn := s.Stranger(t)
	other := newPair(t, sc, sn)
	if _, err := p.open(encodeRequest(t, sc, request("ping"))); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a stranger's request: error %v, want ErrUnverified", err)
	}
	if _, err := p.openReply(other.encode(reply("pong"))); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a stranger's reply: error %v, want ErrUnverified", err)
	}
}

// BadCallers are caller ids that no provider may take or answer.
func BadCallers() []string {
	return []string{"", "uid", "uid=", "=0", "uid=0\nroot", "uid=0\n", "\nuid=0", "uid=a/b", `uid=a\b`, "uid=a|b", "uid=a=b", "foo-bar",
		"uid=ü", "uid=.", "cert=..", "cert=../../x", "uid=0\x00", "uid=0 ", "u=" + strings.Repeat("x", 300)}
}

func (s Suite) callerID(t *testing.T) {
	p := s.pair(t)
	if s.Forge != nil {
		r, err := p.open(s.Forge(t, "uid=foo.bar-1"))
		if err != nil || r.Caller != "uid=foo.bar-1" || r.Principal.ID != r.Caller {
			t.Fatalf("Forge makes a request that is refused (%v): the others prove nothing", err)
		}
	}
	for _, caller := range BadCallers() {
		if s.Forge != nil {
			if _, err := p.open(s.Forge(t, caller)); !errors.Is(err, security.ErrMalformed) {
				t.Errorf("a request of caller %q: error %v, want ErrMalformed", caller, err)
			}
		}
		req := *p.received
		req.Caller = caller
		if _, err := p.node.EncodeReply(t.Context(), &req, reply("pong")); err == nil {
			t.Errorf("caller %q gets a reply", caller)
		}
	}
}

func (s Suite) names(t *testing.T) {
	p := s.pair(t)
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
		if _, err := p.client.EncodeRequest(t.Context(), r); err == nil {
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
		if _, err := p.node.EncodeReply(t.Context(), p.received, r); err == nil {
			t.Errorf("%s: the reply is sent", what)
		}
	}
}

func (s Suite) nothingKept(t *testing.T) {
	p := s.pair(t)
	for _, b := range Bodies() {
		r := request(b.Value)
		r.Filter = fullFilter()
		payload := encodeRequest(t, p.client, r)
		want, err := p.open(payload)
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		data := append([]byte(nil), payload.Data...)
		got, _ := p.open(security.Payload{Data: data, Headers: payload.Headers})
		clear(data)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the request changes with the bytes it came from", b.Name)
		}
		payload = p.encode(reply(b.Value))
		wantReply, err := p.openReply(payload)
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		data = append([]byte(nil), payload.Data...)
		gotReply, _ := p.openReply(security.Payload{Data: data, Headers: payload.Headers})
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
	ctx := t.Context()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range rounds {
				b := bodies[(g+i)%len(bodies)]
				want := b.Value
				if s.NoSymbols {
					want = b.Plain
				}
				sent := request(b.Value)
				p, err := c.EncodeRequest(ctx, sent)
				if err != nil {
					t.Error(err)
					return
				}
				req, err := n.DecodeRequest(ctx, p, origin())
				if err != nil || !reflect.DeepEqual(req.Body, want) {
					t.Errorf("request with %s: %v", b.Name, err)
					return
				}
				if p, err = n.EncodeReply(ctx, req, reply(req.Body)); err != nil {
					t.Error(err)
					return
				}
				if rep, err := c.DecodeReply(ctx, sent, p); err != nil || !reflect.DeepEqual(rep.Body, want) {
					t.Errorf("reply with %s: %v", b.Name, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
