package nats

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
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

	"mcollective/internal/dial"
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
	d := &dialer{conn: c, first: ctx, limit: limit}
	base.Servers = []string{server}
	base.CustomDialer = d
	c.connected.Store(true) // before it can be lost
	nc, err := base.Connect()
	if cause := d.connected(); err == nil {
		return nc, nil
	} else if cause != nil {
		return nil, cause // the library says no more than that there is no server
	}
	return nil, explain(ctx, err, limit)
}

// dialer makes the connections of one library connection, the first under a
// context and later ones under a timeout. It does all that comes before the login:
// it resolves the name, hears what the broker says of itself, and shakes hands over
// TLS, so that each failure has its reason and the guard reads plain text.
type dialer struct {
	conn *Conn

	mu     sync.Mutex
	first  context.Context // nil once connected
	limit  time.Duration   // of first
	stop   func() bool
	err    error    // why first has no connection to log in on
	latest net.Conn // the library forgets to close those that it could not log in on
}

// SkipTLSHandshake has the library leave TLS to us.
func (d *dialer) SkipTLSHandshake() bool { return true }

// Dial implements the library's CustomDialer.
func (d *dialer) Dial(_, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.latest != nil {
		d.latest.Close()
	}
	ctx, limit, told := d.first, d.limit, events(firstContact{d.conn})
	if ctx == nil {
		limit = d.conn.opts.ConnectTimeout
		timed, cancel := context.WithTimeout(d.conn.life, limit)
		defer cancel()
		ctx, told = timed, &contact{d.conn, address}
	}
	g, err := d.conn.open(ctx, address, limit, told)
	if d.first == nil {
		if err != nil {
			d.conn.attemptFailed(address, err)
			return nil, err
		}
	} else if d.err = err; err != nil {
		return nil, err
	} else {
		// Ends whatever the login waits for.
		d.stop = context.AfterFunc(ctx, func() { g.Conn.Close() })
	}
	d.latest = g.Conn
	d.conn.generation.Add(1)
	return g, nil
}

// connected ends the reign of the first context and returns why there was no
// connection to log in on, if so.
func (d *dialer) connected() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop != nil {
		d.stop()
	}
	d.first = nil
	return d.err
}

// open connects to the addresses of a host until one leads to a broker to log in
// to, and explains why none does.
func (c *Conn) open(ctx context.Context, address string, limit time.Duration, told events) (*guard, error) {
	var g *guard
	reached := false
	err := c.dial.Dial(ctx, "tcp", address, func(ctx context.Context, conn net.Conn) (err error) {
		reached = true
		limit := share(ctx, limit, 1)
		if g, err = c.greet(ctx, conn, address, told); err != nil {
			err = explain(ctx, err, limit)
		}
		return err
	})
	if err == nil {
		return g, nil
	}
	several := errors.As(err, new(*dial.Error))
	switch {
	case several && errors.Is(ctx.Err(), context.Canceled):
		return nil, context.Cause(ctx)
	case several && ctx.Err() != nil:
		return nil, fmt.Errorf("no broker within %v: %w", limit.Round(time.Millisecond), err)
	case several, reached:
		return nil, err
	}
	return nil, explain(ctx, &phase{"connect", err}, limit)
}

// greet hears what the broker says of itself and begins TLS, if either side wants
// it.
func (c *Conn) greet(ctx context.Context, conn net.Conn, address string, told events) (*guard, error) {
	if c.opts.TLS.First {
		secure, err := c.handshake(ctx, conn, address)
		if err != nil {
			return nil, err
		}
		read, _, _, err := c.hear(secure)
		if err != nil {
			return nil, err
		}
		return newGuard(secure, read, told), nil
	}
	read, line, info, err := c.hear(conn)
	if err != nil {
		return nil, err
	}
	if !c.secure && !info.Required {
		return newGuard(conn, read, told), nil
	}
	if !info.Required && !info.Available {
		return nil, errors.New("the broker does not speak TLS there")
	}
	if extra := read[len(line)+len("INFO \r\n"):]; len(extra) > 0 {
		if said := refusal(extra); said != nil {
			return nil, said
		}
		return nil, fmt.Errorf("the broker sent %d bytes too many before TLS; somebody may have put them in", len(extra))
	}
	secure, err := c.handshake(ctx, conn, address)
	if err != nil {
		return nil, err
	}
	return newGuard(secure, read, told), nil
}

// handshake begins TLS.
func (c *Conn) handshake(ctx context.Context, conn net.Conn, address string) (*tls.Conn, error) {
	cfg, err := c.opts.TLS.config(address)
	if err != nil {
		return nil, err
	}
	opened := &opening{Conn: conn}
	secure := tls.Client(opened, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		if said := refusal(opened.head); said != nil {
			return nil, said
		}
		if c.opts.TLS.First && bytes.HasPrefix(opened.head, []byte("INFO ")) {
			err = errors.New("the broker speaks before TLS; it has to be one that begins with TLS (handshake_first of a nats-server)")
		}
		return nil, &phase{"TLS", c.opts.TLS.blame(err)}
	}
	opened.over = true
	return secure, nil
}

// A greeting is what matters here of what a broker says of itself.
type greeting struct {
	Required  bool   `json:"tls_required"`
	Available bool   `json:"tls_available"`
	Nonce     string `json:"nonce"`
}

