package stomp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mcollective/internal/dial"
)

// connect tries the servers until one takes us or ctx ends. It is called by one
// goroutine at a time.
func (c *Client) connect(ctx context.Context, pauseFirst bool) (*session, error) {
	causes := make([]error, len(c.opts.Servers))
	_, urgent := ctx.Deadline()
	closed := 0
	for round := 0; ; round++ {
		if round > 0 || pauseFirst {
			if err := c.pause(ctx); err != nil {
				return nil, c.dialError(causes, err)
			}
		}
		var denied, refused int
		for i, k := range c.pool() {
			s, err := c.attempt(ctx, c.opts.Servers[k], len(causes)-i)
			if err == nil {
				s.place = k
				return s, nil
			}
			// An attempt that the end of ctx cut short says less than one before it.
			if causes[k] == nil || !timedOut(err) {
				causes[k] = err
			}
			if ctx.Err() != nil {
				return nil, c.dialError(causes, ctx.Err())
			}
			c.failed(c.opts.Servers[k].Addr(), err)
			c.attempts++
			if c.opts.MaxAttempts > 0 && c.attempts >= c.opts.MaxAttempts {
				return nil, c.dialError(causes, nil)
			}
			if login := (*LoginError)(nil); errors.As(err, &login) {
				refused++
				if answer := (*ServerError)(nil); errors.As(err, &answer) {
					denied++
				}
			}
		}
		// Anyone who set a deadline is waiting for us: do not make them wait for a
		// password to become right. A broker that hangs up without a word may
		// be one that is about to start.
		if refused == len(causes) {
			closed++
		}
		if urgent && (denied == len(causes) || closed == 3) {
			return nil, c.dialError(causes, nil)
		}
	}
}

// pool returns the order of the servers for one round. It ends with the server whose
// connection broke last: one that accepts connections and does not keep them
// would otherwise be the only one that is ever tried.
func (c *Client) pool() []int {
	n := len(c.opts.Servers)
	order := make([]int, n)
	first := (c.last + 1) % n
	if c.opts.Randomize {
		if k := min(int(c.opts.Random()*float64(n)), n-1); k != c.last {
			first = k
		}
	}
	for i := range order {
		order[i] = (first + i) % n
	}
	return order
}

// pause waits a random part of the next delay.
func (c *Client) pause(ctx context.Context) error {
	c.delay = c.opts.Backoff.after(c.delay)
	t := time.NewTimer(time.Duration(c.opts.Random() * float64(c.delay)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) dialError(causes []error, end error) error {
	e := &DialError{Err: end}
	for i, s := range c.opts.Servers {
		cause := causes[i]
		if cause == nil {
			cause = errors.New("not tried, the time was up")
		}
		e.Attempts = append(e.Attempts, Attempt{s.Addr(), cause})
	}
	return e
}

// attempt opens a connection to one server and logs in. Of the time that ctx
// leaves, the servers after it in this round get their share.
func (c *Client) attempt(ctx context.Context, srv Server, left int) (*session, error) {
	limit := c.opts.ConnectTimeout
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)/time.Duration(left))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s, err := c.open(ctx, srv)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		late := fmt.Errorf("no answer within %v: %w", limit.Round(time.Millisecond), context.DeadlineExceeded)
		if several := (*dial.Error)(nil); errors.As(err, &several) {
			late = fmt.Errorf("%w (%w)", late, several)
		}
		err = late
	}
	return s, err
}

// open connects to the addresses of a server until one of them lets us in.
func (c *Client) open(ctx context.Context, srv Server) (*session, error) {
	var s *session
	d := dial.Dialer{Lookup: c.opts.Lookup, Connect: c.opts.Dial}
	err := d.Dial(ctx, "tcp", srv.Addr(), func(ctx context.Context, conn net.Conn) (err error) {
		s, err = c.login(ctx, conn, srv)
		if errors.As(err, new(*LoginError)) {
			return dial.Final(err) // the other addresses are the same broker's
		}
		return err
	})
	if err != nil {
		return nil, dial.Plain(err)
	}
	return s, nil
}

func (c *Client) login(ctx context.Context, conn net.Conn, srv Server) (*session, error) {
	if srv.TLS != nil {
		cfg, err := clientTLS(srv)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", dial.Plain(err))
		}
		conn = secure
	}
	s := newSession(c, conn, srv.Addr())
	if err := NewWriter(conn, s.codec).WriteFrame(c.hello(srv)); err != nil {
		return nil, dial.Plain(err)
	}
	var f Frame
	if err := s.r.Read(&f); err != nil {
		if hungUp(err) {
			return nil, &LoginError{s.server, srv.Login, errors.New("the broker closed the connection instead of answering")}
		}
		if bad := (*SyntaxError)(nil); errors.As(err, &bad) {
			return nil, fmt.Errorf("what answers does not speak STOMP, perhaps it wants TLS: %w", err)
		}
		return nil, dial.Plain(err)
	}
	switch f.Command {
	case Connected:
	case Error:
		return nil, &LoginError{s.server, srv.Login, serverError(s.server, &f)}
	default:
		return nil, fmt.Errorf("broker answered CONNECT with %.20q", f.Command)
	}
	v, err := ParseVersion(f.Header.Get("version"))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.opts.Versions, v) {
		return nil, fmt.Errorf("broker speaks STOMP %s, wanted is %s", v, acceptVersion(c.opts.Versions))
	}
	s.speak(v)
	s.r.SetVersion(s.codec)
	if v != V10 {
		s.agree(f.Header.Get("heart-beat"))
	}
	return s, nil
}

// hello returns the CONNECT frame for a server.
func (c *Client) hello(srv Server) *Frame {
	host := c.opts.VHost
	if host == "" {
		host = srv.Host
	}
	h := Header{{"accept-version", acceptVersion(c.opts.Versions)}, {"host", host}}
	if ours := c.opts.Heartbeat.Milliseconds(); ours > 0 && !slices.Equal(c.opts.Versions, []Version{V10}) {
		ms := strconv.FormatInt(ours, 10)
		h = h.Add("heart-beat", ms+","+ms)
	}
	if srv.Login != "" || srv.Passcode != "" {
		h = h.Add("login", srv.Login).Add("passcode", srv.Passcode)
	}
	return &Frame{Command: Connect, Header: h}
}

// agree settles the heart-beats from our offer and the broker's header, its own
// interval and the one it wants to see, in milliseconds.
func (s *session) agree(header string) {
	ours := s.c.opts.Heartbeat
	sends, wants, ok := strings.Cut(header, ",")
	if ours <= 0 || !ok {
		return
	}
	ms := func(text string) time.Duration {
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
		if err != nil {
			return 0
		}
		return time.Duration(n) * time.Millisecond
	}
	if theirs := ms(wants); theirs > 0 {
		// Early, so that what we guarantee holds when this machine is busy.
		s.beat = max(ours, theirs) * 3 / 4
	}
	if theirs := ms(sends); theirs > 0 {
		s.idle.limit = max(ours, theirs) * time.Duration(s.c.opts.MaxMissed)
	}
}

// clientTLS fills in what a configuration leaves open.
func clientTLS(srv Server) (*tls.Config, error) {
	cfg, err := srv.TLS()
	if err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = srv.Host
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg, nil
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded)
}
