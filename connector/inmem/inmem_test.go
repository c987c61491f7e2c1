package inmem_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/connector/connectortest"
	"mcollective/connector/inmem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		hub := inmem.NewHub(inmem.Options{MaxPayload: 1 << 20})
		forbidden := connector.Target{Kind: connector.Broadcast, Collective: "forbidden", Agent: "package"}
		hub.Refuse(func(t connector.Target) bool { return t == forbidden })
		return connectortest.Harness{
			Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
				c, err := hub.Connect(ctx, identity)
				if err != nil {
					return nil, err
				}
				return c, nil
			},
			Refused:    forbidden,
			Stop:       func(*testing.T) { hub.Stop() },
			Start:      func(*testing.T) { hub.Start() },
			MaxPayload: 1 << 20,
		}
	})
}

func TestSlowReceiverDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := inmem.NewHub(inmem.Options{Queue: 3})
		c, err := hub.Connect(t.Context(), "node")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		release := make(chan struct{})
		got := 0
		to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
		if _, err := c.Subscribe(t.Context(), to, func(connector.Delivery) { <-release; got++ }); err != nil {
			t.Fatal(err)
		}
		send := func() {
			if err := c.Publish(t.Context(), to, connector.Message{}); err != nil {
				t.Fatal(err)
			}
		}
		send()
		synctest.Wait() // the receiver holds the first one
		for range 5 {
			send()
		}
		if d := c.Status().Dropped; d != 2 {
			t.Errorf("dropped %d, want 2", d)
		}
		close(release)
		synctest.Wait()
		if got != 4 {
			t.Errorf("received %d, want 4", got)
		}
	})
}

func TestStoppedHubHoldsPublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := inmem.NewHub(inmem.Options{})
		c, err := hub.Connect(t.Context(), "node")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got := 0
		to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
		if _, err := c.Subscribe(t.Context(), to, func(connector.Delivery) { got++ }); err != nil {
			t.Fatal(err)
		}
		hub.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Publish(ctx, to, connector.Message{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("publish without a hub: %v, want the deadline", err)
		}
		done := make(chan error)
		go func() { done <- c.Publish(t.Context(), to, connector.Message{}) }()
		synctest.Wait()
		hub.Start()
		if err := <-done; err != nil {
			t.Errorf("publish across a restart: %v", err)
		}
		synctest.Wait()
		if got != 1 {
			t.Errorf("received %d, want 1", got)
		}
	})
}
