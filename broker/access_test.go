package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	gonats "github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"

	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/connector/nats/interest"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

// forgers try in every way to answer in the broker's place, or to have it answer
// something else. stop ends them.
func forgers(t *testing.T, url string, options ...gonats.Option) (stop func()) {
	t.Helper()
	nc, err := gonats.Connect(url, append(options, gonats.Name("evil"), gonats.NoEcho(), gonats.NoReconnect(), gonats.ErrorHandler(func(*gonats.Conn, *gonats.Subscription, error) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	lie := func(m *gonats.Msg) {
		for _, to := range []string{m.Reply, m.Subject} {
			if to != "" {
				_ = nc.Publish(to, fmt.Appendf(nil, `{"subject":%q}`, m.Data))
				_ = nc.Publish(to, []byte(`{"subject":"mcollective.broadcast.agent.discovery"}`))
				_ = nc.PublishRequest(interest.Subject, to, []byte("mcollective.broadcast.agent.nobody"))
			}
		}
	}
	for _, subject := range []string{interest.Subject, "_MCO.>", "_MCO.*", "*.interest", "*.*", ">", "_MCO_REPLY.*", "_INBOX.>"} {
		if _, err := nc.Subscribe(subject, lie); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.QueueSubscribe(subject, "evil", lie); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return nc.Close
}

// Anyone who may use the broker cannot see questions about who listens, and cannot
// answer them.
func TestInterestIsNotForged(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "nats.conf")
	if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\nserver_name: mine\nmax_payload: 4KB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"open":     {Listen: "127.0.0.1:0", MaxPayload: 4096},
		"password": {Listen: "127.0.0.1:0", MaxPayload: 4096, User: "u", Password: "p"},
		"file":     {Config: file},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, o)
			// Names that need several messages, so that there is time to forge the next.
			var want []string
			for i := range 40 {
				want = append(want, fmt.Sprintf("node%02d.%s", i, strings.Repeat("x", 200)))
				listen(t, b, want[i], "mcollective.broadcast.agent.discovery")
			}
			defer forgers(t, b.ClientURL(), gonats.UserInfo(o.User, o.Password))()
			for range 20 {
				names, err := ask(t, b, "discovery")
				if diff := cmp.Diff(want, names); diff != "" && err == nil {
					t.Fatalf("forged:\n%s", diff)
				}
				if err != nil {
					t.Fatalf("not answered: %v", err)
				}
			}
		})
	}
}

