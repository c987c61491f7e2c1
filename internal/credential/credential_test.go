package credential

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"pgregory.net/rapid"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// A site is an authority and the directory of its broker.
type site struct {
	*testing.T
	authority *Authority
	broker    *BrokerDir
	dir       string
	now       time.Time
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, dir: dirtest.New(t), now: time.Unix(1_800_000_000, 0)}
	a, kit, err := CreateAuthority(filepath.Join(s.dir, "authority"), s.now)
	s.must(err)
	s.must(CreateBrokerDir(filepath.Join(s.dir, "broker"), kit, []Pin{{1}}, "broker:4222"))
	s.broker, err = OpenBrokerDir(filepath.Join(s.dir, "broker"))
	s.must(err)
	s.authority = a
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) key() *Key {
	s.Helper()
	k, err := NewKey()
	s.must(err)
	return k
}

func (s *site) caller(name string) (*Key, string) {
	s.Helper()
	k := s.key()
	token, err := s.authority.IssueCaller(k.Public(), Grant{Name: name, Collectives: []string{"mcollective"}, Roles: []string{"ops"}, Allow: []Rule{{"puppet", "*"}, {"*", "status"}}, Lasts: time.Hour}, s.now)
	s.must(err)
	return k, token
}

func (s *site) token(uses int, pattern string) JoinToken {
	s.Helper()
	t := NewJoinToken(Pin{1})
	s.must(s.broker.Tokens.Add(t, Offer{Pattern: pattern, Collectives: []string{"mcollective"}, Uses: uses, Created: s.now, Expires: s.now.Add(time.Hour), Lasts: NodeDays * 24 * time.Hour}))
	return t
}

func (s *site) node(name string) (*Key, string) {
	s.Helper()
	k := s.key()
	token, err := s.broker.Join(s.token(1, "*").Secret, name, k.Public(), s.now)
	s.must(err)
	return k, token
}

func code(t *testing.T, want Code, err error) {
	t.Helper()
	if CodeOf(err) != want {
		t.Errorf("the code is %q, not %q: %v", CodeOf(err), want, err)
	}
}

func TestCheck(t *testing.T) {
	s := newSite(t)
	trust := s.broker.Kit.Trust
	key, token := s.caller("jane")
	c, err := trust.Check(token, Caller, s.now)
	s.must(err)
	if c.CallerID() != "creds=jane" || c.KeyID() != key.Public() || len(c.Permissions) != 2 || c.Permissions[0].Agents[0] != "puppet" || c.Roles[0] != "ops" {
		t.Errorf("the credential says %+v", c)
	}
	if !c.Verify("d", []byte("x"), key.Sign("d", []byte("x"))) || c.Verify("e", []byte("x"), key.Sign("d", []byte("x"))) {
		t.Error("a signature holds in another domain, or not in its own")
	}
	_, err = trust.Check(token, Node, s.now)
	code(t, CodeKind, err)
	_, err = trust.Check(token, Caller, s.now.Add(time.Hour))
	code(t, CodeExpired, err)
	_, err = trust.Check(token, Caller, s.now.Add(-skew-time.Second))
	code(t, CodeNotYet, err)
	_, nodeToken := s.node("web1.example.com")
	_, err = trust.Check(nodeToken, Node, s.now)
	s.must(err)
	_, err = trust.Check(nodeToken, Caller, s.now)
	code(t, CodeKind, err)
	other := newSite(t)
	_, err = other.broker.Kit.Trust.Check(token, Caller, s.now)
	code(t, CodeUnknown, err)
}

