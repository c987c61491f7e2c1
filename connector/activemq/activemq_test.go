package activemq

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/connector/connectortest"
	"mcollective/connector/internal/overstomp"
	"mcollective/connector/internal/overstomptest"
	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subject is the connector with options of its own.
func subject(o Options) overstomptest.Subject {
	return overstomptest.Subject{
		Broker: stomptest.Options{Flavor: stomptest.ActiveMQ},
		Connect: func(ctx context.Context, common overstomptest.Options) (connector.Connector, error) {
			o := o
			o.Identity, o.MaxMessage = common.Identity, common.MaxMessage
			o.Stomp.Servers, o.Stomp.Dial = common.Stomp.Servers, common.Stomp.Dial
			return Connect(ctx, o)
		},
	}
}

func TestConformance(t *testing.T) {
	t.Run("1.1", func(t *testing.T) { subject(Options{}).Conformance(t, nil) })
	t.Run("1.0 base64", func(t *testing.T) {
		if testing.Short() {
			t.Skip("one variant is enough for -short")
		}
		o := Options{Base64: true, Stomp: stomp.Options{Versions: []stomp.Version{stomp.V10}, Heartbeat: -1}}
		// Base64 grows on the wire.
		subject(o).Conformance(t, func(h *connectortest.Harness) { h.MaxPayload = 0 })
	})
}

func TestShared(t *testing.T) { subject(Options{}).Shared(t) }

// TestRealBroker runs the suite against the ActiveMQ that MCO_TEST_ACTIVEMQ
// names as host:port, with the user mcollective and the password marionette.
func TestRealBroker(t *testing.T) {
	addr := os.Getenv("MCO_TEST_ACTIVEMQ")
	if addr == "" {
		t.Skip("MCO_TEST_ACTIVEMQ names no broker")
	}
	connectortest.Run(t, func(t *testing.T) connectortest.Harness { return subject(Options{}).Harness(t, addr) })
}

// TestRecordedFrames publishes what Ruby published and compares the frames to
// the byte.
func TestRecordedFrames(t *testing.T) {
	tests := []struct {
		file     string
		identity string
		to       connector.Target
		m        connector.Message
	}{
		{"ping.request.frame", "interop-client", connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}, connector.Message{TTL: time.Minute}},
		{"subcollective.request.frame", "interop-client", connector.Target{Kind: connector.Broadcast, Collective: "eu_collective", Agent: "discovery"}, connector.Message{TTL: time.Minute}},
		{"get_fact.request.frame", "interop-client", connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "golden-node"}, connector.Message{TTL: time.Minute}},
		{"ttl.request.frame", "interop-client", connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "golden-node"}, connector.Message{TTL: 7 * time.Second}},
		{"get_fact.reply.frame", "golden-node", connector.Target{Kind: connector.Reply}, connector.Message{TTL: time.Minute}},
		{"ttl.reply.frame", "golden-node", connector.Target{Kind: connector.Reply}, connector.Message{TTL: time.Minute}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			want, err := os.ReadFile("testdata/" + test.file)
			if err != nil {
				t.Fatal(err)
			}
			var f stomp.Frame
			if err := stomp.NewReader(bytes.NewReader(want), stomp.V10, stomp.Limits{}).Read(&f); err != nil {
				t.Fatal(err)
			}
			stamp, err := strconv.ParseInt(f.Header.Get("timestamp"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.UnixMilli(stamp + 500)))
				b := stomptest.New(stomptest.Options{})
				defer b.Stop()
				c, err := Connect(t.Context(), Options{Identity: test.identity, Stomp: stomp.Options{
					Servers: []stomp.Server{{Host: "broker"}}, Dial: b.Dial, Versions: []stomp.Version{stomp.V10}}})
				if err != nil {
					t.Fatal(err)
				}
				test.m.Data, test.m.ReplyTo = f.Body, f.Header.Get("reply-to")
				if test.to.Kind == connector.Reply {
					test.to.Address = f.Header.Get("destination")
				}
				if err := c.Publish(t.Context(), test.to, test.m); err != nil {
					t.Fatal(err)
				}
				c.Close()
				for _, sent := range b.Frames() {
					if sent.Command != stomp.Send {
						continue
					}
					got, err := stomp.AppendFrame(nil, stomp.V10, &sent)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, bytes.TrimRight(want, "\n")) {
						t.Errorf("%s: sent\n%q, Ruby sent\n%q", test.file, got, want)
					}
					return
				}
				t.Errorf("%s: nothing was sent", test.file)
			})
		})
	}
}

// in runs a test with a connector to a broker without a network.
func in(t *testing.T, o Options, run func(t *testing.T, c connector.Connector, b *stomptest.Broker)) {
	t.Helper()
	subject(o).In(t, run)
}

