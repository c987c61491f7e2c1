package client_test

import (
	"context"
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
	"mcollective/message"
	"mcollective/rpc"
)

// A liar is a connection on which somebody else writes that nobody listens, to the
// address for replies, whatever is published.
type liar struct {
	*inmem.Conn
	blind bool

	mu    sync.Mutex
	tells func(connector.Target)
	asked int
}

type liarsSubscription struct {
	connector.Subscription
	l *liar
}

func (s liarsSubscription) Watch(tell func(connector.Target)) bool {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.l.tells = tell
	return true
}

func (l *liar) Subscribe(ctx context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	sub, err := l.Conn.Subscribe(ctx, from, receive)
	return liarsSubscription{sub, l}, err
}

func (l *liar) Publish(ctx context.Context, to connector.Target, m connector.Message) error {
	l.mu.Lock()
	tell := l.tells
	l.mu.Unlock()
	to.Agent = map[connector.Kind]string{connector.Broadcast: to.Agent}[to.Kind]
	tell(to)
	tell(to)
	return l.Conn.Publish(ctx, to, m)
}

func (l *liar) Interest(ctx context.Context, to connector.Target) ([]string, error) {
	l.mu.Lock()
	l.asked++
	l.mu.Unlock()
	if l.blind {
		return nil, context.DeadlineExceeded
	}
	return l.Conn.Interest(ctx, to)
}

func (w *world) liar(blind bool) *liar {
	conn, err := w.hub.Connect(w.t.Context(), "me")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return &liar{Conn: conn, blind: blind}
}

// Who writes that nobody listens ends no search.
func TestForgedAbsenceEndsNoSearch(t *testing.T) {
	for _, named := range []bool{false, true} {
		for _, blind := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := discoverers(t, inmem.Options{})
				var q discovery.Query
				for _, name := range []string{"n1", "n2"} {
					w.node(name, says("pong"))
					if named {
						q.Filter.Identities = append(q.Filter.Identities, filter.Pattern{Text: name})
					}
				}
				f := find(t, client.New(w.liar(blind), w.security, client.Options{}), q)
				switch {
				case f.Exact && len(f.Nodes) < 2:
					t.Errorf("named %v, blind %v: exact, with %v", named, blind, f.Nodes)
				case len(f.Nodes) < 2 && (!named || !blind):
					t.Errorf("named %v, blind %v: %+v", named, blind, f)
				}
			})
		}
	}
}

func TestForgedAbsenceEndsNoRun(t *testing.T) {
	for _, direct := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, inmem.Options{})
			w.node("n1", after(time.Second, rpc.OK))
			w.node("n2", after(2*time.Second, rpc.OK))
			w.node("hangs", silent)
			r := run("n1", "n2", "hangs")
			r.Direct = direct
			l := w.liar(false)
			a, err := client.New(l, w.security, client.Options{}).Run(t.Context(), r, func(client.Answer) {})
			if err != nil {
				t.Fatal(err)
			}
			// Of who was said to be gone, and is not, nobody knows whether it was asked.
			want := map[string]client.Outcome{"n1": client.OK, "n2": client.OK, "hangs": client.Unknown}
			if !direct {
				want["hangs"] = client.TimedOut
			}
			check(t, a, want)
			if l.asked > 3 {
				t.Errorf("the broker was asked %d times", l.asked)
			}
		})
	}
}

// A broadcast that nobody takes is over at once, when the broker says so twice.
func TestBroadcastToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		a, err := w.client().Run(t.Context(), run("gone", "too"), func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, map[string]client.Outcome{"gone": client.Unreachable, "too": client.Unreachable})
		if a.Total != 0 || !a.Sent {
			t.Errorf("account is %+v", a)
		}
	})
}

// After a restart the broker knows nobody who has not come back yet.
func TestFindAfterTheBrokerRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := discoverers(t, inmem.Options{})
		w.node("n1", says("pong"))
		w.node("slow", after(3*time.Second, 0))
		conn, err := w.hub.Connect(t.Context(), "me")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := client.New(&amnesiac{Conn: conn, hub: w.hub}, w.security, client.Options{})
		want := client.Found{Nodes: []string{"n1", "slow"}, Took: 5 * time.Second}
		if diff := cmp.Diff(&want, find(t, c, discovery.Query{})); diff != "" {
			t.Error(diff)
		}
	})
}

// An amnesiac is a connection whose broker restarts before it is asked who listens.
type amnesiac struct {
	*inmem.Conn
	hub *inmem.Hub
}

func (a *amnesiac) Interest(context.Context, connector.Target) ([]string, error) {
	time.Sleep(100 * time.Millisecond)
	a.hub.Stop()
	a.hub.Start()
	return nil, nil
}

