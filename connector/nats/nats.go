// Package nats is the connector for NATS brokers: the embedded one, a single
// nats-server, or a cluster. Begin with [Connect].
//
// The subjects are
//
//	<collective>.broadcast.agent.<agent>
//	<collective>.node.<identity>
//	<collective>.reply.<identity>.<random>
//
// where an identity keeps its dots. Every part is checked before it becomes one,
// so that no name can hold a wildcard or another subject.
//
// A connection is lost within 24 seconds of a silent peer, comes back by itself
// for as long as it takes, and restores its subscriptions. What is published
// meanwhile waits in a small buffer, then in Publish. A broker can tell of requests
// that nobody listens to (Watch, on a subscription to replies), and one of this
// project of who listens ([Conn.Interest]).
//
// It never sends credentials to a server that [Options] do not name, and never falls
// back from TLS to a plain connection.
package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/connector"
	"mcollective/connector/nats/subject"
	"mcollective/internal/dial"
)

// DefaultServer is connected to when no server is named.
const DefaultServer = "nats://127.0.0.1:4222"

// Options say where to connect and as whom.
type Options struct {
	// Servers to try, as nats://host:port, tls://host:port or host:port; a URL may
	// carry user:password@ or token@. The default port is 4222. Default
	// DefaultServer. Others, which a server of a cluster may name, are not: where
	// credentials are sent is not the broker's to say.
	Servers []string

	// Ordered has the servers tried in the given order instead of a random one.
	Ordered bool

	// Identity is the node or client that connects. It is the name of the
	// connection and part of the reply addresses. Required.
	Identity string

	// ReplyName is the part of the reply addresses in the place of the identity, for
	// brokers that let each client listen only to addresses that its credential names.
	ReplyName string

	// Collectives limits whose reply addresses Publish accepts; they come from
	// requests and are the sender's to choose. Default: those of any collective.
	Collectives []string

	// AllowAnyReply has Publish accept every valid subject as a reply address.
	// By default it must be one of this package's, or begin with "_INBOX.".
	AllowAnyReply bool

	// User and Password, Token, Credentials (a file made by nsc), NkeySeed (a file that
	// holds a seed), and JWT and Sign are ways to authenticate; at most one may be used.
	User, Password string
	Token          string
	Credentials    string
	NkeySeed       string

	// CheckSecret judges the file of Credentials or NkeySeed at each connection, before it
	// is read. Nil takes it as it is.
	CheckSecret func(path string) error

	// JWT returns the credential for the next login, and Sign signs what the broker
	// chose for that: 8 to 64 letters, digits, dashes and underscores.
	JWT  func() (string, error)
	Sign func(nonce []byte) ([]byte, error)

	// TLS says how to use TLS. Without it, TLS is used if a server's URL or the
	// server itself asks for it, verified with the system's authorities.
	TLS TLS

	// ConnectTimeout bounds one attempt on one server. Default 2 s.
	ConnectTimeout time.Duration

	// ReconnectMin and ReconnectMax bound the random wait between rounds of
	// attempts, which grows from ReconnectMin...4*ReconnectMin on. Default 0.5 s
	// and 20 s.
	ReconnectMin, ReconnectMax time.Duration

	// PingInterval is how often the server is asked for a sign of life; after two
	// without an answer the connection counts as lost at the next. Default 8 s.
	PingInterval time.Duration

	// WriteTimeout is how long the server may refuse to read. Default 10 s.
	WriteTimeout time.Duration

	// PendingMessages and PendingBytes bound what one subscription holds that
	// receive has not yet taken; more is dropped, counted in Status and logged.
	// Default 65,536 and 64 MiB, and 1,048,576 and 512 MiB for replies.
	PendingMessages, PendingBytes int

	// Logger is told about lost connections and messages. Default: nobody is.
	Logger *slog.Logger

	dial dial.Dialer
}

// reconnectBuffer is what may be published without a connection before Publish
// waits, in bytes: enough for replies in flight, not for a long outage.
const reconnectBuffer = 256 << 10

// Conn is a connection to a NATS server.
type Conn struct {
	opts   Options
	log    *slog.Logger
	nc     *gonats.Conn
	dial   dial.Dialer
	secure bool // TLS is ours to ask for
	closed atomic.Bool
	life   context.Context // ends with Close
	die    context.CancelFunc

	// connected follows the library's state. Asking the library would wait for a
	// write that is under way.
	connected  atomic.Bool
	reconnects atomic.Uint64
	generation atomic.Uint64 // counts what was connected to, if only to be turned down
	oversize   atomic.Uint64 // messages that were too large to be taken
	made       atomic.Uint64 // the library's own count of connections, once reconnects has followed

	interestPatience time.Duration

	mu       sync.Mutex
	subs     []*subscription
	asked    map[string][]*subscription // by subject, also those that are being made
	dropped  uint64                     // by subscriptions that are closed
	server   string                     // last connected to
	lastErr  error                      // of the connection
	changed  chan struct{}              // closed and made anew when the connection's state changes
	repeated repeats
}

var _ connector.Connector = (*Conn)(nil)

