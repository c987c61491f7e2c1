package stomptest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mcollective/stomp"
)

// conn is one client's connection. It never blocks the broker: what it has to
// write waits in a buffer without a bound.
type conn struct {
	b       *Broker
	nc      net.Conn
	version stomp.Version
	subs    map[string]*subscription // by id, in 1.0 by destination
	temps   map[string]string        // RabbitMQ: temp-queue -> name of the queue behind it

	mu   sync.Mutex
	buf  []byte
	last bool // close when buf is written
	wake chan struct{}
	gone chan struct{} // closed by end
	done chan struct{} // closed when the broker has forgotten the connection
	once sync.Once
}

func newConn(b *Broker, nc net.Conn) *conn {
	return &conn{
		b: b, nc: nc, version: stomp.V10, subs: map[string]*subscription{}, temps: map[string]string{},
		wake: make(chan struct{}, 1), gone: make(chan struct{}), done: make(chan struct{}),
	}
}

// codec returns how fields are escaped: by RabbitMQ in every version as in 1.2.
func (c *conn) codec() stomp.Version {
	if c.b.opts.Flavor == RabbitMQ {
		return stomp.V12
	}
	return c.version
}

func (c *conn) end() {
	c.once.Do(func() {
		close(c.gone)
		c.nc.Close()
	})
}

