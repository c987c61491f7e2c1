package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/broker"
	"mcollective/connector/nats/interest"
	"mcollective/internal/credential"
	"mcollective/internal/dirtest"
	"mcollective/internal/enroll"
	"mcollective/internal/subtest"
)

// A site is a broker that was made with its authority, and runs.
type site struct {
	*testing.T
	dir       string
	authority *credential.Authority
	broker    *broker.Broker
	files     *credential.BrokerDir // as another process sees them
	served    *credential.BrokerDir // as the broker does
	log       *lines
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, dir: dirtest.New(t), log: &lines{}}
	a, d, err := credential.Init(filepath.Join(s.dir, "broker"), filepath.Join(s.dir, "broker", "authority"), "127.0.0.1:4222", time.Now())
	s.must(err)
	s.authority, s.files = a, d
	s.start()
	return s
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts the broker on what is in its directory.
func (s *site) start() {
	s.Helper()
	d, err := credential.OpenBrokerDir(s.files.Dir)
	s.must(err)
	s.served = d
	s.broker, err = broker.New(broker.Options{Listen: "127.0.0.1:0", Cert: d.CertFile(), Key: d.KeyFile(), Trust: d, Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	s.must(err)
	s.must(s.broker.Start())
	s.Cleanup(s.broker.Stop)
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) token(uses int, pattern string) credential.JoinToken {
	s.Helper()
	now := time.Now()
	token, err := s.files.NewToken(credential.Offer{Pattern: pattern, Collectives: []string{"mcollective"}, Uses: uses, Created: now, Expires: now.Add(time.Hour), Lasts: time.Hour})
	s.must(err)
	s.must(s.broker.Reload())
	return token
}

// join joins as a machine does, and keeps what it gets.
func (s *site) join(token credential.JoinToken, name string) (*credential.Identity, *credential.Trust, error) {
	s.Helper()
	key, err := credential.NewKey()
	s.must(err)
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	m, err := enroll.Join(ctx, s.broker.Addr(), token, name, key)
	if err != nil {
		return nil, nil, err
	}
	id, err := credential.Create(filepath.Join(s.dir, "nodes", name), key, m.Token, m.Trust)
	s.must(err)
	return id, m.Trust, nil
}

// oldNode returns a node that joined 40 minutes ago, with a credential for an hour.
func (s *site) oldNode(name string) (*credential.Identity, *credential.Trust) {
	s.Helper()
	key, err := credential.NewKey()
	s.must(err)
	then := time.Now().Add(-40 * time.Minute)
	token, err := s.served.Join(s.token(1, "*").Secret, name, key.Public(), then)
	s.must(err)
	t, err := s.authority.HandOut()
	s.must(err)
	id, err := credential.Create(filepath.Join(s.dir, "nodes", name), key, token, t)
	s.must(err)
	return id, t
}

func (s *site) node(name string) *credential.Identity {
	s.Helper()
	id, _, err := s.join(s.token(1, "*"), name)
	s.must(err)
	return id
}

func (s *site) caller(name string) *credential.Identity {
	s.Helper()
	key, err := credential.NewKey()
	s.must(err)
	token, err := s.authority.IssueCaller(key.Public(), credential.Grant{Name: name, Collectives: []string{"mcollective"}, Allow: []credential.Rule{{Agent: "*", Action: "*"}}, Lasts: time.Hour}, time.Now())
	s.must(err)
	t, err := credential.NewTrust(s.authority.Trust().Authority(), s.authority.Trust().Bundle(), s.authority.Trust().Pins())
	s.must(err)
	id, err := credential.Create(filepath.Join(s.dir, "callers", name), key, token, t)
	s.must(err)
	return id
}

// A login is one connection, and what the broker denied it.
type login struct {
	*gonats.Conn
	t *testing.T
}

func (s *site) dial(options ...gonats.Option) (*login, error) {
	l := &login{t: s.T}
	options = append([]gonats.Option{
		gonats.Secure(s.files.Kit.Trust.TLS()), gonats.TLSHandshakeFirst(), gonats.NoReconnect(), gonats.Timeout(20 * time.Second),
		gonats.ErrorHandler(func(*gonats.Conn, *gonats.Subscription, error) {}), // LastError has it
	}, options...)
	var err error
	if l.Conn, err = gonats.Connect("tls://"+s.broker.Addr(), options...); err != nil {
		return nil, err
	}
	s.Cleanup(l.Close)
	return l, nil
}

func (s *site) as(id *credential.Identity) *login {
	s.Helper()
	l, err := s.dial(gonats.UserJWT(func() (string, error) { return id.Token(), nil }, id.SignNonce))
	s.must(err)
	return l
}

// allowed reports whether the broker lets a login do something with a subject. The broker answers a flush after what
// it denied.
func (l *login) allowed(verb, subject string, do func() error) bool {
	l.t.Helper()
	if err := do(); err != nil {
		l.t.Fatal(err)
	}
	if err := l.FlushTimeout(20 * time.Second); err != nil {
		l.t.Fatal(err)
	}
	err := l.LastError()
	return err == nil || !strings.Contains(err.Error(), verb+` to "`+subject+`"`)
}

func (l *login) publishes(subject string) bool {
	l.t.Helper()
	return l.allowed("Publish", subject, func() error { return l.Publish(subject, []byte("x")) })
}

func (l *login) subscribes(subject string) bool {
	l.t.Helper()
	return l.allowed("Subscription", subject, func() error { _, err := l.SubscribeSync(subject); return err })
}

// Who may do what, at the broker, by identity.
func TestPermissions(t *testing.T) {
	s := newSite(t)
	node, jane, eve := s.node("web1.example.com"), s.caller("jane"), s.caller("eve")
	reply := "mcollective.reply." + jane.PublicKey() + ".ABCDEFGHIJKLMNOP"
	for _, who := range []struct {
		name     string
		id       *credential.Identity
		pub, sub map[string]bool
	}{
		{"a node", node, map[string]bool{
			reply: true, credential.SubjectRenew: true,
			"mcollective.broadcast.agent.shell": false, "mcollective.node.web2": false, "mcollective.node.web1.example.com": false, "uk.reply.x.y": false,
			"_MCO.interest": false, credential.SubjectJoin: false, "_MCO_REPLY.ABCDEFGHIJKLMNOPQR": false, credential.SubjectBundle: false, "$SYS.REQ.SERVER.PING": false, "_INBOX.x": false,
		}, map[string]bool{
			"mcollective.broadcast.agent.shell": true, "mcollective.broadcast.agent.*": true, "mcollective.node.web1.example.com": true, credential.SubjectBundle: true,
			"mcollective.node.web2": false, "mcollective.node.>": false, "mcollective.node.*": false, "mcollective.node.web1": false, "mcollective.node.web1.example.com.x": false, ">": false, "*.node.web1.example.com": false,
			"uk.broadcast.agent.shell": false, reply: false, "mcollective.reply.>": false, "_MCO.>": false, "_MCO.join": false, "_MCO.renew": false, "_MCO_REPLY.*": false, "_INBOX.>": false, "$SYS.>": false,
		}},
		{"a caller", eve, map[string]bool{
			"mcollective.broadcast.agent.shell": true, "mcollective.node.web1.example.com": true, "_MCO.interest": true, credential.SubjectRenew: true,
			reply: false, "mcollective.reply." + eve.PublicKey() + ".X": false, "uk.broadcast.agent.shell": false, credential.SubjectJoin: false, "_MCO_REPLY.ABCDEFGHIJKLMNOPQR": false, credential.SubjectBundle: false,
		}, map[string]bool{
			"mcollective.reply." + eve.PublicKey() + ".>": true, "mcollective.reply." + eve.PublicKey() + ".X": true, "_MCO_REPLY.ABCDEFGHIJKLMNOPQR": true,
			reply: false, "mcollective.reply.>": false, "mcollective.reply.*.*": false, "mcollective.broadcast.agent.shell": false, "mcollective.node.web1.example.com": false, "_MCO.>": false, "_MCO.join": false, ">": false, "_INBOX.>": false,
		}},
	} {
		t.Run(who.name, func(t *testing.T) {
			l := s.as(who.id)
			for subject, want := range who.pub {
				if got := l.publishes(subject); got != want {
					t.Errorf("%s publishes to %s: %v", who.name, subject, got)
				}
			}
			for subject, want := range who.sub {
				if got := l.subscribes(subject); got != want {
					t.Errorf("%s subscribes to %s: %v", who.name, subject, got)
				}
			}
		})
	}
}

// A stranger gets in only while a token is outstanding, and may do nothing then but ask to join.
func TestStranger(t *testing.T) {
	s := newSite(t)
	if _, err := s.dial(); !errors.Is(err, gonats.ErrAuthorization) {
		t.Errorf("a stranger connects without a token outstanding: %v", err)
	}
	if _, err := s.dial(gonats.UserInfo("a", "b")); !errors.Is(err, gonats.ErrAuthorization) {
		t.Errorf("a stranger with a password connects: %v", err)
	}
	token := s.token(1, "*")
	for _, subject := range []string{"mcollective.broadcast.agent.shell", "mcollective.node.web1", "mcollective.reply.x.y", "_MCO.interest", credential.SubjectRenew, "_MCO_REPLY.JOIN.ABCDEFGHIJKLMNOPQR", credential.SubjectBundle} {
		l, err := s.dial() // who publishes more is cut
		s.must(err)
		if l.publishes(subject) {
			t.Errorf("a stranger publishes to %s", subject)
		}
	}
	l, err := s.dial()
	s.must(err)
	for _, subject := range []string{"mcollective.>", "mcollective.broadcast.agent.shell", "_MCO.>", "_MCO.join", "_MCO_REPLY.*", "_MCO_REPLY.>", credential.SubjectBundle, "_INBOX.>", ">"} {
		if l.subscribes(subject) {
			t.Errorf("a stranger subscribes to %s", subject)
		}
	}
	if most := l.MaxPayload(); most != 8192 {
		t.Errorf("a stranger may publish messages of %d bytes", most)
	}

	// Listening to all answers to joins gives nothing away, not even a name.
	spy, err := s.dial()
	s.must(err)
	heard, err := spy.SubscribeSync(credential.GuestReply("*"))
	s.must(err)
	s.must(spy.Flush())
	_, _, err = s.join(token, "secretname.example.com")
	s.must(err)
	m, err := heard.NextMsg(20 * time.Second)
	s.must(err)
	if strings.Contains(string(m.Data), "secretname") || strings.Contains(string(m.Data), "eyJ0eXAi") {
		t.Errorf("others hear %.100s", m.Data)
	}

	// When the token is gone, so are the guests.
	closed := make(chan struct{})
	spy.SetClosedHandler(func(*gonats.Conn) { close(closed) })
	s.must(s.files.Tokens.Remove(token.ID()))
	s.must(s.broker.Reload())
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("a guest stays when no token is outstanding")
	}
}

func TestJoinRefusals(t *testing.T) {
	s := newSite(t)
	token := s.token(1, "web*")
	_, _, err := s.join(token, "web1")
	s.must(err)
	says := func(words string, token credential.JoinToken, name string) {
		t.Helper()
		if _, _, err := s.join(token, name); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("no %q: %v", words, err)
		}
	}
	says("used up", token, "web2")
	says("held by another key", s.token(1, "*"), "web1")
	says("names like web*", s.token(1, "web*"), "db1")
	for _, name := range []string{"*", ">", "web1.>", "a b", "a..b", ""} {
		if _, _, err := s.join(s.token(1, "*"), name); err == nil {
			t.Errorf("%q joined", name)
		}
	}
	wrong := token
	wrong.Pin[0]++
	says("another key", wrong, "web2")
	unknown := token
	unknown.Secret[0]++
	says("not known", unknown, "web2")

	// Another authority behind the same TLS key is another broker.
	other := newSite(t)
	says("another key", other.token(1, "*"), "web2")
}