// Who says no for another, and is contradicted or says it too often, is found out.
func TestForgedNo(t *testing.T) {
	for name, tc := range map[string]struct {
		evil, n1 behaviour // evil answers for n1, too
		want     client.Found
	}{
		"no and yes": {
			evil: words("n1", "no"), n1: says("pong"),
			want: client.Found{Nodes: []string{"n1", "slow"}, Suspicious: []string{"n1"}, Asked: 3, Took: 5 * time.Second},
		},
		"no and no": {
			evil: words("n1", "no", "n1", "no"), n1: silent,
			want: client.Found{Nodes: []string{"slow"}, Suspicious: []string{"n1"}, Asked: 3, Took: 5 * time.Second},
		},
		"of somebody who does not exist": {
			evil: words("n9", "no"), n1: says("pong"),
			want: client.Found{Nodes: []string{"n1", "slow"}, Exact: true, Asked: 3, Took: 3 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := discoverers(t, inmem.Options{})
				w.node("n1", tc.n1)
				w.node("slow", after(3*time.Second, 0))
				w.node("evil", tc.evil)
				if diff := cmp.Diff(&tc.want, find(t, w.client(), discovery.Query{})); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			})
		})
	}
}

// words answers in the names of others, by turns a name and what it says, and then
// no for itself.
func words(said ...string) behaviour {
	return func(_ *message.Request, answer func(any)) {
		for i := 0; i < len(said); i += 2 {
			answer(as{said[i], said[i+1]})
		}
		answer("no")
	}
}

// A patient client is not impressed by who says no.
func TestPatientFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := discoverers(t, inmem.Options{})
		w.node("n1", after(3*time.Second, 0))
		w.node("evil", words("n1", "no"))
		conn, err := w.hub.Connect(t.Context(), "me")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		f := find(t, client.New(conn, w.security, client.Options{Patient: true}), discovery.Query{})
		if f.Exact || f.Took != 5*time.Second || !slices.Contains(f.Nodes, "n1") {
			t.Errorf("found %+v", f)
		}
	})
}

// What was broken off before anything was sent is not told as sent.
func TestInterruptedBeforeItWasSent(t *testing.T) {
	for name, change := range map[string]func(*client.Run){
		"broadcast":        func(*client.Run) {},
		"direct":           func(r *client.Run) { r.Direct = true },
		"silent":           func(r *client.Run) { r.Silent = true },
		"silent broadcast": func(r *client.Run) { r.Silent, r.Nodes = true, nil },
		"reply to":         func(r *client.Run) { r.ReplyTo = "mcollective.reply.other.1" },
		"batches":          func(r *client.Run) { r.Silent, r.Batch = true, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, inmem.Options{})
				conn, err := w.hub.Connect(t.Context(), "me")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				w.hub.Stop()
				r := run("n1", "n2")
				change(&r)
				unheard := r.Silent || r.ReplyTo != ""
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				a, err := client.New(conn, w.security, client.Options{Identity: "me"}).Run(ctx, r, func(client.Answer) {})
				if (err != nil) != unheard || unheard && !strings.Contains(err.Error(), "interrupted before anything was sent") {
					t.Errorf("%s: error is %v", name, err)
				}
				if a == nil || a.Sent || !a.Interrupted || a.Count[client.NotSent] != len(r.Nodes) {
					t.Errorf("%s: account is %+v", name, a)
				}
			})
		})
	}
}

// An answer in the name of a node whose turn has not come takes nobody's place.
func TestAnswersAheadOfTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inmem.Options{})
		ok := (&rpc.Reply{}).Body()
		w.node("evil", func(_ *message.Request, answer func(any)) {
			for _, name := range []string{"n1", "n2", "n3"} {
				answer(as{name, ok})
			}
			time.Sleep(time.Second)
			answer(ok)
		})
		for _, name := range []string{"n1", "n2", "n3"} {
			w.node(name, after(time.Second, rpc.Aborted))
		}
		r := run("evil", "n1", "n2", "n3")
		r.Batch = 1
		a, err := w.client().Run(t.Context(), r, func(client.Answer) {})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"evil 0s", "n1 1s", "n2 2s", "n3 3s"}, w.order()); diff != "" {
			t.Errorf("more than one at a time:\n%s", diff)
		}
		check(t, a, map[string]client.Outcome{"evil": client.OK, "n1": client.Failed, "n2": client.Failed, "n3": client.Failed})
		if diff := cmp.Diff([]string{"n1", "n2", "n3"}, a.Unexpected); diff != "" {
			t.Error(diff)
		}
	})
}
