package stomp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func to(destination string) stomp.Header {
	return stomp.Header{{Name: "destination", Value: destination}}
}

// bench is a broker without a network and what its clients say.
type bench struct {
	*testing.T
	b    *stomptest.Broker
	opts stomp.Options
	log  *lines
}

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newBench(t *testing.T, o stomptest.Options) *bench {
	b := stomptest.New(o)
	t.Cleanup(b.Stop)
	log := &lines{}
	return &bench{t, b, stomp.Options{
		Servers: []stomp.Server{{Host: "broker.test", Login: "mcollective", Passcode: "marionette"}},
		Dial:    b.Dial,
		Random:  func() float64 { return 1 },
		Logger:  slog.New(slog.NewTextHandler(log, nil)),
	}, log}
}

func (t *bench) dial() *stomp.Client {
	t.Helper()
	c, err := stomp.Dial(t.Context(), t.opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (t *bench) subscribe(c *stomp.Client, l stomp.Listen) <-chan string {
	t.Helper()
	in := make(chan string, 1000)
	if _, err := c.Subscribe(t.Context(), l, func(f *stomp.Frame) { in <- string(f.Body) }); err != nil {
		t.Fatal(err)
	}
	return in
}

func (t *bench) send(c *stomp.Client, destination, text string) {
	t.Helper()
	if err := c.Send(t.Context(), to(destination), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (t *bench) expect(in <-chan string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		select {
		case got := <-in:
			if got != text {
				t.Fatalf("received %q, want %q", got, text)
			}
		case <-time.After(time.Hour): // in virtual time
			t.Fatalf("%q did not come", text)
		}
	}
}

func (t *bench) sent(command string) (all []stomp.Frame) {
	for _, f := range t.b.Frames() {
		if f.Command == command {
			all = append(all, f)
		}
	}
	return all
}

func TestHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		s.opts.VHost = "mcollective"
		s.dial()
		s.opts.Heartbeat, s.opts.VHost, s.opts.Versions = -1, "", []stomp.Version{stomp.V10}
		s.opts.Servers[0].Login, s.opts.Servers[0].Passcode = "", ""
		s.dial()
		connects := s.sent(stomp.Connect)
		if got := fmt.Sprint(connects[0].Header); got != "[{accept-version 1.1,1.0} {host mcollective} {heart-beat 30000,30000} {login mcollective} {passcode marionette}]" {
			t.Errorf("by default: %s", got)
		}
		if got := fmt.Sprint(connects[1].Header); got != "[{accept-version 1.0} {host broker.test}]" {
			t.Errorf("with nothing: %s", got)
		}
	})
}

func TestPublishSubscribe(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newBench(t, stomptest.Options{Login: "mcollective", Passcode: "marionette"})
				s.opts.Versions = []stomp.Version{v}
				c := s.dial()
				topic := s.subscribe(c, stomp.Listen{Destination: "/topic/a"})
				mine := s.subscribe(c, stomp.Listen{Destination: "/queue/nodes", ID: "direct", Selector: "mc_identity = 'me'"})
				s.send(c, "/topic/a", "one\x00two")
				s.send(c, "/topic/b", "for nobody")
				if err := c.Send(t.Context(), to("/queue/nodes").Add("mc_identity", "me"), []byte("direct")); err != nil {
					t.Fatal(err)
				}
				s.expect(topic, "one\x00two")
				s.expect(mine, "direct")
				if st := c.State(); !st.Connected || st.Version != v || st.Server != "broker.test:61613" || st.LastError != nil {
					t.Errorf("state %+v", st)
				}
				if id := s.sent(stomp.Subscribe)[1].Header.Get("id"); (id == "direct") == (v == stomp.V10) {
					t.Errorf("%s subscribed with id %q", v, id)
				}
			})
		})
	}
}

func TestUnsubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		c := s.dial()
		sub, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/topic/a"}, func(*stomp.Frame) { t.Error("received after Close") })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/topic/a"}, nil); err == nil {
			t.Error("subscribed twice with one id")
		}
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		s.send(c, "/topic/a", "x")
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.expect(s.subscribe(c, stomp.Listen{Destination: "/topic/a"}))
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(s.sent(stomp.Unsubscribe)); n != 1 {
			t.Errorf("%d UNSUBSCRIBE frames", n)
		}
	})
}

func TestComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		var states []stomp.State
		s.opts.OnState = func(st stomp.State) { states = append(states, st) }
		c := s.dial()
		topic := s.subscribe(c, stomp.Listen{Destination: "/topic/a"})
		closed, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/topic/gone"}, func(*stomp.Frame) { t.Error("the closed subscription came back") })
		if err != nil {
			t.Fatal(err)
		}
		closed.Close()
		for round := range uint64(3) {
			time.Sleep(time.Minute)
			s.b.Stop()
			synctest.Wait()
			if st := c.State(); st.Connected || st.LastError == nil {
				t.Errorf("after the loss the state is %+v", st)
			}
			time.Sleep(8 * time.Second)
			s.b.Resume()
			var late sync.WaitGroup
			late.Go(func() { s.send(c, "/topic/a", "waits for the broker") })
			late.Go(func() { // a subscription made meanwhile
				sub, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/topic/late"}, func(*stomp.Frame) {})
				if err != nil {
					t.Error(err)
					return
				}
				sub.Close()
			})
			s.expect(topic, "waits for the broker")
			late.Wait()
			s.send(c, "/topic/gone", "x")
			if err := c.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			if st := c.State(); !st.Connected || st.Reconnects != round+1 {
				t.Errorf("state %+v", st)
			}
		}
		if n := strings.Count(s.log.String(), "\n"); n > 20 {
			t.Errorf("%d log lines:\n%s", n, s.log)
		}
		// What held is replaced at once, however long the outage before it was.
		time.Sleep(time.Minute)
		dropped := time.Now()
		s.b.Drop()
		synctest.Wait()
		if err := c.Flush(t.Context()); err != nil || time.Since(dropped) > 100*time.Millisecond {
			t.Errorf("back after %v, %v", time.Since(dropped), err)
		}
		c.Close()
		if last := states[len(states)-1]; last.Connected || !last.Closed || !states[0].Connected {
			t.Errorf("first state %+v, last %+v", states[0], last)
		}
	})
}

// TestBackoff looks at the moments of attempts while nothing listens.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		start := time.Now()
		var at []time.Duration
		var addrs []string
		s.opts.Servers = append(s.opts.Servers, stomp.Server{Host: "other.test", Port: 7})
		s.opts.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
			at, addrs = append(at, time.Since(start)), append(addrs, addr)
			return nil, errors.New("down")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		_, err := stomp.Dial(ctx, s.opts)
		var e *stomp.DialError
		if !errors.As(err, &e) || len(e.Attempts) != 2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
		if want := "no broker could be reached: broker.test:61613: down; other.test:7: down"; err.Error() != want {
			t.Errorf("the error says %q", err)
		}
		if len(at) != 34 || at[2] != 10*time.Millisecond || at[4] != 30*time.Millisecond || at[33]-at[31] != 30*time.Second {
			t.Errorf("attempts at %v", at)
		}
		if addrs[0] != "broker.test:61613" || addrs[1] != "other.test:7" || addrs[2] != addrs[0] {
			t.Errorf("attempts at %v", addrs)
		}
		if n := strings.Count(s.log.String(), "\n"); n > 8 {
			t.Errorf("%d log lines in three minutes:\n%s", n, s.log)
		}
	})
}

func TestMaxAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		s.opts.MaxAttempts = 4
		c := s.dial()
		time.Sleep(time.Minute)
		s.b.Stop()
		err := c.Send(t.Context(), to("/topic/a"), nil)
		for err == nil { // until the loss is noticed
			err = c.Send(t.Context(), to("/topic/a"), nil)
		}
		if !strings.Contains(err.Error(), "gave up") || !strings.Contains(err.Error(), "broker.test:61613") {
			t.Errorf("error %v", err)
		}
		if !c.State().Closed {
			t.Error("not closed")
		}
	})
}

func TestLoginRefused(t *testing.T) {
	for _, hangUp := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newBench(t, stomptest.Options{Login: "mcollective", Passcode: "other", HangUp: hangUp})
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := stomp.Dial(ctx, s.opts)
			var e *stomp.LoginError
			if !errors.As(err, &e) || e.Login != "mcollective" || time.Since(start) > time.Second {
				t.Errorf("error %v after %v", err, time.Since(start))
			}
			if !hangUp && (!strings.Contains(err.Error(), "Access refused for user") || s.b.Logins() != 1) {
				t.Errorf("the broker's words are missing: %v, or more than one login: %d", err, s.b.Logins())
			}
			// Who has time keeps trying, at a pace, and without filling the log.
			before, lines := s.b.Logins(), strings.Count(s.log.String(), "\n")
			patient, stop := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Minute, stop)
			if _, err := stomp.Dial(patient, s.opts); !errors.Is(err, context.Canceled) || !errors.As(err, &e) {
				t.Errorf("error %v", err)
			}
			if n := s.b.Logins() - before; n < 20 || n > 40 {
				t.Errorf("%d logins in ten minutes", n)
			}
			if n := strings.Count(s.log.String(), "\n") - lines; n > 11 {
				t.Errorf("%d log lines in ten minutes:\n%s", n, s.log)
			}
		})
	}
}