// A stranger who asks and asks loses the connection, and the log does not fill; honest machines join meanwhile.
func TestFloodOfJoins(t *testing.T) {
	s := newSite(t)
	token := s.token(5, "*")
	stranger := func() *login {
		t.Helper()
		l, err := s.dial()
		s.must(err)
		return l
	}
	one := stranger()
	for range 2 { // an honest one whose answer was lost
		s.must(one.PublishRequest(credential.SubjectJoin, credential.GuestReply("ABCDEFGHIJKLMNOPQRST"), []byte("{}")))
	}
	s.must(one.FlushTimeout(20 * time.Second))
	for range 3 {
		flood := stranger()
		closed := make(chan struct{})
		flood.SetClosedHandler(func(*gonats.Conn) { close(closed) })
		for range 2000 {
			if flood.PublishRequest(credential.SubjectJoin, credential.GuestReply("ABCDEFGHIJKLMNOPQRST"), []byte("{}")) != nil {
				break // cut
			}
		}
		_ = flood.Flush()
		select {
		case <-closed:
		case <-time.After(5 * time.Second): // before its time as a guest is over
			t.Fatal("a flood of requests is not cut")
		}
	}
	if one.IsClosed() {
		t.Error("a guest with two requests is cut")
	}
	_, _, err := s.join(token, "web1")
	s.must(err)
	if n := strings.Count(s.log.String(), "join refused"); n < 1 || n > 40 {
		t.Errorf("%d lines in the log", n)
	}
}

