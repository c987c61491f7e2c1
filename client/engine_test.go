package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/client"
	"mcollective/connector"
	"mcollective/connector/inmem"
	"mcollective/message"
)

// A question to nodes that asks each by name, and names none, goes to nobody.
func TestDirectCallToNobody(t *testing.T) {
	b := &fakeBroker{}
	c := client.New(b, openSecurity{}, client.Options{})
	call := ping(time.Hour)
	call.Direct = true
	if _, err := c.Call(t.Context(), call, func(client.Answer) {}); !errors.Is(err, client.ErrNoNodes) {
		t.Errorf("error is %v", err)
	}
	if len(b.events) > 0 {
		t.Errorf("the broker was asked to %v", b.events)
	}
}

// A limit is kept to even where more answers arrived at the same time.
func TestLimitOfABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: func(_ connector.Target, req *message.Request, answer func(*message.Reply)) {
			for _, name := range []string{"n1", "n1", "n2", "n3", "n4"} {
				answer(pong(req, name))
			}
		}}
		c := client.New(b, openSecurity{}, client.Options{})
		call := ping(time.Hour)
		call.Limit = 2
		var got []string
		a, err := c.Call(t.Context(), call, func(a client.Answer) { got = append(got, a.Sender) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"n1", "n1", "n2"}, got); diff != "" || a.Replies != 3 {
			t.Errorf("%d replies:\n%s", a.Replies, diff)
		}
		b.running.Wait()
	})
}

// Who is not named and says no, and then yes, is unexpected, as who says yes alone.
func TestStrangerWhoSaysNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := discoverers(t, inmem.Options{})
		w.node("n1", says("pong"))
		w.node("stranger", says("no", "pong"))
		w.node("slow", func(_ *message.Request, answer func(any)) { time.Sleep(3 * time.Second); answer("no") }) // until then the call goes on
		var unexpected []string
		call := ping(5 * time.Second)
		call.Nodes, call.Exact = []string{"n1", "n2"}, true
		a, err := w.client().Call(t.Context(), call, func(a client.Answer) {
			if a.Unexpected {
				unexpected = append(unexpected, a.Sender)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"n1": client.OK, "n2": client.Unknown})
		if diff := cmp.Diff([]string{"stranger"}, unexpected); diff != "" || a.Declined != 0 || a.Exact {
			t.Errorf("account is %+v:\n%s", a, diff)
		}
	})
}

// Of the nodes of an exact call each has one outcome, a no among them.
func TestExactCallAccountsForEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := discoverers(t, inmem.Options{})
		w.node("yes", says("pong"))
		w.node("no", says("no"))
		w.node("late", func(_ *message.Request, answer func(any)) { time.Sleep(time.Minute); answer("no") })
		call := ping(5 * time.Second)
		call.Nodes, call.Direct, call.Exact = []string{"yes", "no", "gone", "late"}, true, true
		a, err := w.client().Call(t.Context(), call, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"yes": client.OK, "no": client.Declined, "gone": client.Unreachable, "late": client.TimedOut})
		if diff := cmp.Diff([]string{"gone", "late"}, a.NoResponse); diff != "" || a.Declined != 1 || a.Exact {
			t.Errorf("account is %+v:\n%s", a, diff)
		}
		if diff := cmp.Diff([]string{"late"}, a.Silent); diff != "" {
			t.Error(diff)
		}
	})
}

// Too much said under one name keeps a call from ending early, but not for ever,
// also where nothing more could be sent.
func TestSuspicionEndsWithTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{script: func(_ connector.Target, req *message.Request, answer func(*message.Reply)) {
			for range 2 {
				no := pong(req, "n1")
				no.Body = message.No
				answer(no)
			}
		}, publishErr: func(to connector.Target) error {
			if to.Identity == "n2" {
				time.Sleep(time.Second)
				return errors.New("refused")
			}
			return nil
		}}
		c := client.New(b, openSecurity{}, client.Options{})
		call := ping(500 * time.Millisecond)
		call.Nodes, call.Direct, call.Exact = []string{"n1", "n2"}, true, true
		a, err := c.Call(t.Context(), call, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"n1": client.Declined, "n2": client.NotSent})
		if diff := cmp.Diff([]string{"n1"}, a.Suspicious); diff != "" || a.Exact || a.Total > 5*time.Second {
			t.Errorf("account is %+v:\n%s", a, diff)
		}
		b.running.Wait()
	})
}

// What arrives before the request is out, as answers to an earlier one do over some
// brokers, is nobody's answer. The race detector sees to the rest.
func TestReplyBeforeTheRequest(t *testing.T) {
	b := &fakeBroker{script: answers("n1")}
	early := pong(&message.Request{ID: "another"}, "n0")
	started := make(chan struct{})
	c := client.New(&eager{b, func() { close(started); b.deliver(early) }}, openSecurity{}, client.Options{})
	call := ping(time.Hour)
	call.Nodes = []string{"n1"}
	a, err := c.Call(t.Context(), call, func(client.Answer) {})
	if err != nil || a.Replies != 1 || a.Undecodable != 0 {
		t.Errorf("account is %+v, %v", a, err)
	}
	<-started
	b.running.Wait()
}

// An eager broker delivers as soon as somebody subscribes.
type eager struct {
	*fakeBroker
	deliver func()
}

func (e *eager) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	sub, err := e.fakeBroker.Subscribe(ctx, from, receive)
	e.running.Go(e.deliver)
	return sub, err
}

// A call that is broken off while the broker is silent is no error.
func TestInterruptedWhileSubscribing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		c := client.New(&mute{}, openSecurity{}, client.Options{})
		a, err := c.Call(ctx, ping(time.Hour), func(client.Answer) {})
		if err != nil || !a.Interrupted || a.Sent {
			t.Errorf("account is %+v, %v", a, err)
		}
		if _, err := c.Call(t.Context(), ping(time.Hour), func(client.Answer) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a broker that takes no subscription in time: %v", err)
		}
	})
}

// A mute broker takes no subscription.
type mute struct{ fakeBroker }

func (m *mute) Subscribe(ctx context.Context, _ connector.Target, _ func(connector.Delivery)) (connector.Subscription, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