// TestComplaint has the broker refuse a message without closing.
func TestComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{Refuse: func(f *stomp.Frame) string {
			if f.Header.Get("destination") == "/topic/secret" {
				return "no\x1b[2J way"
			}
			return ""
		}})
		c := s.dial()
		for range 100 {
			s.send(c, "/topic/secret", "x")
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		st := c.State()
		if !st.Connected || st.LastError == nil || strings.ContainsRune(st.LastError.Error(), 0x1b) {
			t.Errorf("state %+v", st)
		}
		if n := strings.Count(s.log.String(), "complains"); n != 1 {
			t.Errorf("%d complaints in the log", n)
		}
	})
}

func TestFlushTellsOfLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flushing := make(chan struct{})
		s := newBench(t, stomptest.Options{Flavor: stomptest.RabbitMQ, Refuse: func(f *stomp.Frame) string {
			if f.Command == stomp.Send {
				<-flushing
				return "no exchange"
			}
			return ""
		}})
		c := s.dial()
		s.send(c, "/exchange/a/b", "x")
		done := make(chan error)
		go func() { done <- c.Flush(t.Context()) }()
		synctest.Wait()
		close(flushing)
		var e *stomp.ServerError
		if err := <-done; !errors.Is(err, stomp.ErrLost) || !errors.As(err, &e) {
			t.Errorf("Flush says %v", err)
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		node, c := s.dial(), s.dial()
		in := s.subscribe(node, stomp.Listen{Destination: "/topic/a"})
		for i := range 500 {
			s.send(c, "/topic/a", fmt.Sprint(i))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for i := range 500 {
			s.expect(in, fmt.Sprint(i))
		}
		if err := c.Send(t.Context(), to("/topic/a"), nil); !errors.Is(err, stomp.ErrClosed) {
			t.Errorf("Send says %v", err)
		}
		if _, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/topic/b"}, nil); !errors.Is(err, stomp.ErrClosed) {
			t.Errorf("Subscribe says %v", err)
		}
		if err := c.Flush(t.Context()); !errors.Is(err, stomp.ErrClosed) {
			t.Errorf("Flush says %v", err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("second Close says %v", err)
		}
	})
}

func TestOversizeIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		s.opts.Limits.Body = 1000
		c := s.dial()
		in := s.subscribe(c, stomp.Listen{Destination: "/topic/a"})
		s.send(c, "/topic/a", strings.Repeat("x", 1001))
		fields, long, lines := to("/topic/a"), to("/topic/a").Add("x", strings.Repeat("x", 100<<10)), to("/topic/a")
		for n := range 200 {
			fields = fields.Add(fmt.Sprint("x", n), "x")
			lines = lines.Add(fmt.Sprint("y", n%2), strings.Repeat("y", 1000))
		}
		for _, h := range []stomp.Header{fields, long, lines[:100]} {
			for _, body := range []string{"text", ""} {
				if err := c.Send(t.Context(), h, []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.send(c, "/topic/a", "small")
		s.expect(in, "small")
		if st := c.State(); st.Oversize != 7 || !st.Connected || st.Reconnects != 0 {
			t.Errorf("state %+v", st)
		}
	})
}

// stuck is a connection whose peer takes nothing from some moment on.
type stuck struct {
	net.Conn
	full <-chan struct{}
}

func (c stuck) Write(p []byte) (int, error) {
	select {
	case <-c.full:
		// A pipe that nobody reads from waits for its deadline.
		_, nobody := net.Pipe()
		defer nobody.Close()
		time.Sleep(10 * time.Second)
		return 3, &net.OpError{Op: "write", Err: deadline{}}
	default:
		return c.Conn.Write(p)
	}
}

type deadline struct{}

func (deadline) Error() string   { return "i/o timeout" }
func (deadline) Timeout() bool   { return true }
func (deadline) Is(e error) bool { return e.Error() == "i/o timeout" }