// The broker's process never needs the authority.
func TestWithoutAuthority(t *testing.T) {
	s := newSite(t)
	jane := s.caller("jane")
	s.broker.Stop()
	s.must(os.RemoveAll(filepath.Join(s.files.Dir, "authority")))
	s.start()
	node := s.node("web1")
	if !s.as(jane).publishes("mcollective.node.web1") || !s.as(node).subscribes("mcollective.node.web1") {
		t.Error("the collective does not work without its authority")
	}
}

// Anyone who has all files of the broker makes nodes, and no caller.
func TestStolenBrokerMakesNoCaller(t *testing.T) {
	s := newSite(t)
	stolen, err := credential.OpenBrokerDir(s.files.Dir)
	s.must(err)
	for what, login := range map[string]gonats.Option{
		"the service's login": gonats.UserJWT(func() (string, error) { return stolen.Kit.Login, nil }, stolen.Kit.Service.SignNonce),
		"the guest's login":   gonats.UserJWT(func() (string, error) { return stolen.Kit.Guest, nil }, func([]byte) ([]byte, error) { return nil, nil }),
	} {
		t.Run(subtest.Name(what), func(t *testing.T) {
			if l, err := s.dial(login); err == nil && (l.publishes("mcollective.node.web1") || l.subscribes("_MCO.>")) {
				t.Errorf("%s is good for more from elsewhere", what)
			}
		})
	}
	key, err := credential.NewKey()
	s.must(err)
	// A node may have any name, but is no caller by it.
	token := s.token(1, "*")
	jwt, err := stolen.Join(token.Secret, "admin", key.Public(), time.Now())
	s.must(err)
	l, err := s.dial(gonats.UserJWT(func() (string, error) { return jwt, nil }, key.SignNonce))
	s.must(err)
	if l.publishes("mcollective.broadcast.agent.shell") {
		t.Error("it calls")
	}
	if _, err := s.authority.Trust().Check(jwt, credential.Caller, time.Now()); credential.CodeOf(err) != credential.CodeKind {
		t.Errorf("nodes take it for a caller: %v", err)
	}
}

