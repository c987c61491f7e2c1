// Package activemq is the connector to ActiveMQ over STOMP, as Ruby
// MCollective's of that name.
//
// Broadcasts go to /topic/COLLECTIVE.AGENT.agent, direct requests to
// /queue/COLLECTIVE.nodes with the header mc_identity, which each node selects
// its own by, and replies to /queue/COLLECTIVE.reply.IDENTITY_PID_RANDOM.SEQ.
// Ruby's reply addresses lack the RANDOM part; it makes ours impossible to
// guess, and Ruby's nodes send to whatever a request names.
//
// The keys of MCollective's configuration, each after plugin.activemq., are
//
//	pool.N.host .port .user .password        Stomp.Servers: Host, Port, Login, Passcode
//	pool.N.ssl .ssl.ca .cert .key .ciphers   Stomp.Servers: TLS
//	randomize, vhost                         Stomp.Randomize, VHost
//	heartbeat_interval, max_hbread_fails     Stomp.Heartbeat, MaxMissed
//	stomp_1_0_fallback = 0                   Stomp.Versions without V10
//	connect_timeout                          Stomp.ConnectTimeout
//	initial_reconnect_delay                  Stomp.Backoff.Initial
//	max_reconnect_delay                      Stomp.Backoff.Max
//	back_off_multiplier                      Stomp.Backoff.Multiplier
//	use_exponential_back_off = 0             Stomp.Backoff.Constant
//	max_reconnect_attempts                   Stomp.MaxAttempts
//	priority, base64, agents_multiplex       Priority, Base64, AgentsMultiplex
//
// backup, timeout and max_hbrlck_fails have no counterpart: they tuned parts of
// Ruby's STOMP client that this one does not have. pool.N.ssl.fallback has none
// since a broker that cannot be verified is not talked to.
package activemq

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mcollective/connector"
	"mcollective/connector/internal/overstomp"
	"mcollective/stomp"
)

// Options say how to connect and to address. Identity and Stomp.Servers are
// required.
type Options struct {
	// Identity is this client's or node's name. It goes with every message as
	// mc_sender, and into reply addresses.
	Identity string
	// Stomp has the pool of brokers and all about the connection. VHost is
	// "mcollective" by default.
	Stomp stomp.Options

	// Collectives are those that may be published and subscribed to, and replied
	// to. Default any.
	Collectives []string
	// Priority of messages, 1 to 9. Default 0: the broker's, and no header.
	Priority int
	// Base64 writes and expects bodies in Base64. All peers must agree.
	Base64 bool
	// AgentsMultiplex uses one topic for all agents of a collective. All peers
	// must agree. A broadcast is delivered to one subscription then, with
	// Target.Agent empty, since only its payload tells the agent.
	AgentsMultiplex bool
	// AllowAnyReply lets replies go to any destination. By default only those
	// for replies are, since nothing proves who chose a request's reply-to.
	AllowAnyReply bool
	// MaxMessage is how many bytes a message may have. Default 8 MiB.
	MaxMessage int
}

// Connect returns when a broker of the pool has taken us. It tries until ctx
// ends; with a deadline in ctx the error names each server and its cause.
func Connect(ctx context.Context, o Options) (connector.Connector, error) {
	if err := overstomp.CheckName("identity", o.Identity); err != nil {
		return nil, fmt.Errorf("activemq: %w", err)
	}
	if o.Stomp.VHost == "" {
		o.Stomp.VHost = "mcollective"
	}
	d := &dialect{o, overstomp.NewAddresses(o.Identity)}
	c, err := overstomp.Connect(ctx, d, overstomp.Options{Stomp: o.Stomp, Base64: o.Base64, MaxMessage: o.MaxMessage})
	if err != nil {
		return nil, fmt.Errorf("activemq: %w", err)
	}
	return c, nil
}

// dialect is ActiveMQ's overstomp.Dialect.
type dialect struct {
	Options
	addresses *overstomp.Addresses
}

// Send implements overstomp.Dialect. The fields stand in the order in which
// Ruby writes them.
func (d *dialect) Send(to connector.Target, m connector.Message) (string, stomp.Header, error) {
	if err := overstomp.CheckTarget(to, true, d.Collectives); err != nil {
		return "", nil, err
	}
	h := make(stomp.Header, 0, 10)
	if d.Priority > 0 {
		h = h.Add("priority", strconv.Itoa(d.Priority))
	}
	now := time.Now().Unix() * 1000
	h = h.Add("timestamp", strconv.FormatInt(now, 10))
	if m.TTL > 0 {
		h = h.Add("expires", strconv.FormatInt(now+(m.TTL+10*time.Second).Milliseconds(), 10))
	}
	if m.ReplyTo != "" {
		h = h.Add("reply-to", m.ReplyTo)
	}
	var destination string
	switch to.Kind {
	case connector.Broadcast:
		destination = d.topic(to)
	case connector.Directed:
		destination = "/queue/" + to.Collective + ".nodes"
		h = h.Add("mc_identity", to.Identity)
	case connector.Reply:
		destination = to.Address
		if err := d.CheckReply(destination); err != nil {
			return "", nil, err
		}
	}
	return destination, h.Add("mc_sender", d.Identity), nil
}

func (d *dialect) topic(t connector.Target) string {
	if d.AgentsMultiplex {
		return "/topic/" + t.Collective + ".agents"
	}
	return "/topic/" + t.Collective + "." + t.Agent + ".agent"
}

// CheckReply implements overstomp.Dialect.
func (d *dialect) CheckReply(destination string) error {
	if !d.AllowAnyReply && !d.isReply(destination) {
		return fmt.Errorf("reply to %.120q refused: %w", destination, overstomp.ErrReply)
	}
	return nil
}

// isReply recognizes /queue/COLLECTIVE.reply.NAME.
func (d *dialect) isReply(destination string) bool {
	name, ok := strings.CutPrefix(destination, "/queue/")
	if !ok {
		return false
	}
	if len(d.Collectives) == 0 {
		collective, rest, ok := strings.Cut(name, ".reply.")
		return ok && overstomp.CheckName("collective", collective) == nil && overstomp.ReplyName(rest)
	}
	for _, c := range d.Collectives {
		if rest, ok := strings.CutPrefix(name, c+".reply."); ok && overstomp.ReplyName(rest) {
			return true
		}
	}
	return false
}

// Listen implements overstomp.Dialect.
func (d *dialect) Listen(from connector.Target) (l overstomp.Listen, err error) {
	if err := overstomp.CheckTarget(from, false, d.Collectives); err != nil {
		return l, err
	}
	switch from.Kind {
	case connector.Broadcast:
		l.Destination, l.Merged = d.topic(from), d.AgentsMultiplex
		l.ID = l.Destination
	case connector.Directed:
		l.Destination = "/queue/" + from.Collective + ".nodes"
		l.Selector = "mc_identity = '" + from.Identity + "'"
		l.ID = from.Collective + "_directed_to_identity"
		if from.Identity != d.Identity {
			l.ID += "_" + from.Identity // a second one on this connection
		}
	case connector.Reply:
		owner, seq := d.addresses.Next()
		l.Destination = fmt.Sprintf("/queue/%s.reply.%s.%d", from.Collective, owner, seq)
		l.ID, l.Address = l.Destination, l.Destination
	}
	return l, nil
}
