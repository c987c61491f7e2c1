package aes

import (
	"bytes"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/internal/armor"
	"mcollective/security/internal/replay"
	"mcollective/security/securitytest"
	"mcollective/value"
)

func TestConformance(t *testing.T) {
	for _, ser := range both {
		t.Run(ser.String(), func(t *testing.T) {
			s := newSite(t)
			pair := func(caller, dir string) (security.Client, security.Node) {
				return s.client(caller, func(o *ClientOptions) { o.Serializer = ser }),
					s.node(func(o *NodeOptions) { o.Serializer, o.ClientKeys = ser, s.path(dir) })
			}
			if err := os.Link(s.path("mallory.pem"), s.path("nobody/mallory.pem")); err != nil {
				t.Fatal(err)
			}
			securitytest.Run(t, securitytest.Suite{
				New:      func(testing.TB) (security.Client, security.Node) { return pair("alice", "clients") },
				Stranger: func(testing.TB) (security.Client, security.Node) { return pair("mallory", "nobody") },
				Slow:     true,
			})
		})
	}
}

func TestCiphers(t *testing.T) {
	s := newSite(t)
	for name := range ciphers {
		c, n := s.client("alice", func(o *ClientOptions) { o.Cipher = name }), s.node(func(o *NodeOptions) { o.Cipher = name })
		payload, err := c.EncodeRequest(t.Context(), testRequest("ping"))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := n.DecodeRequest(t.Context(), payload, message.Origin{}); err != nil || r.Body != "ping" {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := s.nodeOptions()
	if o.Cipher = "aes-256-gcm"; true {
		if _, err := NewNode(o); err == nil || !strings.Contains(err.Error(), "no cipher") {
			t.Errorf("a cipher that there is not: %v", err)
		}
	}
}

// sealed makes a request as somebody can who has a session key and the block in which
// a caller has sealed it: everybody who has that caller's public key.
func sealed(t testing.TB, session []byte, block string, change func(*wire.Request), body any) security.Payload {
	t.Helper()
	data, err := wire.Marshal.EncodeBody(body)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire.Request{Header: *testRequest(nil), Key: armor.Encode([]byte(block))}
	w.Header.Caller = "cert=alice"
	if w.Body, err = ciphers["aes-256-cbc"].encipher(session, data); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(w)
	}
	payload, err := wire.Marshal.EncodeRequest(w)
	if err != nil {
		t.Fatal(err)
	}
	return security.Payload{Data: payload}
}

// captured is a request of alice's, and what everybody who has her public key gets out
// of it.
func captured(t testing.TB, s site) (payload security.Payload, session []byte, block string) {
	t.Helper()
	r := testRequest(rpcBody())
	r.Agent = "rpcutil"
	payload, err := s.client("alice", nil).EncodeRequest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wire.Marshal.DecodeSealedRequest(payload.Data)
	if err != nil {
		t.Fatal(err)
	}
	if session, block, err = ciphers["aes-256-cbc"].unseal(&testKey(t, "alice").PublicKey, w.Key); err != nil {
		t.Fatal(err)
	}
	return payload, session, block
}

func rpcBody() any {
	return value.NewMap(value.Symbol("agent"), "rpcutil", value.Symbol("action"), "ping", value.Symbol("caller"), "cert=alice",
		value.Symbol("data"), value.NewMap(value.Symbol("process_results"), true))
}

// rubys is the hash that Ruby's clients encipher.
func rubys(body any, ttl any, at int64) *value.Map {
	return value.NewMap(value.Symbol("aes_msg"), body, value.Symbol("aes_ttl"), ttl, value.Symbol("aes_msgtime"), at)
}

// forged is what somebody makes of a captured request: another call, at another time.
func forged(t testing.TB, session []byte, block string) security.Payload {
	t.Helper()
	later := sent.Add(24 * time.Hour)
	return sealed(t, session, block, func(w *wire.Request) {
		w.Header.Time, w.Header.Agent, w.Header.ID = later, "rpcutil", strings.Repeat("9", 32)
	}, rubys(rpcBody(), int64(60), later.Unix()))
}

// TestForgedRequests: what the protocol lets everybody make who has a public key. A node
// that saw the request out of which it was made refuses it; another cannot know, so that
// the principal says that it is no proof.
func TestForgedRequests(t *testing.T) {
	s := newSite(t)
	payload, session, block := captured(t, s)
	take := func(n *Node, payload security.Payload) (*message.Request, error) {
		r, err := n.DecodeRequest(t.Context(), payload, message.Origin{})
		if err == nil {
			err = n.Check(r)
		}
		return r, err
	}
	n := s.node(nil)
	if _, err := take(n, payload); err != nil {
		t.Fatal(err)
	}
	if _, err := take(n, payload); !errors.Is(err, replay.ErrCopy) {
		t.Errorf("a copy: error %v, want ErrCopy", err)
	}
	if _, err := take(n, forged(t, session, block)); !errors.Is(err, replay.ErrOther) {
		t.Errorf("a request made of it: error %v, want ErrOther", err)
	}
	r, err := take(s.node(nil), forged(t, session, block))
	if err != nil || r.Principal.Proof != message.SharedSecret {
		t.Errorf("a request made of one that the node has not seen: %+v, %v", r, err)
	}
}

// TestSealedBodies has somebody who can do all that a caller can make what none does.
func TestSealedBodies(t *testing.T) {
	s := newSite(t)
	n := s.node(nil)
	payload, session, block := captured(t, s)
	sym := func(s string) value.Symbol { return value.Symbol(s) }
	at := sent.Unix()
	for _, c := range []struct {
		name   string
		change func(*wire.Request)
		body   any
		want   error
	}{
		{"as Ruby makes it", nil, rubys("ping", int64(60), at), nil},
		{"without the hash around it", nil, "ping", security.ErrUnverified},
		{"without TTL", nil, value.NewMap(sym("aes_msg"), "ping", sym("aes_msgtime"), at), security.ErrUnverified},
		{"without time", nil, value.NewMap(sym("aes_msg"), "ping", sym("aes_ttl"), int64(60)), security.ErrUnverified},
		{"with a float as TTL", nil, rubys("ping", 60.0, at), security.ErrUnverified},
		{"with a longer TTL outside", func(w *wire.Request) { w.Header.TTL = time.Hour }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"with a later time outside", func(w *wire.Request) { w.Header.Time = sent.Add(time.Second) }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"of another caller", func(w *wire.Request) { w.Header.Caller = "cert=bob" }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"of a caller without a key", func(w *wire.Request) { w.Header.Caller = "cert=carol" }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"of another kind of caller", func(w *wire.Request) { w.Header.Caller = "uid=0" }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"without a body", func(w *wire.Request) { w.Body = "" }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"with half a block", func(w *wire.Request) { w.Body = "AAAA\n" }, rubys("ping", int64(60), at), security.ErrUnverified},
		{"with a key that is no Base64", func(w *wire.Request) { w.Key = "%" }, rubys("ping", int64(60), at), security.ErrUnverified},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := n.DecodeRequest(t.Context(), sealed(t, session, block, c.change, c.body), message.Origin{})
			switch {
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("a request %s: error %v, want %v", c.name, err, c.want)
			case c.want == nil && (err != nil || r.Body != "ping" || r.Principal.ID != "cert=alice"):
				t.Errorf("a request %s: %+v, %v", c.name, r, err)
			}
		})
	}

	// What a client of ours made holds for its envelope alone, to who has no public key.
	for what, change := range map[string]func(*message.Request){
		"id":     func(r *message.Request) { r.ID = strings.Repeat("2", 32) },
		"agent":  func(r *message.Request) { r.Agent = "shell" },
		"filter": func(r *message.Request) { r.Filter.Identities = []filter.Pattern{{Text: "n9"}} },
	} {
		w, err := wire.Marshal.DecodeSealedRequest(payload.Data)
		if err != nil {
			t.Fatal(err)
		}
		change(&w.Header)
		data, err := wire.Marshal.EncodeRequest(w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.DecodeRequest(t.Context(), security.Payload{Data: data}, message.Origin{}); !errors.Is(err, security.ErrUnverified) {
			t.Errorf("a request with another %s: error %v, want ErrUnverified", what, err)
		}
	}
}