// A revocation counts when the bundle is on the broker's disk, for live connections, too, and is announced.
func TestRevocationReachesAll(t *testing.T) {
	s := newSite(t)
	jane, node := s.caller("jane"), s.node("web1")
	l, listener := s.as(jane), s.as(node)
	closed := make(chan struct{})
	l.SetClosedHandler(func(*gonats.Conn) { close(closed) })
	heard, err := listener.SubscribeSync(credential.SubjectBundle)
	s.must(err)
	s.must(listener.Flush())
	old := s.files.Kit.Trust.Bundle()
	b, err := s.authority.Revoke(jane.PublicKey(), time.Now())
	s.must(err)
	disk, err := credential.LoadTrust(s.files.Dir)
	s.must(err)
	_, err = disk.Update(b)
	s.must(err)
	s.must(s.broker.Reload())
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("a revoked caller stays connected")
	}
	if _, err := s.dial(gonats.UserJWT(func() (string, error) { return jane.Token(), nil }, jane.SignNonce)); err == nil {
		t.Error("a revoked caller connects again")
	}
	m, err := heard.NextMsg(20 * time.Second)
	s.must(err)
	announced, err := credential.ParseBundle(m.Data)
	if err != nil || announced != b {
		t.Errorf("announced is another bundle: %v", err)
	}

	// The older bundle on disk, as a restored backup or a thief would put it there, undoes nothing.
	back, err := credential.NewTrust(disk.Authority(), old, disk.Pins())
	s.must(err)
	s.must(back.Save(s.files.Dir))
	if err := s.broker.Reload(); err == nil || !strings.Contains(err.Error(), "older") {
		t.Errorf("an older bundle: %v", err)
	}
	if _, err := s.dial(gonats.UserJWT(func() (string, error) { return jane.Token(), nil }, jane.SignNonce)); err == nil {
		t.Error("an older bundle lets a revoked caller in")
	}
}

