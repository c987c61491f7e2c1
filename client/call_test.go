package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/message"
	"mcollective/security"
)

func ping(timeout time.Duration) client.Call {
	return client.Call{Agent: "discovery", Body: "ping", Timeout: timeout}
}

// answers makes every published request be answered by these senders, a
// millisecond apart.
func answers(senders ...string) func(connector.Target, *message.Request, func(*message.Reply)) {
	return func(_ connector.Target, req *message.Request, answer func(*message.Reply)) {
		for _, s := range senders {
			time.Sleep(time.Millisecond)
			answer(pong(req, s))
		}
	}
}

func TestBroadcastTakesItsWholeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: answers("n1", "n2")}
		c := client.New(b, openSecurity{}, client.Options{Identity: "me"})
		start := time.Now()
		var got []string
		call := ping(5 * time.Second)
		call.Filter.Facts = []filter.Fact{{Name: "a", Operator: "==", Value: "b"}}
		res, err := c.Call(t.Context(), call, func(r client.Answer) {
			got = append(got, fmt.Sprintf("%s %v", r.Sender, r.After))
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"n1 1ms", "n2 2ms"}, got); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(start); took != 5*time.Second || res.Total != took {
			t.Errorf("took %v, result says %v, want 5s", took, res.Total)
		}
		if res.Interrupted || res.Replies != 2 || len(res.Outcomes) > 0 {
			t.Errorf("result is %+v", res)
		}
		want := []string{"subscribe reply discovery", "publish broadcast discovery", "unsubscribe"}
		if diff := cmp.Diff(want, b.events); diff != "" {
			t.Errorf("the reply subscription has to stand before the request goes out:\n%s", diff)
		}
		req := b.requests[0]
		if req.Sender != "me" || req.Collective != "mcollective" || req.TTL != time.Minute || req.Filter.Facts[0].Value != "b" || req.ID != res.RequestID {
			t.Errorf("request is %+v", req)
		}
	})
}

func TestExpectedNodesEndTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: answers("n2", "stranger", "n2", "n1", "late")}
		c := client.New(b, openSecurity{}, client.Options{})
		call := ping(time.Hour)
		call.Nodes = []string{"n1", "n2", "n1"}
		var flags []string
		res, err := c.Call(t.Context(), call, func(r client.Answer) {
			flags = append(flags, fmt.Sprintf("%s dup=%t unexpected=%t", r.Sender, r.Duplicate, r.Unexpected))
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"n2 dup=false unexpected=false", "stranger dup=false unexpected=true",
			"n2 dup=true unexpected=false", "n1 dup=false unexpected=false",
		}
		if diff := cmp.Diff(want, flags); diff != "" {
			t.Error(diff)
		}
		check(t, res, map[string]client.Outcome{"n1": client.OK, "n2": client.OK})
		if diff := cmp.Diff([]string{"n2"}, res.Duplicates); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"stranger"}, res.Unexpected); diff != "" {
			t.Error(diff)
		}
		if res.Interrupted || res.Replies != 4 || res.NoResponse != nil {
			t.Errorf("result is %+v", res)
		}
		b.running.Wait()
	})
}

func TestDirectCallAccountsForEveryTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{
			script: func(to connector.Target, req *message.Request, answer func(*message.Reply)) {
				if to.Identity != "silent" {
					answer(pong(req, to.Identity))
				}
			},
			publishErr: func(to connector.Target) error {
				if to.Identity == "unreachable" {
					return errors.New("refused")
				}
				return nil
			},
		}
		c := client.New(b, openSecurity{}, client.Options{})
		call := ping(time.Second)
		call.Nodes, call.Direct = []string{"n1", "silent", "unreachable", "n2", "n1"}, true
		res, err := c.Call(t.Context(), call, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		if len(b.published) != 3 || b.published[0].Kind != connector.Directed {
			t.Errorf("published to %v", b.published)
		}
		ids := map[string]bool{}
		for _, r := range b.requests {
			ids[r.ID] = true
		}
		if len(ids) != 1 {
			t.Errorf("%d request ids, want one", len(ids))
		}
		check(t, res, map[string]client.Outcome{"n1": client.OK, "n2": client.OK, "silent": client.Unknown, "unreachable": client.NotSent})
		if diff := cmp.Diff([]string{"silent", "unreachable"}, res.NoResponse); diff != "" {
			t.Error(diff)
		}
		if res.Total != time.Second {
			t.Errorf("took %v", res.Total)
		}
	})
}

