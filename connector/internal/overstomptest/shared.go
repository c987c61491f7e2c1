package overstomptest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mcollective/connector"
	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// Shared runs the tests that need nothing of one broker.
func (s Subject) Shared(t *testing.T) {
	t.Run("names", s.names)
	t.Run("two identities", s.twoIdentities)
	t.Run("cut off", s.cutOff)
	t.Run("refused and allowed", s.refused)
}

// directed returns a node of the collective mcollective.
func directed(identity string) connector.Target {
	return connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: identity}
}

func (s Subject) names(t *testing.T) {
	for _, identity := range []string{"", "a'b", "a b", "..", "a..b", "a\n"} {
		_, err := s.Connect(t.Context(), Options{Identity: identity, Stomp: stomp.Options{Servers: []stomp.Server{{Host: "x"}}}})
		if err == nil || !strings.Contains(err.Error(), ": identity") {
			t.Errorf("identity %q: %v", identity, err)
		}
	}
	s.In(t, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		to := connector.Target{Kind: connector.Broadcast, Collective: "a/b", Agent: "discovery"}
		if err := c.Publish(t.Context(), to, connector.Message{}); err == nil || !strings.Contains(err.Error(), `"a/b"`) {
			t.Errorf("a collective that is no name: %v", err)
		}
		to.Collective = "mcollective"
		for _, name := range []string{"destination", "expires", "a b", ""} {
			if err := c.Publish(t.Context(), to, connector.Message{Headers: map[string]string{name: "x"}}); err == nil {
				t.Errorf("header %q was taken", name)
			}
		}
	})
}

// twoIdentities has one connection listen for two nodes.
func (s Subject) twoIdentities(t *testing.T) {
	s.In(t, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		got := make(chan string, 10)
		for _, identity := range []string{"me.example.net", "other.example.net"} {
			to := directed(identity)
			if _, err := c.Subscribe(t.Context(), to, func(d connector.Delivery) { got <- d.Target.Identity }); err != nil {
				t.Fatal(err)
			}
			if err := c.Publish(t.Context(), to, connector.Message{}); err != nil {
				t.Fatal(err)
			}
			if at := <-got; at != identity {
				t.Errorf("what was for %s came to %s", identity, at)
			}
		}
	})
}

// cutOff has a broker that cuts the connection in the middle of a message of a
// size that our own limit allows.
func (s Subject) cutOff(t *testing.T) {
	for _, silent := range []bool{false, true} {
		s.Broker.MaxFrame, s.Broker.HangUp = 4<<20, silent
		s.In(t, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
			me := directed("me.example.net")
			got := make(chan int, 10)
			if _, err := c.Subscribe(t.Context(), me, func(d connector.Delivery) { got <- len(d.Data) }); err != nil {
				t.Fatal(err)
			}
			request := connector.Message{Data: bytes.Repeat([]byte("x"), 7<<20)}
			for range 5 {
				err := c.Publish(t.Context(), me, request)
				if !errors.Is(err, connector.ErrTooLarge) {
					t.Fatalf("the sender hears %v", err)
				}
				for _, part := range []string{fmt.Sprint(7 << 20), "broker broker:61613", fmt.Sprint(8 << 20)} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error does not say %s: %v", part, err)
					}
				}
			}
			if n := b.Cuts(); n != 2 {
				t.Errorf("a message over the limit went to the broker %d times", n)
			}
			for _, size := range []int{3 << 20, 0} {
				if err := c.Publish(t.Context(), me, connector.Message{Data: request.Data[:size]}); err != nil {
					t.Error(err)
				}
				if n := <-got; n != size {
					t.Errorf("received %d bytes, want %d", n, size)
				}
			}
		})
	}
}

// refused has a node ask again and again for a collective that it may not listen
// in, as nodes do, until it may.
func (s Subject) refused(t *testing.T) {
	s.In(t, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		got := make(chan string, 10)
		listen := func(collective, agent string) (connector.Subscription, error) {
			return c.Subscribe(t.Context(), connector.Target{Kind: connector.Broadcast, Collective: collective, Agent: agent}, func(d connector.Delivery) { got <- string(d.Data) })
		}
		good, err := listen("mcollective", "discovery")
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			for _, agent := range []string{"discovery", "rpcutil"} {
				_, err := listen(denied, agent)
				if !errors.Is(err, connector.ErrRefused) {
					t.Fatalf("error %v", err)
				}
				for _, part := range []string{agent, denied, "User mcollective is not authorized", "broker:61613"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error does not say %s: %v", part, err)
					}
				}
			}
			time.Sleep(30 * time.Second)
		}
		if st := c.Status(); !st.Connected || st.Reconnects > 1 || good.Err() != nil {
			t.Errorf("status %+v, the good one says %v", st, good.Err())
		}
		b.Allow()
		time.Sleep(2 * time.Minute) // each of two refused ones has its turn in that time
		for _, agent := range []string{"rpcutil", "discovery"} {
			if _, err := listen(denied, agent); err != nil {
				t.Errorf("after it was allowed: %v", err)
			}
		}
		for _, collective := range []string{"mcollective", denied} {
			if err := c.Publish(t.Context(), connector.Target{Kind: connector.Broadcast, Collective: collective, Agent: "discovery"}, connector.Message{Data: []byte(collective)}); err != nil {
				t.Error(err)
			}
			if text := <-got; text != collective {
				t.Errorf("received %q, want %q", text, collective)
			}
		}
	})
}