// TestLaxPadding: only what is padded as it should be counts as made with the private
// key. Readers that look for the key anywhere take what can be computed without it when
// the exponent is small.
func TestLaxPadding(t *testing.T) {
	key := testKey(t, "alice")
	k := ciphers["aes-256-cbc"]
	session := bytes.Repeat([]byte{7}, int(k))
	raw := func(padded []byte) string {
		m := new(big.Int).SetBytes(padded)
		return armor.Encode(new(big.Int).Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size())))
	}
	pad := func(change func([]byte)) string {
		b := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, key.Size()-3-len(session))...)
		b = append(append(b, 0), session...)
		change(b)
		return raw(b)
	}
	if got, _, err := k.unseal(&key.PublicKey, pad(func([]byte) {})); err != nil || !bytes.Equal(got, session) {
		t.Fatalf("a block as it should be: %v", err)
	}
	for name, change := range map[string]func([]byte){
		"of type 2":            func(b []byte) { b[1] = 2 },
		"of type 0":            func(b []byte) { b[1] = 0 },
		"with other padding":   func(b []byte) { b[9] = 0xfe },
		"with shorter padding": func(b []byte) { b[20] = 0 },
		"with no end":          func(b []byte) { b[len(b)-len(session)-1] = 0xff },
	} {
		if _, _, err := k.unseal(&key.PublicKey, pad(change)); !errors.Is(err, errSealed) {
			t.Errorf("a block %s: error %v", name, err)
		}
	}
}

