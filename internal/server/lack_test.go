package server_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/connector"
	"mcollective/internal/server"
)

// said counts the records of a log whose attribute error contains a text.
func (j *journal) said(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, r := range j.records {
		line := r.Level.String() + " " + r.Message
		for a := range r.Attrs {
			line += " " + a.String()
		}
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func inFrance(t connector.Target) bool { return t.Collective == "france" }

// A collective that the broker refuses is missing, said once, and asked for until it
// is there; the other one does not notice.
func TestRefusedCollectiveIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, withEcho)
		w.hub.Refuse(inFrance)
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = cancel
		go func() { w.ended <- w.srv.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		select {
		case <-w.srv.Ready():
			t.Error("ready, and not to be reached in one collective")
		default:
		}
		w.alive()
		w.send(directed, ask("echo", "here"))
		if b := w.one(); b != "here" {
			t.Errorf("the node says %v", b)
		}
		lack := w.srv.Lack()
		if lack == nil || !slices.Equal(lack.Collectives(), []string{"france"}) {
			t.Fatalf("missing is %v, want france", lack)
		}
		for _, part := range []string{"collective france", "requests to this node by name", "agent discovery", connector.ErrRefused.Error()} {
			if !strings.Contains(lack.Error(), part) {
				t.Errorf("%q is not in %q", part, lack)
			}
		}
		if n := w.log.said("ERROR not every subscription stands"); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
		w.hub.Refuse(nil)
		select {
		case <-w.srv.Ready():
		case <-time.After(10 * time.Minute):
			t.Fatal("not ready ten minutes after it was allowed")
		}
		if lack := w.srv.Lack(); lack != nil {
			t.Errorf("still missing: %v", lack)
		}
		france := ask("echo", "ici")
		france.Collective = "france"
		w.send(connector.Target{Kind: connector.Broadcast, Collective: "france", Agent: "echo"}, france)
		if b := w.one(); b != "ici" {
			t.Errorf("the node says %v", b)
		}
		w.finish()
	})
}

// A subscription that the broker takes away later is missed soon and comes back.
func TestSubscriptionTakenAway(t *testing.T) {
	in(t, withEcho, func(w *world) {
		w.hub.Stop()
		w.hub.Refuse(func(t connector.Target) bool { return t.Agent == "echo" })
		w.hub.Start()
		time.Sleep(time.Minute)
		if lack := w.srv.Lack(); lack == nil || !strings.Contains(lack.Error(), "agent echo") || strings.Contains(lack.Error(), "discovery") {
			w.Errorf("missing is %v, want the agent echo", lack)
		}
		w.alive()
		if n := w.log.said("ERROR not every subscription stands"); n != 1 {
			w.Errorf("said %d times, want once", n)
		}
		w.hub.Refuse(nil)
		time.Sleep(10 * time.Minute)
		w.send(broadcast("echo"), ask("echo", "again"))
		if b := w.one(); b != "again" {
			w.Errorf("the node says %v", b)
		}
		if w.srv.Lack() != nil || w.log.said("INFO every subscription stands") != 1 {
			w.Errorf("the end is not said; missing: %v", w.srv.Lack())
		}
	})
}

// touchy is a broker that answers for all of a kind and hangs up for it, as RabbitMQ
// does for an exchange that is not there.
type touchy struct {
	connector.Connector
	mu    sync.Mutex
	asked []string
}

// took returns what was asked for since it was last called.
func (c *touchy) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.asked
	c.asked = nil
	return asked
}

func (c *touchy) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	if inFrance(from) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked = append(c.asked, from.Kind.String())
		return nil, fmt.Errorf("exchange france_%s: %w", from.Kind, connector.ErrRefused)
	}
	return c.Connector.Subscribe(ctx, from, receive)
}

func TestRefusalIsNotProvokedForEachAgent(t *testing.T) {
	var conn *touchy
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) {
			conn = &touchy{Connector: o.Connector}
			o.Connector = conn
			for i := range 20 {
				o.Handlers[fmt.Sprint("agent", i)] = echo
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = cancel
		go func() { w.ended <- w.srv.Run(ctx) }()
		synctest.Wait()
		w.alive()
		if want, asked := []string{"directed", "broadcast"}, conn.took(); !slices.Equal(asked, want) {
			t.Errorf("asked for %v, want %v", asked, want)
		}
		if lack := w.srv.Lack(); lack == nil || !strings.Contains(lack.Error(), "and 19 more") {
			t.Errorf("missing is %v", lack)
		}
		time.Sleep(time.Hour)
		if n := len(conn.took()); n > 2*25 {
			t.Errorf("asked %d times within an hour", n)
		}
		w.finish()
	})
}

// unconfirmed is a broker that confirms nothing while it is told to.
type unconfirmed struct {
	connector.Connector
	silent atomic.Bool
}

func (c *unconfirmed) Flush(ctx context.Context) error {
	if c.silent.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.Connector.Flush(ctx)
}

// What was missing counts as missing until the broker has confirmed that it is there.
func TestUnconfirmedIsStillMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conn *unconfirmed
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) {
			conn = &unconfirmed{Connector: o.Connector}
			o.Connector = conn
		})
		w.hub.Refuse(inFrance)
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = cancel
		go func() { w.ended <- w.srv.Run(ctx) }()
		time.Sleep(time.Minute)
		conn.silent.Store(true)
		w.hub.Refuse(nil)
		time.Sleep(time.Hour)
		if lack := w.srv.Lack(); lack == nil || !slices.Equal(lack.Collectives(), []string{"france"}) {
			t.Errorf("missing is %v while nothing is confirmed", lack)
		}
		conn.silent.Store(false)
		time.Sleep(time.Hour)
		if lack := w.srv.Lack(); lack != nil {
			t.Errorf("missing is %v", lack)
		}
		<-w.srv.Ready()
		w.finish()
	})
}
