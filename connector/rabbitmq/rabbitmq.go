// Package rabbitmq is the connector to RabbitMQ over its STOMP plugin, as Ruby
// MCollective's of that name.
//
// Broadcasts go to /exchange/COLLECTIVE_broadcast/AGENT, direct requests to
// /exchange/COLLECTIVE_directed/NODE; these exchanges, the first of type topic,
// the second direct, have to exist. Replies need nothing prepared: a request
// names /temp-queue/mcollective_reply_AGENT, for which the broker makes a private
// queue, subscribes the sender, and shows the receivers a /reply-queue/ address.
// With UseReplyExchange they go through the exchange mcollective_reply, of type
// direct, to a routing key of this client.
//
// The keys of MCollective's configuration are those of package activemq after
// plugin.rabbitmq., without priority, and
//
//	use_reply_exchange                       UseReplyExchange
package rabbitmq

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
	// mc_sender, and into the addresses of the reply exchange.
	Identity string
	// Stomp has the pool of brokers and all about the connection. VHost is "/" by
	// default.
	Stomp stomp.Options

	// Collectives are those that may be published and subscribed to. Default any.
	Collectives []string
	// Base64 writes and expects bodies in Base64. All peers must agree.
	Base64 bool
	// AgentsMultiplex sends broadcasts without the agent as routing key. All
	// peers must agree. A broadcast is delivered to one subscription then, with
	// Target.Agent empty, since only its payload tells the agent.
	AgentsMultiplex bool
	// UseReplyExchange asks for replies through the exchange mcollective_reply
	// instead of a temporary queue.
	UseReplyExchange bool
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
		return nil, fmt.Errorf("rabbitmq: %w", err)
	}
	if o.Stomp.VHost == "" {
		o.Stomp.VHost = "/"
	}
	o.Stomp.EscapeAlways = true
	d := &dialect{o, overstomp.NewAddresses(o.Identity)}
	c, err := overstomp.Connect(ctx, d, overstomp.Options{Stomp: o.Stomp, Base64: o.Base64, MaxMessage: o.MaxMessage})
	if err != nil {
		return nil, fmt.Errorf("rabbitmq: %w", err)
	}
	return c, nil
}

// dialect is RabbitMQ's overstomp.Dialect.
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
	h := make(stomp.Header, 0, 8)
	if m.ReplyTo != "" {
		h = h.Add("reply-to", m.ReplyTo)
	}
	if m.TTL > 0 {
		h = h.Add("expiration", strconv.FormatInt((m.TTL+10*time.Second).Milliseconds(), 10))
	}
	var destination string
	switch to.Kind {
	case connector.Broadcast:
		destination = d.broadcast(to)
	case connector.Directed:
		destination = directed(to)
	case connector.Reply:
		destination = to.Address
		if err := d.CheckReply(destination); err != nil {
			return "", nil, err
		}
	}
	return destination, h.Add("mc_sender", d.Identity), nil
}

func (d *dialect) broadcast(t connector.Target) string {
	if d.AgentsMultiplex {
		return "/exchange/" + t.Collective + "_broadcast"
	}
	return "/exchange/" + t.Collective + "_broadcast/" + t.Agent
}

func directed(t connector.Target) string {
	return "/exchange/" + t.Collective + "_directed/" + t.Identity
}

// CheckReply implements overstomp.Dialect.
func (d *dialect) CheckReply(destination string) error {
	if !d.AllowAnyReply && !isReply(destination) {
		return fmt.Errorf("reply to %.120q refused: %w", destination, overstomp.ErrReply)
	}
	return nil
}

// isReply recognizes what a request's reply-to can be. The broker names the
// queues behind temporary queues amq.gen-SOMETHING; any other name after
// /reply-queue/ would be somebody else's queue.
func isReply(destination string) bool {
	for _, prefix := range []string{"/reply-queue/amq.", "/temp-queue/mcollective_reply_", "/exchange/mcollective_reply/"} {
		if name, ok := strings.CutPrefix(destination, prefix); ok {
			return overstomp.ReplyName(name)
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
		l.Destination, l.Merged = d.broadcast(from), d.AgentsMultiplex
		l.ID = from.Collective + "_broadcast"
		if !d.AgentsMultiplex {
			l.ID += "_" + from.Agent
		}
	case connector.Directed:
		l.Destination = directed(from)
		l.ID = from.Collective + "_" + from.Identity + "_directed_to_identity"
	case connector.Reply:
		if !d.UseReplyExchange {
			l.Address = "/temp-queue/mcollective_reply_" + from.Agent
			l.Destination, l.ID, l.Passive = l.Address, l.Address, true
			return l, nil
		}
		owner, seq := d.addresses.Next()
		l.Address = fmt.Sprintf("/exchange/mcollective_reply/%s_%d", owner, seq)
		l.Destination = l.Address
		l.ID = fmt.Sprintf("mcollective_%s_replies_%d", from.Agent, seq)
	}
	return l, nil
}
