// Package overstomptest holds the tests that the connectors to STOMP brokers have
// in common.
package overstomptest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"mcollective/connector"
	"mcollective/connector/connectortest"
	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// Options are those that the options of all these connectors have.
type Options struct {
	Identity   string
	Stomp      stomp.Options
	MaxMessage int
}

// A Subject is a connector under test.
type Subject struct {
	// Broker is the broker that the connector is made for.
	Broker stomptest.Options
	// Connect is the connector's own, with whatever else its options need.
	Connect func(context.Context, Options) (connector.Connector, error)
}

// denied is a collective that the brokers of these tests let nobody listen in.
const denied = "denied"

// broker is Broker with the refusals.
func (s Subject) broker() stomptest.Options {
	o := s.Broker
	o.Refuse = func(f *stomp.Frame) string {
		if f.Command == stomp.Subscribe && strings.Contains(f.Header.Get("destination"), "/"+denied) {
			return "User mcollective is not authorized to read from " + f.Header.Get("destination")
		}
		return ""
	}
	return o
}

// Server returns a broker at addr with the user of these tests.
func Server(t *testing.T, addr string) stomp.Server {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return stomp.Server{Host: host, Port: n, Login: "mcollective", Passcode: "marionette"}
}

// Harness connects to the broker at addr.
func (s Subject) Harness(t *testing.T, addr string) connectortest.Harness {
	connect := func(ctx context.Context, identity string, servers ...stomp.Server) (connector.Connector, error) {
		return s.Connect(ctx, Options{Identity: identity, Stomp: stomp.Options{Servers: servers}, MaxMessage: 1 << 20})
	}
	return connectortest.Harness{
		Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
			return connect(ctx, identity, Server(t, addr))
		},
		Dial: func(ctx context.Context, addrs []string) (connector.Connector, error) {
			var servers []stomp.Server
			for _, a := range addrs {
				servers = append(servers, Server(t, a))
			}
			return connect(ctx, "nowhere", servers...)
		},
		Denied: func(ctx context.Context) (connector.Connector, error) {
			srv := Server(t, addr)
			srv.Passcode = "wrong"
			return connect(ctx, "denied", srv)
		},
		MaxPayload:  1 << 20,
		Collectives: [2]string{"mcollective", "eu_collective"},
	}
}

// Conformance runs the suite of all connectors; change may adapt the harness.
func (s Subject) Conformance(t *testing.T, change func(*connectortest.Harness)) {
	o := s.broker()
	o.Login, o.Passcode = "mcollective", "marionette"
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		b := stomptest.New(o)
		start := func(t *testing.T) {
			if err := b.Start(); err != nil {
				t.Fatal(err)
			}
		}
		start(t)
		t.Cleanup(b.Stop)
		h := s.Harness(t, b.Addr())
		h.Start, h.Stop = start, func(t *testing.T) { b.Stop() }
		h.Refused = connector.Target{Kind: connector.Broadcast, Collective: denied, Agent: "discovery"}
		if change != nil {
			change(&h)
		}
		return h
	})
}

// In runs a test with a connector, me.example.net, to a broker without a network.
func (s Subject) In(t *testing.T, run func(t *testing.T, c connector.Connector, b *stomptest.Broker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := stomptest.New(s.broker())
		defer b.Stop()
		c, err := s.Connect(t.Context(), Options{Identity: "me.example.net", Stomp: stomp.Options{Servers: []stomp.Server{{Host: "broker"}}, Dial: b.Dial}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		run(t, c, b)
	})
}

// Sent returns the headers of the frames of one command that a broker received.
func Sent(b *stomptest.Broker, command string) (all []stomp.Header) {
	for _, f := range b.Frames() {
		if f.Command == command {
			all = append(all, f.Header)
		}
	}
	return all
}