func TestReplyDestinations(t *testing.T) {
	in(t, Options{Collectives: []string{"mcollective", "eu.west"}}, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		for _, address := range []string{"/queue/mcollective.reply.host.example.net_123.1", "/queue/eu.west.reply.h_1_0a.7"} {
			if err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{}); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		}
		for _, address := range []string{
			"/queue/custom.replies", "/topic/mcollective.reply.x", "/queue/other.reply.x", "/queue/mcollective.nodes", "/queue/mcollective.reply.",
			"/queue/mcollective.reply.>", "/queue/mcollective.reply.a,topic://mcollective.discovery.agent", "/queue/mcollective.reply.a?x=y",
			"/queue/mcollective.reply.a b", "/queue/mcollective.reply.a\nb", "/queue/mcollective.reply." + strings.Repeat("a", 500), "/temp-queue/x",
		} {
			err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{})
			if !errors.Is(err, overstomp.ErrReply) {
				t.Errorf("%.80s: %v, want a refusal", address, err)
			}
		}
	})
	in(t, Options{AllowAnyReply: true}, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		if err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: "/queue/custom.replies"}, connector.Message{}); err != nil {
			t.Error(err)
		}
	})
	in(t, Options{}, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		for address, ok := range map[string]bool{"/queue/any.reply.x": true, "/queue/a,b.reply.x": false, "/queue/.reply.x": false, "/queue/x": false} {
			err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{})
			if (err == nil) != ok {
				t.Errorf("%s: %v", address, err)
			}
		}
	})
}

func TestSubscriptions(t *testing.T) {
	in(t, Options{}, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		var addresses []string
		for _, from := range []connector.Target{
			{Kind: connector.Directed, Collective: "mcollective", Identity: "me.example.net"},
			{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"},
			{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
			{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		} {
			sub, err := c.Subscribe(t.Context(), from, func(connector.Delivery) {})
			if err != nil {
				t.Fatal(err)
			}
			addresses = append(addresses, sub.Address())
		}
		want := [][3]string{
			{"/queue/mcollective.nodes", "mcollective_directed_to_identity", "mc_identity = 'me.example.net'"},
			{"/topic/mcollective.discovery.agent", "/topic/mcollective.discovery.agent", ""},
			{addresses[2], addresses[2], ""},
			{addresses[3], addresses[3], ""},
		}
		for i, h := range overstomptest.Sent(b, stomp.Subscribe) {
			if got := [3]string{h.Get("destination"), h.Get("id"), h.Get("selector")}; got != want[i] {
				t.Errorf("subscribed %q, want %q", got, want[i])
			}
			if _, ok := h.Lookup("ack"); ok {
				t.Error("there is an ack header")
			}
		}
		prefix := "/queue/mcollective.reply.me.example.net_" + strconv.Itoa(os.Getpid()) + "_"
		if a := addresses[2]; !strings.HasPrefix(a, prefix) || len(a) != len(prefix)+34 || !strings.HasSuffix(a, ".1") || !strings.HasSuffix(addresses[3], ".2") {
			t.Errorf("reply addresses %q", addresses)
		}
	})
}

func TestOptionsOnTheWire(t *testing.T) {
	to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "rpcutil"}
	in(t, Options{Priority: 7, Base64: true, AgentsMultiplex: true}, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		got := make(chan connector.Delivery, 10)
		for _, agent := range []string{"discovery", "rpcutil"} {
			from := to
			from.Agent = agent
			if _, err := c.Subscribe(t.Context(), from, func(d connector.Delivery) { d.Data = bytes.Clone(d.Data); got <- d }); err != nil {
				t.Fatal(err)
			}
		}
		data := bytes.Repeat([]byte("0123456789"), 6)
		if err := c.Publish(t.Context(), to, connector.Message{Data: data}); err != nil {
			t.Fatal(err)
		}
		if d := <-got; !bytes.Equal(d.Data, data) || d.Target != (connector.Target{Kind: connector.Broadcast, Collective: "mcollective"}) {
			t.Errorf("delivered %q for %+v", d.Data, d.Target)
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Error("a multiplexed message was delivered twice")
		}
		h := overstomptest.Sent(b, stomp.Send)[0]
		if h.Get("destination") != "/topic/mcollective.agents" || h[0] != (stomp.Field{Name: "priority", Value: "7"}) {
			t.Errorf("sent with %v", h)
		}
		if _, ok := h.Lookup("expires"); ok {
			t.Error("a message without TTL expires")
		}
		for _, f := range b.Frames() {
			want := "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\nNTY3ODkwMTIzNDU2Nzg5\n"
			if f.Command == stomp.Send && string(f.Body) != want {
				t.Errorf("body %q", f.Body)
			}
		}
		if n := len(overstomptest.Sent(b, stomp.Subscribe)); n != 1 {
			t.Errorf("%d subscriptions for one topic", n)
		}
		if h := overstomptest.Sent(b, stomp.Connect)[0].Get("host"); h != "mcollective" {
			t.Errorf("vhost %q", h)
		}
	})
}

func TestUnknownCollective(t *testing.T) {
	in(t, Options{Collectives: []string{"mcollective"}}, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		to := connector.Target{Kind: connector.Broadcast, Collective: "unknown", Agent: "discovery"}
		if err := c.Publish(t.Context(), to, connector.Message{}); err == nil || !strings.Contains(err.Error(), `"unknown"`) {
			t.Errorf("unknown collective: %v", err)
		}
	})
}
