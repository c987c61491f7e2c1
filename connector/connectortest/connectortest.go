// Package connectortest is the suite that every connector passes.
//
// A connector's own test calls Run with a function that starts a broker and
// says how to connect to it:
//
//	func TestConformance(t *testing.T) {
//		connectortest.Run(t, func(t *testing.T) connectortest.Harness {
//			b := startBroker(t) // t.Cleanup stops it
//			return connectortest.Harness{
//				Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
//					return nats.Connect(ctx, nats.Options{Servers: []string{b.Addr()}, Identity: identity})
//				},
//			}
//		})
//	}
//
// The function is called once for each case. It may hand out the same broker
// each time: every case uses agents and identities of its own, and closes what
// it opened. Absence of a message is never waited for; instead a later message
// that must arrive, a fence, bounds the moment at which the absent one would
// have been there.
package connectortest

import (
	"context"
	"testing"
	"time"

	"mcollective/connector"
)

// A Harness is a running broker and the ways to reach it.
type Harness struct {
	// Connect opens a connection for the node or client of this identity.
	// Required. The suite closes what it opens.
	Connect func(ctx context.Context, identity string) (connector.Connector, error)

	// Dial is Connect with other servers, each a host:port on which nothing
	// listens; it must fail. Nil leaves out that case.
	Dial func(ctx context.Context, servers []string) (connector.Connector, error)

	// Denied is Connect with a wrong password; it must fail. Nil leaves out that
	// case.
	Denied func(ctx context.Context) (connector.Connector, error)

	// Stop ends the broker so that all connections are lost and nothing is
	// remembered; Start returns when it accepts connections at the same address
	// again. Nil leaves out the cases that need them.
	Stop, Start func(t *testing.T)

	// Refused is a target that the broker does not let the connections of Connect
	// subscribe to. The zero Target leaves out the case that needs it.
	Refused connector.Target

	// MaxPayload is the size in bytes of the largest Data that must arrive;
	// 4 KiB more must be refused with connector.ErrTooLarge. At 0 nothing is
	// refused and 256 KiB must arrive.
	MaxPayload int

	// Collectives are two that the broker is set up for. Default "mcollective"
	// and "france".
	Collectives [2]string

	// Patience is how long something that must happen may take. Default 20 s.
	Patience time.Duration
}

// Run runs every case as a subtest of t, each on a Harness from start.
func Run(t *testing.T, start func(t *testing.T) Harness) {
	cases := []struct {
		name string
		run  func(*suite)
	}{
		{"broadcast reaches the agent in the collective and no other", broadcast},
		{"directed reaches the identity and no other", directed},
		{"reply goes back to the client that asked", reply},
		{"collectives are apart", collectives},
		{"one connection holds many subscriptions", manySubscriptions},
		{"own messages arrive after Subscribe", ownMessages},
		{"names with special characters reach nobody else", hostileNames},

		{"headers arrive", headers},
		{"time to live leaves a fresh message alone", timeToLive},
		{"any bytes of any size arrive", sizes},
		{"too large is refused and the connection lives", tooLarge},
		{"Publish does not keep Data", dataNotKept},

		{"one publisher's messages arrive in order, one call at a time", order},
		{"concurrent publishers", concurrentPublishers},
		{"10,000 replies, none lost", manyReplies},

		{"Status of a live connection", liveStatus},
		{"closed subscription receives nothing", unsubscribe},
		{"Close of a subscription ends its calls", unsubscribeInFlood},
		{"dead context", deadContext},
		{"Flush makes a subscription visible to others", flush},
		{"Close writes what was published and ends everything", closing},
		{"a refused subscription is told and takes nothing with it", refused},
		{"broker restarts", restarts},
		{"broker away", away},
		{"connect error names each server", unreachable},
		{"wrong credentials are told quickly", denied},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(newSuite(t, start(t))) })
	}
}
