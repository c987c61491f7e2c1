package nats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/broker"
	"mcollective/connector"
	"mcollective/connector/connectortest"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// restartable is a broker that comes back at its address.
type restartable struct {
	opts   broker.Options
	config string // of nats-server; instead of opts, but for Listen
	b      *broker.Broker
}

func (r *restartable) Start(t *testing.T) {
	t.Helper()
	if r.config != "" {
		listen := r.opts.Listen
		if listen == "127.0.0.1:0" {
			listen = "127.0.0.1:-1" // in a file 0 is the default port
		}
		file := filepath.Join(dirtest.New(t), "broker.conf")
		if err := os.WriteFile(file, fmt.Appendf(nil, "listen: %q\n%s", listen, r.config), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := broker.New(broker.Options{Config: file})
		if err == nil {
			err = b.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		r.b, r.opts.Listen = b, b.Addr()
		return
	}
	b, err := broker.New(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	r.b, r.opts.Listen = b, b.Addr()
}

func (r *restartable) Stop(*testing.T) { r.b.Stop() }

func startBroker(t *testing.T, o broker.Options) *restartable {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	r := &restartable{opts: o}
	r.Start(t)
	t.Cleanup(func() { r.b.Stop() })
	return r
}

// configured starts a broker with the text of a configuration file.
func configured(t *testing.T, config string) *restartable {
	t.Helper()
	r := &restartable{opts: broker.Options{Listen: "127.0.0.1:0"}, config: config}
	r.Start(t)
	t.Cleanup(func() { r.b.Stop() })
	return r
}

// quick has no patience, for tests in which brokers come and go.
func quick(o Options) Options {
	o.ReconnectMin, o.ReconnectMax = 5*time.Millisecond, 20*time.Millisecond
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 10 * time.Second // a busy machine is no fault of ours
	}
	return o
}

func connect(t *testing.T, o Options) *Conn {
	t.Helper()
	c, err := Connect(bounded(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// bounded is a context for calls that must return.
func bounded(t *testing.T) context.Context {
	return waittest.Within(t, waittest.Patience)
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		r := configured(t, `
			max_payload: 8MB
			authorization { users = [ { user: mco, password: right, permissions { publish: ">", subscribe { allow: ">", deny: "forbidden.>" } } } ] }`)
		options := Options{Servers: []string{r.opts.Listen}, User: "mco", Password: "right"}
		return connectortest.Harness{
			Connect: func(ctx context.Context, identity string) (connector.Connector, error) {
				o := quick(options)
				o.Identity = identity
				return result(Connect(ctx, o))
			},
			Dial: func(ctx context.Context, servers []string) (connector.Connector, error) {
				return result(Connect(ctx, Options{Servers: servers, Identity: "client"}))
			},
			Denied: func(ctx context.Context) (connector.Connector, error) {
				o := options
				o.Password, o.Identity = "wrong", "client"
				return result(Connect(ctx, o))
			},
			Stop: r.Stop, Start: r.Start,
			MaxPayload: 8 << 20,
			Refused:    connector.Target{Kind: connector.Broadcast, Collective: "forbidden", Agent: "package"},
		}
	})
}

func result(c *Conn, err error) (connector.Connector, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func TestLargestMessageToTheByte(t *testing.T) {
	r := startBroker(t, broker.Options{MaxPayload: 4096})
	c := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "node"})
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
	got := make(chan int, 3)
	if _, err := c.Subscribe(t.Context(), to, func(d connector.Delivery) { got <- len(d.Data) }); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{4095, 4096} {
		if err := c.Publish(bounded(t), to, connector.Message{Data: make([]byte, size)}); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if n := waittest.Receive(t, "message", got); n != size {
			t.Errorf("%d bytes arrived as %d", size, n)
		}
	}
	err := c.Publish(bounded(t), to, connector.Message{Data: make([]byte, 4097)})
	if !errors.Is(err, connector.ErrTooLarge) || !strings.Contains(err.Error(), "4097") || !strings.Contains(err.Error(), "4096") {
		t.Errorf("4097 bytes: %v", err)
	}
}

func TestReplyAddresses(t *testing.T) {
	any := &Conn{}
	some := &Conn{opts: Options{Collectives: []string{"mcollective", "france"}}}
	lax := &Conn{opts: Options{AllowAnyReply: true}}
	for _, test := range []struct {
		address        string
		any, some, lax bool
	}{
		{"mcollective.reply.client.example.net.ABC", true, true, true},
		{"france.reply.client.X", true, true, true},
		{"germany.reply.client.X", true, false, true},
		{"_INBOX.abc.def", true, true, true},
		{"mcollective.node.other.example.net", false, false, true},
		{"mcollective.broadcast.agent.rpcutil", false, false, true},
		{"$SYS.REQ.SERVER.PING", false, false, true},
		{"$JS.API.STREAM.DELETE.x", false, false, true},
		{"mcollective.reply.>", false, false, false},
		{"mcollective.reply.*.X", false, false, false},
		{"mcollective.reply.", false, false, false},
		{"mcollective.reply..X", false, false, false},
		{"mcollective.reply.a b", false, false, false},
		{"mcollective.reply.a\r\nPUB x 0\r\n", false, false, false},
		{"reply", false, false, true},
		{"", false, false, false},
		{"_INBOX." + strings.Repeat("x", 2000), false, false, false},
	} {
		t.Run(subtest.Name(test.address), func(t *testing.T) {
			for i, want := range []bool{test.any, test.some, test.lax} {
				c := []*Conn{any, some, lax}[i]
				if err := c.CheckReply(test.address); (err == nil) != want {
					t.Errorf("%.40q, case %d: %v", test.address, i, err)
				}
			}
		})
	}
}

func TestOptionErrors(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "file") // there is nothing below a file
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		o    Options
		want string
	}{
		{"no identity", Options{}, "the identity is empty"},
		{"wildcard identity", Options{Identity: "a.*"}, `identity "a.*" cannot be part of a subject`},
		{"collective with a dot", Options{Identity: "a", Collectives: []string{"a.b"}}, `collective "a.b"`},
		{"scheme", Options{Identity: "a", Servers: []string{"http://x"}}, `"http" is neither nats nor tls`},
		{"WebSocket", Options{Identity: "a", Servers: []string{"wss://u:secret@broker"}}, "NATS over WebSocket is not supported"},
		{"no host", Options{Identity: "a", Servers: []string{"nats://:4222"}}, "names no host"},
		{"bad URL keeps the password", Options{Identity: "a", Servers: []string{"nats://u:secret@x y:1"}}, "not a valid URL"},
		{"two ways", Options{Identity: "a", User: "u", Token: "t"}, "choose one"},
		{"no credentials file", Options{Identity: "a", Credentials: file + "/x.creds"}, file + "/x.creds"},
		{"no seed file", Options{Identity: "a", NkeySeed: file + "/seed"}, file + "/seed"},
		{"no authorities", Options{Identity: "a", TLS: TLS{CA: file + "/ca.pem"}}, file + "/ca.pem"},
		{"certificate without key", Options{Identity: "a", TLS: TLS{Cert: "c"}}, "both a certificate and its key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Connect(bounded(t), test.o)
			if err == nil {
				c.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

func TestServerSpellings(t *testing.T) {
	for in, want := range map[string]string{
		"broker":                 "nats://broker:4222",
		" broker:99 ":            "nats://broker:99",
		"[::1]":                  "nats://[::1]:4222",
		"tls://broker":           "tls://broker:4222",
		"nats://user:pw@broker":  "nats://user:pw@broker:4222",
		"nats://192.0.2.1:14222": "nats://192.0.2.1:14222",
	} {
		t.Run(subtest.Name(in), func(t *testing.T) {
			if got, err := serverURL(in); err != nil || got != want {
				t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
			}
		})
	}
}

func TestBackoffGrowsAndSpreads(t *testing.T) {
	c := &Conn{opts: Options{ReconnectMin: 500 * time.Millisecond, ReconnectMax: 20 * time.Second}}
	for round, high := range map[int]time.Duration{1: 2 * time.Second, 2: 8 * time.Second, 3: 20 * time.Second, 1 << 20: 20 * time.Second} {
		t.Run(subtest.Name(round), func(t *testing.T) {
			var sum time.Duration
			for range 1000 {
				d := c.backoff(round)
				if d < 500*time.Millisecond || d > high {
					t.Fatalf("round %d: %v", round, d)
				}
				sum += d
			}
			if mean, middle := sum/1000, (500*time.Millisecond+high)/2; mean < middle*8/10 || mean > middle*12/10 {
				t.Errorf("round %d: mean %v, want about %v", round, mean, middle)
			}
		})
	}
}

func TestWithoutDeadlineConnectWaitsForABroker(t *testing.T) {
	r := startBroker(t, broker.Options{})
	r.Stop(t)
	var log syncBuffer
	o := quick(Options{Servers: []string{r.opts.Listen}, Identity: "node", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	done := make(chan error, 1)
	go func() {
		c, err := Connect(t.Context(), o) // without a deadline
		if err == nil {
			c.Close()
		}
		done <- err
	}()
	waittest.Until(t, "refusal logged", func() bool { return strings.Contains(log.String(), "refused") })
	r.Start(t)
	if err := waittest.Receive(t, "connection", done); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, r.opts.Listen) {
		t.Errorf("the log does not name the broker: %s", text)
	}
}

func TestSilentPeerIsToldFromAbsentOnes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // connections are accepted by the kernel, and that is all
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	started := time.Now()
	_, err = Connect(ctx, Options{Servers: []string{l.Addr().String(), "127.0.0.1:1"}, Identity: "client", Ordered: true})
	if err == nil {
		t.Fatal("connected")
	}
	for _, want := range []string{l.Addr().String() + ": connected, but no NATS broker answered", "127.0.0.1:1: connection refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// cuttable forwards to a broker until it is told to keep all bytes to itself,
// as a network does in which the peer vanished.
func cuttable(t *testing.T, target string) (address string, cut *atomic.Bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut = new(atomic.Bool)
	var group sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	pump := func(to, from net.Conn) {
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			if err != nil {
				if !cut.Load() {
					to.Close()
				}
				return
			}
			if !cut.Load() {
				to.Write(buf[:n])
			}
		}
	}
	group.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			group.Go(func() { pump(in, out) })
			group.Go(func() { pump(out, in) })
		}
	})
	return l.Addr().String(), cut
}

func TestHalfOpenConnectionIsNoticed(t *testing.T) {
	r := startBroker(t, broker.Options{})
	address, cut := cuttable(t, r.opts.Listen)
	o := quick(Options{Servers: []string{address}, Identity: "node", ConnectTimeout: 200 * time.Millisecond})
	o.PingInterval = 20 * time.Millisecond
	c := connect(t, o)
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
	got := make(chan string, 1)
	if _, err := c.Subscribe(t.Context(), to, func(d connector.Delivery) { got <- string(d.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	cut.Store(true)
	waittest.Until(t, "loss noticed", func() bool { return !c.Status().Connected })
	cut.Store(false)
	waittest.Until(t, "connected again", func() bool { return c.Status().Reconnects > 0 })
	if err := c.Publish(bounded(t), to, connector.Message{Data: []byte("back")}); err != nil {
		t.Fatal(err)
	}
	if text := waittest.Receive(t, "message after the reconnect", got); text != "back" {
		t.Errorf("got %q", text)
	}
}

func TestDefaultPingsNoticeWithinTheLimit(t *testing.T) {
	var o Options
	o.Identity = "node"
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	if worst := 3 * o.PingInterval; worst > 25*time.Second {
		t.Errorf("a peer that vanishes is noticed after %v", worst)
	}
}

func TestDropsAreCountedAndLoggedOnce(t *testing.T) {
	r := startBroker(t, broker.Options{})
	var log syncBuffer
	c := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "node", PendingMessages: 10,
		Logger: slog.New(slog.NewTextHandler(&log, nil))})
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node"}
	hold, entered := make(chan struct{}), make(chan struct{}, 1000)
	sub, err := c.Subscribe(t.Context(), to, func(connector.Delivery) { entered <- struct{}{}; <-hold })
	if err != nil {
		t.Fatal(err)
	}
	const sent = 500
	ctx := bounded(t)
	for range sent {
		if err := c.Publish(ctx, to, connector.Message{Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	waittest.Receive(t, "call of receive", entered)
	st := c.Status()
	if st.Dropped < sent-11 || st.Dropped > sent-10 {
		t.Errorf("%d dropped of %d with room for 10", st.Dropped, sent)
	}
	close(hold)
	waittest.Until(t, "drops logged", func() bool { return c.nc.Stats().InMsgs >= sent && strings.Contains(log.String(), "dropped") })
	if n := strings.Count(log.String(), "messages were dropped"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if now := c.Status().Dropped; now != st.Dropped {
		t.Errorf("%d dropped once the subscription is closed, %d before", now, st.Dropped)
	}
}

func TestFiftyThousandRepliesWhileTheClientSleeps(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 25 MB")
	}
	r := startBroker(t, broker.Options{})
	client := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "client"})
	node := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "node"})
	const n = 50_000
	hold, all := make(chan struct{}), make(chan struct{})
	count := 0
	sub, err := client.Subscribe(t.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		func(connector.Delivery) {
			<-hold
			if count++; count == n {
				close(all)
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("x"), 500)
	ctx := bounded(t)
	for range n {
		if err := node.Publish(ctx, connector.Target{Kind: connector.Reply, Address: sub.Address()}, connector.Message{Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	close(hold)
	waittest.Receive(t, "50,000th reply", all)
	if d := client.Status().Dropped; d != 0 {
		t.Errorf("%d were dropped", d)
	}
}

func TestSlowReaderKeepsItsConnection(t *testing.T) {
	r := startBroker(t, broker.Options{})
	// A client that was stopped: nothing is read from its socket.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var reading sync.RWMutex
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		in, err := l.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := net.Dial("tcp", r.opts.Listen)
		if err != nil {
			t.Error(err)
			return
		}
		defer out.Close()
		group.Go(func() { io.Copy(out, in); out.Close() })
		for buf := make([]byte, 64<<10); ; {
			n, err := out.Read(buf)
			if err != nil {
				return
			}
			reading.RLock()
			in.Write(buf[:n])
			reading.RUnlock()
		}
	})
	client := connect(t, Options{Servers: []string{l.Addr().String()}, Identity: "client"})
	node := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "node"})
	const replies = 300
	all := make(chan struct{})
	count := 0
	sub, err := client.Subscribe(t.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "inventory"},
		func(connector.Delivery) {
			if count++; count == replies {
				close(all)
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	reading.Lock()
	to := connector.Target{Kind: connector.Reply, Address: sub.Address()}
	ctx := bounded(t)
	for range replies {
		if err := node.Publish(ctx, to, connector.Message{Data: make([]byte, 100<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Flush(bounded(t)); err != nil {
		t.Fatal(err)
	}
	reading.Unlock()
	waittest.Receive(t, "last reply", all)
	if st := client.Status(); st.Reconnects != 0 || st.Dropped != 0 {
		t.Errorf("the client was cut off: %+v", st)
	}
	client.Close()
}

func TestNobodyThereIsNoMessage(t *testing.T) {
	r := startBroker(t, broker.Options{})
	c := connect(t, Options{Servers: []string{r.opts.Listen}, Identity: "client"})
	got := make(chan string, 2)
	sub, err := c.Subscribe(t.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"},
		func(d connector.Delivery) { got <- string(d.Data) })
	if err != nil {
		t.Fatal(err)
	}
	to := connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"}
	if err := c.Publish(bounded(t), to, connector.Message{Data: []byte("anybody?"), ReplyTo: sub.Address()}); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(bounded(t), connector.Target{Kind: connector.Reply, Address: sub.Address()}, connector.Message{Data: []byte("fence")}); err != nil {
		t.Fatal(err)
	}
	if text := waittest.Receive(t, "fence", got); text != "fence" {
		t.Errorf("received %q from nobody", text)
	}
}

func TestWriteTimeoutEndsAStuckConnection(t *testing.T) {
	// A peer that shakes hands and then never reads again.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stuck := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "INFO {\"max_payload\":8388608,\"headers\":true,\"proto\":1}\r\n")
		buf := make([]byte, 4096)
		for !bytes.Contains(buf, []byte("PING")) {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
		fmt.Fprintf(conn, "PONG\r\n")
		stuck <- conn
	}()
	o := quick(Options{Servers: []string{l.Addr().String()}, Identity: "node", WriteTimeout: 50 * time.Millisecond, ConnectTimeout: 100 * time.Millisecond})
	c := connect(t, o)
	conn := waittest.Receive(t, "connection", stuck)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	to := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "x"}
	for c.Status().Connected {
		if err := c.Publish(ctx, to, connector.Message{Data: make([]byte, 1<<20)}); err != nil {
			break
		}
	}
	waittest.Until(t, "a peer that does not read given up", func() bool { return !c.Status().Connected })
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