// What the library takes for the same credential, or for one at all, is none.
func TestOnlyOneSpelling(t *testing.T) {
	s := newSite(t)
	_, token := s.caller("jane")
	parts := strings.Split(token, ".")
	body, err := base64url.DecodeString(parts[1])
	s.must(err)
	last := token[len(token)-1]
	sign := func(text string) string { return signToken([]byte(text), s.authority.callers) }
	named := string(body)
	for what, bad := range map[string]string{
		"empty": "", "no parts": "x", "two parts": parts[0] + "." + parts[1], "a part more": token + ".x", "a line break": parts[0] + "." + parts[1][:4] + "\n" + parts[1][4:] + "." + parts[2],
		"another last character": token[:len(token)-1] + string(last+1), "padding": token + "=", "another header": sign(named)[1:],
		"a key twice":     sign(strings.Replace(named, `"name":"jane"`, `"name":"jane","name":"root"`, 1)),
		"in another case": sign(strings.Replace(named, `"name":"jane"`, `"name":"jane","Name":"root"`, 1)),
		"one key more":    sign(strings.Replace(named, `"name":"jane"`, `"name":"jane","x":1`, 1)),
		"blanks":          sign(strings.Replace(named, `:`, `: `, 1)),
		"text behind":     sign(named + " {}"),
		"an unknown tag":  sign(strings.Replace(named, `"r:ops"`, `"only:read"`, 1)),
		"a wildcard":      sign(strings.Replace(named, `"c:mcollective"`, `"c:*"`, 1)),
		"no collective":   sign(strings.Replace(named, `"c:mcollective",`, ``, 1)),
		"no end":          sign(strings.Replace(named, `"exp":1800003600`, `"exp":0`, 1)),
		"no user":         sign(strings.Replace(named, `"type":"user"`, `"type":"account"`, 1)),
		"too long":        sign(strings.Replace(named, `"r:ops"`, `"r:`+strings.Repeat("x", MaxToken)+`"`, 1)),
		"unsigned":        parts[0] + "." + base64url.EncodeToString([]byte(strings.Replace(named, "jane", "root", 1))) + "." + parts[2],
	} {
		t.Run(what, func(t *testing.T) {
			if bad == token || strings.HasPrefix(bad, parts[0]+"."+parts[1]+"."+parts[2]) && len(bad) == len(token) {
				t.Fatalf("%s: nothing was changed", what)
			}
			_, err := s.broker.Kit.Trust.Check(bad, Caller, s.now)
			if err == nil {
				t.Errorf("%s: accepted", what)
				return
			}
			code(t, CodeUnknown, err)
		})
	}
}

// The broker puts names into subjects as they are. The keys that make credentials could be stolen, so anyone who
// believes one checks again.
func TestNamesAreCheckedTwice(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"", "*", ">", "web1.*", "web1.>", "a b", "a..b", ".a", "a.", "{{name()}}", "bücher", "a\n", "a\x00b", strings.Repeat("n", 256), "..", "."} {
		k := s.key()
		if _, err := s.broker.Join(s.token(1, "*").Secret, name, k.Public(), s.now); err == nil {
			t.Errorf("%q joined", name)
		}
		if _, err := s.authority.IssueCaller(k.Public(), Grant{Name: name, Collectives: []string{"mcollective"}, Lasts: time.Hour}, s.now); err == nil {
			t.Errorf("%q is a caller", name)
		}
		c := claims{Name: name, Subject: k.Public(), Issued: s.now.Unix(), Expires: s.now.Add(time.Hour).Unix(), Nats: natsClaims{Account: s.broker.Kit.Trust.Account(), Tags: []string{"c:mcollective"}}}
		token, err := c.encode(s.broker.Kit.Nodes)
		s.must(err)
		if _, err = s.broker.Kit.Trust.Check(token, Node, s.now); CodeOf(err) != CodeName && CodeOf(err) != CodeUnknown {
			t.Errorf("%q is believed: %v", name, err)
		}
	}
}