// put lines up a frame to be written.
func (c *conn) put(f *stomp.Frame, last bool) {
	c.mu.Lock()
	buf, err := stomp.AppendFrame(c.buf, c.codec(), f)
	if err == nil {
		c.buf = append(buf, '\n') // as ActiveMQ does
	}
	c.last = c.last || last
	c.mu.Unlock()
	c.signal()
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) write() {
	defer c.end()
	var beat <-chan time.Time
	for {
		c.mu.Lock()
		buf, last := c.buf, c.last
		c.buf = nil
		if beat == nil && c.version > stomp.V10 && c.b.opts.Sends > 0 {
			t := time.NewTicker(c.b.opts.Sends)
			defer t.Stop()
			beat = t.C
		}
		c.mu.Unlock()
		if len(buf) > 0 {
			if _, err := c.nc.Write(buf); err != nil {
				return
			}
			continue
		}
		if last {
			return
		}
		select {
		case <-c.wake:
		case <-beat:
			if _, err := c.nc.Write([]byte("\n")); err != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

func (c *conn) read() {
	defer func() {
		c.end()
		c.b.forget(c)
		close(c.done)
	}()
	m := &meter{r: c.nc, most: c.b.opts.MaxFrame}
	r := stomp.NewReader(m, stomp.V10, stomp.Limits{Fields: 1000, Header: 10 << 20}) // as ActiveMQ
	for connected := false; ; {
		var f stomp.Frame
		m.n = r.Buffered()
		if err := r.Read(&f); err != nil {
			if errors.Is(err, errTooLarge) {
				c.cut()
			}
			return
		}
		c.b.mu.Lock()
		c.b.received = append(c.b.received, stomp.Frame{Command: f.Command, Header: slices.Clone(f.Header), Body: bytes.Clone(f.Body)})
		refuse := c.b.opts.Refuse
		c.b.mu.Unlock()
		switch {
		case !connected:
			if !c.login(&f) {
				return
			}
			connected = true
			r.SetVersion(c.codec())
		case refuse != nil && refuse(&f) != "":
			if c.refuse(&f, refuse(&f)) {
				return
			}
		case c.handle(&f):
			return
		}
	}
}

var errTooLarge = errors.New("the frame is too large")

// A meter ends a frame that has too many bytes before all of them are read.
type meter struct {
	r    io.Reader
	most int // 0 for no limit
	n    int // bytes of the frame being read
}

func (m *meter) Read(p []byte) (int, error) {
	if m.most > 0 && m.n > m.most {
		return 0, errTooLarge
	}
	n, err := m.r.Read(p)
	m.n += n
	return n, err
}

// cut ends the connection in the middle of a frame.
func (c *conn) cut() {
	c.b.mu.Lock()
	c.b.cuts++
	c.b.mu.Unlock()
	if c.b.opts.HangUp {
		return
	}
	c.put(&stomp.Frame{Command: stomp.Error, Header: stomp.Header{{Name: "message", Value: "The maximum data length was exceeded"}}}, true)
	<-c.gone
}

// login answers CONNECT.
func (c *conn) login(f *stomp.Frame) bool {
	o := c.b.opts
	c.b.mu.Lock()
	c.b.logins++
	c.b.serial++
	session := c.b.serial
	c.b.mu.Unlock()
	if (o.Login != "" || o.Passcode != "") && (f.Header.Get("login") != o.Login || f.Header.Get("passcode") != o.Passcode) {
		if !o.HangUp {
			c.put(&stomp.Frame{Command: stomp.Error, Header: stomp.Header{{Name: "message", Value: "Bad CONNECT"}},
				Body: []byte("Access refused for user '" + f.Header.Get("login") + "'\n")}, true)
			<-c.gone
		}
		return false
	}
	offered := strings.Split(f.Header.Get("accept-version"), ",")
	if f.Header.Get("accept-version") == "" {
		offered = []string{"1.0"}
	}
	i := slices.IndexFunc(o.Versions, func(v stomp.Version) bool { return slices.Contains(offered, v.String()) })
	if i < 0 {
		c.put(&stomp.Frame{Command: stomp.Error, Header: stomp.Header{{Name: "message", Value: "Supported versions are others"}}}, true)
		<-c.gone
		return false
	}
	c.put(&stomp.Frame{Command: stomp.Connected, Header: stomp.Header{
		{Name: "server", Value: "stomptest"},
		{Name: "heart-beat", Value: fmt.Sprintf("%d,%d", o.Sends.Milliseconds(), o.Wants.Milliseconds())},
		{Name: "session", Value: strconv.Itoa(session)},
		{Name: "version", Value: o.Versions[i].String()},
	}}, false)
	c.mu.Lock()
	c.version = o.Versions[i]
	c.mu.Unlock()
	c.signal()
	return true
}

// refuse answers a frame with an ERROR. It reports whether that ends the
// connection.
func (c *conn) refuse(f *stomp.Frame, why string) bool {
	h := stomp.Header{{Name: "message", Value: why}}
	if c.b.opts.Flavor == RabbitMQ {
		c.put(&stomp.Frame{Command: stomp.Error, Header: h}, true)
		<-c.gone
		return true
	}
	if receipt := f.Header.Get("receipt"); receipt != "" {
		h = h.Add("receipt-id", receipt)
	}
	c.put(&stomp.Frame{Command: stomp.Error, Header: h, Body: []byte("java.lang.SecurityException: " + why + "\n\tat org.example\n")}, false)
	return false
}

// handle serves a frame. It reports whether the connection ends with it.
func (c *conn) handle(f *stomp.Frame) bool {
	var err error
	switch f.Command {
	case stomp.Send:
		err = c.b.send(c, f)
	case stomp.Subscribe:
		err = c.b.subscribe(c, f)
	case stomp.Unsubscribe:
		c.b.unsubscribe(c, c.name(f))
	case stomp.Begin, stomp.Abort, stomp.Disconnect:
	default:
		err = fmt.Errorf("unexpected frame %s", f.Command)
	}
	if err != nil {
		return c.refuse(f, err.Error())
	}
	leaving := f.Command == stomp.Disconnect
	if receipt := f.Header.Get("receipt"); receipt != "" {
		c.put(&stomp.Frame{Command: stomp.Receipt, Header: stomp.Header{{Name: "receipt-id", Value: receipt}}}, leaving)
	} else if leaving {
		c.end()
	}
	if leaving {
		<-c.gone
	}
	return leaving
}

// name returns what a client calls its subscription.
func (c *conn) name(f *stomp.Frame) string {
	if id := f.Header.Get("id"); id != "" {
		return id
	}
	return f.Header.Get("destination")
}
