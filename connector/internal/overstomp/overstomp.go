// Package overstomp is what the connectors to STOMP brokers share.
//
// A [Dialect] spells targets in a broker's destinations and headers; a
// [Connector] does the rest: it carries payloads and security headers in frames,
// keeps replies to where replies belong, and lets several subscriptions share
// one destination.
package overstomp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"mcollective/connector"
	"mcollective/stomp"
)

// A Dialect is how a kind of broker is addressed.
type Dialect interface {
	// Send spells where a message goes, and its fields but destination and those
	// that tell of the content.
	Send(to connector.Target, m connector.Message) (destination string, h stomp.Header, err error)
	// Listen spells a subscription. Each call for replies makes another address
	// where the broker needs one.
	Listen(from connector.Target) (Listen, error)
	// CheckReply refuses an address that replies must not go to.
	CheckReply(address string) error
}

// Listen is a subscription as a broker knows it.
type Listen struct {
	stomp.Listen
	Address string // of a reply subscription
	// Merged says that messages for all agents arrive here, and their agent
	// cannot be told: one receiver gets each, with Target.Agent empty.
	Merged bool
}

// Options are common to all dialects.
type Options struct {
	Stomp      stomp.Options
	Base64     bool // bodies are Base64 on the wire
	MaxMessage int  // bytes of a body that the broker takes. Default 8 MiB
}

// Connector is a connector.Connector over a stomp.Client.
type Connector struct {
	client  *stomp.Client
	dialect Dialect
	opts    Options
	broken  atomic.Uint64 // messages that were not the Base64 they should be

	mu     sync.Mutex
	shares map[string]*share // by subscription id
}

var _ connector.Connector = (*Connector)(nil)

// Connect returns when a broker of the pool has taken us, or as stomp.Dial does.
func Connect(ctx context.Context, d Dialect, o Options) (*Connector, error) {
	if o.MaxMessage <= 0 {
		o.MaxMessage = 8 << 20
	}
	if o.Stomp.Limits.Body == 0 {
		o.Stomp.Limits.Body = max(16<<20, 2*o.MaxMessage)
	}
	client, err := stomp.Dial(ctx, o.Stomp)
	if err != nil {
		return nil, err
	}
	return &Connector{client: client, dialect: d, opts: o, shares: map[string]*share{}}, nil
}

// Publish implements connector.Connector.
func (c *Connector) Publish(ctx context.Context, to connector.Target, m connector.Message) error {
	destination, h, err := c.dialect.Send(to, m)
	if err != nil {
		return err
	}
	if h, err = withHeaders(h, m.Headers); err != nil {
		return err
	}
	data := m.Data
	if c.opts.Base64 {
		data = encode64(data)
	}
	if len(data) > c.opts.MaxMessage {
		return fmt.Errorf("%w: %d bytes to %s, %d is the limit", connector.ErrTooLarge, len(data), destination, c.opts.MaxMessage)
	}
	// The content type is Ruby MCollective's, and as untrue there.
	h = append(h, stomp.Field{Name: "destination", Value: destination}, stomp.Field{Name: "content-length"},
		stomp.Field{Name: "content-type", Value: "text/plain; charset=UTF-8"})
	if len(data) < confirmFrom {
		return closed(c.client.Send(ctx, h, data))
	}
	// A reply may arrive twice, since its caller counts each node once. A request
	// may not.
	err = c.client.Deliver(ctx, h, data, to.Kind == connector.Reply)
	if big := (*stomp.UndeliverableError)(nil); errors.As(err, &big) {
		return fmt.Errorf("%w: %w, that of this program is %d", connector.ErrTooLarge, big, c.opts.MaxMessage)
	}
	return closed(err)
}

// confirmFrom is the size in bytes from which on a message waits for the broker's
// confirmation: one that is over a broker's limit breaks the connection, and only
// so does it come back as an error to who sent it. Brokers' limits begin far above.
const confirmFrom = 64 << 10

// CheckReply refuses an address that is not one of a client of this collective: a
// node does not answer there.
func (c *Connector) CheckReply(address string) error { return c.dialect.CheckReply(address) }

// Flush implements connector.Connector.
func (c *Connector) Flush(ctx context.Context) error { return closed(c.client.Flush(ctx)) }

// Status implements connector.Connector.
func (c *Connector) Status() connector.Status {
	st := c.client.State()
	return connector.Status{
		Connected: st.Connected, Server: st.Server, Reconnects: st.Reconnects,
		Dropped: st.Oversize + c.broken.Load(), LastError: st.LastError,
	}
}

// Close implements connector.Connector.
func (c *Connector) Close() error { return c.client.Close() }

// closed says in the contract's words that there is no connection any more.
func closed(err error) error {
	if errors.Is(err, stomp.ErrClosed) {
		return fmt.Errorf("%w: %w", connector.ErrClosed, err)
	}
	return err
}
