package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	gonats "github.com/nats-io/nats.go"
)

// unreachable is the failure of a whole round: every server and its reason.
type unreachable struct {
	servers []string
	causes  []error
}

// Error implements error.
func (e *unreachable) Error() string {
	var b strings.Builder
	b.WriteString("no broker could be reached: ")
	for i, s := range e.servers {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", s, e.causes[i])
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *unreachable) Unwrap() []error { return e.causes }

// first tries each server once. The library could do it too, but would keep the
// reasons to itself.
func (c *Conn) first(ctx context.Context) error {
	servers := slices.Clone(c.opts.Servers)
	if !c.opts.Ordered {
		rand.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	}
	base, err := c.settings()
	if err != nil {
		return err
	}
	failed := &unreachable{}
	for i, server := range servers {
		limit := share(ctx, c.opts.ConnectTimeout, len(servers)-i)
		nc, err := c.attempt(ctx, base, server, limit)
		if err != nil && limit <= 0 {
			err = fmt.Errorf("not tried, the time was up: %w", context.DeadlineExceeded)
		}
		if err != nil {
			failed.servers = append(failed.servers, hostPort(server))
			failed.causes = append(failed.causes, err)
			continue
		}
		if len(servers) > 1 {
			// From now on any of them will do.
			if err := nc.SetServerPool(servers); err != nil {
				nc.Close()
				return err
			}
		}
		c.nc, c.server = nc, hostPort(server)
		return nil
	}
	return failed
}

// share divides the time that is left among the servers that are left.
func share(ctx context.Context, most time.Duration, servers int) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(most, time.Until(deadline)/time.Duration(servers))
	}
	return most
}

func (c *Conn) attempt(ctx context.Context, base gonats.Options, server string, limit time.Duration) (*gonats.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	d := &dialer{timeout: c.opts.ConnectTimeout, first: ctx}
	base.Servers = []string{server}
	base.CustomDialer = d
	c.connected.Store(true) // before it can be lost
	nc, err := base.Connect()
	if refused := d.connected(); err == nil {
		return nc, nil
	} else if refused != nil {
		err = refused // the library says no more than that there is no server
	}
	return nil, explain(ctx, err, limit)
}

// dialer makes the first connection under a context and later ones under a
// timeout. Name resolution, which may return several addresses, is under it too.
type dialer struct {
	timeout time.Duration

	mu    sync.Mutex
	first context.Context // nil once connected
	stop  func() bool
	err   error // of the last attempt
}

// Dial implements the library's CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first == nil {
		ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
		defer cancel()
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	conn, err := new(net.Dialer).DialContext(d.first, network, address)
	if d.err = err; err == nil {
		// Ends whatever the handshake waits for.
		d.stop = context.AfterFunc(d.first, func() { conn.Close() })
	}
	return conn, err
}

// connected ends the reign of the first context and returns why there was no
// connection to shake hands on, if so.
func (d *dialer) connected() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop != nil {
		d.stop()
	}
	d.first = nil
	return d.err
}

// explain says why an attempt failed, for somebody who will mend it.
func explain(ctx context.Context, err error, limit time.Duration) error {
	var op *net.OpError
	switch {
	case errors.Is(err, gonats.ErrAuthorization), errors.Is(err, gonats.ErrAuthExpired), errors.Is(err, gonats.ErrAuthRevoked):
		return fmt.Errorf("the broker denied the credentials: %w", err)
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, gonats.ErrTimeout):
		if !errors.As(err, &op) || op.Op != "dial" {
			return fmt.Errorf("connected, but no NATS broker answered within %v: %w", limit.Round(time.Millisecond), context.DeadlineExceeded)
		}
		return fmt.Errorf("no connection within %v: %w", limit.Round(time.Millisecond), context.DeadlineExceeded)
	case errors.Is(err, gonats.ErrSecureConnWanted):
		return fmt.Errorf("the broker does not speak TLS there: %w", err)
	case errors.Is(err, gonats.ErrNoInfoReceived):
		return fmt.Errorf("what listens there is no NATS broker: %w", err)
	case errors.Is(err, gonats.ErrTLS) && (errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)):
		return fmt.Errorf("the broker hung up after the TLS handshake; it may ask for another client certificate: %w", err)
	case errors.As(err, &op) && op.Op == "dial":
		return op.Err
	}
	return err
}

// serverURL completes one server of the configuration.
func serverURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		// The error would quote the URL and the password in it.
		return "", errors.New("a server is not a valid URL; expected nats://host:port")
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
	default:
		return "", fmt.Errorf("server %s: scheme %q is none of nats, tls, ws and wss", u.Redacted(), u.Scheme)
	}
	if u.Hostname() == "" {
		return "", fmt.Errorf("server %s names no host", u.Redacted())
	}
	if u.Port() == "" {
		port := map[string]string{"nats": "4222", "tls": "4222", "ws": "80", "wss": "443"}[u.Scheme]
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return u.String(), nil
}

// hostPort is the part of a server's URL that may be shown.
func hostPort(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Host
}
