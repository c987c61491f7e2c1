package broker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gonats "github.com/nats-io/nats.go"

	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/connector/nats/interest"
	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

// listen connects a node, or somebody like it, that listens to a subject.
func listen(t *testing.T, b *Broker, name, subject string) *gonats.Conn {
	t.Helper()
	nc, err := gonats.Connect(b.ClientURL(), gonats.Name(name), gonats.UserInfo(b.opts.Username, b.opts.Password), gonats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if _, err := nc.SubscribeSync(subject); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return nc
}

func ask(t *testing.T, b *Broker, agent string) ([]string, error) {
	t.Helper()
	c, err := nats.Connect(waittest.Within(t, waittest.Patience), nats.Options{Servers: []string{b.Addr()}, Identity: "client", User: b.opts.Username, Password: b.opts.Password})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	names, err := c.Interest(ctx, connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: agent})
	if ctx.Err() != nil {
		t.Errorf("no answer: %v", ctx.Err())
	}
	slices.Sort(names)
	return names, err
}

func TestInterestNamesWhoListens(t *testing.T) {
	for _, user := range []string{"", "somebody"} {
		b := start(t, Options{Listen: "127.0.0.1:0", User: user, Password: user})
		if names, err := ask(t, b, "discovery"); err != nil || len(names) != 0 {
			t.Fatalf("an empty collective: %v, %v", names, err)
		}
		subject := "mcollective.broadcast.agent.discovery"
		listen(t, b, "web1.example.net", subject)
		gone := listen(t, b, "web2.example.net", subject)
		listen(t, b, "twin", subject)
		listen(t, b, "twin", subject)
		listen(t, b, "other", "mcollective.broadcast.agent.rpcutil")
		listen(t, b, "elsewhere", "uk.broadcast.agent.discovery")
		listen(t, b, "someone who looks on", "mcollective.>")
		names, err := ask(t, b, "discovery")
		if diff := cmp.Diff([]string{"twin", "twin", "web1.example.net", "web2.example.net"}, names); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		gone.Close()
		waittest.Until(t, "the broker to know who is gone", func() bool { // it learns that in its own time
			names, err = ask(t, b, "discovery")
			return len(names) == 3 || err != nil
		})
		if err != nil {
			t.Error(err)
		}
		listen(t, b, "no name of a node", subject)
		if names, err := ask(t, b, "discovery"); err == nil {
			t.Errorf("somebody without a name is overlooked: %v", names)
		}
	}
}

func TestInterestOfManyComesInParts(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0", MaxPayload: 2048})
	nc, err := gonats.Connect(b.ClientURL(), gonats.Name(strings.Repeat("n", 200)), gonats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const n = 50
	for range n {
		if _, err := nc.SubscribeSync("mcollective.broadcast.agent.discovery"); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if names, err := ask(t, b, "discovery"); err != nil || len(names) != n {
		t.Errorf("%d names, %v", len(names), err)
	}
	if parts := b.interest.look("mcollective.broadcast.agent.discovery"); len(parts) < 10 {
		t.Errorf("%d parts", len(parts))
	}
}

func TestInterestTellsOnlyOfBroadcasts(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	for _, subject := range []string{"", ">", "_INBOX.x", "mcollective.node.web1", "mcollective.broadcast.agent.*", "*.broadcast.agent.x",
		"mcollective.broadcast.agent.a.b", "a b.broadcast.agent.x", strings.Repeat("a", 9000) + ".broadcast.agent.x"} {
		if b.interest.refuse(subject) == "" {
			t.Errorf("%.50q is answered", subject)
		}
	}
}

// A broker that does not see everybody has no such service, and says so at once.
func TestInterestIsLeftToWhoSeesAll(t *testing.T) {
	for name, text := range map[string]string{
		"cluster":  "cluster { name: c, listen: \"127.0.0.1:-1\" }",
		"leaf":     "leafnodes { listen: \"127.0.0.1:-1\" }",
		"accounts": "accounts { A { users: [ { user: u, password: p } ] } }\nno_auth_user: u",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dirtest.New(t), "nats.conf")
			if err := os.WriteFile(file, fmt.Appendf(nil, "listen: \"127.0.0.1:-1\"\n%s\n", text), 0o600); err != nil {
				t.Fatal(err)
			}
			b := start(t, Options{Config: file})
			began := time.Now()
			if names, err := ask(t, b, "discovery"); err == nil {
				t.Errorf("%s: tells of %v", name, names)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("%s: took %v to say no", name, took)
			}
		})
	}
}

// Many questions cost few looks, and no more of them wait than may.
func TestInterestUnderLoad(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	nc := listen(t, b, "asker", "unrelated")
	answers := make(chan string, 2*maxAsking)
	if _, err := nc.Subscribe("_MCO_REPLY.*", func(m *gonats.Msg) { answers <- m.Subject }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	looking, look := make(chan string), make(chan bool)
	i := &interestService{conn: b.interest.conn, server: b.server, log: b.interest.log, asking: make(map[string]replies), wake: make(chan struct{}, 1), done: make(chan struct{})}
	i.see = func(subject string) []interest.Answer {
		looking <- subject
		<-look
		return []interest.Answer{{Subject: subject, Names: []string{"web1"}}}
	}
	i.ended.Go(i.serve)
	defer func() { close(i.done); i.ended.Wait() }()
	ask := func(agent string, n int) {
		i.ask(&gonats.Msg{Reply: fmt.Sprintf("_MCO_REPLY.%sX%016d", strings.ToUpper(agent), n), Data: []byte("mcollective.broadcast.agent." + agent)})
	}
	ask("first", 0)
	if subject := waittest.Receive(t, "the first look", looking); subject != "mcollective.broadcast.agent.first" {
		t.Fatalf("looks for %s", subject)
	}
	// Asked while the broker looks: that look may have begun too early for them.
	const same = 1000
	for n := range same {
		ask("first", n+1)
		ask("first", n+1) // again, for the same address
	}
	for n := range 2 * maxSubjects {
		ask(fmt.Sprintf("other%d", n), 0)
	}
	for n := range 2 * maxAsking {
		ask("other0", n+1)
	}
	if len(i.queue) != maxSubjects || i.waiting != maxAsking {
		t.Errorf("%d subjects and %d questions wait", len(i.queue), i.waiting)
	}
	look <- true
	looks := 1
	for looks <= maxSubjects {
		waittest.Receive(t, "the next look", looking)
		looks++
		look <- true
	}
	for n := range maxAsking + 1 {
		select {
		case <-answers:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d answers of %d", n, maxAsking+1)
		}
	}
	if subject, _ := i.next(); subject != "" {
		t.Errorf("after %d looks somebody waits for %s", looks, subject)
	}
}
