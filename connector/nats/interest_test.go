package nats

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/broker"
	"mcollective/connector"
	"mcollective/connector/nats/interest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

// Who waits for answers hears that nobody listens, and to what.
func TestWatch(t *testing.T) {
	r := startBroker(t, broker.Options{})
	c := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "client"})
	node := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "web1.example.net"})
	here := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "web1.example.net"}
	nodeSub, err := node.Subscribe(t.Context(), here, func(connector.Delivery) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	sub, err := c.Subscribe(t.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		func(d connector.Delivery) { t.Errorf("received %q", d.Data) })
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan connector.Target, 10)
	if !sub.(*subscription).Watch(func(to connector.Target) { told <- to }) {
		t.Fatal("this broker cannot tell")
	}
	gone := []connector.Target{
		{Kind: connector.Directed, Collective: "mcollective", Identity: "web2.example.net"},
		{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"},
	}
	for _, to := range append([]connector.Target{here}, gone...) {
		if err := c.Publish(bounded(t), to, connector.Message{Data: []byte("anybody?"), ReplyTo: sub.Address()}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range gone {
		if diff := cmp.Diff(want, waittest.Receive(t, "word that nobody listens", told)); diff != "" {
			t.Error(diff)
		}
	}
	if err := nodeSub.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOldServersDoNotSayWhoIsMissing(t *testing.T) {
	for version, want := range map[string]bool{"2.11.9": false, "2.12.0": true, "2.15.2": true, "3.0.1": true, "1.99": false, "": false, "x.y": false, "2.9.0-RC.1": false} {
		t.Run(subtest.Name(version), func(t *testing.T) {
			if names503(version) != want {
				t.Errorf("%s: %v", version, !want)
			}
		})
	}
}

// What a broker says over a connection that Status does not count yet would pass
// for an old one's word.
func TestInterestOfANewConnection(t *testing.T) {
	r := startBroker(t, broker.Options{})
	c := connect(t, quick(Options{Servers: []string{r.opts.Listen}, Identity: "client"}))
	to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
	if _, err := c.Interest(bounded(t), to); err != nil {
		t.Fatal(err)
	}
	r.Stop(t)
	r.Start(t)
	waittest.Until(t, "word of the new broker", func() bool {
		_, err := c.Interest(bounded(t), to)
		if n := c.Status().Reconnects; err == nil && n == 0 {
			t.Error("the word of a new broker, and no reconnect is counted")
		}
		return err == nil
	})
	c.made.Store(c.made.Load() + 1)
	if names, err := c.Interest(bounded(t), to); err == nil {
		t.Errorf("heard %v while a reconnect is not counted", names)
	}
}

// A question that is under way when the connection is lost has no answer, whatever
// the asker's patience: the broker that comes back was not asked.
func TestInterestEndsWithTheConnection(t *testing.T) {
	asked := make(chan net.Conn)
	server := scripted(t, func(conn net.Conn, in *bufio.Reader) {
		for line, err := in.ReadString('\n'); err == nil; line, err = in.ReadString('\n') {
			if strings.HasPrefix(line, "PUB "+interest.Subject) {
				asked <- conn
				return
			}
		}
	})
	c := connect(t, quick(Options{Servers: []string{server}, Identity: "client"}))
	to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
	answer := make(chan error, 1)
	go func() {
		_, err := c.Interest(t.Context(), to) // no deadline of ours
		answer <- err
	}()
	waittest.Receive(t, "question", asked).Close()
	if err := waittest.Receive(t, "end of the question", answer); !errors.Is(err, errNewConnection) {
		t.Errorf("got %v, want %v", err, errNewConnection)
	}
}

func TestInterestHasAnEndOfItsOwn(t *testing.T) {
	server := scripted(t, alive)
	c := connect(t, quick(Options{Servers: []string{server}, Identity: "client"}))
	c.interestPatience = time.Millisecond
	to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
	var err error
	waittest.Return(t, "a question without an answer to end", func() { _, err = c.Interest(t.Context(), to) })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not tell") {
		t.Errorf("a silent broker: %v", err)
	}
}
