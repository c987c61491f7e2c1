package server_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/agent"
	"mcollective/connector"
	"mcollective/internal/server"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
)

// slow is an agent that takes a second.
var slow = server.HandlerFunc(func(ctx context.Context, _ *message.Request) (any, error) {
	select {
	case <-time.After(time.Second):
		return "done", nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
})

func TestBurst(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"] = slow
		o.Workers, o.Queue = 8, 100
	}, func(w *world) {
		before := heap()
		const burst = 5000
		ids := map[string]bool{}
		for range burst {
			r := ask("slow", strings.Repeat("x", 1000))
			ids[r.ID] = true
			w.send(broadcast("slow"), r)
		}
		synctest.Wait()
		if n := w.srv.Stats(); n.Running != 8 || n.Waiting != 100 {
			t.Errorf("%d run and %d wait, want 8 and 100", n.Running, n.Waiting)
		}
		w.alive1(ids)
		time.Sleep(time.Minute)
		done, busy := 0, 0
		for _, r := range w.replies() {
			if !ids[r.RequestID] {
				continue // the ping
			}
			delete(ids, r.RequestID)
			if r.Body == "done" {
				done++
				continue
			}
			code, text := status(t, r.Body)
			if code != 5 || !strings.HasPrefix(text, "busy: ") {
				t.Fatalf("status %d %q", code, text)
			}
			busy++
		}
		if done != 108 || done+busy != burst || len(ids) != 0 {
			t.Errorf("%d done, %d busy, %d unanswered of %d", done, busy, len(ids), burst)
		}
		n := w.srv.Stats()
		if n.Busy != uint64(busy) || n.Running != 0 || n.Waiting != 0 || n.Dropped != 0 {
			t.Errorf("counters: %+v", n)
		}
		w.sec.requests, w.sec.replies = nil, nil
		w.log.take()
		if after := heap(); after > before+4<<20 {
			t.Errorf("the heap grew from %d to %d KB", before>>10, after>>10)
		}
	})
}

// alive1 makes sure that a ping is answered at once while the workers are busy.
func (w *world) alive1(others map[string]bool) {
	w.Helper()
	r := ask("discovery", "ping")
	w.send(broadcast("discovery"), r)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, got := range w.got {
		if got.RequestID == r.ID && got.Body == "pong" {
			return
		}
	}
	w.Errorf("no pong while %d requests are under way", len(others))
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"] = slow
		o.Workers, o.Queue, o.QueueBytes = 1, 1000, 100_000
	}, func(w *world) {
		for range 20 {
			data := append(w.sec.request(ask("slow", "x")), make([]byte, 20_000)...)
			w.sendBytes(broadcast("slow"), data)
		}
		synctest.Wait()
		if n := w.srv.Stats(); n.Waiting != 4 || n.Busy != 15 {
			t.Errorf("%d wait and %d were refused, want 4 and 15", n.Waiting, n.Busy)
		}
		time.Sleep(time.Minute)
		w.replies()
	})
}

func TestNoQueue(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"] = slow
		o.Workers, o.Queue = 2, -1
	}, func(w *world) {
		for range 3 {
			w.send(broadcast("slow"), ask("slow", "x"))
		}
		time.Sleep(2 * time.Second)
		if got := w.replies(); len(got) != 3 || w.srv.Stats().Busy != 1 {
			t.Errorf("%d replies, %+v", len(got), w.srv.Stats())
		}
	})
}

// stubborn is an agent that does not look at its context.
var stubborn = server.HandlerFunc(func(context.Context, *message.Request) (any, error) {
	time.Sleep(time.Minute)
	return "too late", nil
})

// outcomes is an Auditor that keeps how requests ended.
type outcomes struct {
	mu   sync.Mutex
	errs []error
}

func (o *outcomes) Decision(context.Context, *message.Request, error) error { return nil }
func (o *outcomes) Outcome(_ context.Context, _ *message.Request, end server.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.errs = append(o.errs, end.Err)
}