// A name is part of subjects and caller ids as it is, and nothing more.
func TestNameProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9_.*>{} -]{0,20}`)).Draw(t, "name")
		for _, kind := range []Kind{Caller, Node} {
			if CheckName(kind, name) != nil {
				continue
			}
			for part := range strings.SplitSeq(name, ".") {
				if part == "" || strings.ContainsAny(part, "*> \t\r\n\x00{}=/\\") {
					t.Fatalf("%q is a name", name)
				}
			}
		}
		if CheckName(0, name) == nil {
			t.Fatalf("%q is a name of no kind", name)
		}
	})
}

// With such a key anybody makes signatures that hold.
func TestSmallOrder(t *testing.T) {
	identity := unhex("0100000000000000000000000000000000000000000000000000000000000000")
	forged := append(append([]byte{}, identity...), make([]byte, 32)...)
	if !ed25519.Verify(identity, []byte("anything"), forged) {
		t.Fatal("the attack does not work any more; is the test right?")
	}
	s := newSite(t)
	high := unhex("0100000000000000000000000000000000000000000000000000000000000080")
	beyond := unhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") // 1, written otherwise
	for _, raw := range append([][]byte{identity, high, beyond}, smallOrder...) {
		text, err := nkeys.Encode(nkeys.PrefixByteUser, raw)
		s.must(err)
		if _, err := s.broker.Join(s.token(1, "*").Secret, "web1", string(text), s.now); err == nil {
			t.Errorf("the key %x joined", raw)
		}
	}
	for range 200 {
		if k := s.key(); weak(k.private.Public().(ed25519.PublicKey)) {
			t.Errorf("the key %s counts as weak", k)
		}
	}
}

func TestRevoke(t *testing.T) {
	s := newSite(t)
	trust := s.broker.Kit.Trust
	key, token := s.caller("jane")
	older := trust.Bundle()
	b, err := s.authority.Revoke(key.Public(), s.now)
	s.must(err)
	if _, err := trust.Check(token, Caller, s.now); err != nil {
		t.Error("revoked before the bundle came:", err)
	}
	if newer, err := trust.Update(b); !newer || err != nil {
		t.Errorf("%v, %v", newer, err)
	}
	_, err = trust.Check(token, Caller, s.now)
	code(t, CodeRevoked, err)

	// The older bundle would undo it. Nor does a restart help.
	for range 2 {
		if newer, err := trust.Update(older); newer || err == nil || !strings.Contains(err.Error(), "older") {
			t.Errorf("%v, %v", newer, err)
		}
		trust, err = LoadTrust(s.broker.Dir)
		s.must(err)
	}
	_, err = trust.Check(token, Caller, s.now)
	code(t, CodeRevoked, err)
	if newer, err := trust.Update(b); newer || err != nil {
		t.Errorf("the same bundle again: %v, %v", newer, err)
	}

	// The issue time grows, also within one second and when the clock goes back.
	for i := range 3 {
		k, _ := s.caller(fmt.Sprint("c", i))
		next, err := s.authority.Revoke(k.Public(), s.now.Add(-time.Hour))
		s.must(err)
		if newer, err := trust.Update(next); !newer || err != nil {
			t.Fatalf("bundle %d: %v, %v", i, newer, err)
		}
	}
	if _, err := s.authority.IssueCaller(key.Public(), Grant{Name: "jane", Collectives: []string{"mcollective"}, Lasts: time.Hour}, s.now.Add(time.Minute)); err == nil {
		t.Error("a revoked key got a new credential")
	}
	k2, _ := s.caller("jane") // another key may have the name now
	if s.authority.Issued().Holder("JANE").Key != k2.Public() {
		t.Error("the register has another key")
	}
}

// Anyone who has all files of the broker has no key that makes callers, revokes, or gives rights to keys.
func TestStolenBroker(t *testing.T) {
	s := newSite(t)
	s.must(os.RemoveAll(filepath.Join(s.dir, "authority")))
	stolen, err := OpenBrokerDir(s.broker.Dir)
	s.must(err)
	trust := s.broker.Kit.Trust
	me := s.key()
	grant := Grant{Name: "root", Collectives: []string{"mcollective"}, Allow: []Rule{{"*", "*"}}, Lasts: time.Hour}
	for what, key := range map[string]*Key{"of nodes": stolen.Kit.Nodes} {
		token, err := issue(Caller, key, trust.Account(), me.Public(), grant, s.now)
		s.must(err)
		if _, err := trust.Check(token, Caller, s.now); err == nil {
			t.Errorf("the key %s makes callers", what)
		}
		v := trust.current()
		account, err := jwt.DecodeAccountClaims(v.Account)
		s.must(err)
		account.SigningKeys.Add(key.Public())
		b := Bundle{Operator: v.Operator, Account: signAccount(account, key, s.now.Add(time.Hour))}
		if newer, err := trust.Update(b); newer || err == nil {
			t.Errorf("a bundle signed by %s is taken", what)
		}
	}
	// Another authority of their own.
	_, kit, err := CreateAuthority(filepath.Join(s.dir, "other"), s.now.Add(time.Hour))
	s.must(err)
	if newer, err := trust.Update(kit.Trust.Bundle()); newer || err == nil {
		t.Error("the bundle of another authority is taken")
	}
}

func TestJoin(t *testing.T) {
	s := newSite(t)
	token := s.token(2, "web*.example.com")
	a, b, c := s.key(), s.key(), s.key()
	join := func(k *Key, name string) error {
		_, err := s.broker.Join(token.Secret, name, k.Public(), s.now)
		return err
	}
	says := func(err error, words string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("the error does not say %q: %v", words, err)
		}
	}
	s.must(join(a, "web1.example.com"))
	s.must(join(a, "web1.example.com")) // the answer was lost
	says(join(b, "web1.example.com"), "held by another key")
	says(join(b, "WEB1.example.com"), "held by another key")
	says(join(b, "db1.example.com"), "names like web*.example.com")
	s.must(join(b, "web2.example.com"))
	says(join(c, "web3.example.com"), "used up: 2 of 2")
	if !s.broker.Outstanding(s.now.Add(lateness-time.Second)) || s.broker.Outstanding(s.now.Add(lateness)) {
		t.Error("strangers are not let in for as long as they may hear that a token is used up, or for longer")
	}
	says(func() error { _, err := s.broker.Join([16]byte{}, "web3.example.com", c.Public(), s.now); return err }(), "not known")
	says(func() error {
		_, err := s.broker.Join(token.Secret, "web3.example.com", c.Public(), s.now.Add(time.Hour))
		return err
	}(), "ended at")

	// After a restart all that counts still.
	again, err := OpenBrokerDir(s.broker.Dir)
	s.must(err)
	_, err = again.Join(token.Secret, "web3.example.com", c.Public(), s.now)
	says(err, "used up")
	s.must(s.broker.Tokens.Remove(token.ID()))
	_, err = again.Join(token.Secret, "web3.example.com", c.Public(), s.now)
	says(err, "not known")

	// A name that was revoked is free for another key.
	bundle, err := s.authority.Revoke(a.Public(), s.now.Add(time.Second))
	s.must(err)
	_, err = again.Kit.Trust.Update(bundle)
	s.must(err)
	token2 := s.token(5, "*")
	_, err = again.Join(token2.Secret, "web1.example.com", a.Public(), s.now.Add(time.Minute))
	says(err, "was revoked")
	_, err = again.Join(token2.Secret, "web1.example.com", c.Public(), s.now.Add(time.Minute))
	s.must(err)
	if data, err := os.ReadFile(again.Tokens.file(token2.ID())); err != nil || strings.Contains(string(data), base64url.EncodeToString(token2.Secret[:])) {
		t.Errorf("the broker keeps the secret: %v", err)
	}
}

func TestRenew(t *testing.T) {
	s := newSite(t)
	const day = 24 * time.Hour
	for at, ok := range map[time.Duration]bool{0: false, 14 * day: false, 20 * day: true, NodeDays*day - time.Second: true, NodeDays * day: false, 31 * day: false} {
		t.Run(subtest.Name(at), func(t *testing.T) {
			_, old := s.node("web" + subtest.Name(at))
			if _, err := s.broker.Renew(old, s.now.Add(at)); (err == nil) != ok {
				t.Errorf("after %v: %v", at, err)
			}
		})
	}
	_, caller := s.caller("jane")
	if _, err := s.broker.Renew(caller, s.now); err == nil {
		t.Error("the broker renews callers")
	}
}

func TestIdentity(t *testing.T) {
	s := newSite(t)
	dir := filepath.Join(s.dir, "node")
	key, token := s.node("web1")
	_, err := Create(dir, key, token, s.broker.Kit.Trust)
	s.must(err)
	i, trust, err := Load(dir)
	s.must(err)
	if i.Credential().Name != "web1" || i.Token() != token || trust.Authority() != s.authority.Trust().Authority() || len(trust.Pins()) != 1 || trust.Servers()[0] != "broker:4222" {
		t.Errorf("loaded %v", i)
	}
	seed, err := os.ReadFile(filepath.Join(dir, keyName))
	s.must(err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{i, key, s.token(1, "*")} {
			text := fmt.Sprintf(format, v)
			if strings.Contains(text, strings.TrimSpace(string(seed))) || strings.Contains(text, "private") || len(text) > 200 {
				t.Errorf("%s of %T shows %.80s", format, v, text)
			}
		}
	}
	for _, name := range []string{keyName, credentialName, trustName} {
		fi, err := os.Stat(filepath.Join(dir, name))
		s.must(err)
		if fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, fi.Mode())
		}
		s.must(os.Chmod(filepath.Join(dir, name), 0o644))
		if _, _, err := Load(dir); err == nil {
			t.Errorf("%s for everybody is taken", name)
		}
		s.must(os.Chmod(filepath.Join(dir, name), 0o600))
	}
	_, other := s.node("web2")
	if err := i.Renew(trust, other, s.now); err == nil {
		t.Error("another node's credential is taken")
	}
	late := s.now.Add(20 * 24 * time.Hour)
	renewed, err := s.broker.Renew(token, late)
	s.must(err)
	s.must(i.Renew(trust, renewed, late))
	if err := i.Renew(trust, token, late); err == nil {
		t.Error("the older credential takes the place of the newer")
	}
	if i2, _, err := Load(dir); err != nil || i2.Token() != renewed {
		t.Errorf("after a restart %v, %v", i2, err)
	}
}

// A broker chooses the nonce. It must not get a signature for anything else.
func TestNonce(t *testing.T) {
	k := newSite(t).key()
	request := append([]byte{0xff}, "mco-request-1\x00{}"...)
	for _, bad := range [][]byte{nil, []byte("short"), request, []byte(`{"agent":"shell"}`), []byte("with blanks in it"), make([]byte, 20), []byte(strings.Repeat("x", 65))} {
		if _, err := k.SignNonce(bad); err == nil {
			t.Errorf("%q was signed", bad)
		}
	}
	nonce := []byte("vZ_0-abcDEF12345")
	sig, err := k.SignNonce(nonce)
	if err != nil || VerifyKey(k.Public(), "mco-request-1", nonce, sig) {
		t.Errorf("a login passes for a request: %v", err)
	}
}

func TestBounds(t *testing.T) {
	s := newSite(t)
	g := Grant{Name: "jane", Collectives: []string{"mcollective"}, Lasts: time.Hour}
	for i := range maxTags - 1 {
		g.Allow = append(g.Allow, Rule{fmt.Sprintf("agent%d_%s", i, strings.Repeat("x", 50)), "*"})
	}
	if _, err := s.authority.IssueCaller(s.key().Public(), g, s.now); err == nil || !strings.Contains(err.Error(), "fewer") {
		t.Errorf("a credential that no broker takes: %v", err)
	}
	if _, err := ParseBundle(make([]byte, MaxBundle+1)); err == nil {
		t.Error("a large bundle is read")
	}
	tag := natsClaims{Tags: make([]string, maxTags+1)}
	if (&Credential{Kind: Node}).readTags(tag.Tags) == nil {
		t.Error("many tags are read")
	}
}

func TestJoinLine(t *testing.T) {
	token := NewJoinToken(Pin{1, 2, 3})
	if len(token.Text()) != 64 {
		t.Errorf("a token has %d characters", len(token.Text()))
	}
	address, got, err := ParseJoinLine(token.Line("broker.example.net:4222"))
	if err != nil || address != "broker.example.net:4222" || got != token {
		t.Errorf("%s %v, %v", address, got, err)
	}
	for _, bad := range []string{"", "broker:4222", "broker#" + token.Text(), ":4222#" + token.Text(), "b:1#" + token.Text()[1:], "b:1#" + token.Text() + "=", "b:1#" + token.Text()[:63] + "\n"} {
		if _, _, err := ParseJoinLine(bad); err == nil || strings.Contains(err.Error(), token.Text()[44:60]) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	trust, tokens := fuzzTrust(f)
	for _, s := range tokens {
		f.Add(s)
	}
	now := time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, token string) {
		for _, kind := range []Kind{Caller, Node} {
			c, err := trust.Check(token, kind, now)
			if (err == nil) == (CodeOf(err) != "") {
				t.Fatalf("no code: %v", err)
			}
			if err == nil && (token != tokens[0] && token != tokens[1] || c.Kind != kind || CheckName(kind, c.Name) != nil) {
				t.Fatalf("accepted %q", token)
			}
		}
	})
}

// fuzzTrust makes a trust and a credential of each kind.
func fuzzTrust(f *testing.F) (*Trust, []string) {
	dir := dirtest.New(f)
	now := time.Unix(1_800_000_000, 0)
	a, kit, err := CreateAuthority(filepath.Join(dir, "a"), now)
	if err != nil {
		f.Fatal(err)
	}
	k, err := NewKey()
	if err != nil {
		f.Fatal(err)
	}
	caller, err := a.IssueCaller(k.Public(), Grant{Name: "jane", Collectives: []string{"c"}, Lasts: time.Hour}, now)
	node, err2 := issue(Node, kit.Nodes, kit.Trust.Account(), k.Public(), Grant{Name: "web1", Collectives: []string{"c"}, Lasts: time.Hour}, now)
	if err != nil || err2 != nil {
		f.Fatal(err, err2)
	}
	return kit.Trust, []string{caller, node, "", header + "..", header + ".e30."}
}

func FuzzBundle(f *testing.F) {
	trust, _ := fuzzTrust(f)
	good := trust.Bundle().Encode()
	f.Add(good)
	f.Add([]byte(`{"operator":"","account":""}`))
	f.Add([]byte(`{"Operator":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBundle(data)
		if err != nil {
			return
		}
		if newer, _ := trust.Update(b); newer {
			t.Fatalf("a bundle that nobody signed is taken: %q", data)
		}
	})
}

