package ssl

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/internal/replay"
	"mcollective/security/internal/rsakey/rsakeytest"
	"mcollective/security/securitytest"
	"mcollective/value"
)

func TestConformance(t *testing.T) {
	for _, ser := range []wire.Serializer{wire.Marshal, wire.YAML} {
		t.Run(ser.String(), func(t *testing.T) {
			s := newSite(t)
			pair := func(caller, server string) (security.Client, security.Node) {
				o := s.nodeOptions()
				o.Serializer, o.PrivateKey, o.PublicKey = ser, s.path(server+"-private.pem"), ""
				if server != "server" {
					o.ClientKeys = s.path("strangers")
					s.write("strangers/"+caller+".pem", rsakeytest.PublicPEM(t, testKey(t, caller, 2048)), 0o644)
				}
				n, err := NewNode(o)
				if err != nil {
					t.Fatal(err)
				}
				co := s.clientOptions(caller)
				co.Serializer = ser
				if server != "server" {
					co.ServerKey = s.path(server + ".pem")
				}
				c, err := NewClient(co)
				if err != nil {
					t.Fatal(err)
				}
				return c, n
			}
			securitytest.Run(t, securitytest.Suite{
				New:      func(testing.TB) (security.Client, security.Node) { return pair("alice", "server") },
				Stranger: func(testing.TB) (security.Client, security.Node) { return pair("mallory", "bob") },
				Slow:     true,
			})
		})
	}
}

// signed makes a request whose envelope is as given and whose body somebody has signed.
func signed(t testing.TB, signer string, change func(*wire.Request), body any) security.Payload {
	t.Helper()
	data, err := wire.Marshal.EncodeBody(body)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire.Request{Header: *testRequest(nil), Body: string(data)}
	w.Header.Caller = "cert=" + signer
	if change != nil {
		change(w)
	}
	if w.Hash == "" {
		if w.Hash, err = sign(testKey(t, signer, 2048), data); err != nil {
			t.Fatal(err)
		}
	}
	payload, err := wire.Marshal.EncodeRequest(w)
	if err != nil {
		t.Fatal(err)
	}
	return security.Payload{Data: payload}
}

// rubys is the hash that Ruby's clients sign.
func rubys(body any) *value.Map {
	return value.NewMap(value.Symbol("ssl_msg"), body, value.Symbol("ssl_ttl"), int64(60), value.Symbol("ssl_msgtime"), sent.Unix())
}

func rpcBody() any {
	return value.NewMap(value.Symbol("agent"), "rpcutil", value.Symbol("action"), "ping", value.Symbol("caller"), "cert=alice",
		value.Symbol("data"), value.NewMap(value.Symbol("process_results"), true))
}

// TestSignedBodies has a caller sign what no client of MCollective does, and others
// change what is around what one has signed.
func TestSignedBodies(t *testing.T) {
	s := newSite(t)
	s.write("clients/server-public.pem", rsakeytest.PublicPEM(t, testKey(t, "server", 2048)), 0o644)
	n := s.node(nil)
	sym := func(s string) value.Symbol { return value.Symbol(s) }
	for _, c := range []struct {
		name   string
		change func(*wire.Request)
		body   any
		want   error
	}{
		{"as Ruby signs it", nil, rubys("ping"), nil},
		{"without the hash around it", nil, "ping", security.ErrUnverified},
		{"without TTL", nil, value.NewMap(sym("ssl_msg"), "ping", sym("ssl_msgtime"), sent.Unix()), security.ErrUnverified},
		{"without time", nil, value.NewMap(sym("ssl_msg"), "ping", sym("ssl_ttl"), int64(60)), security.ErrUnverified},
		{"without what is asked", nil, value.NewMap(sym("ssl_ttl"), int64(60), sym("ssl_msgtime"), sent.Unix()), security.ErrUnverified},
		{"with a float as TTL", nil, value.NewMap(sym("ssl_msg"), "ping", sym("ssl_ttl"), 60.0, sym("ssl_msgtime"), sent.Unix()), security.ErrUnverified},
		{"with strings as keys", nil, value.NewMap("ssl_msg", "ping", "ssl_ttl", int64(60), "ssl_msgtime", sent.Unix()), security.ErrUnverified},
		{"with both kinds of keys", nil, value.NewMap(sym("ssl_msg"), "ping", "ssl_msg", "x", sym("ssl_ttl"), int64(60), sym("ssl_msgtime"), sent.Unix()), security.ErrMalformed},
		{"with a longer TTL outside", func(w *wire.Request) { w.Header.TTL = time.Hour }, rubys("ping"), security.ErrUnverified},
		{"with a later time outside", func(w *wire.Request) { w.Header.Time = sent.Add(time.Second) }, rubys("ping"), security.ErrUnverified},
		{"of another caller", func(w *wire.Request) { w.Header.Caller = "cert=bob" }, rubys("ping"), security.ErrUnverified},
		{"of a caller without a key", func(w *wire.Request) { w.Header.Caller = "cert=carol" }, rubys("ping"), security.ErrUnverified},
		{"of another kind of caller", func(w *wire.Request) { w.Header.Caller = "uid=0" }, rubys("ping"), security.ErrUnverified},
		{"with a signature that is no Base64", func(w *wire.Request) { w.Hash = "%" }, rubys("ping"), security.ErrUnverified},
		{"with a short signature", func(w *wire.Request) { w.Hash = "AAAA\n" }, rubys("ping"), security.ErrUnverified},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := n.DecodeRequest(t.Context(), signed(t, "alice", c.change, c.body), message.Origin{})
			switch {
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("a request %s: error %v, want %v", c.name, err, c.want)
			case c.want == nil && (err != nil || r.Body != "ping" || r.Principal.ID != "cert=alice" || r.Principal.Proof != message.Signature):
				t.Errorf("a request %s: %+v, %v", c.name, r, err)
			}
		})
	}
}