func TestNothingSentIsAnError(t *testing.T) {
	down := func(connector.Target) error { return errors.New("connection is down") }
	for _, targets := range [][]string{nil, {"n1", "n2"}} {
		b := &fakeBroker{publishErr: down}
		c := client.New(b, openSecurity{}, client.Options{})
		call := ping(time.Hour)
		call.Nodes, call.Direct = targets, targets != nil
		_, err := c.Call(t.Context(), call, func(client.Answer) {})
		if err == nil || !strings.Contains(err.Error(), "connection is down") {
			t.Errorf("targets %v: error is %v", targets, err)
		}
	}
	c := client.New(&fakeBroker{}, openSecurity{}, client.Options{})
	if _, err := c.Call(t.Context(), client.Call{Agent: "x"}, func(client.Answer) {}); err == nil {
		t.Error("a request that cannot be encoded was sent")
	}
}

func TestPublishingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: answers("n1"), flush: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		c := client.New(b, openSecurity{}, client.Options{PublishTimeout: 3 * time.Second})
		call := ping(time.Second)
		call.Nodes, call.Direct = []string{"n1", "n2"}, true
		res, err := c.Call(t.Context(), call, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		if res.Publish != 3*time.Second || res.Total != 4*time.Second {
			t.Errorf("result is %+v", res)
		}
	})
}

// A broadcast that nobody answers is worth asking the broker about; one that
// somebody answers is not.
func TestSilenceIsConfirmed(t *testing.T) {
	for _, heard := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			flushes := 0
			b := &fakeBroker{script: answers(), flush: func(context.Context) error { flushes++; return nil }}
			want := 1
			if heard {
				b.script, want = answers("n1"), 0
			}
			c := client.New(b, openSecurity{}, client.Options{})
			res, err := c.Call(t.Context(), ping(time.Second), func(client.Answer) {})
			if err != nil || res.Total != time.Second {
				t.Fatalf("result is %+v, %v", res, err)
			}
			if flushes != want {
				t.Errorf("heard %v: the broker was asked %d times, want %d", heard, flushes, want)
			}
		})
	}
}

func TestInterruptKeepsWhatCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: answers("n1", "n2")}
		c := client.New(b, openSecurity{}, client.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		call := ping(time.Hour)
		call.Nodes = []string{"n1", "n2", "n3"}
		res, err := c.Call(ctx, call, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		if !res.Interrupted || res.Count[client.OK] != 2 || cmp.Diff([]string{"n3"}, res.NoResponse) != "" || res.Total != time.Second {
			t.Errorf("result is %+v", res)
		}
	})
}

func TestUnusableRepliesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{}
		b.script = func(_ connector.Target, req *message.Request, answer func(*message.Reply)) {
			for range 20 {
				b.deliverRaw([]byte("\x04\bnonsense"))
			}
			other := pong(req, "n9")
			other.RequestID = "another"
			answer(other)
			answer(pong(req, "n1"))
		}
		c := client.New(b, openSecurity{}, client.Options{})
		res, err := c.Call(t.Context(), ping(time.Second), func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		if res.Undecodable != 20 || res.Replies != 1 {
			t.Errorf("result is %+v", res)
		}
	})
}

func TestSlowConsumerHoldsTheConnectorUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const replies, size = 100, 1 << 20
		b := &fakeBroker{}
		var delivered, consumed atomic.Int32
		b.script = func(_ connector.Target, req *message.Request, _ func(*message.Reply)) {
			for i := range replies {
				b.deliverPadded(pong(req, fmt.Sprintf("n%d", i)), size)
				delivered.Add(1)
			}
		}
		c := client.New(b, openSecurity{}, client.Options{})
		idle, most := 0, int32(0)
		call := ping(time.Hour)
		call.Limit = replies
		call.Idle = func() { idle++ }
		res, err := c.Call(t.Context(), call, func(client.Answer) {
			most = max(most, delivered.Load()-consumed.Load())
			time.Sleep(time.Millisecond)
			consumed.Add(1)
		})
		if err != nil {
			t.Fatal(err)
		}
		if res.Replies != replies || res.Total > time.Minute {
			t.Errorf("result has %d replies", res.Replies)
		}
		if idle == 0 || idle > replies {
			t.Errorf("idle was called %d times", idle)
		}
		if most > 80 {
			t.Errorf("%d MiB waited for the consumer, want about 64 at most", most)
		}
	})
}

func TestEndWhileTheConnectorWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{}
		b.script = func(_ connector.Target, req *message.Request, _ func(*message.Reply)) {
			for i := range 140 {
				b.deliverPadded(pong(req, fmt.Sprintf("n%d", i)), 1<<20)
			}
		}
		c := client.New(b, openSecurity{}, client.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		res, err := c.Call(ctx, ping(time.Hour), func(client.Answer) {
			time.Sleep(time.Second)
			cancel()
		})
		if err != nil || !res.Interrupted {
			t.Errorf("result is %+v, error %v", res, err)
		}
		b.running.Wait()
	})
}

func TestDiscover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: answers("n2", "n1", "n2")}
		c := client.New(b, openSecurity{}, client.Options{Collective: "uk"})
		var m discovery.Method = c
		names, err := m.Discover(t.Context(), discovery.Query{Timeout: 2 * time.Second, TTL: 1500 * time.Millisecond,
			Filter: filter.Filter{Agents: []filter.Pattern{{Text: "rpcutil"}}}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"n2", "n1"}, names); diff != "" {
			t.Error(diff)
		}
		if r := b.requests[0]; r.Filter.Collective != "uk" || r.Collective != "uk" || r.TTL != 2*time.Second {
			t.Errorf("request is %+v", r)
		}
		start := time.Now()
		names, err = m.Discover(t.Context(), discovery.Query{Timeout: 2 * time.Second, Limit: 1})
		if err != nil || len(names) != 1 || time.Since(start) > time.Second {
			t.Errorf("found %v in %v, error %v", names, time.Since(start), err)
		}
		b.running.Wait()
	})
}

// bareSecurity costs next to nothing: a reply is 32 bytes of request id and the
// sender's name.
type bareSecurity struct{ openSecurity }

func (bareSecurity) DecodeReply(_ context.Context, _ *message.Request, p security.Payload) (*message.Reply, error) {
	return &message.Reply{RequestID: string(p.Data[:32]), Sender: string(p.Data[32:])}, nil
}

// BenchmarkCollect measures what a call costs, and each reply of it from the
// connector's hands to the caller's, with security that does nothing.
func BenchmarkCollect(b *testing.B) {
	for _, n := range []int{1, 100, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			replies := make([][]byte, n)
			for i := range replies {
				replies[i] = fmt.Appendf(nil, "%32snode%d.example.net", "", i)
			}
			broker := &fakeBroker{}
			broker.script = func(_ connector.Target, req *message.Request, _ func(*message.Reply)) {
				for _, r := range replies {
					copy(r, req.ID)
					broker.deliverRaw(r)
				}
			}
			c := client.New(broker, bareSecurity{}, client.Options{})
			call := ping(time.Hour)
			call.Limit = n
			b.ReportAllocs()
			for b.Loop() {
				if res, err := c.Call(b.Context(), call, func(client.Answer) {}); err != nil || res.Replies != n {
					b.Fatal(res, err)
				}
			}
		})
	}
}

// Where the broker does not let replies arrive, that there are none is no answer.
func TestRefusedReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: answers(), refused: fmt.Errorf("here: %w", connector.ErrRefused)}
		c := client.New(b, openSecurity{}, client.Options{Identity: "me"})
		if _, err := c.Call(t.Context(), ping(time.Second), func(client.Answer) {}); !errors.Is(err, connector.ErrRefused) {
			t.Errorf("Call: %v, want ErrRefused", err)
		}
		r := client.Run{Agent: "rpcutil", Action: "ping", Nodes: []string{"n1"}, Timeout: time.Second}
		if _, err := c.Run(t.Context(), r, func(client.Answer) {}); !errors.Is(err, connector.ErrRefused) {
			t.Errorf("Run: %v, want ErrRefused", err)
		}
	})
}