// TestNoOracle: whatever is wrong with a reply, its reader says the same.
func TestNoOracle(t *testing.T) {
	s := newSite(t)
	c, n := s.client("alice", nil), s.node(nil)
	r := testRequest("ping")
	if _, err := c.EncodeRequest(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	payload, err := n.EncodeReply(t.Context(), r, &message.Reply{Body: "pong", Time: sent})
	if err != nil {
		t.Fatal(err)
	}
	k, key := ciphers["aes-256-cbc"], testKey(t, "alice")
	session := k.newSession()
	change := func(f func(*wire.Reply)) error {
		w, err := wire.Marshal.DecodeSealedReply(payload.Data)
		if err != nil {
			t.Fatal(err)
		}
		f(w)
		data, err := wire.Marshal.EncodeReply(w)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.DecodeReply(t.Context(), r, security.Payload{Data: data})
		return err
	}
	must := func(text string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	raw := func(padded []byte) string {
		m := new(big.Int).SetBytes(padded)
		return armor.Encode(m.Exp(m, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size())))
	}
	said := map[string]string{}
	for name, f := range map[string]func(*wire.Reply){
		"key that is not padded": func(w *wire.Reply) { w.Key = raw(bytes.Repeat([]byte{3}, key.Size()-1)) },
		"key of another length":  func(w *wire.Reply) { w.Key = must(sealFor(&key.PublicKey, session[:16])) },
		"key for somebody else":  func(w *wire.Reply) { w.Key = must(sealFor(&testKey(t, "bob").PublicKey, session)) },
		"another key":            func(w *wire.Reply) { w.Key = must(sealFor(&key.PublicKey, session)) },
		"key that is too short":  func(w *wire.Reply) { w.Key = "AAAA\n" },
		"body of another key":    func(w *wire.Reply) { w.Body = must(k.encipher(session, []byte("x"))) },
		"body that is no value": func(w *wire.Reply) {
			w.Key, w.Body = must(sealFor(&key.PublicKey, session)), must(k.encipher(session, []byte("x")))
		},
		"body of half a block":           func(w *wire.Reply) { w.Body = "AAAA\n" },
		"body whose last block is wrong": func(w *wire.Reply) { w.Body = armor.Encode(bytes.Repeat([]byte{1}, 32)) },
	} {
		err := change(f)
		if !errors.Is(err, security.ErrUnverified) {
			t.Errorf("%s: error %v, want ErrUnverified", name, err)
			continue
		}
		said[err.Error()] = name
	}
	if len(said) != 1 {
		t.Errorf("the reader tells what is wrong: %q", said)
	}
}

// TestLearning: a key is learned only from who asks for what a node would do, under an
// authority, for the name in the certificate, and never in the place of another.
func TestLearning(t *testing.T) {
	s := newSite(t)
	year := sent.AddDate(1, 0, 0)
	s.certify("ca.pem", "authority", "authority", "authority", year)
	s.certify("mallory-cert.pem", "mallory", "mallory", "authority", year)
	s.certify("alias.pem", "bob", "mallory", "authority", year)
	s.certify("alien.pem", "mallory", "mallory", "other authority", year)
	s.certify("ended.pem", "mallory", "mallory", "authority", sent.Add(-time.Minute))
	dirtest := func(name string) string {
		dir := s.path(name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
		return dir
	}
	learner := func(dir string) *Node {
		return s.node(func(o *NodeOptions) { o.ClientKeys, o.Authority, o.Learn = dirtest(dir), s.path("ca.pem"), true })
	}
	ask := func(n *Node, cert, caller string, change func(*wire.Request)) error {
		c := s.client("mallory", func(o *ClientOptions) { o.PublicKey, o.SendPublicKey = s.path(cert), true })
		payload, err := c.EncodeRequest(t.Context(), testRequest("ping"))
		if err != nil {
			t.Fatal(err)
		}
		w, err := wire.Marshal.DecodeSealedRequest(payload.Data)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(w)
		}
		if caller != "" {
			w.Header.Caller = caller
		}
		if payload.Data, err = wire.Marshal.EncodeRequest(w); err != nil {
			t.Fatal(err)
		}
		_, err = n.DecodeRequest(t.Context(), payload, message.Origin{})
		return err
	}
	learned := func(dir string) []string {
		entries, err := os.ReadDir(s.path(dir))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	n := learner("a")
	for what, err := range map[string]error{
		"a key without a certificate":      ask(n, "mallory.pem", "", nil),
		"a certificate of another's":       ask(n, "alien.pem", "", nil),
		"a certificate that ended":         ask(n, "ended.pem", "", nil),
		"a certificate for another name":   ask(n, "mallory-cert.pem", "cert=bob", nil),
		"a request that cannot be opened":  ask(n, "mallory-cert.pem", "", func(w *wire.Request) { w.Body = "AAAA\n" }),
		"a request that somebody changed":  ask(n, "mallory-cert.pem", "", func(w *wire.Request) { w.Header.Agent = "shell" }),
		"a certificate that is none":       ask(n, "mallory-cert.pem", "", func(w *wire.Request) { w.PublicKey = "x" }),
		"a request without a certificate":  ask(n, "mallory-cert.pem", "", func(w *wire.Request) { w.PublicKey = "" }),
		"a node that does not learn, then": ask(s.node(func(o *NodeOptions) { o.ClientKeys, o.Authority = dirtest("a"), s.path("ca.pem") }), "mallory-cert.pem", "", nil),
	} {
		if !errors.Is(err, security.ErrUnverified) {
			t.Errorf("%s: error %v, want ErrUnverified", what, err)
		}
	}
	if names := learned("a"); len(names) != 0 {
		t.Fatalf("learned %v", names)
	}
	if err := ask(n, "mallory-cert.pem", "", nil); err != nil {
		t.Fatal(err)
	}
	if names := learned("a"); len(names) != 1 || names[0] != "mallory.pem" {
		t.Errorf("learned %v", names)
	}
	if err := ask(n, "mallory-cert.pem", "", func(w *wire.Request) { w.PublicKey = "" }); err != nil {
		t.Errorf("after it was learned: %v", err)
	}

	// A key that is there counts, not the one that comes along.
	s.certify("b/bob.pem", "bob", "bob", "authority", year)
	if err := ask(learner("b"), "alias.pem", "", nil); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a second certificate for a name: error %v", err)
	}

	// Without an authority there is no learning.
	o := s.nodeOptions()
	if o.Learn = true; true {
		if _, err := NewNode(o); err == nil || !strings.Contains(err.Error(), "ca_cert") {
			t.Errorf("learning without an authority: %v", err)
		}
	}
}

// TestAuthority: with one, a bare key is none, and a certificate counts while it is good.
func TestAuthority(t *testing.T) {
	s := newSite(t)
	s.certify("ca.pem", "authority", "authority", "authority", sent.AddDate(1, 0, 0))
	now := sent
	n := s.node(func(o *NodeOptions) { o.Authority, o.Now = s.path("ca.pem"), func() time.Time { return now } })
	payload, err := s.client("alice", nil).EncodeRequest(t.Context(), testRequest("ping"))
	if err != nil {
		t.Fatal(err)
	}
	take := func() error {
		_, err := n.DecodeRequest(t.Context(), payload, message.Origin{})
		return err
	}
	if err := take(); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a bare key: error %v", err)
	}
	s.certify("clients/alice.pem", "alice", "alice", "authority", sent.Add(time.Hour))
	if err := take(); err != nil {
		t.Errorf("a certificate: %v", err)
	}
	now = sent.Add(2 * time.Hour)
	if err := take(); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("a certificate that ended: error %v", err)
	}
}

// TestCallerIDs: a certificate says itself whose it is.
func TestCallerIDs(t *testing.T) {
	s := newSite(t)
	s.certify("cert.pem", "alice.example.net", "alice", "authority", sent.AddDate(1, 0, 0))
	if id := s.client("alice", func(o *ClientOptions) { o.PublicKey = s.path("cert.pem") }).CallerID(); id != "cert=alice.example.net" {
		t.Errorf("with a certificate: %s", id)
	}
	if id := s.client("alice", nil).CallerID(); id != "cert=alice" {
		t.Errorf("with a key: %s", id)
	}
	s.certify("odd.pem", "../x", "alice", "authority", sent.AddDate(1, 0, 0))
	if _, err := NewClient(ClientOptions{Identity: "c", PrivateKey: s.path("alice-private.pem"), PublicKey: s.path("odd.pem")}); err == nil {
		t.Error("a path is a caller id")
	}
}