func FuzzJoinLine(f *testing.F) {
	f.Add(NewJoinToken(Pin{}).Line("b:4222"))
	f.Add("#")
	f.Fuzz(func(t *testing.T, line string) {
		if address, token, err := ParseJoinLine(line); err == nil && token.Line(address) != line {
			t.Fatalf("%q is read as %q", line, token.Line(address))
		}
	})
}

// FuzzFiles: what stands in the files of a register and a token is read, or refused with words.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"entries":[{"name":"a","key":"U"}],"uses":{"x":1}}`))
	f.Add([]byte(`{"id":"x","hash":"","name":"*","collectives":["c"],"uses":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := dirtest.New(t)
		if err := writeSecret(filepath.Join(dir, "x.json"), data); err != nil {
			t.Fatal(err)
		}
		if r, err := OpenRegister(filepath.Join(dir, "x.json")); err == nil {
			for _, e := range r.All() {
				if r.Holder(e.Name) == nil {
					t.Fatalf("%q has no holder", e.Name)
				}
			}
		}
		all, err := OpenTokens(dir).All()
		if err == nil && len(all) == 1 && all[0].ID != "x" {
			t.Fatal("a token under another's name")
		}
	})
}

// The form of a credential must not change: nodes of another version read it.
func TestClaimsForm(t *testing.T) {
	data, err := json.Marshal(claims{Expires: 2, Issued: 1, Issuer: "A", Name: "n", Subject: "U", Nats: natsClaims{"A", []string{"c:x"}, "user", 2}})
	if want := `{"exp":2,"iat":1,"iss":"A","name":"n","sub":"U","nats":{"issuer_account":"A","tags":["c:x"],"type":"user","version":2}}`; err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
}
