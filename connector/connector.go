// Package connector is the contract for moving opaque payloads between clients
// and nodes through a broker.
//
// Begin with the Connect function of the directory below that is named after your
// broker, and hand the [Connector] to client.New. Use it yourself only to move other
// payloads than messages. A connector spells MCollective's kinds of destination
// ([Target]) in its broker's language: topics and queues, exchanges, subjects.
//
// A connector never looks inside what it carries and never decides who may send it.
// It promises no delivery: a broker keeps nothing for who is not connected, so that
// silence is no proof of anything. It reconnects by itself, and never tells a caller
// that a message was handed over when it was not. Anyone who writes one more runs the
// suite in connectortest.
package connector

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Kind says what sort of destination a Target is.
type Kind int

const (
	// Broadcast reaches every node of a collective that carries an agent.
	Broadcast Kind = iota + 1
	// Directed reaches one node by its identity.
	Directed
	// Reply is where a client waits for answers.
	Reply
)

// String names the kind for messages to people.
func (k Kind) String() string {
	switch k {
	case Broadcast:
		return "broadcast"
	case Directed:
		return "directed"
	case Reply:
		return "reply"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// A Target is where a payload goes to or comes from, in MCollective's terms.
type Target struct {
	Kind       Kind
	Collective string // Broadcast, Directed, and Reply when subscribing
	Agent      string // Broadcast, and Reply when subscribing: the agent that is asked
	Identity   string // Directed: the node
	Address    string // Reply when publishing: the ReplyTo of the request, as delivered
}

// A Message is what travels. Headers are the security provider's; a connector
// whose protocol has headers carries them, any other refuses a message that has
// some.
type Message struct {
	Data    []byte
	Headers map[string]string

	// ReplyTo is the address of the subscription that waits for the answers. A
	// node finds here, in a delivered message, what it puts in Target.Address.
	ReplyTo string

	// TTL is how long the message is worth delivering; brokers that can drop
	// stale messages are told this much and a grace of ten seconds. Zero means
	// that the broker is told nothing.
	TTL time.Duration
}

// A Delivery is a received message and the subscription target it came in on.
type Delivery struct {
	Message
	Target Target
}

// A Connector is a connection to a broker. It reconnects by itself and restores
// its subscriptions; its methods may be called from several goroutines.
type Connector interface {
	// Publish hands the message to the broker. It returns ErrTooLarge (wrapped)
	// for a message that the broker would refuse for its size, or that it has refused
	// by cutting the connection, and an error when the message could not be handed
	// over before ctx ended. A message of 64 KiB and more may wait for the broker's
	// confirmation, so it must not be published by a receive function. Data is not
	// kept.
	Publish(ctx context.Context, to Target, m Message) error

	// Subscribe calls receive for each message that arrives for from, one call
	// at a time for each subscription. receive must not block for long and must
	// not keep Data after it returned. When Subscribe returns, the broker
	// delivers whatever is published from then on by this same connection, unless
	// it refuses the subscription: that is returned as ErrRefused (wrapped) where it
	// is known by then, and is told by Subscription.Err where it comes later.
	Subscribe(ctx context.Context, from Target, receive func(Delivery)) (Subscription, error)

	// Flush returns once the broker has taken all that was published and
	// subscribed before, or with an error when ctx ends first.
	Flush(ctx context.Context) error

	// Status tells how the connection is.
	Status() Status

	// Close ends the connection after what was published has been written.
	Close() error
}

// A Subscription is one target that is being listened to.
type Subscription interface {
	// Address is, for Kind Reply, what goes into Message.ReplyTo; else "".
	Address() string
	// Err returns nil while the broker is not known to refuse the subscription,
	// and ErrRefused (wrapped, with what was refused and the broker's words) once it
	// does: when it was made, or when it was to be restored on a new connection.
	// After a Flush that succeeded, all is known of what was subscribed before it. A
	// refused subscription receives nothing and costs the others nothing; who wants
	// to ask again closes it and subscribes anew.
	Err() error
	// Close ends the subscription; receive is not called after it returned.
	Close() error
}

// Status is the state of a connection at one moment.
type Status struct {
	Connected  bool
	Server     string // the broker in use, or the last one tried, as host:port
	Reconnects uint64 // how often the connection was lost and made again
	Dropped    uint64 // messages that arrived and were lost for want of room
	LastError  error  // why the connection is down, or why it last was; nil if never
}

// ErrTooLarge is returned (wrapped, with both sizes) by Publish when a message
// is larger than the broker takes.
var ErrTooLarge = errors.New("message is too large for the broker")

// ErrClosed is returned (wrapped) by the methods of a closed Connector.
var ErrClosed = errors.New("connector is closed")

// ErrRefused is returned (wrapped, with what was refused and the broker's words) for
// a subscription that the broker does not allow, or has no destination for.
var ErrRefused = errors.New("refused by the broker")