// TestTimeLimit has an action that hangs; how its time is limited is tested in package agent.
func TestTimeLimit(t *testing.T) {
	mux, err := agent.NewMux("hangs.yaml", []byte("agent: hangs\nactions: {work: {timeout: 5}}"), map[string]agent.ActionFunc{
		"work": func(context.Context, *agent.Request, *rpc.Reply) error { time.Sleep(time.Minute); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	book := &outcomes{}
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["hangs"] = agent.NewHandler(mux, agent.Options{})
		o.Handlers["slow"] = slow
		o.Workers, o.Audit = 1, book
	}, func(w *world) {
		call := func(silent bool) {
			w.send(broadcast("hangs"), ask("hangs", (&rpc.Request{Agent: "hangs", Action: "work", Silent: silent}).Body()))
		}
		call(false)
		time.Sleep(5*time.Second - 1)
		w.none()
		time.Sleep(timelimit.Grace + 1)
		if code, text := status(t, w.one()); code != 5 || text != "timed out: action work of agent hangs may take 5s" {
			t.Errorf("status %d %q", code, text)
		}
		w.send(broadcast("slow"), ask("slow", "x"))
		time.Sleep(time.Second)
		if b := w.one(); b != "done" { // the worker is free again
			t.Errorf("an agent beside it: %v", b)
		}
		call(true)
		time.Sleep(time.Minute)
		w.none()
		if n := w.srv.Stats(); n.TimedOut != 2 || n.Replies != 2 {
			t.Errorf("counters: %+v", n)
		}
		for i, err := range []error{book.errs[0], book.errs[len(book.errs)-1]} { // the second wanted no reply
			if !errors.As(err, new(*timelimit.Overrun)) {
				t.Errorf("the audit log is told %v of call %d", err, i)
			}
		}
		time.Sleep(time.Minute)
	})
}

func TestStopFinishesWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) {
			o.Handlers["slow"] = slow
			o.Workers = 2
		})
		w.start()
		for range 6 {
			w.send(broadcast("slow"), ask("slow", "x"))
		}
		synctest.Wait()
		begin := time.Now()
		w.finish1()
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("it took %v, want the 3 s that the work takes", took)
		}
		got := w.replies()
		if len(got) != 6 {
			t.Errorf("%d replies of 6", len(got))
		}
		w.send(broadcast("discovery"), ask("discovery", "ping"))
		w.none()
		w.client.Close()
	})
}

func (w *world) finish1() {
	w.Helper()
	w.stop()
	if err := <-w.ended; err != nil {
		w.Errorf("Run: %v", err)
	}
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) {
			o.Handlers["stubborn"] = stubborn
			o.Workers, o.Grace = 2, 4*time.Second
		})
		w.start()
		for range 5 {
			w.send(broadcast("stubborn"), ask("stubborn", "x"))
		}
		synctest.Wait()
		begin := time.Now()
		w.stop()
		err := <-w.ended
		if took := time.Since(begin); took != 6*time.Second { // the grace, and a moment to answer
			t.Errorf("it took %v", took)
		}
		if err == nil || !strings.Contains(err.Error(), "2 requests were still running") {
			t.Errorf("Run says %v", err)
		}
		got := w.replies()
		if len(got) != 3 {
			t.Fatalf("%d replies, want those of the 3 that never began", len(got))
		}
		if _, text := status(t, got[0].Body); !strings.Contains(text, "the node is stopping") {
			t.Errorf("a request that never began is told %q", text)
		}
		time.Sleep(time.Minute) // the stubborn two
		w.client.Close()
	})
}

// TestBrokenOffIsAnswered has the node end while actions run that heed it.
func TestBrokenOffIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) {
			wait := func(ctx context.Context, _ *message.Request) (any, error) {
				<-ctx.Done()
				time.Sleep(100 * time.Millisecond) // as agent.Handler does
				return nil, errors.New("broken off: the node is stopping")
			}
			o.Handlers["slow"] = server.HandlerFunc(wait)
			o.Grace = 4 * time.Second
		})
		w.start()
		for range 3 {
			w.send(broadcast("slow"), ask("slow", "x"))
		}
		synctest.Wait()
		begin := time.Now()
		w.stop()
		err := <-w.ended
		if took := time.Since(begin); took != 4100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if err == nil || !strings.Contains(err.Error(), "3 requests were still running after 4s and were broken off") {
			t.Errorf("Run says %v", err)
		}
		got := w.replies()
		if len(got) != 3 {
			t.Fatalf("%d replies to 3 requests", len(got))
		}
		for _, r := range got {
			if code, text := status(t, r.Body); code != 5 || text != "broken off: the node is stopping" {
				t.Errorf("%d %s", code, text)
			}
		}
		w.client.Close()
	})
}