// TestOlderClients: what a site has switched off explicitly is off, and warned of.
func TestOlderClients(t *testing.T) {
	n := newSite(t).node(func(o *NodeOptions) { o.AnyTTL = true })
	r, err := n.DecodeRequest(t.Context(), signed(t, "alice", nil, "ping"), message.Origin{})
	if err != nil || r.Body != "ping" {
		t.Errorf("a body without a hash around it: %v", err)
	}
	r, err = n.DecodeRequest(t.Context(), signed(t, "alice", func(w *wire.Request) { w.Header.TTL = time.Hour }, rubys("ping")), message.Origin{})
	if err != nil || r.TTL != 60*time.Second {
		t.Errorf("another TTL in the envelope than is signed: %+v, %v; what is signed counts", r, err)
	}
	if w := n.Warnings(); len(w) != 2 || !strings.Contains(w[1], "enforce_ttl = 0") {
		t.Errorf("warnings %q", w)
	}
}

// TestEnvelopeIsSigned: what a client of ours has signed for one purpose is no good for
// another. What Ruby's has, is; TestRubyTakesAttacks shows that Ruby takes both.
func TestEnvelopeIsSigned(t *testing.T) {
	s := newSite(t)
	n := s.node(nil)
	r := testRequest(rpcBody())
	r.Agent = "rpcutil"
	payload, err := s.client("alice", wire.Marshal).EncodeRequest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.DecodeRequest(t.Context(), payload, message.Origin{}); err != nil {
		t.Fatal(err)
	}
	for what, change := range envelopeChanges {
		aimed := reaim(t, payload, change)
		if _, err := n.DecodeRequest(t.Context(), aimed, message.Origin{}); !errors.Is(err, security.ErrUnverified) {
			t.Errorf("a request with another %s: error %v, want ErrUnverified", what, err)
		}
	}
}

var envelopeChanges = map[string]func(*message.Request){
	"id":         func(r *message.Request) { r.ID = strings.Repeat("2", 32) },
	"agent":      func(r *message.Request) { r.Agent = "shell" },
	"collective": func(r *message.Request) { r.Collective = "other" },
	"sender":     func(r *message.Request) { r.Sender = "other" },
	"filter":     func(r *message.Request) { r.Filter.Identities = []filter.Pattern{{Text: "n9"}} },
}

// reaim changes the envelope of a captured request.
func reaim(t testing.TB, payload security.Payload, change func(*message.Request)) security.Payload {
	t.Helper()
	w, err := wire.Marshal.DecodeRequest(payload.Data)
	if err != nil {
		t.Fatal(err)
	}
	change(&w.Header)
	data, err := wire.Marshal.EncodeRequest(w)
	if err != nil {
		t.Fatal(err)
	}
	return security.Payload{Data: data}
}

