package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/connector/inmem"
	"mcollective/internal/server"
	"mcollective/message"
	"mcollective/security"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clearnet is a security provider without security: a payload is the number of
// a message that it keeps, followed by padding.
type clearnet struct {
	mu       sync.Mutex
	requests []*message.Request
	replies  []*message.Reply
	trace    *trace

	refuse func(*message.Request) error // what DecodeRequest refuses
}

func (n *clearnet) request(r *message.Request) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests = append(n.requests, r)
	return []byte(strconv.Itoa(len(n.requests)-1) + " ")
}

func (n *clearnet) DecodeRequest(_ context.Context, p security.Payload, _ message.Origin) (*message.Request, error) {
	n.trace.add("decode")
	if bytes.HasPrefix(p.Data, []byte("panic")) {
		panic("hostile bytes")
	}
	word, _, _ := bytes.Cut(p.Data, []byte(" "))
	i, err := strconv.Atoi(string(word))
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil || i >= len(n.requests) {
		return nil, fmt.Errorf("%w: no such request", security.ErrMalformed)
	}
	r := *n.requests[i]
	if r.Principal.Proof == message.Unproven && r.Principal.ID == "" {
		r.Principal = message.Principal{ID: r.Caller, Proof: message.SharedSecret, Permissions: message.Everything()}
	}
	if n.refuse != nil {
		if err := n.refuse(&r); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

func (n *clearnet) EncodeReply(_ context.Context, _ *message.Request, r *message.Reply) (security.Payload, error) {
	n.trace.add("reply")
	if r.Body == errUnencodable {
		return security.Payload{}, errUnencodable
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.replies = append(n.replies, r)
	data := []byte(strconv.Itoa(len(n.replies)-1) + " ")
	if s, ok := r.Body.(string); ok {
		data = append(data, s...)
	}
	return security.Payload{Data: data}, nil
}

func (n *clearnet) reply(data []byte) *message.Reply {
	word, _, _ := bytes.Cut(data, []byte(" "))
	i, err := strconv.Atoi(string(word))
	if err != nil {
		panic(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.replies[i]
}

var errUnencodable = errors.New("a channel cannot be encoded")

// A trace is the order in which things were called.
type trace struct {
	mu    sync.Mutex
	calls []string
}

func (t *trace) add(call string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, call)
}

func (t *trace) take() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

// A journal is a log that a test reads.
type journal struct {
	mu      sync.Mutex
	records []slog.Record
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
	return nil
}

// take returns what was logged since it was last called.
func (j *journal) take() []slog.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.records
	j.records = nil
	return r
}

// steps are the steps that refused since take was last called.
func (j *journal) steps() []string {
	var steps []string
	for _, r := range j.take() {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "step" {
				steps = append(steps, a.Value.String())
			}
			return true
		})
	}
	return steps
}

// A world is a hub with one node and one client.
type world struct {
	*testing.T
	hub    *inmem.Hub
	sec    *clearnet
	log    *journal
	trace  *trace
	srv    *server.Server
	client *inmem.Conn
	inbox  connector.Subscription
	stop   context.CancelFunc // of the node
	ended  chan error         // what Run returned

	mu  sync.Mutex
	got []*message.Reply
}

const self = "web1.example.net"

// in runs a test in a bubble of virtual time, with a node that change sets up.
func in(t *testing.T, change func(*world, *server.Options), test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, change)
		w.start()
		test(w)
		w.finish()
	})
}

var hubOptions = inmem.Options{MaxPayload: 1 << 20}

func newWorld(t *testing.T, hub inmem.Options, change func(*world, *server.Options)) *world {
	w := &world{T: t, hub: inmem.NewHub(hub), log: &journal{}, trace: &trace{}, ended: make(chan error, 1)}
	w.sec = &clearnet{trace: w.trace}
	conn, err := w.hub.Connect(t.Context(), self)
	if err != nil {
		t.Fatal(err)
	}
	opts := server.Options{
		Identity: self, Collectives: []string{"mcollective", "france"}, DirectAddressing: true,
		Connector: conn, Security: w.sec, Log: slog.New(w.log),
		Handlers: map[string]server.Handler{},
	}
	if change != nil {
		change(w, &opts)
	}
	if w.srv, err = server.New(opts); err != nil {
		t.Fatal(err)
	}
	if w.client, err = w.hub.Connect(t.Context(), "client.example.net"); err != nil {
		t.Fatal(err)
	}
	w.inbox, err = w.client.Subscribe(t.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective", Agent: "discovery"}, func(d connector.Delivery) {
		r := w.sec.reply(d.Data)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.got = append(w.got, r)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return w
}

func (w *world) start() {
	ctx, cancel := context.WithCancel(w.Context())
	w.stop = cancel
	go func() { w.ended <- w.srv.Run(ctx) }()
	select {
	case <-w.srv.Ready():
	case err := <-w.ended:
		w.Fatalf("the node ended while it started: %v", err)
	}
}

// finish ends everything; the bubble would complain of what is left.
func (w *world) finish() {
	w.stop()
	if err := <-w.ended; err != nil {
		w.Errorf("Run: %v", err)
	}
	w.client.Close()
}

// broadcast is the target of an agent in the main collective.
func broadcast(agent string) connector.Target {
	return connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: agent}
}

var directed = connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: self}

// ask is a request as an ordinary client sends it now.
func ask(agent string, body any) *message.Request {
	return &message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: agent, Sender: "client.example.net", Caller: "uid=0",
		Time: time.Now(), TTL: time.Minute, Body: body,
	}
}

func (w *world) send(to connector.Target, r *message.Request) {
	w.Helper()
	w.sendBytes(to, w.sec.request(r))
}

func (w *world) sendBytes(to connector.Target, data []byte) {
	w.Helper()
	if err := w.client.Publish(w.Context(), to, connector.Message{Data: data, ReplyTo: w.inbox.Address()}); err != nil {
		w.Fatal(err)
	}
}

// replies waits until all is quiet and returns what came since it was last called.
func (w *world) replies() []*message.Reply {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = nil
	return got
}

// one is the body of the only reply that came.
func (w *world) one() any {
	w.Helper()
	got := w.replies()
	if len(got) != 1 {
		w.Fatalf("%d replies, want 1", len(got))
	}
	return got[0].Body
}

// none makes sure that no reply came.
func (w *world) none() {
	w.Helper()
	if got := w.replies(); len(got) != 0 {
		w.Errorf("%d replies, the first is %v; want none", len(got), got[0].Body)
	}
}

// alive makes sure that the node still answers.
func (w *world) alive() {
	w.Helper()
	w.send(broadcast("discovery"), ask("discovery", "ping"))
	if b := w.one(); b != "pong" {
		w.Errorf("the node says %v", b)
	}
}

// status takes an RPC body apart.
func status(t testing.TB, body any) (code int64, text string) {
	t.Helper()
	h, ok := body.(*value.Map)
	if !ok {
		t.Fatalf("the body is %T %v, not of an RPC reply", body, body)
	}
	c, _ := h.Get(value.Symbol("statuscode"))
	m, _ := h.Get(value.Symbol("statusmsg"))
	if d, _ := h.Get(value.Symbol("data")); d.(*value.Map).Len() != 0 {
		t.Errorf("the data of a failure is %v", d)
	}
	return c.(int64), m.(string)
}