func TestReloadUnderLoad(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["echo"] = echo
		o.Queue = 20_000
	}, func(w *world) {
		versions := make([]map[string]server.Handler, 2)
		for i := range versions {
			versions[i] = map[string]server.Handler{
				"echo":                server.HandlerFunc(func(context.Context, *message.Request) (any, error) { return fmt.Sprint("v", i), nil }),
				fmt.Sprint("only", i): echo,
			}
		}
		total := 10_000
		if testing.Short() {
			total = 1000
		}
		for i := range total {
			w.send(broadcast("echo"), ask("echo", "v"))
			if i%100 == 0 {
				if err := w.srv.Reload(w.Context(), versions[i/100%2]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := w.replies(); len(got) != total {
			t.Errorf("%d replies of %d", len(got), total)
		}
		w.send(broadcast("only1"), ask("only1", "x"))
		if b := w.one(); b != "x" {
			t.Errorf("new agent says %v", b)
		}
		w.send(broadcast("only0"), ask("only0", "x"))
		w.none()
		if n := w.srv.Stats(); n.Unknown != 0 {
			t.Errorf("an agent that is gone is still subscribed: %+v", n)
		}
		bad := map[string]server.Handler{"no name": echo}
		if err := w.srv.Reload(w.Context(), bad); err == nil {
			t.Error("a bad agent was taken")
		}
		w.send(broadcast("only1"), ask("only1", "still here"))
		w.one()
	})
}

func TestBrokerRestarts(t *testing.T) {
	in(t, withEcho, func(w *world) {
		for range 20 {
			w.hub.Stop()
			time.Sleep(8 * time.Second)
			if err := w.srv.Health(); err != nil {
				t.Errorf("unhealthy for want of a broker: %v", err)
			}
			w.hub.Start()
			w.alive()
			w.send(directed, ask("echo", "x"))
			w.one()
		}
	})
}

// TestReplyOutlivesRestart has the broker away when an agent is done.
func TestReplyOutlivesRestart(t *testing.T) {
	in(t, func(_ *world, o *server.Options) { o.Handlers["slow"] = slow }, func(w *world) {
		w.send(broadcast("slow"), ask("slow", "x"))
		synctest.Wait()
		w.hub.Stop()
		time.Sleep(8 * time.Second)
		w.hub.Start()
		if b := w.one(); b != "done" {
			t.Errorf("the reply is %v", b)
		}
		// Not for ever: the caller is gone by then.
		w.send(broadcast("slow"), ask("slow", "x"))
		synctest.Wait()
		w.hub.Stop()
		time.Sleep(time.Minute)
		if n := w.srv.Stats(); n.Dropped != 1 || n.Running != 0 {
			t.Errorf("counters: %+v", n)
		}
		w.hub.Start()
		w.none()
		w.alive()
	})
}

// refusing is a connector that refuses some subscriptions at first.
type refusing struct {
	connector.Connector
	agent string // "" means directed subscriptions
	left  int
}

func (r *refusing) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	if from.Agent == r.agent && r.left > 0 {
		r.left--
		return nil, fmt.Errorf("permission denied")
	}
	return r.Connector.Subscribe(ctx, from, receive)
}

func TestRefusedSubscriptionIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) {
			o.Connector = &refusing{Connector: o.Connector, left: 6} // three rounds, in two collectives
		})
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = cancel
		go func() { w.ended <- w.srv.Run(ctx) }()
		synctest.Wait()
		w.alive() // on those that stand
		select {
		case <-w.srv.Ready():
			t.Error("ready without all subscriptions")
		default:
		}
		begin := time.Now()
		<-w.srv.Ready()
		if took := time.Since(begin); took < 3*time.Second || took > 12*time.Second {
			t.Errorf("ready after %v", took)
		}
		w.send(directed, ask("discovery", "ping"))
		w.one()
		w.finish()
	})
}

// A patient is a handler that waits, and may be closed only when it does not.
type patient struct {
	begun, finish, closed chan struct{}
	running               atomic.Int32
}

func (c *patient) Handle(context.Context, *message.Request) (any, error) {
	c.running.Add(1)
	defer c.running.Add(-1)
	close(c.begun)
	<-c.finish
	return "done", nil
}

func (c *patient) Close() error {
	if c.running.Load() != 0 {
		panic("closed while it runs")
	}
	close(c.closed)
	return nil
}