// Connect connects to one of the servers. When ctx has a deadline each server is
// tried once, within it, and the error names every one and why it failed; otherwise,
// and if a server has no room for another connection now, Connect tries again until ctx
// ends, and logs.
func Connect(ctx context.Context, o Options) (*Conn, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	c := &Conn{opts: o, log: o.Logger, changed: make(chan struct{}), dial: o.dial, interestPatience: interestPatience}
	c.secure = o.TLS.wanted() || slices.ContainsFunc(o.Servers, func(s string) bool { return strings.HasPrefix(s, "tls://") })
	if err := o.TLS.outdated(); err != nil {
		c.log.Warn("a TLS file is out of date", "error", err)
	}
	c.life, c.die = context.WithCancel(context.Background())
	var full error // the last overload, which says more than that the time was up since
	for round := 1; ; round++ {
		err := c.first(ctx)
		switch {
		case err == nil:
			return c, nil
		case errors.As(err, new(*overload)):
			full = err
		case ctx.Err() != nil && full != nil:
			err = full
		}
		_, bounded := ctx.Deadline()
		if bounded && !errors.As(err, new(*overload)) || ctx.Err() != nil || !errors.As(err, new(*unreachable)) {
			c.die()
			return nil, fmt.Errorf("nats: %w", err)
		}
		wait := c.backoff(round)
		if n, ok := c.repeated.note(err.Error()); ok {
			c.log.Warn("no broker; trying again", "error", err, "in", wait.Round(time.Millisecond), "attempts", n)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			c.die()
			return nil, fmt.Errorf("nats: %w (%w)", err, context.Cause(ctx))
		}
	}
}

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	if err := subject.CheckIdentity(o.Identity); err != nil {
		return err
	}
	for _, name := range o.Collectives {
		if err := subject.CheckCollective(name); err != nil {
			return err
		}
	}
	ways := 0
	for _, set := range []bool{o.User != "" || o.Password != "", o.Token != "", o.Credentials != "", o.NkeySeed != "", o.JWT != nil} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("choose one of user and password, token, credentials file, nkey seed file and JWT")
	}
	if (o.JWT == nil) != (o.Sign == nil) {
		return errors.New("JWT and Sign are of no use alone")
	}
	if o.ReplyName == "" {
		o.ReplyName = o.Identity
	} else if err := subject.CheckIdentity(o.ReplyName); err != nil {
		return err
	}
	orDefault(&o.ConnectTimeout, 2*time.Second)
	orDefault(&o.ReconnectMin, 500*time.Millisecond)
	orDefault(&o.ReconnectMax, 20*time.Second)
	orDefault(&o.PingInterval, 8*time.Second)
	orDefault(&o.WriteTimeout, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Servers) == 0 {
		o.Servers = []string{DefaultServer}
	}
	servers := make([]string, 0, len(o.Servers))
	for _, s := range o.Servers {
		u, err := serverURL(s)
		if err != nil {
			return err
		}
		servers = append(servers, u)
	}
	o.Servers = servers
	return nil
}

func orDefault(d *time.Duration, otherwise time.Duration) {
	if *d <= 0 {
		*d = otherwise
	}
}

// backoff returns the wait before a round of attempts, counted from 1. Any moment of
// a growing span is as likely as another, so that nodes which lost a broker
// together do not come back together.
func (c *Conn) backoff(round int) time.Duration {
	low, high := c.opts.ReconnectMin, c.opts.ReconnectMin
	for range round {
		if high *= 4; high >= c.opts.ReconnectMax {
			high = c.opts.ReconnectMax
			break
		}
	}
	if high <= low {
		return low
	}
	return low + rand.N(high-low)
}

// Connected is Status().Connected at less cost: cheap enough to ask before each
// message.
func (c *Conn) Connected() bool { return c.connected.Load() && !c.closed.Load() }

// Status implements connector.Connector. It never waits for the broker.
func (c *Conn) Status() connector.Status {
	connected := c.Connected()
	c.mu.Lock()
	defer c.mu.Unlock()
	st := connector.Status{
		Connected:  connected,
		Server:     c.server,
		Reconnects: c.reconnects.Load(),
		Dropped:    c.dropped + c.oversize.Load(),
		LastError:  c.lastErr,
	}
	for _, s := range c.subs {
		st.Dropped += s.dropped()
	}
	if !connected && st.LastError == nil {
		if st.LastError = errLost; c.closed.Load() {
			st.LastError = connector.ErrClosed
		}
	}
	return st
}

var errLost = errors.New("the broker ended the connection")

// Flush implements connector.Connector.
func (c *Conn) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nats: flush: %w", err)
	}
	if _, ok := ctx.Deadline(); !ok { // which the library insists on
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 24*time.Hour)
		defer cancel()
	}
	generation := c.generation.Load()
	c.mu.Lock()
	subs := slices.Clone(c.subs)
	c.mu.Unlock()
	for {
		err := c.nc.FlushWithContext(ctx)
		switch {
		case err == nil:
			for _, s := range subs {
				s.stands.Store(generation)
			}
			return nil
		case c.closed.Load():
			return fmt.Errorf("nats: flush: %w", connector.ErrClosed)
		case errors.Is(err, gonats.ErrConnectionClosed) && !c.nc.IsClosed() && ctx.Err() == nil:
			// Lost while we waited. Once it is back the round trip is worth trying
			// again: what was buffered by then is sent first.
			continue
		}
		return fmt.Errorf("nats: flush: %w", err)
	}
}

// closePatience bounds how long Close waits for a broker that does not answer.
const closePatience = 2 * time.Second

// Close implements connector.Connector.
func (c *Conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	c.die()
	var err error
	if c.nc.IsConnected() {
		// Closing a socket on which answers still arrive resets it, and a reset
		// takes what was written along; after a round trip nothing is left to lose.
		if err = c.nc.FlushTimeout(closePatience); err != nil {
			err = fmt.Errorf("nats: close: %w", err)
		}
	}
	c.nc.Close()
	c.stateChanged()
	return err
}