func TestReplays(t *testing.T) {
	s := newSite(t)
	n := s.node(nil)
	take := func(n *Node, payload security.Payload) error {
		t.Helper()
		r, err := n.DecodeRequest(t.Context(), payload, message.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		return n.Check(r)
	}
	rpc := signed(t, "alice", func(w *wire.Request) { w.Header.Agent = "rpcutil" }, rubys(rpcBody()))
	search := signed(t, "alice", nil, rubys("ping"))
	if err := errors.Join(take(n, rpc), take(n, search)); err != nil {
		t.Fatal(err)
	}
	again := func(r *message.Request) { r.ID = strings.Repeat("3", 32) }
	withData := func(r *message.Request) {
		again(r)
		r.Filter.Compound = []filter.Compound{{{Kind: filter.Call, Call: &filter.Function{Name: "fstat", Params: "/x", Output: "size", Operator: ">", Compare: filter.Pattern{Text: "1"}}}}}
	}
	steps := []struct {
		name    string
		payload security.Payload
		want    error
	}{
		{"a search again", search, replay.ErrCopy},
		{"a call again", rpc, replay.ErrCopy},
		{"a call under another id", reaim(t, rpc, again), replay.ErrOther},
		{"a search under another id", reaim(t, search, again), nil}, // two within a second
		{"a search that runs data plugins", reaim(t, search, withData), replay.ErrOther},
	}
	for _, c := range steps {
		if err := take(n, c.payload); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}

	// Two equal calls of ours within a second have two signatures.
	c := s.client("alice", wire.Marshal)
	for _, id := range []string{"4", "5"} {
		r := testRequest(rpcBody())
		r.ID, r.Agent = strings.Repeat(id, 32), "rpcutil"
		payload, err := c.EncodeRequest(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := take(n, payload); err != nil {
			t.Errorf("one of two equal calls: %v", err)
		}
	}

	// Who was captured before the node started is not forgotten with what it remembered.
	late := s.node(func(o *NodeOptions) { o.Now = func() time.Time { return sent } })
	if err := take(late, rpc); !errors.Is(err, replay.ErrTooOld) {
		t.Errorf("a call from before the node started: error %v, want ErrTooOld", err)
	} else if r := new(security.Refusal); !errors.As(err, &r) || r.Reason != message.Expired {
		t.Errorf("its caller is not told: %v", err)
	}
}

// TestNodesAreNoCallers: Ruby's manuals put the key that all nodes have among those of
// the callers.
func TestNodesAreNoCallers(t *testing.T) {
	s := newSite(t)
	s.write("clients/server-public.pem", rsakeytest.PublicPEM(t, testKey(t, "server", 2048)), 0o644)
	n := s.node(nil)
	as := func(agent string) func(*wire.Request) {
		return func(w *wire.Request) { w.Header.Caller, w.Header.Agent = "cert=server-public", agent }
	}
	for agent, allowed := range map[string]bool{"registration": true, "shell": false, "rpcutil": false} {
		r, err := n.DecodeRequest(t.Context(), signed(t, "server", as(agent), rubys([]any{"rpcutil"})), message.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Principal.Allows("mcollective", agent, "run"); (err == nil) != allowed {
			t.Errorf("agent %s with the key of all nodes: %v", agent, err)
		}
	}
}

func TestKeysOfCallers(t *testing.T) {
	s := newSite(t)
	n := s.node(nil)
	alice := s.client("alice", wire.Marshal)
	payload, err := alice.EncodeRequest(t.Context(), testRequest("ping"))
	if err != nil {
		t.Fatal(err)
	}
	take := func() error {
		_, err := n.DecodeRequest(t.Context(), payload, message.Origin{})
		return err
	}
	if err := take(); err != nil {
		t.Fatal(err)
	}
	s.write("clients/alice.pem", rsakeytest.PublicPEM(t, testKey(t, "mallory", 2048)), 0o644)
	if err := os.Chtimes(s.path("clients/alice.pem"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := take(); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("after the key was replaced: error %v, want ErrUnverified", err)
	}
	if err := os.Remove(s.path("clients/alice.pem")); err != nil {
		t.Fatal(err)
	}
	if err := take(); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("after the key was removed: error %v, want ErrUnverified", err)
	}
	s.write("clients/alice.pem", rsakeytest.PublicPEM(t, testKey(t, "alice", 2048)), 0o666)
	if err := take(); !errors.Is(err, security.ErrUnverified) || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("with a key that everybody can write: error %v", err)
	}
	s.write("clients/alice.pem", rsakeytest.PublicPEM(t, testKey(t, "short", 1024)), 0o644)
	if err := take(); !errors.Is(err, security.ErrUnverified) || !strings.Contains(err.Error(), "1024 bits is too short") {
		t.Errorf("with a short key: error %v", err)
	}
	s.write("clients/alice.pem", rsakeytest.PublicPEM(t, testKey(t, "alice", 2048)), 0o644)
	if err := take(); err != nil {
		t.Errorf("after the key was put back: %v", err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	s := newSite(t)
	short := testKey(t, "short", 1024)
	s.write("open.pem", rsakeytest.PrivatePEM(testKey(t, "alice", 2048)), 0o644)
	s.write("short-private.pem", rsakeytest.PrivatePEM(short), 0o600)
	s.write("short.pem", rsakeytest.PublicPEM(t, short), 0o644)
	s.write("junk.pem", "nothing", 0o600)
	s.write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600)
	s.write("a b.pem", rsakeytest.PublicPEM(t, short), 0o644)
	for want, change := range map[string]func(*ClientOptions){
		"chmod":                              func(o *ClientOptions) { o.PrivateKey = s.path("open.pem") },
		"1024 bits is too short":             func(o *ClientOptions) { o.PrivateKey, o.PublicKey = s.path("short-private.pem"), s.path("short.pem") },
		"not the public half":                func(o *ClientOptions) { o.PublicKey = s.path("bob.pem") },
		"holds a private key":                func(o *ClientOptions) { o.PublicKey = s.path("alice-private.pem") },
		"no key in PEM form":                 func(o *ClientOptions) { o.PrivateKey = s.path("junk.pem") },
		"it is encrypted":                    func(o *ClientOptions) { o.PrivateKey = s.path("encrypted.pem") },
		"no such file":                       func(o *ClientOptions) { o.ServerKey = s.path("gone.pem") },
		"caller id from the name of the pub": func(o *ClientOptions) { o.PublicKey = s.path("a b.pem") },
		"there is no serializer json":        func(o *ClientOptions) { o.Serializer = wire.JSON },
	} {
		o := s.clientOptions("alice")
		change(&o)
		if _, err := NewClient(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	for want, change := range map[string]func(*NodeOptions){
		"chmod":                  func(o *NodeOptions) { o.PrivateKey = s.path("open.pem") },
		"not the public half":    func(o *NodeOptions) { o.PublicKey = s.path("bob.pem") },
		"is not a directory":     func(o *NodeOptions) { o.ClientKeys = s.path("bob.pem") },
		"no such file":           func(o *NodeOptions) { o.ClientKeys = s.path("gone") },
		"1024 bits is too short": func(o *NodeOptions) { o.PrivateKey = s.path("short-private.pem") },
	} {
		o := s.nodeOptions()
		change(&o)
		if _, err := NewNode(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	o := s.clientOptions("alice")
	o.PrivateKey, o.PublicKey, o.MinKeyBits = s.path("short-private.pem"), s.path("short.pem"), 1024
	if c, err := NewClient(o); err != nil || len(c.Warnings()) != 1 {
		t.Errorf("short keys that are allowed: %v", err)
	}
}

// TestReload: keys that were replaced count, and with ones that cannot be read it goes
// on with those it has.
func TestReload(t *testing.T) {
	s := newSite(t)
	c, n := s.client("alice", wire.Marshal), s.node(nil)
	r := testRequest("ping")
	if _, err := c.EncodeRequest(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	answer := func() error {
		payload, err := n.EncodeReply(t.Context(), r, &message.Reply{Body: "pong", Time: sent})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.DecodeReply(t.Context(), r, payload)
		return err
	}
	renewed := testKey(t, "bob", 2048)
	s.write("server-private.pem", rsakeytest.PrivatePEM(renewed), 0o600)
	if err := n.Reload(t.Context()); err == nil {
		t.Error("a node takes a key without its public half")
	}
	if err := answer(); err != nil {
		t.Errorf("after a reload that failed: %v", err)
	}
	s.write("server-public.pem", rsakeytest.PublicPEM(t, renewed), 0o644)
	if err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := answer(); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a reply with a new key before the client knows it: error %v", err)
	}
	if err := errors.Join(c.Reload(t.Context()), answer()); err != nil {
		t.Error(err)
	}
}

// TestErrorsKeepSecrets: nothing of a private key is in any error or warning.
func TestErrorsKeepSecrets(t *testing.T) {
	s := newSite(t)
	text := rsakeytest.PrivatePEM(testKey(t, "alice", 2048))
	s.write("half.pem", text[:len(text)/2]+"\n-----END RSA PRIVATE KEY-----\n", 0o600)
	o := s.clientOptions("alice")
	o.PrivateKey = s.path("half.pem")
	_, err := NewClient(o)
	if err == nil {
		t.Fatal("half a key is accepted")
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 30 && !strings.HasPrefix(line, "-") && strings.Contains(err.Error(), line[:20]) {
			t.Errorf("error shows the key: %v", err)
		}
	}
	if slices.Contains(s.node(nil).Warnings(), "") {
		t.Error("empty warning")
	}
}
