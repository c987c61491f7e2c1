package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/internal/server"
	"mcollective/message"
)

// quick is an agent that answers at once.
var quick = server.HandlerFunc(func(context.Context, *message.Request) (any, error) { return "quick", nil })

func askAs(caller, agent string) *message.Request {
	r := ask(agent, "x")
	r.Caller = caller
	return r
}

// bodies counts replies by what they say, without the reason behind "busy".
func (w *world) bodies() map[string]int {
	w.Helper()
	counts := map[string]int{}
	for _, r := range w.replies() {
		text, ok := r.Body.(string)
		if !ok {
			_, text = status(w.T, r.Body)
			text, _, _ = strings.Cut(text, ":")
		}
		counts[text]++
	}
	return counts
}

func TestSlowAgentDelaysNoOther(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"], o.Handlers["slow2"], o.Handlers["quick"] = slow, slow, quick
		o.Workers = 4
	}, func(w *world) {
		for i := range 100 {
			w.send(broadcast("slow"), askAs(fmt.Sprintf("caller=%d", i), "slow"))
		}
		synctest.Wait()
		w.none()
		w.send(broadcast("quick"), ask("quick", "x"))
		if b := w.one(); b != "quick" {
			t.Errorf("quick agent: %v", b)
		}
		w.send(broadcast("slow2"), ask("slow2", "x"))
		time.Sleep(time.Second)
		if n := w.bodies()["done"]; n != 5 {
			t.Errorf("%d done after a second, want 4 of the agent with a queue and 1 of the other", n)
		}
		time.Sleep(time.Minute)
		if n := w.bodies()["done"]; n != 96 {
			t.Errorf("%d done in the end, want 96", n)
		}
	})
}

// Agents with a queue each get half of the workers, no matter which came first.
func TestAgentsTakeTurns(t *testing.T) {
	in(t, func(w *world, o *server.Options) {
		o.Handlers["slow"] = slow
		o.Handlers["other"] = server.HandlerFunc(func(ctx context.Context, r *message.Request) (any, error) {
			_, err := slow(ctx, r)
			return "other", err
		})
		o.Workers = 4
	}, func(w *world) {
		for range 100 {
			w.send(broadcast("slow"), ask("slow", "x"))
		}
		synctest.Wait()
		for range 100 {
			w.send(broadcast("other"), ask("other", "x"))
		}
		time.Sleep(20*time.Second + time.Millisecond)
		got := w.bodies()
		if got["other"] < 30 || got["done"] < 30 {
			t.Errorf("after 20 s: %v, want some 40 of each", got)
		}
		time.Sleep(time.Minute)
		w.replies()
	})
}

func TestCallersTakeTurns(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"] = slow
		o.Workers = 2
	}, func(w *world) {
		for range 100 {
			w.send(broadcast("slow"), askAs("cert=greedy", "slow"))
		}
		synctest.Wait()
		// A few others: by chance one may share its line with the greedy one.
		other := map[string]bool{}
		for i := range 6 {
			r := askAs(fmt.Sprintf("cert=modest%d", i), "slow")
			other[r.ID] = true
			w.send(broadcast("slow"), r)
		}
		time.Sleep(10 * time.Second)
		answered := 0
		for _, r := range w.replies() {
			if other[r.RequestID] {
				answered++
			}
		}
		if answered < 4 {
			t.Errorf("%d of 6 modest callers were answered while a greedy one waits with 100 calls", answered)
		}
		time.Sleep(2 * time.Minute)
		w.replies()
	})
}

// A full queue is taken from those who filled it.
func TestFloodLosesItsOwnCalls(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"], o.Handlers["slow2"] = slow, slow
		o.Workers, o.Queue = 1, 10
	}, func(w *world) {
		for range 50 {
			w.send(broadcast("slow"), askAs("cert=flood", "slow"))
		}
		synctest.Wait()
		if got := w.bodies(); got["busy"] != 39 {
			t.Fatalf("%v, want 39 busy: 1 runs, 10 wait", got)
		}
		kept := map[string]bool{}
		for range 3 {
			r := askAs("cert=modest", "slow2")
			kept[r.ID] = true
			w.send(broadcast("slow2"), r)
		}
		synctest.Wait()
		for _, r := range w.replies() {
			if kept[r.RequestID] {
				t.Errorf("a modest caller is refused: %v", r.Body)
			}
		}
		if n := w.srv.Stats(); n.Waiting != 10 || n.Busy != 41 {
			t.Errorf("%d wait, %d refused, want 10 and 41", n.Waiting, n.Busy)
		}
		time.Sleep(time.Minute)
		done := 0
		for _, r := range w.replies() {
			if kept[r.RequestID] && r.Body == "done" {
				done++
			}
		}
		if done != 3 {
			t.Errorf("%d of 3 calls of the modest caller were done", done)
		}
		if n := w.srv.Stats(); n.Running != 0 || n.Waiting != 0 {
			t.Errorf("%d run and %d wait in the end", n.Running, n.Waiting)
		}
	})
}

// A large call that finds no room in the end has displaced nobody.
func TestRefusedCallDisplacesNobody(t *testing.T) {
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["slow"], o.Handlers["slow2"] = slow, slow
		o.Workers, o.Queue, o.QueueBytes = 1, 1000, 100_000
	}, func(w *world) {
		padded := func(caller, agent string, n int) []byte {
			return append(w.sec.request(askAs(caller, agent)), make([]byte, n)...)
		}
		w.sendBytes(broadcast("slow"), padded("cert=a", "slow", 10)) // runs
		for range 8 {
			w.sendBytes(broadcast("slow"), padded("cert=a", "slow", 10_000))
		}
		w.sendBytes(broadcast("slow2"), padded("cert=b", "slow2", 10)) // runs beside it
		synctest.Wait()
		if n := w.srv.Stats(); n.Running != 2 || n.Waiting != 8 {
			t.Fatalf("%d run and %d wait, want 2 and 8", n.Running, n.Waiting)
		}
		w.none()
		w.sendBytes(broadcast("slow2"), padded("cert=b", "slow2", 60_000))
		synctest.Wait()
		if n := w.srv.Stats(); n.Waiting != 8 || n.Busy != 1 {
			t.Errorf("%d wait and %d were refused, want 8 and 1", n.Waiting, n.Busy)
		}
		time.Sleep(time.Minute)
		if got := w.bodies(); got["done"] != 10 || got["busy"] != 1 {
			t.Errorf("in the end: %v", got)
		}
	})
}