func TestHandlersThatAreGoneAreClosed(t *testing.T) {
	var old *patient
	in(t, func(_ *world, o *server.Options) {
		old = &patient{begun: make(chan struct{}), finish: make(chan struct{}), closed: make(chan struct{})}
		o.Handlers["old"], o.Handlers["echo"] = old, echo
	}, func(w *world) {
		w.send(broadcast("old"), ask("old", "x"))
		<-old.begun
		if err := w.srv.Reload(w.Context(), map[string]server.Handler{"old": old}); err != nil {
			t.Fatal(err)
		}
		if err := w.srv.Reload(w.Context(), map[string]server.Handler{"echo": echo}); err != nil {
			t.Fatal(err)
		}
		w.send(broadcast("echo"), ask("echo", "new"))
		if b := w.one(); b != "new" {
			t.Errorf("the new agent says %v", b)
		}
		close(old.finish)
		<-old.closed
		if b := w.one(); b != "done" {
			t.Errorf("the old agent says %v", b)
		}
	})
}

func TestReloadThatIsRefusedIsTriedAgain(t *testing.T) {
	var conn *refusing
	in(t, func(_ *world, o *server.Options) {
		conn = &refusing{Connector: o.Connector}
		o.Connector = conn
		o.DirectAddressing = false
	}, func(w *world) {
		conn.agent, conn.left = "late", 2 // both collectives, once
		if err := w.srv.Reload(w.Context(), map[string]server.Handler{"late": echo}); err == nil {
			t.Error("the broker refuses and nobody says so")
		}
		time.Sleep(5 * time.Second)
		w.send(broadcast("late"), ask("late", "x"))
		w.one()
	})
}

func TestReloadWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, func(_ *world, o *server.Options) { o.Handlers["slow"] = slow })
		w.start()
		w.send(broadcast("slow"), ask("slow", "x"))
		synctest.Wait()
		w.stop()
		synctest.Wait() // the slow request holds up the end
		if err := w.srv.Reload(w.Context(), map[string]server.Handler{"late": echo}); err == nil {
			t.Error("a node that stops takes new agents")
		}
		w.send(broadcast("discovery"), ask("discovery", "ping"))
		if got := w.replies(); len(got) != 0 {
			t.Errorf("a node that stops took a request: %v", got[0].Body)
		}
		if err := <-w.ended; err != nil {
			t.Error(err)
		}
		w.client.Close()
	})
}

func TestStopWhileSubscribing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hubOptions, nil)
		w.hub.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = cancel
		go func() { w.ended <- w.srv.Run(ctx) }()
		time.Sleep(time.Hour)
		if err := w.srv.Health(); err != nil {
			t.Errorf("unhealthy while it waits for its broker: %v", err)
		}
		w.finish()
		if err := w.srv.Run(t.Context()); err == nil {
			t.Error("a node runs twice")
		}
	})
}

func TestHealth(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["stuck"] = server.HandlerFunc(func(context.Context, *message.Request) (any, error) {
			time.Sleep(time.Hour)
			return nil, server.ErrNoReply
		})
		o.Workers = 2
	}, func(w *world) {
		for range 2 {
			w.send(broadcast("stuck"), ask("stuck", "x"))
		}
		time.Sleep(10 * time.Minute)
		if err := w.srv.Health(); err != nil {
			t.Errorf("unhealthy though nobody waits: %v", err)
		}
		w.send(broadcast("stuck"), ask("stuck", "x"))
		synctest.Wait()
		if err := w.srv.Health(); err == nil || !strings.Contains(err.Error(), "while others wait") {
			t.Errorf("all workers hang and one waits: %v", err)
		}
		time.Sleep(3 * time.Hour)
		if err := w.srv.Health(); err != nil {
			t.Errorf("unhealthy after the work was done: %v", err)
		}
		w.replies()
	})
}

func TestHealthOfReceivePath(t *testing.T) {
	var block chan struct{}
	in(t, func(_ *world, o *server.Options) {
		block = make(chan struct{}) // within the bubble
		o.Replay = blocking{block}
	}, func(w *world) {
		w.send(broadcast("discovery"), ask("discovery", "ping"))
		time.Sleep(30 * time.Second)
		if err := w.srv.Health(); err != nil {
			t.Errorf("unhealthy after 30 s: %v", err)
		}
		time.Sleep(time.Minute)
		if err := w.srv.Health(); err == nil || !strings.Contains(err.Error(), "receive path") {
			t.Errorf("the receive path is blocked: %v", err)
		}
		close(block)
		w.one()
		if err := w.srv.Health(); err != nil {
			t.Errorf("still unhealthy: %v", err)
		}
	})
}

type blocking struct{ until chan struct{} }

func (b blocking) Check(*message.Request) error { <-b.until; return nil }