// hear reads what the broker says of itself: all that it has sent, and the line with that.
func (c *Conn) hear(conn net.Conn) (read, line []byte, info greeting, err error) {
	if read, line, err = readInfo(conn); err != nil {
		return nil, nil, info, &phase{"greeting", err}
	}
	if err := json.Unmarshal(line, &info); err != nil {
		return nil, nil, info, &phase{"greeting", fmt.Errorf("what listens there is no NATS broker: %w", err)}
	}
	switch {
	case info.Nonce == "" && c.opts.NkeySeed != "":
		return nil, nil, info, errors.New("the broker does not take nkeys")
	case info.Nonce == "" && c.opts.JWT != nil:
		return nil, nil, info, errors.New("the broker does not take credentials; it is not one of a collective that was joined")
	case info.Nonce != "" && !isNonce(info.Nonce):
		return nil, nil, info, errors.New("the broker asks to sign something that is no login; somebody may want it for a message")
	}
	return read, line, info, nil
}

// isNonce reports whether a text can be signed to log in, because it can be nothing else. What is to be signed is
// the broker's choice, and a whole message would be signed as well.
func isNonce(text string) bool {
	return len(text) >= 8 && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// An opening keeps the first bytes of a connection: a broker that takes no more of them
// says so in plain text where TLS would begin.
type opening struct {
	net.Conn
	head []byte
	over bool
}

// Read implements net.Conn.
func (o *opening) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	if room := maxRefusal - len(o.head); !o.over && room > 0 {
		o.head = append(o.head, p[:min(n, room)]...)
	}
	return n, err
}

// maxRefusal is the longest error before TLS that is looked at.
const maxRefusal = 128

// refusal returns the error that a broker sent, or nil if it is something else.
func refusal(text []byte) error {
	if rest, ok := bytes.CutPrefix(text, []byte("-ERR ")); ok {
		line, _, _ := bytes.Cut(rest[:min(len(rest), maxRefusal)], []byte("\r\n"))
		return &denial{string(bytes.Trim(line, "' "))}
	}
	return nil
}

// readInfo reads until the line is complete that says what the broker is, and
// returns all that was read and what that line says.
func readInfo(conn net.Conn) (read, line []byte, err error) {
	const word = "INFO "
	read = make([]byte, 0, maxLine)
	for {
		n, err := conn.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		if begin := read[:min(len(read), len(word))]; string(begin) != word[:len(begin)] {
			return nil, nil, fmt.Errorf("what listens there is no NATS broker: it says %.40q", read)
		}
		if line, _, ok := bytes.Cut(read, []byte("\r\n")); ok {
			return read, line[len(word):], nil
		}
		if len(read) == cap(read) {
			return nil, nil, fmt.Errorf("the broker says more than %d bytes of itself", maxLine)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// phase is an error and what was being done: connect, greeting, TLS or login.
type phase struct {
	name string
	err  error
}

func (p *phase) Error() string { return p.err.Error() }
func (p *phase) Unwrap() error { return p.err }

// explain says why an attempt failed, for somebody who will mend it.
func explain(ctx context.Context, err error, limit time.Duration) error {
	during := "login"
	if p := (*phase)(nil); errors.As(err, &p) {
		during = p.name
	}
	said := (*denial)(nil)
	switch {
	case isOverload(err):
		return &overload{err}
	case errors.Is(err, gonats.ErrAuthorization), errors.Is(err, gonats.ErrAuthExpired), errors.Is(err, gonats.ErrAuthRevoked),
		errors.As(err, &said) && strings.Contains(strings.ToLower(said.words), "auth"):
		return fmt.Errorf("the broker denied the credentials: %w", err)
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, gonats.ErrTimeout):
		within := limit.Round(time.Millisecond)
		switch during {
		case "connect":
			return fmt.Errorf("no connection within %v: %w", within, context.DeadlineExceeded)
		case "TLS":
			return fmt.Errorf("TLS: the handshake was not finished within %v: %w", within, context.DeadlineExceeded)
		}
		return fmt.Errorf("connected, but no NATS broker answered within %v: %w", within, context.DeadlineExceeded)
	case during == "TLS":
		return fmt.Errorf("TLS: %w", plain(err))
	case during == "greeting" && hungUp(err):
		return fmt.Errorf("what listens there hung up; it is no NATS broker, or wants TLS first: %w", plain(err))
	case during == "login" && hungUp(err):
		return fmt.Errorf("the broker hung up when we logged in; over TLS it may ask for another client certificate: %w", plain(err))
	}
	return plain(err)
}

// An overload is why a broker that is there takes no connection. It has nothing to do
// with who asks, and passes.
type overload struct{ err error }

func (o *overload) Error() string {
	return "the broker has no room for another connection now: " + o.err.Error()
}
func (o *overload) Unwrap() error { return o.err }

// isOverload reports whether a broker says that it has too many connections: at all,
// of an account, or at a time.
func isOverload(err error) bool {
	words := err.Error()
	if said := (*denial)(nil); errors.As(err, &said) {
		words = said.words
	}
	words = strings.ToLower(words)
	for _, s := range []string{gonats.MAX_CONNECTIONS_ERR, gonats.MAX_ACCOUNT_CONNECTIONS_ERR, "connection throttling is active"} {
		if strings.Contains(words, s) {
			return true
		}
	}
	return false
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// plain is err without its phase and without the addresses in it, which the caller
// names.
func plain(err error) error {
	if p, ok := err.(*phase); ok { //lint:allow errcompare takes off the outer layer
		err = p.err
	}
	return dial.Plain(err)
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
	case "nats", "tls":
	case "ws", "wss":
		return "", fmt.Errorf("server %s: NATS over WebSocket is not supported; name the broker's port for clients as nats:// or tls://", u.Redacted())
	default:
		return "", fmt.Errorf("server %s: scheme %q is neither nats nor tls", u.Redacted(), u.Scheme)
	}
	if u.Hostname() == "" {
		return "", fmt.Errorf("server %s names no host", u.Redacted())
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "4222")
	}
	return u.String(), nil
}

// hostPort returns the part of a server's URL that may be shown.
func hostPort(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Host
}
