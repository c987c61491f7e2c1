package creds

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mcollective/internal/credential"
	"mcollective/internal/credential/credentialtest"
	"mcollective/message"
	"mcollective/security"
	"mcollective/security/securitytest"
)

// then is when the messages of securitytest are sent.
var then = time.Unix(1795336394, 0)

func clock(at time.Time) func() time.Time { return func() time.Time { return at } }

func newClient(t testing.TB, dir string) *Client {
	t.Helper()
	c, err := NewClient(Options{Dir: dir, Now: clock(then)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newNode(t testing.TB, dir string) *Node {
	t.Helper()
	n, err := NewNode(Options{Dir: dir, Now: clock(then)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func pair(t testing.TB) (security.Client, security.Node) {
	s := credentialtest.New(t, then)
	return newClient(t, s.Caller(credentialtest.CallerOf("jane"))), newNode(t, s.Node("node.example.com"))
}

func TestSecurity(t *testing.T) {
	ended := func(t testing.TB) (security.Client, security.Node) {
		s := credentialtest.New(t, then)
		g := credentialtest.CallerOf("jane")
		g.Lasts = time.Minute
		c, n := newClient(t, s.Caller(g)), newNode(t, s.Node("node.example.com"))
		n.now = clock(then.Add(2 * time.Minute))
		return c, n
	}
	securitytest.Run(t, securitytest.Suite{New: pair, Stranger: pair, Refused: ended, NoSymbols: true, Slow: true})
}

// A world is a caller and two nodes of one site.
type world struct {
	*testing.T
	site   *credentialtest.Site
	client *Client
	web1   *Node
	web2   *Node
}

func newWorld(t *testing.T) *world {
	s := credentialtest.New(t, then)
	return &world{t, s, newClient(t, s.Caller(credentialtest.CallerOf("jane"))), newNode(t, s.Node("web1")), newNode(t, s.Node("web2"))}
}

func ask(agent string, body any) *message.Request {
	return &message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: agent, Sender: "laptop", Time: then.UTC(), TTL: time.Minute,
		ReplyTo: "mcollective.reply.X.1", Body: body,
	}
}

func broadcast(agent string) message.Origin {
	return message.Origin{Collective: "mcollective", Agent: agent, ReplyTo: "mcollective.reply.X.1"}
}

func directed(to string) message.Origin {
	return message.Origin{Collective: "mcollective", Direct: true, Identity: to, ReplyTo: "mcollective.reply.X.1"}
}

func (w *world) encode(c security.Client, r *message.Request) security.Payload {
	w.Helper()
	p, err := c.EncodeRequest(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) direct(r *message.Request, to string) security.Payload {
	w.Helper()
	make, err := w.client.EncodeDirected(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	p, err := make(to)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) refused(what string, want error, text string, err error) {
	w.Helper()
	if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), text) {
		w.Errorf("%s: error %v, want %v with %q", what, err, want, text)
	}
}

// told is refused for what the caller may hear.
func (w *world) told(what string, want message.Reason, text string, err error) {
	w.Helper()
	no := (*security.Refusal)(nil)
	if !errors.As(err, &no) || no.Request == nil || no.Reason != want || !strings.Contains(err.Error(), text) {
		w.Errorf("%s: error %v, want a refusal with reason %s and %q", what, err, want, text)
	}
}

// One request to several nodes is signed for each, and answered as one.
func TestDirectedRequests(t *testing.T) {
	w := newWorld(t)
	r := ask("puppet", "x")
	make, err := w.client.EncodeDirected(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for name, node := range map[string]*Node{"web1": w.web1, "web2": w.web2} {
		t.Run(name, func(t *testing.T) {
			p, err := make(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := node.DecodeRequest(t.Context(), p, directed(name))
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != r.ID || got.Digest != r.Digest || got.Body != "x" {
				t.Errorf("%s got %+v", name, got)
			}
			answer, err := node.EncodeReply(t.Context(), got, &message.Reply{Body: "y"})
			if err != nil {
				t.Fatal(err)
			}
			if rep, err := w.client.DecodeReply(t.Context(), r, answer); err != nil || rep.Sender != name {
				t.Errorf("reply of %s: %+v, %v", name, rep, err)
			}
		})
	}
	for _, bad := range []string{"", "web1\"", "a b", "..", strings.Repeat("x", 300)} {
		if _, err := make(bad); err == nil {
			t.Errorf("a request is made for node %q", bad)
		}
	}
}

// What a broker, a node or a stranger can do with a request that is not theirs.
func TestRequestsCannotBeReaimed(t *testing.T) {
	w := newWorld(t)
	r := ask("puppet", "x")
	p, direct := w.encode(w.client, r), w.direct(r, "web1")
	at := broadcast("puppet")
	if _, err := w.web1.DecodeRequest(t.Context(), p, at); err != nil {
		t.Fatal(err)
	}
	decode := func(n *Node, p security.Payload, o message.Origin) error {
		_, err := n.DecodeRequest(t.Context(), p, o)
		return err
	}
	w.refused("a broadcast to one node", security.ErrUnverified, "for all", decode(w.web1, p, directed("web1")))
	w.refused("a directed request to all", security.ErrUnverified, "was broadcast", decode(w.web1, direct, at))
	w.refused("a request for another node", security.ErrUnverified, "for node web1", decode(w.web2, direct, directed("web2")))
	w.refused("at an address that is another's", security.ErrUnverified, "for node web1", decode(w.web2, direct, directed("web1")))
	elsewhere := at
	elsewhere.ReplyTo = "mcollective.reply.EVE.1"
	w.refused("replies to somebody else", security.ErrUnverified, "its replies are to go", decode(w.web1, p, elsewhere))
	elsewhere.ReplyTo = ""
	w.refused("replies to nobody", security.ErrUnverified, "its replies are to go", decode(w.web1, p, elsewhere))
	other := ask("puppet", "x")
	other.Collective = "uk"
	w.told("a collective that the caller is not of", message.Denied, "not for collective uk", decode(w.web1, w.encode(w.client, other), at))
}

// A reply counts from the node that signed it, in its own name, to the very request.
func TestRepliesCannotBeForged(t *testing.T) {
	w := newWorld(t)
	r := ask("puppet", "x")
	got, err := w.web1.DecodeRequest(t.Context(), w.encode(w.client, r), broadcast("puppet"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(p security.Payload) error {
		_, err := w.client.DecodeReply(t.Context(), r, p)
		return err
	}
	answer := func(n *Node, digest string, m message.Reply) security.Payload {
		m.RequestID, m.Agent, m.Time, m.Body = got.ID, got.Agent, then, "y"
		document, err := encodeReply(&m, digest)
		if err != nil {
			t.Fatal(err)
		}
		return n.seal(replyDomain, document)
	}
	if err := open(answer(w.web1, got.Digest, message.Reply{Sender: "web1"})); err != nil {
		t.Fatal(err)
	}
	w.refused("in the name of another node", security.ErrUnverified, "web2 signed a reply in the name of web1", open(answer(w.web2, got.Digest, message.Reply{Sender: "web1"})))
	if _, err := w.web2.EncodeReply(t.Context(), got, &message.Reply{Sender: "web1", Body: "y"}); err == nil {
		t.Error("a node makes replies in another's name")
	}
	w.refused("to another request of this id", security.ErrOtherRequest, "", open(answer(w.web1, digest([]byte("another")), message.Reply{Sender: "web1"})))
	mixed := answer(w.web1, got.Digest, message.Reply{Sender: "web1"})
	mixed.Headers[credentialHeader] = w.web2.identity.Load().Token()
	w.refused("with the credential of another node", security.ErrUnverified, "does not hold", open(mixed))
	byCaller := w.client.seal(replyDomain, mixed.Data)
	w.refused("signed by a caller", security.ErrUnverified, "not made for a node", open(byCaller))
	sealedAsRequest := w.web1.seal(requestDomain, mixed.Data)
	w.refused("signed as a request", security.ErrUnverified, "does not hold", open(sealedAsRequest))
	elsewhere := *r
	elsewhere.Collective = "uk"
	_, err = w.client.DecodeReply(t.Context(), &elsewhere, answer(w.web1, got.Digest, message.Reply{Sender: "web1"}))
	w.refused("of a node that is not of the collective", security.ErrUnverified, "not of the collective uk", err)
	unasked := *r
	unasked.Digest = ""
	if _, err := w.client.DecodeReply(t.Context(), &unasked, answer(w.web1, got.Digest, message.Reply{Sender: "web1"})); !errors.Is(err, security.ErrOtherRequest) {
		t.Errorf("a reply to a request that was never made: %v", err)
	}
}

// A node cannot ask, whatever it signs.
func TestNodesCannotAsk(t *testing.T) {
	w := newWorld(t)
	p := w.encode(w.client, ask("puppet", "x"))
	forged := w.web2.seal(requestDomain, p.Data)
	_, err := w.web1.DecodeRequest(t.Context(), forged, broadcast("puppet"))
	w.refused("a request of a node", security.ErrUnverified, "not made for a caller", err)
	if _, err := NewClient(Options{Dir: w.web1.dir}); err == nil || !strings.Contains(err.Error(), "node web1") {
		t.Errorf("a client with the credential of a node: %v", err)
	}
	if _, err := NewNode(Options{Dir: w.client.dir}); err == nil || !strings.Contains(err.Error(), "caller jane") {
		t.Errorf("a node with the credential of a caller: %v", err)
	}
}

// What travels beside the document is as much bound to it as what is in it.
func TestHeadersCannotBeChanged(t *testing.T) {
	w := newWorld(t)
	eve := newClient(t, w.site.Caller(credentialtest.CallerOf("eve")))
	p := w.encode(w.client, ask("puppet", "x"))
	// Jane gets another credential for her key, with which she may do more.
	wide := credentialtest.CallerOf("jane")
	wide.Roles = []string{"root"}
	w.site.Reissue(w.client.dir, wide)
	again := newClient(t, w.client.dir)
	try := func(change func(h map[string]string)) error {
		h := map[string]string{}
		for k, v := range p.Headers {
			h[k] = v
		}
		change(h)
		_, err := w.web1.DecodeRequest(t.Context(), security.Payload{Data: p.Data, Headers: h}, broadcast("puppet"))
		return err
	}
	if err := try(func(h map[string]string) { h["mco-answer"], h["x"] = "all", "y" }); err != nil {
		t.Fatalf("headers of others: %v", err)
	}
	sig := p.Headers[signatureHeader]
	for what, c := range map[string]struct {
		want   error
		text   string
		change func(h map[string]string)
	}{
		"no signature":                  {security.ErrMalformed, "no signature", func(h map[string]string) { delete(h, signatureHeader) }},
		"no credential":                 {security.ErrMalformed, "no signature or no credential", func(h map[string]string) { delete(h, credentialHeader) }},
		"header in another case":        {security.ErrMalformed, "no signature", func(h map[string]string) { h["Mco-Signature"] = sig; delete(h, signatureHeader) }},
		"a longer signature":            {security.ErrMalformed, "characters", func(h map[string]string) { h[signatureHeader] += "=" }},
		"a signature with a line break": {security.ErrMalformed, "base64", func(h map[string]string) { h[signatureHeader] = sig[:40] + "\n" + sig[:45] }},
		"another last character":        {security.ErrMalformed, "base64", func(h map[string]string) { h[signatureHeader] = sig[:85] + string(sig[85]+1) }},
		"a huge signature":              {security.ErrMalformed, "characters", func(h map[string]string) { h[signatureHeader] = strings.Repeat("A", 1<<20) }},
		"a signature of zeros":          {security.ErrUnverified, "does not hold", func(h map[string]string) { h[signatureHeader] = strings.Repeat("A", 86) }},
		"a huge credential":             {security.ErrUnverified, "bytes, more than", func(h map[string]string) { h[credentialHeader] = strings.Repeat("A", 1<<20) }},
		"the credential of eve":         {security.ErrUnverified, "does not hold", func(h map[string]string) { h[credentialHeader] = eve.identity.Load().Token() }},
		"a wider one for the same key": {security.ErrUnverified, "another credential than it was made with", func(h map[string]string) {
			h[credentialHeader] = again.identity.Load().Token()
		}},
	} {
		w.refused(what, c.want, c.text, try(c.change))
	}
}

// A credential counts between its dates and until it is revoked, of callers and of nodes.
func TestCredentialsInForce(t *testing.T) {
	w := newWorld(t)
	r := ask("puppet", "x")
	p := w.encode(w.client, r)
	got, err := w.web1.DecodeRequest(t.Context(), p, broadcast("puppet"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.web1.EncodeReply(t.Context(), got, &message.Reply{Body: "y"})
	if err != nil {
		t.Fatal(err)
	}
	request := func() error {
		_, err := w.web1.DecodeRequest(t.Context(), p, broadcast("puppet"))
		return err
	}
	reply := func() error {
		_, err := w.client.DecodeReply(t.Context(), r, answer)
		return err
	}
	at := func(now time.Time) { w.web1.now, w.client.now = clock(now), clock(now) }
	at(then.Add(time.Hour))
	w.told("an expired caller", message.Expired, "ended", request())
	w.refused("an expired node", security.ErrUnverified, "ended", reply())
	at(then.Add(-time.Hour))
	w.told("a caller of the future", message.Expired, "begins", request())
	w.refused("a node of the future", security.ErrUnverified, "begins", reply())
	at(then)
	if err := errors.Join(request(), reply()); err != nil {
		t.Fatal(err)
	}
	var bundle credential.Bundle
	for i, side := range []*side{&w.client.side, &w.web1.side} {
		if bundle, err = w.site.Authority.Revoke(side.Identity().Credential().KeyID(), then.Add(time.Duration(i+1)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	for _, trust := range []*credential.Trust{w.web1.trust, w.client.trust} {
		if newer, err := trust.Update(bundle); err != nil || !newer {
			t.Fatal(newer, err)
		}
	}
	w.told("a revoked caller", message.Denied, "revoked", request())
	w.refused("a revoked node", security.ErrUnverified, "revoked", reply())
}

// Reload takes over a renewed credential, and never that of another.
func TestReload(t *testing.T) {
	w := newWorld(t)
	wide := credentialtest.CallerOf("jane")
	wide.Roles = []string{"ops"}
	w.site.Reissue(w.client.dir, wide)
	if err := w.client.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	got, err := w.web1.DecodeRequest(t.Context(), w.encode(w.client, ask("puppet", "x")), broadcast("puppet"))
	if err != nil || len(got.Principal.Roles) != 1 || got.Principal.Until != then.Add(time.Hour) || got.Principal.Proof != message.Signature || got.Caller != "creds=jane" {
		t.Errorf("%+v, %v", got, err)
	}
	w.site.Reissue(w.client.dir, credentialtest.CallerOf("joan"))
	if err := w.client.Reload(context.Background()); err == nil || !strings.Contains(err.Error(), "caller joan now") || w.client.CallerID() != "creds=jane" {
		t.Errorf("a credential of another: %v, %s", err, w.client.CallerID())
	}
}
