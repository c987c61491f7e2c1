package psk

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mcollective/internal/subtest"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/securitytest"
	"mcollective/value"
)

const testSecret = "not known to anybody else"

func testProvider(t testing.TB, o Options) *Provider {
	t.Helper()
	if o.Secret == "" {
		o.Secret = testSecret
	}
	if o.Identity == "" {
		o.Identity = "n1.example.com"
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testRequest(body any) *message.Request {
	return &message.Request{ID: "7d827a9dde2556b9a293f86e5460a7e5", Collective: "mcollective", Agent: "discovery", Sender: "n1.example.com",
		Time: time.Unix(1795336394, 0).UTC(), TTL: 60 * time.Second, Body: body}
}

func TestConformance(t *testing.T) {
	for _, s := range []wire.Serializer{wire.Marshal, wire.YAML, wire.JSON} {
		t.Run(s.String(), func(t *testing.T) {
			pair := func(t testing.TB, secret string) (security.Client, security.Node) {
				return testProvider(t, Options{Serializer: s, Secret: secret}), testProvider(t, Options{Serializer: s, Secret: secret, Identity: "node"})
			}
			securitytest.Run(t, securitytest.Suite{
				New:      func(t testing.TB) (security.Client, security.Node) { return pair(t, testSecret) },
				Stranger: func(t testing.TB) (security.Client, security.Node) { return pair(t, testSecret+"!") },
				Forge: func(t testing.TB, caller string) security.Payload {
					return forge(t, s, value.Symbol("callerid"), caller)
				},
				NoSymbols: s == wire.JSON,
				Slow:      s != wire.Marshal,
			})
		})
	}
}

// forge makes a request whose envelope is a valid one but for some keys; a value
// of absent leaves the key out.
func forge(t testing.TB, s wire.Serializer, kv ...any) security.Payload {
	t.Helper()
	body, err := s.EncodeBody("ping")
	if err != nil {
		t.Fatal(err)
	}
	filter := value.NewMap("fact", []any{}, "cf_class", []any{}, "agent", []any{}, "identity", []any{}, "compound", []any{})
	sym := func(s string) value.Symbol { return value.Symbol(s) }
	var text any = value.Binary(body)
	if s != wire.Marshal {
		text = string(body)
	}
	h := value.NewMap(sym("body"), text, sym("senderid"), "n1", sym("requestid"), "abc", sym("filter"), filter, sym("collective"), "mcollective",
		sym("agent"), "discovery", sym("callerid"), "uid=0", sym("ttl"), int64(60), sym("msgtime"), int64(1795336394), sym("hash"), md5hex(string(body)+testSecret))
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == absent {
			h.Delete(kv[i])
		} else {
			h.Set(kv[i], kv[i+1])
		}
	}
	data, err := s.EncodeBody(h)
	if err != nil {
		t.Fatal(err)
	}
	return security.Payload{Data: data}
}

const absent = value.Symbol("absent")

func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestRequestsOfOtherClients(t *testing.T) {
	sym := func(s string) value.Symbol { return value.Symbol(s) }
	p := testProvider(t, Options{TTL: 7 * time.Second})
	for _, c := range []struct {
		name  string
		kv    []any
		check func(*message.Request) bool // nil: refused
	}{
		{"as it should be", nil, func(r *message.Request) bool { return r.TTL == 60*time.Second && !r.Filter.Irregular }},
		{"without TTL", []any{sym("ttl"), absent}, func(r *message.Request) bool { return r.TTL == 7*time.Second }},
		{"with nil as TTL", []any{sym("ttl"), nil}, func(r *message.Request) bool { return r.TTL == 7*time.Second }},
		{"with TTL 0", []any{sym("ttl"), int64(0)}, func(r *message.Request) bool { return r.TTL == 0 }},
		{"without time", []any{sym("msgtime"), absent}, func(r *message.Request) bool { return r.Time.Unix() == 0 }},
		{"without sender", []any{sym("senderid"), absent}, func(r *message.Request) bool { return r.Sender == "" }},
		{"without collective", []any{sym("collective"), absent}, func(r *message.Request) bool { return r.Collective == "" }},
		{"with unknown keys", []any{sym("x"), "y", "z", int64(1), int64(3), nil}, func(r *message.Request) bool { return r.Body == "ping" }},
		{"with an empty filter", []any{sym("filter"), value.NewMap()}, func(r *message.Request) bool { return !r.Filter.Irregular }},
		{"with binary strings", []any{sym("agent"), value.Binary("discovery"), sym("callerid"), value.Binary("uid=0")},
			func(r *message.Request) bool { return r.Agent == "discovery" }},
		{"in a Latin-1 locale", []any{sym("agent"), &value.String{Bytes: "discovery", Encoding: "ISO-8859-1"}},
			func(r *message.Request) bool { return r.Agent == "discovery" }},
		{"without agent", []any{sym("agent"), absent}, nil},
		{"without filter", []any{sym("filter"), absent}, nil},
		{"without caller", []any{sym("callerid"), absent}, nil},
		{"without id", []any{sym("requestid"), absent}, nil},
		{"without body", []any{sym("body"), absent}, nil},
		{"without hash", []any{sym("hash"), absent}, nil},
		{"with a reply's key", []any{sym("senderagent"), "discovery"}, nil},
		{"with a twin of the agent", []any{"agent", "shell"}, nil},
		{"with a binary twin of the agent", []any{value.Binary("agent"), "shell"}, nil},
		{"with a TTL as text", []any{sym("ttl"), "60"}, nil},
		{"with a TTL as float", []any{sym("ttl"), 60.0}, nil},
		{"with a negative TTL", []any{sym("ttl"), int64(-1)}, nil},
		{"with a huge TTL", []any{sym("ttl"), int64(1) << 40}, nil},
		{"with a time as text", []any{sym("msgtime"), "1795336394"}, nil},
		{"with a symbol as agent", []any{sym("agent"), sym("discovery")}, nil},
		{"with a list as agent", []any{sym("agent"), []any{"discovery"}}, nil},
		{"with a number as caller", []any{sym("callerid"), int64(0)}, nil},
		{"with a path as agent", []any{sym("agent"), "../../x"}, nil},
		{"with a star in the collective", []any{sym("collective"), "*"}, nil},
		{"with a list as filter", []any{sym("filter"), []any{}}, nil},
		{"with a wide string as agent", []any{sym("agent"), &value.String{Bytes: "discovery", Encoding: "UTF-16LE"}}, nil},
	} {
		t.Run(subtest.Name(c.name), func(t *testing.T) {
			r, err := p.DecodeRequest(context.Background(), forge(t, wire.Marshal, c.kv...), message.Origin{})
			switch {
			case c.check == nil && !errors.Is(err, security.ErrMalformed):
				t.Errorf("a request %s: error %v, want ErrMalformed", c.name, err)
			case c.check != nil && (err != nil || !c.check(r)):
				t.Errorf("a request %s: %+v, %v", c.name, r, err)
			}
		})
	}
	for _, hash := range []any{"", "x", strings.ToUpper(md5hex("x")), md5hex("x"), md5hex("x") + "0"} {
		if _, err := p.DecodeRequest(context.Background(), forge(t, wire.Marshal, sym("hash"), hash), message.Origin{}); !errors.Is(err, security.ErrUnverified) {
			t.Errorf("hash %q: error %v, want ErrUnverified", hash, err)
		}
	}
}

func TestTwinsInABodyAreRefused(t *testing.T) {
	p := testProvider(t, Options{})
	body := value.NewMap(value.Symbol("data"), []any{value.NewMap(value.Symbol("a"), int64(1), "b", int64(2), "a", int64(3))})
	payload, err := p.EncodeRequest(context.Background(), testRequest(body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DecodeRequest(context.Background(), payload, message.Origin{}); !errors.Is(err, security.ErrMalformed) {
		t.Errorf("error %v, want ErrMalformed", err)
	}
}

func TestWrongSerializerIsNamed(t *testing.T) {
	all := []wire.Serializer{wire.Marshal, wire.YAML, wire.JSON}
	for _, from := range all {
		payload, err := testProvider(t, Options{Serializer: from}).EncodeRequest(context.Background(), testRequest("ping"))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range all {
			_, err := testProvider(t, Options{Serializer: to}).DecodeRequest(context.Background(), payload, message.Origin{})
			want := fmt.Sprintf("written by serializer %s, this side is set to %s", from, to)
			if from != to && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s to %s: error %v", from, to, err)
			}
		}
	}
}

func TestSecrets(t *testing.T) {
	for _, s := range []string{"", " ", "unset", "Unset", "changeme", "mcollective", "marionette", "puppet", "secret", "abcdefghj", " secret\n"} {
		if _, err := New(Options{Secret: s, Identity: "n1"}); err == nil {
			t.Errorf("secret %q is accepted", s)
		}
	}
	short := testProvider(t, Options{Secret: "interop-test-psk"})
	if w := short.Warnings(); len(w) != 2 || !strings.Contains(w[1], "16 bytes") || strings.Contains(strings.Join(w, ""), "interop-test-psk") {
		t.Errorf("warnings of a short secret: %q", w)
	}
	if w := testProvider(t, Options{}).Warnings(); len(w) != 1 {
		t.Errorf("warnings of a good secret: %q", w)
	}
	env := func(value string, set bool) func(string) (string, bool) {
		return func(name string) (string, bool) {
			if name != "MCOLLECTIVE_PSK" {
				t.Errorf("variable %q is looked up", name)
			}
			return value, set
		}
	}
	if s := SecretFromEnv(env("from env", true), "configured"); s != "from env" {
		t.Errorf("with the variable set: %q", s)
	}
	if s := SecretFromEnv(env("", true), "configured"); s != "" {
		t.Errorf("with the variable set to nothing: %q", s)
	}
	if s := SecretFromEnv(env("", false), "configured"); s != "configured" {
		t.Errorf("without the variable: %q", s)
	}
}

func TestCallerTypes(t *testing.T) {
	t.Setenv("USER", "somebody")
	for _, c := range []struct{ callerType, prefix string }{
		{"", fmt.Sprintf("uid=%d", os.Getuid())}, {"uid", fmt.Sprintf("uid=%d", os.Getuid())}, {"nonsense", fmt.Sprintf("uid=%d", os.Getuid())},
		{"gid", fmt.Sprintf("gid=%d", os.Getgid())}, {"group", "group="}, {"user", "user="}, {"identity", "identity=web1.example.com"},
	} {
		t.Run(subtest.Name(c.callerType), func(t *testing.T) {
			p, err := New(Options{Secret: testSecret, Identity: "web1.example.com", CallerType: c.callerType})
			if err != nil {
				if c.callerType == "group" { // a group without a name is the system's affair
					t.Logf("callertype group: %v", err)
					return
				}
				t.Errorf("callertype %q: %v", c.callerType, err)
				return
			}
			if id := p.CallerID(); !strings.HasPrefix(id, c.prefix) || message.ValidCallerID(id) != nil {
				t.Errorf("callertype %q: caller id %q", c.callerType, id)
			}
		})
	}
	if _, err := New(Options{Secret: testSecret, Identity: "a b"}); err == nil {
		t.Error("an identity with a blank is accepted")
	}
}

func TestMessagesAreStamped(t *testing.T) {
	p := testProvider(t, Options{Now: func() time.Time { return time.Unix(1795336394, 999) }})
	r := testRequest("ping")
	r.Time, r.Sender = time.Time{}, ""
	payload, err := p.EncodeRequest(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.DecodeRequest(context.Background(), payload, message.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Time.Unix() != 1795336394 || got.Sender != "n1.example.com" || !r.Time.Equal(got.Time) {
		t.Errorf("%+v came as %+v", r, got)
	}
}

// answered is the request that a reply says to answer.
func answered(p *Provider, data []byte) *message.Request {
	r, err := p.serializer.DecodeReply(data)
	if err != nil {
		return &message.Request{}
	}
	return &message.Request{ID: r.Header.RequestID}
}
