package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/connector/inmem"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/subtest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
	"mcollective/security/psk"
)

// A world is a hub with nodes whose behaviour a test decides.
type world struct {
	t        *testing.T
	hub      *inmem.Hub
	agent    string // that the nodes have
	security *psk.Provider

	mu       sync.Mutex
	requests map[string]*message.Request // the last to each node
	asked    []string                    // nodes in the order they were asked, with the time
	direct   int
	start    time.Time
}

// A behaviour answers one request; each call of answer is one reply.
type behaviour func(req *message.Request, answer func(body any))

func newWorld(t *testing.T, o inmem.Options) *world {
	t.Helper()
	p, err := psk.New(psk.Options{Secret: "of a test", Identity: "anybody"})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, agent: "a", hub: inmem.NewHub(o), security: p, requests: map[string]*message.Request{}, start: time.Now()}
}

// node connects a node that listens for the agent, for discovery, as each does, and
// for its name.
func (w *world) node(name string, does behaviour) {
	w.t.Helper()
	conn, err := w.hub.Connect(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	var running sync.WaitGroup
	targets := []connector.Target{
		{Kind: connector.Broadcast, Collective: "mcollective", Agent: w.agent},
		{Kind: connector.Directed, Collective: "mcollective", Identity: name},
	}
	if w.agent != "discovery" {
		targets = append(targets, connector.Target{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"})
	}
	for _, to := range targets {
		if _, err := conn.Subscribe(w.t.Context(), to, func(d connector.Delivery) {
			req, err := w.security.DecodeRequest(w.t.Context(), security.Payload{Data: d.Data}, message.Origin{})
			if err != nil {
				w.t.Error(err)
				return
			}
			w.mu.Lock()
			w.requests[name] = req
			w.asked = append(w.asked, fmt.Sprintf("%s %v", name, time.Since(w.start)))
			if to.Kind == connector.Directed {
				w.direct++
			}
			w.mu.Unlock()
			running.Go(func() {
				does(req, func(body any) { w.reply(conn, name, d.ReplyTo, req, body) })
			})
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.t.Cleanup(func() { conn.Close(); running.Wait() })
}

// request is the last that a node has received, if any.
func (w *world) request(name string) *message.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[name]
}

// order tells who was asked when, by name.
func (w *world) order() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.asked))
}

// directs is how many direct messages were received.
func (w *world) directs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.direct
}

// as is a body that is sent in the name of another.
type as struct {
	name string
	body any
}

// because is a body that is sent with a reason.
type because struct {
	reason message.Reason
	body   any
}

func (w *world) reply(conn connector.Connector, name, address string, req *message.Request, body any) {
	if other, ok := body.(as); ok {
		name, body = other.name, other.body
	}
	var reason message.Reason
	if no, ok := body.(because); ok {
		reason, body = no.reason, no.body
	}
	p, err := w.security.EncodeReply(context.Background(), req, &message.Reply{RequestID: req.ID, Sender: name, Agent: req.Agent, Time: time.Now(), Body: body, Reason: reason})
	if err != nil {
		w.t.Error(err)
		return
	}
	if address != "" {
		_ = conn.Publish(context.Background(), connector.Target{Kind: connector.Reply, Address: address}, connector.Message{Data: p.Data})
	}
}

func (w *world) client() *client.Client {
	w.t.Helper()
	conn, err := w.hub.Connect(w.t.Context(), "me")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return client.New(conn, w.security, client.Options{Identity: "me"})
}

// after answers with a status once so much time has passed.
func after(d time.Duration, status rpc.Status) behaviour {
	return func(_ *message.Request, answer func(any)) {
		time.Sleep(d)
		answer((&rpc.Reply{Status: status, Message: "said"}).Body())
	}
}

func silent(*message.Request, func(any)) {}

func run(names ...string) client.Run {
	return client.Run{Agent: "a", Action: "b", Nodes: names, Timeout: 10 * time.Second}
}

func check(t *testing.T, a *client.Account, want map[string]client.Outcome) {
	t.Helper()
	if diff := cmp.Diff(want, a.Outcomes); diff != "" {
		t.Errorf("outcomes:\n%s", diff)
	}
	sum := 0
	for o, n := range a.Count {
		for _, other := range a.Outcomes {
			if other == o {
				n--
			}
		}
		if n != 0 {
			t.Errorf("%d too many are counted as %v", n, o)
		}
		sum += a.Count[o]
	}
	if sum != len(a.Outcomes) {
		t.Errorf("the counts %v do not add up to %d", a.Count, len(a.Outcomes))
	}
}

func TestRunAccountsForEveryNode(t *testing.T) {
	for _, direct := range []bool{true, false} {
		for _, blind := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, inmem.Options{Blind: blind})
				w.node("ok", after(time.Second, rpc.OK))
				w.node("failed", after(2*time.Second, rpc.Aborted))
				w.node("hangs", silent)
				w.node("twice", func(req *message.Request, answer func(any)) {
					after(0, rpc.OK)(req, answer)
					after(time.Second, rpc.UnknownError)(req, answer)
				})
				w.node("odd", func(_ *message.Request, answer func(any)) { answer("no hash") })
				w.node("stranger", after(0, rpc.OK))
				r := run("ok", "failed", "hangs", "twice", "odd", "gone", "ok")
				r.Direct = direct
				answers := map[string]int{}
				a, err := w.client().Run(t.Context(), r, func(a client.Answer) {
					answers[a.Sender]++
					if (a.Err == nil) != (a.RPC != nil) {
						t.Errorf("%s: %v, %v", a.Sender, a.RPC, a.Err)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]client.Outcome{"ok": client.OK, "failed": client.Failed, "twice": client.OK, "odd": client.Failed,
					"hangs": client.TimedOut, "gone": client.Unreachable}
				if !direct {
					want["gone"] = client.Unknown // it may have gone with the request
				}
				if blind {
					want["hangs"], want["gone"] = client.Unknown, client.Unknown
				}
				check(t, a, want)
				wantAnswers := map[string]int{"ok": 1, "failed": 1, "twice": 2, "odd": 1}
				var unexpected []string
				if !direct {
					wantAnswers["stranger"] = 1
					unexpected = []string{"stranger"}
				}
				if diff := cmp.Diff(wantAnswers, answers); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(unexpected, a.Unexpected); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]string{"twice"}, a.Duplicates); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]string{"hangs", "gone"}, a.NoResponse); diff != "" {
					t.Error(diff)
				}
				if a.Total != 10*time.Second || a.Interrupted {
					t.Errorf("account is %+v", a)
				}
			})
		}
	}
}

func TestRunEndsWithTheLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		w.node("n1", after(time.Second, rpc.OK))
		w.node("n2", after(3*time.Second, rpc.OK))
		r := run("n1", "n2", "gone")
		r.Direct = true
		r.Filter.Facts = []filter.Fact{{Name: "country", Operator: "==", Value: "de"}}
		a, err := w.client().Run(t.Context(), r, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"n1": client.OK, "n2": client.OK, "gone": client.Unreachable})
		if a.Total != 3*time.Second {
			t.Errorf("took %v", a.Total)
		}
		req := w.request("n1")
		if req.ID != a.RequestID || req.ID != w.request("n2").ID {
			t.Error("the messages have not all the request id of the account")
		}
		want := filter.Filter{Facts: r.Filter.Facts, Agents: []filter.Pattern{{Text: "a"}}}
		if diff := cmp.Diff(want, req.Filter); diff != "" {
			t.Errorf("a direct message keeps its filter:\n%s", diff)
		}
		body, err := rpc.Parse(req.Body)
		if err != nil || body.Action != "b" || body.Silent || body.Caller != req.Caller {
			t.Errorf("body is %+v, %v", body, err)
		}
	})
}

func TestThreshold(t *testing.T) {
	for threshold, want := range map[int]int{0: 0, 1: 0, 2: 2, 10: 2} {
		t.Run(subtest.Name(threshold), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, inmem.Options{})
				w.node("n1", after(0, rpc.OK))
				w.node("n2", after(0, rpc.OK))
				w.node("n3", after(0, rpc.OK))
				r := run("n1", "n2")
				r.DirectThreshold = threshold
				if _, err := w.client().Run(t.Context(), r, func(client.Answer) {}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if w.directs() != want {
					t.Errorf("threshold %d: %d direct messages, want %d", threshold, w.directs(), want)
				}
			})
		})
	}
}

func TestBatchIsARollingWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		w.node("slow", after(4*time.Second, rpc.OK))
		w.node("hangs", silent)
		for _, n := range []string{"n1", "n2", "n3", "n4"} {
			w.node(n, after(time.Second, rpc.OK))
		}
		r := run("slow", "n1", "hangs", "gone", "n2", "n3", "n4")
		r.Batch, r.BatchSleep = 2, 500*time.Millisecond
		var sent []int
		r.Sent = func(n int) { sent = append(sent, n) }
		a, err := w.client().Run(t.Context(), r, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		// slow 0-4, n1 0-1, hangs from 1.5, gone at 4.5, n2 5-6, n3 6.5-7.5, n4 8-9
		want := []string{"hangs 1.5s", "n1 0s", "n2 5s", "n3 6.5s", "n4 8s", "slow 0s"}
		if diff := cmp.Diff(want, w.order()); diff != "" {
			t.Error(diff)
		}
		check(t, a, map[string]client.Outcome{"slow": client.OK, "n1": client.OK, "n2": client.OK, "n3": client.OK, "n4": client.OK,
			"hangs": client.TimedOut, "gone": client.Unreachable})
		if a.Total != 11500*time.Millisecond {
			t.Errorf("took %v", a.Total)
		}
		total := 0
		for _, n := range sent {
			total += n
		}
		if total != 7 {
			t.Errorf("told of %v", sent)
		}
	})
}

func TestInterruptedBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		for _, n := range []string{"n1", "n2", "n3", "n4"} {
			w.node(n, after(time.Second, rpc.OK))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		r := run("n1", "n2", "n3", "n4")
		r.Batch = 1
		a, err := w.client().Run(ctx, r, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"n1": client.OK, "n2": client.Unknown, "n3": client.NotSent, "n4": client.NotSent})
		if !a.Interrupted || a.Total != 1500*time.Millisecond {
			t.Errorf("account is %+v", a)
		}
	})
}

func TestLateAnswerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		w.node("late", after(12*time.Second, rpc.OK))
		w.node("n1", after(9*time.Second, rpc.OK))
		r := run("late", "n1")
		r.Batch = 1
		a, err := w.client().Run(t.Context(), r, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"late": client.OK, "n1": client.OK})
	})
}

func TestNobodyIsAwaited(t *testing.T) {
	for name, change := range map[string]func(*client.Run){
		"silent":    func(r *client.Run) { r.Silent = true },
		"reply to":  func(r *client.Run) { r.ReplyTo, r.Direct = "mcollective.reply.other.1", true },
		"broadcast": func(r *client.Run) { r.Silent, r.Nodes = true, nil },
		"batches":   func(r *client.Run) { r.Silent, r.Batch, r.BatchSleep = true, 1, time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, inmem.Options{})
				w.node("n1", after(0, rpc.OK))
				w.node("n2", after(0, rpc.OK))
				w.node("other", after(0, rpc.OK))
				r := run("n1", "n2")
				change(&r)
				a, err := w.client().Run(t.Context(), r, func(client.Answer) { t.Errorf("%s: an answer", name) })
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				want := len(r.Nodes)
				if want == 0 {
					want = 3
				}
				if len(w.order()) != want || a.Count[client.Unknown] != len(r.Nodes) || a.NoResponse != nil {
					t.Errorf("%s: %v were asked, account is %+v", name, w.order(), a)
				}
				body, err := rpc.Parse(w.request("n1").Body)
				if err != nil || body.Silent != r.Silent {
					t.Errorf("%s: body is %+v, %v", name, body, err)
				}
				if limit := time.Duration(r.Batch) * r.BatchSleep; a.Total != limit {
					t.Errorf("%s: took %v", name, a.Total)
				}
			})
		})
	}
}

