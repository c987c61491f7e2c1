package stomp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/internal/dial"
)

// A session is one connection to one broker, from CONNECTED until it breaks.
// The client's run goroutine reads from it, a goroutine of its own writes.
type session struct {
	c       *Client
	conn    net.Conn
	server  string
	place   int // of the server in the pool
	version Version
	codec   Version // how fields are escaped; differs from version for RabbitMQ
	r       *Reader
	idle    idleReader
	beat    time.Duration // write at least this often, 0 for no need
	born    time.Time

	prologue []byte // what restores the subscriptions
	left     int    // of these, those that the broker has not confirmed; guarded by the client's mutex
	open     bool   // it has confirmed all; guarded by the client's mutex

	wake    chan struct{} // has a token when there is something to write
	dead    chan struct{} // closed with the connection
	written chan struct{} // closed when the writer has ended
	once    sync.Once
	err     error        // why it died; to be read after dead is closed
	said    *ServerError // the last ERROR; run goroutine only
	saidAt  time.Time    // when that came
	refused bool         // a subscription; guarded by the client's mutex

	unwritten atomic.Pointer[error] // why nothing can be written
}

func newSession(c *Client, conn net.Conn, server string) *session {
	s := &session{
		c: c, conn: conn, server: server, born: time.Now(),
		wake: make(chan struct{}, 1), dead: make(chan struct{}), written: make(chan struct{}),
	}
	s.idle.conn = conn
	s.speak(V10)
	s.r = NewReader(&s.idle, s.codec, c.opts.Limits)
	return s
}

// speak settles the version.
func (s *session) speak(v Version) {
	s.version, s.codec = v, v
	if s.c.opts.EscapeAlways {
		s.codec = everywhere
	}
}

// idleReader gives each read as long as heart-beats may stay away.
type idleReader struct {
	conn  net.Conn
	limit time.Duration // 0 for as long as it takes
}

func (r *idleReader) Read(p []byte) (int, error) {
	if r.limit > 0 {
		if err := r.conn.SetReadDeadline(time.Now().Add(r.limit)); err != nil {
			return 0, err
		}
	}
	return r.conn.Read(p)
}

// fail ends the session; the first reason counts.
func (s *session) fail(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.dead)
		s.conn.Close()
	})
}

func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// read handles frames until the connection breaks.
func (s *session) read() {
	var f Frame
	for {
		if err := s.r.Read(&f); err != nil {
			if big := (*TooLargeError)(nil); errors.As(err, &big) {
				s.c.oversize(s, big)
				continue
			}
			s.fail(s.readError(err))
			return
		}
		switch f.Command {
		case Message:
			s.c.deliver(&f)
		case Receipt:
			s.c.receipt(s, f.Header.Get("receipt-id"))
		case Error:
			s.c.complaint(s, serverError(s.server, &f))
		}
	}
}

func (s *session) readError(err error) error {
	cause := s.unwritten.Load()
	switch {
	case s.spoke() && (hungUp(err) || cause != nil):
		return s.said
	case cause != nil:
		return *cause
	case hungUp(err):
		return errors.New("the broker closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("nothing was heard from the broker for %v: %w", s.idle.limit, os.ErrDeadlineExceeded)
	}
	return dial.Plain(err)
}

// spoke reports whether the broker's last ERROR can be why the connection ends.
func (s *session) spoke() bool { return s.said != nil && time.Since(s.saidAt) < answerAge }

// lastWords is how long a broker that takes nothing any more may take to say why.
const lastWords = time.Second

// stuck ends the session because nothing can be written, but lets read see what
// the broker sent before: often that is why.
func (s *session) stuck(err error) {
	s.unwritten.Store(&err)
	time.AfterFunc(lastWords, func() { s.conn.Close() })
}

// write writes what stands in line, and heart-beats when nothing does, until
// the connection breaks. What is read has no influence on when they are due.
func (s *session) write() {
	defer close(s.written)
	if _, err := s.put(s.prologue); err != nil {
		s.stuck(err)
		return
	}
	var due <-chan time.Time
	var timer *time.Timer
	if s.beat > 0 {
		timer = time.NewTimer(s.beat)
		defer timer.Stop()
		due = timer.C
	}
	for {
		if buf := s.c.take(s); buf != nil {
			n, err := s.put(buf)
			s.c.put(n)
			if err != nil {
				s.stuck(err)
				return
			}
			if timer != nil {
				timer.Reset(s.beat)
			}
			continue
		}
		select {
		case <-s.wake:
		case <-due:
			if _, err := s.put([]byte{'\n'}); err != nil {
				s.stuck(err)
				return
			}
			timer.Reset(s.beat)
		case <-s.dead:
			return
		}
	}
}

// put writes in pieces, each with a deadline, so that a large message on a slow
// line is told from a peer that takes nothing.
func (s *session) put(b []byte) (written int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), 64<<10)]
		if err := s.conn.SetWriteDeadline(time.Now().Add(s.c.opts.WriteTimeout)); err != nil {
			return written, dial.Plain(err)
		}
		n, err := s.conn.Write(piece)
		written += n
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = fmt.Errorf("the broker took nothing for %v: %w", s.c.opts.WriteTimeout, os.ErrDeadlineExceeded)
			} else if errors.Is(err, io.ErrClosedPipe) {
				err = errors.New("the broker closed the connection")
			}
			return written, dial.Plain(err)
		}
		b = b[n:]
	}
	return written, nil
}
