package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/connector/connectortest"
	"mcollective/connector/internal/overstomp"
	"mcollective/connector/internal/overstomptest"
	"mcollective/internal/waittest"
	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subject is the connector with options of its own.
func subject(o Options) overstomptest.Subject {
	return overstomptest.Subject{
		Broker: stomptest.Options{Flavor: stomptest.RabbitMQ, Exchanges: exchanges},
		Connect: func(ctx context.Context, common overstomptest.Options) (connector.Connector, error) {
			o := o
			o.Identity, o.MaxMessage = common.Identity, common.MaxMessage
			o.Stomp.Servers, o.Stomp.Dial = common.Stomp.Servers, common.Stomp.Dial
			return Connect(ctx, o)
		},
	}
}

var variants = map[string]Options{
	"temporary queues":   {},
	"reply exchange 1.0": {UseReplyExchange: true, Stomp: stomp.Options{Versions: []stomp.Version{stomp.V10}, Heartbeat: -1}},
}

var exchanges = []string{"denied_broadcast", "mcollective_broadcast", "mcollective_directed", "eu_collective_broadcast", "eu_collective_directed", "mcollective_reply"}

func TestConformance(t *testing.T) {
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "temporary queues" {
				t.Skip("one variant is enough for -short")
			}
			subject(o).Conformance(t, nil)
		})
	}
}

func TestShared(t *testing.T) { subject(Options{}).Shared(t) }

// TestRealBroker runs the suite against the RabbitMQ that MCO_TEST_RABBITMQ
// names as host:port, with the user mcollective, the password marionette, the
// vhost /mcollective and the exchanges of mcollective and eu_collective in it.
func TestRealBroker(t *testing.T) {
	addr := os.Getenv("MCO_TEST_RABBITMQ")
	if addr == "" {
		t.Skip("MCO_TEST_RABBITMQ names no broker")
	}
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			o.Stomp.VHost = "/mcollective"
			connectortest.Run(t, func(t *testing.T) connectortest.Harness { return subject(o).Harness(t, addr) })
		})
	}
}

// in runs a test with a connector to a broker without a network.
func in(t *testing.T, o Options, run func(t *testing.T, c connector.Connector, b *stomptest.Broker)) {
	t.Helper()
	subject(o).In(t, run)
}

// TestRecordedFrames publishes what Ruby published and compares the frames to
// the byte.
func TestRecordedFrames(t *testing.T) {
	tests := []struct {
		file     string
		identity string
		to       connector.Target
	}{
		{"ping.request.frame", "interop-client", connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}},
		{"get_fact.request.frame", "interop-client", connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "golden-node"}},
		{"ping.reply.frame", "golden-node", connector.Target{Kind: connector.Reply}},
		{"get_fact.reply.frame", "golden-node", connector.Target{Kind: connector.Reply}},
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
			d := &dialect{Options{Identity: test.identity}, overstomp.NewAddresses(test.identity)}
			if test.to.Kind == connector.Reply {
				test.to.Address = f.Header.Get("destination")
			}
			destination, h, err := d.Send(test.to, connector.Message{TTL: time.Minute, ReplyTo: f.Header.Get("reply-to")})
			if err != nil {
				t.Fatal(err)
			}
			h = h.Add("destination", destination).Add("content-length", "").Add("content-type", "text/plain; charset=UTF-8")
			got, err := stomp.AppendFrame(nil, stomp.V10, &stomp.Frame{Command: stomp.Send, Header: h, Body: f.Body})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, bytes.TrimRight(want, "\n")) {
				t.Errorf("%s: we send\n%q, Ruby sent\n%q", test.file, got, want)
			}
		})
	}
}

func TestReplyDestinations(t *testing.T) {
	in(t, Options{}, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		for _, address := range []string{"/reply-queue/amq.gen-yO-M3xtY2D9kIUIo8Ns3Kw", "/exchange/mcollective_reply/host.example.net_123_1"} {
			if err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{}); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		}
		for _, address := range []string{
			"/queue/custom", "/reply-queue/orders", "/exchange/mcollective_broadcast/discovery", "/exchange/mcollective_reply/", "/exchange/mcollective_reply/a/b",
			"/exchange/mcollective_reply_other/a", "/topic/x", "/amq/queue/x", "/reply-queue/amq.gen-a\nb",
		} {
			err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{})
			if !errors.Is(err, overstomp.ErrReply) {
				t.Errorf("%s: %v, want a refusal", address, err)
			}
		}
	})
	in(t, Options{AllowAnyReply: true}, func(t *testing.T, c connector.Connector, _ *stomptest.Broker) {
		if err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: "/queue/custom"}, connector.Message{}); err != nil {
			t.Error(err)
		}
	})
}