// TestUnsentIsCarriedOver loses a connection with messages in line, one of them
// written in part, and a subscription. The next connections do not take all of
// our subscriptions, so the messages wait for a better one.
func TestUnsentIsCarriedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals := 0
		s := newBench(t, stomptest.Options{Flavor: stomptest.RabbitMQ, Refuse: func(f *stomp.Frame) string {
			if f.Header.Get("destination") == "/queue/mine" && refusals > 0 {
				refusals--
				return "not now"
			}
			return ""
		}})
		node := s.dial()
		in := s.subscribe(node, stomp.Listen{Destination: "/exchange/a/b"})
		full := make(chan struct{})
		first := true
		s.opts.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.b.Dial(ctx, network, addr)
			if first {
				first = false
				conn = stuck{conn, full}
			}
			return conn, err
		}
		c := s.dial()
		s.subscribe(c, stomp.Listen{Destination: "/queue/mine"})
		s.send(c, "/exchange/a/b", "before")
		s.expect(in, "before")
		close(full)
		refusals = 2
		for i := range 10 {
			s.send(c, "/exchange/a/b", fmt.Sprint(i))
		}
		var late sync.WaitGroup
		late.Go(func() {
			if _, err := c.Subscribe(t.Context(), stomp.Listen{Destination: "/queue/late"}, func(*stomp.Frame) {}); err != nil {
				t.Error(err)
			}
		})
		for i := 10; i < 20; i++ {
			s.send(c, "/exchange/a/b", fmt.Sprint(i))
		}
		for i := range 20 {
			s.expect(in, fmt.Sprint(i))
		}
		late.Wait()
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if st := c.State(); st.Reconnects != 1 || refusals != 0 {
			t.Errorf("state %+v, %d refusals left", st, refusals)
		}
		if !strings.Contains(s.log.String(), "took nothing for 10s") {
			t.Errorf("the log says\n%s", s.log)
		}
		n := 0
		for _, f := range s.sent(stomp.Subscribe) {
			if f.Header.Get("destination") == "/queue/late" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the late subscription was sent %d times", n)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{Sends: 10 * time.Second, Wants: 40 * time.Second})
		var mu sync.Mutex
		var beats []time.Duration
		start := time.Now()
		s.opts.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.b.Dial(ctx, network, addr)
			return &wire{Conn: conn, wrote: func(p []byte) {
				if string(p) == "\n" {
					mu.Lock()
					beats = append(beats, time.Since(start))
					mu.Unlock()
				}
			}}, err
		}
		c := s.dial()
		in := s.subscribe(c, stomp.Listen{Destination: "/topic/a"})
		time.Sleep(100 * time.Second)
		mu.Lock()
		if fmt.Sprint(beats) != "[30s 1m0s 1m30s]" {
			t.Errorf("heart-beats at %v", beats)
		}
		mu.Unlock()
		if st := c.State(); !st.Connected || st.Reconnects != 0 {
			t.Errorf("state %+v", st)
		}
		s.send(c, "/topic/a", "x")
		s.expect(in, "x")
		c.Close()
	})
}

type wire struct {
	net.Conn
	wrote func([]byte)
}

func (w *wire) Write(p []byte) (int, error) {
	w.wrote(p)
	return w.Conn.Write(p)
}

// TestSilence has a broker that promised heart-beats and stops: a half-open
// connection.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{Sends: 10 * time.Second})
		silent := make(chan struct{})
		first := true
		s.opts.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.b.Dial(ctx, network, addr)
			if err != nil || !first {
				return conn, err
			}
			first = false
			ours, theirs := net.Pipe()
			go func() { // the first connection goes through a line that dies
				defer theirs.Close()
				buf := make([]byte, 1000)
				for {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					select {
					case <-silent:
						continue
					default:
					}
					if _, err := theirs.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
			go func() { io.Copy(conn, theirs); conn.Close() }()
			return ours, nil
		}
		c := s.dial()
		time.Sleep(5 * time.Minute)
		if st := c.State(); st.Reconnects != 0 {
			t.Fatalf("state %+v", st)
		}
		close(silent)
		time.Sleep(75 * time.Second) // 2.5 times the agreed 30 s
		if st := c.State(); st.Reconnects != 1 || !st.Connected || !strings.Contains(st.LastError.Error(), "nothing was heard") {
			t.Errorf("state %+v", st)
		}
		s.b.Drop()
	})
}

func TestContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t, stomptest.Options{})
		c := s.dial()
		dead, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Send(dead, to("/topic/a"), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("Send says %v", err)
		}
		if err := c.Flush(dead); !errors.Is(err, context.Canceled) {
			t.Errorf("Flush says %v", err)
		}
		if _, err := c.Subscribe(dead, stomp.Listen{Destination: "/topic/a"}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("Subscribe says %v", err)
		}
		s.b.Stop()
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := c.Subscribe(short, stomp.Listen{Destination: "/topic/a"}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "broker.test:61613") {
			t.Errorf("Subscribe without a broker says %v", err)
		}
		if _, err := stomp.Dial(dead, s.opts); !errors.Is(err, context.Canceled) {
			t.Errorf("Dial says %v", err)
		}
		if _, err := stomp.Dial(t.Context(), stomp.Options{}); err == nil {
			t.Error("dialled no servers")
		}
	})
}