func TestDeniedSubjects(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	denied := make(chan error, 10)
	nc, err := gonats.Connect(b.ClientURL(), gonats.NoReconnect(), gonats.ErrorHandler(func(_ *gonats.Conn, _ *gonats.Subscription, err error) { denied <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	expect := func(what string) {
		t.Helper()
		select {
		case err := <-denied:
			if !errors.Is(err, gonats.ErrPermissionViolation) || !strings.Contains(err.Error(), what) {
				t.Errorf("error is %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s was not denied", what)
		}
	}
	for _, subject := range []string{interest.Subject, "_MCO.anything", "_MCO.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		expect(`Subscription to "` + subject)
	}
	for _, subject := range []string{interest.NewReply(), "_MCO_REPLY.x.y"} {
		if err := nc.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		expect("_MCO_REPLY.")
	}
	// A trace is published by the broker itself.
	m := gonats.NewMsg("mcollective.node.nobody")
	m.Header.Set("Nats-Trace-Dest", interest.NewReply())
	if err := nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	expect("_MCO_REPLY.")
}

// Any other broker may have anybody answer in its place, so it is not asked.
func TestPlainServerIsNotBelieved(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	defer forgers(t, s.ClientURL())()
	c, err := nats.Connect(t.Context(), nats.Options{Servers: []string{s.Addr().String()}, Identity: "client"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	names, err := c.Interest(ctx, connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"})
	if err == nil || ctx.Err() != nil {
		t.Errorf("got %v, %v", names, err)
	}
}

// A flood of questions makes the broker silent at worst: an answer is always true,
// and comes again when the flood has ended.
func TestFloodOfQuestions(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	listen(t, b, "web1", "mcollective.broadcast.agent.discovery")
	ctx, cancel := context.WithCancel(t.Context())
	flooded := make(chan struct{})
	nc, err := gonats.Connect(b.ClientURL(), gonats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	go func() {
		defer close(flooded)
		for i := 0; ctx.Err() == nil; i++ {
			_ = nc.PublishRequest(interest.Subject, interest.NewReply(), fmt.Appendf(nil, "mcollective.broadcast.agent.agent%d", i%1000))
			_ = nc.PublishRequest(interest.Subject, "mcollective.node.web1", []byte("mcollective.broadcast.agent.discovery"))
		}
	}()
	c, err := nats.Connect(t.Context(), nats.Options{Servers: []string{b.Addr()}, Identity: "client"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	try := func(patience time.Duration) bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		names, err := c.Interest(ctx, connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"})
		if diff := cmp.Diff([]string{"web1"}, names); err == nil && diff != "" {
			t.Errorf("the flood made it lie:\n%s", diff)
		}
		return err == nil
	}
	for range 20 {
		try(50 * time.Millisecond)
	}
	cancel()
	<-flooded
	nc.Close()
	for range 100 {
		if try(time.Second) {
			return
		}
	}
	t.Error("no answer after the flood")
}

func TestWhoMayConnect(t *testing.T) {
	for name, tc := range map[string]struct {
		conf string
		in   []gonats.Option
		out  []gonats.Option
	}{
		"password": {`authorization { user: a, password: b }`, []gonats.Option{gonats.UserInfo("a", "b")},
			[]gonats.Option{gonats.UserInfo("a", ""), gonats.UserInfo("", "b"), gonats.UserInfo("a", "bb"), gonats.Token("b"), gonats.Name("nobody")}},
		"token": {`authorization { token: t }`, []gonats.Option{gonats.Token("t")},
			[]gonats.Option{gonats.Token("u"), gonats.UserInfo("t", "t"), gonats.Name("nobody")}},
		"nothing": {``, []gonats.Option{gonats.Name("anybody"), gonats.UserInfo("a", "b"), gonats.Token("t")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dirtest.New(t), "nats.conf")
			if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\n"+tc.conf), 0o600); err != nil {
				t.Fatal(err)
			}
			b := start(t, Options{Config: file})
			if b.access == nil {
				t.Fatal("the broker does not control who connects")
			}
			for i, o := range append(tc.in, tc.out...) {
				nc, err := gonats.Connect(b.ClientURL(), o, gonats.NoReconnect())
				if want := i < len(tc.in); (err == nil) != want {
					t.Errorf("%d: %v", i, err)
				}
				if nc != nil {
					nc.Close()
				}
			}
		})
	}
}

// An authenticator stays when a configuration is read again, so users that come with
// it would not count.
func TestUsersAreNotAddedWhileRunning(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "nats.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	b := start(t, Options{Config: file})
	write("authorization { users = [ { user: a, password: b } ] }")
	if err := b.Reload(); err == nil || !strings.Contains(err.Error(), "only by a restart") {
		t.Errorf("users added: %v", err)
	}
	write("authorization { user: a, password: b }")
	if err := b.Reload(); err != nil {
		t.Fatal(err)
	}
	if nc, err := gonats.Connect(b.ClientURL(), gonats.NoReconnect()); err == nil {
		nc.Close()
		t.Error("connected without the password that the file asks for now")
	}
}

// A configuration that nats-server does not take while it runs changes nothing, not
// even who may connect.
func TestPasswordOfARefusedReload(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "nats.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	connects := func(b *Broker, user string) bool {
		nc, err := gonats.Connect(b.ClientURL(), gonats.NoReconnect(), gonats.UserInfo(user, "secret"))
		if err == nil {
			nc.Close()
		}
		return err == nil
	}
	write("authorization { user: old, password: secret }")
	b := start(t, Options{Config: file})
	write("authorization { user: new, password: secret }\nmax_traced_msg_len: 10\nsystem_account: SYS")
	if err := b.Reload(); err == nil {
		t.Fatal("the configuration was taken")
	}
	if !connects(b, "old") || connects(b, "new") {
		t.Errorf("after a reload that failed: old %v, new %v", connects(b, "old"), connects(b, "new"))
	}
	write("authorization { user: new, password: secret }")
	if err := b.Reload(); err != nil {
		t.Fatal(err)
	}
	if connects(b, "old") || !connects(b, "new") {
		t.Errorf("after a reload: old %v, new %v", connects(b, "old"), connects(b, "new"))
	}
}

func TestPasswordHash(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("p"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		want, given string
		ok          bool
	}{
		{"p", "p", true}, {"p", "", false}, {"p", "pp", false},
		{string(hash), "p", true}, {string(hash), "q", false}, {string(hash), string(hash), false},
	} {
		t.Run(subtest.Name(tc.given), func(t *testing.T) {
			if matches(tc.want, tc.given) != tc.ok {
				t.Errorf("%q for %q", tc.given, tc.want)
			}
		})
	}
}

// Newcomers for whom there is no room hear that, and not that their credentials were
// denied: a node says so and tries again until there is.
func TestNoRoomIsSaid(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "nats.conf")
	if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{Config: file})
	if err != nil {
		t.Fatal(err)
	}
	var room atomic.Bool
	b.access.enter = func(uint64, bool) bool { return room.Load() }
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	for range 2 {
		said, err := io.ReadAll(connectStranger(t, b, hello))
		if err != nil || !strings.Contains(string(said), "-ERR 'maximum account active connections exceeded'") || strings.Contains(string(said), "Violation") {
			t.Errorf("the broker says %q, %v", said, err)
		}
		if err := b.Reload(); err != nil { // makes its accounts anew
			t.Fatal(err)
		}
	}
	log := make(lines, 100)
	connected := make(chan error, 1)
	go func() {
		c, err := nats.Connect(t.Context(), nats.Options{Servers: []string{b.Addr()}, Identity: "node1", ReconnectMin: time.Millisecond,
			Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err == nil {
			defer c.Close()
			err = c.Flush(t.Context())
		}
		connected <- err
	}()
	if line := waittest.Receive(t, "a line of the node's log", log); !strings.Contains(line, "no room for another connection now") || strings.Contains(line, "credentials") {
		t.Errorf("the node logs %q", line)
	}
	room.Store(true)
	if err := waittest.Receive(t, "the node to connect", connected); err != nil {
		t.Error(err)
	}
}

// lines are what is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}