func TestRefresh(t *testing.T) {
	s := newSite(t)
	node, trust := s.oldNode("web1")
	jane := s.caller("jane")
	b, err := s.authority.Revoke(jane.PublicKey(), time.Now())
	s.must(err)
	disk, err := credential.LoadTrust(s.files.Dir)
	s.must(err)
	_, err = disk.Update(b)
	s.must(err)
	s.must(s.broker.Reload())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	before := node.Credential().Expires
	newer, err := enroll.Refresh(ctx, s.broker.Addr(), node, trust, true, time.Now())
	if err != nil || !newer || !node.Credential().Expires.After(before) || !trust.Revoked(jane.PublicKey(), jane.Credential().Issued) {
		t.Errorf("%v, %v", newer, err)
	}
	eve := s.caller("eve")
	if _, err := enroll.Refresh(ctx, s.broker.Addr(), eve, trust, true, time.Now()); err == nil || !strings.Contains(err.Error(), "makes no callers") {
		t.Errorf("the broker renews a caller: %v", err)
	}
}

// A node that renews between its revocation and the arrival of that at the broker is out all the same.
func TestRenewalBeforeRevocationArrives(t *testing.T) {
	s := newSite(t)
	node, trust := s.oldNode("web1")
	b, err := s.authority.Revoke(node.PublicKey(), time.Now().Add(-time.Hour)) // by a clock that is behind
	s.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	before := node.Token()
	_, err = enroll.Refresh(ctx, s.broker.Addr(), node, trust, true, time.Now())
	s.must(err)
	if node.Token() == before {
		t.Fatal("not renewed; the test shows nothing")
	}
	s.as(node)
	disk, err := credential.LoadTrust(s.files.Dir)
	s.must(err)
	_, err = disk.Update(b)
	s.must(err)
	s.must(s.broker.Reload())
	if _, err := s.dial(gonats.UserJWT(func() (string, error) { return node.Token(), nil }, node.SignNonce)); err == nil {
		t.Error("a revoked node logs in with the credential that it got meanwhile")
	}
}

// The interest service works for callers, and takes the names of nodes from their credentials.
func TestInterestByCredential(t *testing.T) {
	s := newSite(t)
	node, liar := s.node("web1"), s.node("web2")
	for id, name := range map[*credential.Identity]string{node: "web1", liar: "web3"} {
		l, err := s.dial(gonats.Name(name), gonats.UserJWT(func() (string, error) { return id.Token(), nil }, id.SignNonce))
		s.must(err)
		if !l.subscribes("mcollective.broadcast.agent.discovery") {
			t.Fatal("a node may not listen")
		}
	}
	l := s.as(s.caller("jane"))
	if !interest.Offered(l.ConnectedServerName()) {
		t.Fatalf("the broker %q does not offer to tell who listens", l.ConnectedServerName())
	}
	address := interest.NewReply()
	sub, err := l.SubscribeSync(address)
	s.must(err)
	s.must(l.PublishRequest(interest.Subject, address, []byte("mcollective.broadcast.agent.discovery")))
	m, err := sub.NextMsg(20 * time.Second)
	s.must(err)
	names := interest.Names{Subject: "mcollective.broadcast.agent.discovery"}
	if _, err := names.Add(m.Data); err != nil || fmt.Sprint(len(names.All)) != "2" || strings.Contains(fmt.Sprint(names.All), "web3") {
		t.Errorf("%v, %v", names.All, err)
	}
}