// Where nodes cannot be addressed by name, a filter keeps the others out.
func TestBroadcastOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		for _, name := range []string{"n1", "n.2", "n32"} {
			w.node(name, after(0, rpc.OK))
		}
		conn, err := w.hub.Connect(t.Context(), "me")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := client.New(conn, w.security, client.Options{BroadcastOnly: true})
		for _, change := range []func(*client.Run){
			func(r *client.Run) { r.Direct = true }, func(r *client.Run) { r.Silent = true }, func(r *client.Run) { r.DirectThreshold = 10 },
		} {
			r := run("n1", "n.2")
			r.Filter.Identities = []filter.Pattern{{Text: "/n/"}}
			change(&r)
			if _, err := c.Run(t.Context(), r, func(client.Answer) {}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			want := []filter.Pattern{{Regexp: true, Text: `^(n1|n\.2)$`}}
			if r.DirectThreshold > 0 {
				want = r.Filter.Identities
			}
			if diff := cmp.Diff(want, w.request("n1").Filter.Identities); diff != "" {
				t.Error(diff)
			}
		}
		if w.directs() > 0 {
			t.Errorf("%d direct messages", w.directs())
		}
		r := run("n1")
		r.Batch = 1
		if _, err := c.Run(t.Context(), r, func(client.Answer) {}); err == nil {
			t.Error("batches without direct messages")
		}
		if f, err := c.Find(t.Context(), discovery.Query{Timeout: time.Second, Filter: filter.Filter{Identities: []filter.Pattern{{Text: "n1"}}}}, func(string) {}, nil); err != nil || f.Asked != 3 { // all
			t.Errorf("found %+v, %v", f, err)
		}
		if w.directs() > 0 {
			t.Errorf("%d direct messages", w.directs())
		}
	})
}

func TestRunThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{MaxPayload: 10})
		for _, direct := range []bool{true, false} {
			r := run("n1", "n2")
			r.Direct = direct
			a, err := w.client().Run(t.Context(), r, func(client.Answer) {})
			if !errors.Is(err, connector.ErrTooLarge) {
				t.Fatalf("error is %v", err)
			}
			check(t, a, map[string]client.Outcome{"n1": client.NotSent, "n2": client.NotSent})
		}
		for _, address := range []string{"a b", "/queue/x\ny:z", "caf\u00e9", strings.Repeat("x", 2000)} {
			r := run("n1")
			r.ReplyTo = address
			if _, err := w.client().Run(t.Context(), r, func(client.Answer) {}); err == nil || !strings.Contains(err.Error(), "the address for replies") {
				t.Errorf("%.20q: error is %v", address, err)
			}
		}
		// A connector that cannot tell what an address is does not get one.
		blind := client.New(struct{ connector.Connector }{w.liar(true)}, openSecurity{}, client.Options{Identity: "me", Collective: "mcollective"})
		r := run("n1")
		r.ReplyTo = "mcollective.node.n2"
		if _, err := blind.Run(t.Context(), r, func(client.Answer) {}); err == nil || !strings.Contains(err.Error(), "cannot be checked") {
			t.Errorf("error is %v", err)
		}
		if _, err := w.client().Run(t.Context(), run(), func(client.Answer) {}); !errors.Is(err, client.ErrNoNodes) {
			t.Errorf("error is %v", err)
		}
	})
}

// Code of the caller that panics ends the run with its panic, and leaves nothing behind.
func TestPanicOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		for _, n := range []string{"n1", "n2", "n3", "n4"} {
			w.node(n, after(time.Second, rpc.OK))
		}
		for name, broken := range map[string]func(*client.Run) func(client.Answer){
			"each": func(*client.Run) func(client.Answer) { return func(client.Answer) { panic("oh") } },
			"sent": func(r *client.Run) func(client.Answer) {
				r.Sent = func(int) { panic("oh") }
				return func(client.Answer) {}
			},
		} {
			r := run("n1", "n2", "n3", "n4")
			r.Batch = 1
			each := broken(&r)
			func() {
				defer func() {
					if p := recover(); p != "oh" {
						t.Errorf("%s: recovered %v", name, p)
					}
				}()
				_, err := w.client().Run(t.Context(), r, each)
				t.Errorf("%s: the run ended with %v", name, err)
			}()
		}
	})
}