func TestSubscriptions(t *testing.T) {
	subscribe := func(t *testing.T, c connector.Connector) (addresses []string) {
		for _, from := range []connector.Target{
			{Kind: connector.Directed, Collective: "mcollective", Identity: "me.example.net"},
			{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"},
			{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		} {
			sub, err := c.Subscribe(t.Context(), from, func(connector.Delivery) {})
			if err != nil {
				t.Fatal(err)
			}
			addresses = append(addresses, sub.Address())
		}
		return addresses
	}
	check := func(t *testing.T, b *stomptest.Broker, want ...[2]string) {
		t.Helper()
		all := overstomptest.Sent(b, stomp.Subscribe)
		if len(all) != len(want) {
			t.Fatalf("%d subscriptions, want %d", len(all), len(want))
		}
		for i, h := range all {
			if got := [2]string{h.Get("destination"), h.Get("id")}; got != want[i] {
				t.Errorf("subscribed %q, want %q", got, want[i])
			}
		}
	}
	in(t, Options{}, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		if a := subscribe(t, c); a[2] != "/temp-queue/mcollective_reply_discovery" {
			t.Errorf("reply address %q", a[2])
		}
		check(t, b, [2]string{"/exchange/mcollective_directed/me.example.net", "mcollective_me.example.net_directed_to_identity"},
			[2]string{"/exchange/mcollective_broadcast/discovery", "mcollective_broadcast_discovery"})
		if h := overstomptest.Sent(b, stomp.Connect)[0].Get("host"); h != "/" {
			t.Errorf("vhost %q", h)
		}
	})
	in(t, Options{AgentsMultiplex: true, UseReplyExchange: true}, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		a := subscribe(t, c)
		if !strings.HasPrefix(a[2], "/exchange/mcollective_reply/me.example.net_"+strconv.Itoa(os.Getpid())+"_") || !strings.HasSuffix(a[2], "_1") {
			t.Errorf("reply address %q", a[2])
		}
		check(t, b, [2]string{"/exchange/mcollective_directed/me.example.net", "mcollective_me.example.net_directed_to_identity"},
			[2]string{"/exchange/mcollective_broadcast", "mcollective_broadcast"},
			[2]string{a[2], "mcollective_discovery_replies_1"})
	})
}

// TestTwoWaitForOneAgent has two reply subscriptions share a temporary queue.
func TestTwoWaitForOneAgent(t *testing.T) {
	in(t, Options{}, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		node := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "me.example.net"}
		if _, err := c.Subscribe(t.Context(), node, func(d connector.Delivery) {
			if err := c.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: d.ReplyTo}, connector.Message{Data: d.Data}); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		replies := connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"}
		var in [2]chan string
		var subs [2]connector.Subscription
		for i := range in {
			in[i] = make(chan string, 10)
			sub, err := c.Subscribe(t.Context(), replies, func(d connector.Delivery) { in[i] <- string(d.Data) })
			if err != nil {
				t.Fatal(err)
			}
			subs[i] = sub
		}
		ask := func(text string) {
			if err := c.Publish(t.Context(), node, connector.Message{Data: []byte(text), ReplyTo: subs[0].Address()}); err != nil {
				t.Fatal(err)
			}
		}
		ask("first")
		if a, b := waittest.Receive(t, "the first reply", in[0]), waittest.Receive(t, "its copy", in[1]); a != "first" || b != "first" {
			t.Errorf("received %q and %q", a, b)
		}
		subs[0].Close()
		ask("second")
		if b := waittest.Receive(t, "the second reply", in[1]); b != "second" || len(in[0]) != 0 {
			t.Errorf("received %q, and %d on the closed one", b, len(in[0]))
		}
	})
}

// TestMissingExchange asks for a collective that the broker has not been set up
// for.
func TestMissingExchange(t *testing.T) {
	in(t, Options{}, func(t *testing.T, c connector.Connector, b *stomptest.Broker) {
		_, err := c.Subscribe(t.Context(), connector.Target{Kind: connector.Broadcast, Collective: "absent", Agent: "discovery"}, func(connector.Delivery) {})
		if !errors.Is(err, connector.ErrRefused) || !strings.Contains(err.Error(), "no exchange 'absent_broadcast'") || !strings.Contains(err.Error(), "broker:61613") {
			t.Errorf("error %v", err)
		}
		if _, err := c.Subscribe(t.Context(), connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}, func(connector.Delivery) {}); err != nil {
			t.Errorf("after the refusal: %v", err)
		}
	})
}
