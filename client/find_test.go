package client_test

import (
	"context"
	"errors"
	"slices"
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
)

const (
	hash1 = "00112233445566778899aabbccddeeff"
	hash2 = "ffeeddccbbaa99887766554433221100"
)

// says answers a discovery request with a word, a second later.
func says(words ...any) behaviour {
	return func(_ *message.Request, answer func(any)) {
		time.Sleep(time.Second)
		for _, w := range words {
			answer(w)
		}
	}
}

func discoverers(t *testing.T, o inmem.Options) *world {
	w := newWorld(t, o)
	w.agent = "discovery"
	return w
}

func find(t *testing.T, c *client.Client, q discovery.Query) *client.Found {
	t.Helper()
	if q.Timeout == 0 {
		q.Timeout = 5 * time.Second
	}
	var each []string
	f, err := c.Find(t.Context(), q, func(name string) { each = append(each, name) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Nodes, each); diff != "" {
		t.Errorf("not each node was told of when it answered:\n%s", diff)
	}
	slices.Sort(f.Nodes)
	for _, nodes := range f.Definitions {
		slices.Sort(nodes)
	}
	return f
}

// What a search comes to, by what the nodes do.
func TestFindEndsWhenAllHaveSpoken(t *testing.T) {
	for name, tc := range map[string]struct {
		options inmem.Options
		nodes   map[string][]behaviour
		query   discovery.Query
		want    client.Found
	}{
		"nobody listens": {want: client.Found{Exact: true}},
		"yes and no": {
			nodes: map[string][]behaviour{"n1": {says("pong")}, "n2": {says("no")}, "n3": {says("pong")}},
			want:  client.Found{Nodes: []string{"n1", "n3"}, Exact: true, Asked: 3, Took: time.Second},
		},
		"one hangs": {
			nodes: map[string][]behaviour{"n1": {says("pong")}, "hangs": {silent}},
			want:  client.Found{Nodes: []string{"n1"}, Silent: []string{"hangs"}, Asked: 2, Took: 5 * time.Second},
		},
		"an old node does not match": {
			nodes: map[string][]behaviour{"n1": {says("no")}, "old": {silent}},
			want:  client.Found{Silent: []string{"old"}, Asked: 2, Took: 5 * time.Second},
		},
		"two of one name": {
			nodes: map[string][]behaviour{"twin": {says("no"), after(3*time.Second, 0)}, "n1": {says("pong")}},
			want:  client.Found{Nodes: []string{"n1", "twin"}, Exact: true, Asked: 3, Took: 3 * time.Second},
		},
		"one of two of a name hangs": {
			nodes: map[string][]behaviour{"twin": {says("pong"), silent}},
			want:  client.Found{Nodes: []string{"twin"}, Silent: []string{"twin"}, Asked: 2, Took: 5 * time.Second},
		},
		"one that says it twice does not speak for others": {
			nodes: map[string][]behaviour{"n1": {says("pong", "pong")}, "n2": {after(3*time.Second, 0)}},
			want:  client.Found{Nodes: []string{"n1", "n2"}, Exact: true, Asked: 2, Took: 3 * time.Second},
		},
		"the broker cannot tell": {
			options: inmem.Options{Blind: true},
			nodes:   map[string][]behaviour{"n1": {says("pong")}, "n2": {says("no")}},
			want:    client.Found{Nodes: []string{"n1"}, Took: 5 * time.Second},
		},
		"the limit is reached": {
			nodes: map[string][]behaviour{"n1": {says("pong")}, "hangs": {silent}},
			query: discovery.Query{Limit: 1},
			want:  client.Found{Nodes: []string{"n1"}, Asked: 2, Took: time.Second},
		},
		"which definition they have": {
			nodes: map[string][]behaviour{"n1": {says("pong " + hash1)}, "old": {says("pong")}, "n2": {says("no")}, "odd": {says("pong "+hash1, "pong "+hash2)},
				"n9": {says("pong " + hash1 + "0")}, "slow": {after(3*time.Second, 0)}},
			query: discovery.Query{Definition: "web"},
			want: client.Found{Nodes: []string{"n1", "n9", "odd", "old", "slow"}, Exact: true, Asked: 6, Took: 3 * time.Second,
				Definitions: map[string][]string{hash1: {"n1", "odd"}, hash2: {"odd"}}},
		},
		"one that refuses to say does not match": {
			nodes: map[string][]behaviour{"n1": {says("pong")}, "refuses": {says(because{message.Denied, "pong"})}, "busy": {says(because{message.Busy, "no"})}},
			want:  client.Found{Nodes: []string{"n1"}, Silent: []string{"refuses"}, Asked: 3, Took: time.Second},
		},
		"fewer than the limit": {
			nodes: map[string][]behaviour{"n1": {says("pong")}, "n2": {says("no")}},
			query: discovery.Query{Limit: 2},
			want:  client.Found{Nodes: []string{"n1"}, Exact: true, Asked: 2, Took: time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := discoverers(t, tc.options)
				for name, all := range tc.nodes {
					for _, does := range all {
						w.node(name, does)
					}
				}
				f := find(t, w.client(), tc.query)
				if diff := cmp.Diff(&tc.want, f); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			})
		})
	}
}

// Nodes that are named say which definition they have, and the question ends when
// all have, or cannot be reached.
func TestDefinitionsOfNamedNodes(t *testing.T) {
	for name, tc := range map[string]struct {
		options       inmem.Options
		broadcastOnly bool
		took          time.Duration
	}{
		"by name":                   {took: time.Second},
		"by a broadcast":            {broadcastOnly: true, took: time.Second},
		"a broker that cannot tell": {options: inmem.Options{Blind: true}, took: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := discoverers(t, tc.options)
				w.node("n1", says("pong "+hash1))
				w.node("n2", says("pong "+hash1))
				w.node("odd", says("pong "+hash2))
				w.node("old", says("pong"))
				w.node("stranger", says("pong "+hash2))
				conn, err := w.hub.Connect(t.Context(), "me")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				c := client.New(conn, w.security, client.Options{Identity: "me", BroadcastOnly: tc.broadcastOnly})
				start := time.Now()
				got, err := c.Definitions(t.Context(), discovery.Query{Definition: "web", Timeout: 5 * time.Second}, []string{"n1", "n2", "odd", "old", "gone"})
				if err != nil {
					t.Fatal(err)
				}
				for _, nodes := range got {
					slices.Sort(nodes)
				}
				if diff := cmp.Diff(map[string][]string{hash1: {"n1", "n2"}, hash2: {"odd"}}, got); diff != "" {
					t.Error(diff)
				}
				if took := time.Since(start); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				if f := w.request("n1").Filter; len(f.Agents) != 1 || f.Agents[0].Text != "web" || len(f.Identities) > 0 {
					t.Errorf("asked with the filter %+v", f)
				}
				if asked := w.request("stranger") != nil; asked != tc.broadcastOnly {
					t.Errorf("others are asked: %v", asked)
				}
			})
		})
	}
}

// A latecomer lets something happen after the question was passed on and before
// the broker tells who listens.
type latecomer struct {
	*inmem.Conn
	before func()
	err    error
}

func (l latecomer) Interest(ctx context.Context, to connector.Target) ([]string, error) {
	l.before()
	if l.err != nil {
		return nil, l.err
	}
	return l.Conn.Interest(ctx, to)
}

func TestFindForgetsNobody(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(w *world)
		err    error
		want   client.Found
	}{
		// It has not been asked, so that nobody can say that all have spoken.
		"one connects meanwhile": {
			before: func(w *world) { w.node("new", says("pong")) },
			want:   client.Found{Nodes: []string{"n1", "slow"}, Silent: []string{"new"}, Asked: 3, Took: 5 * time.Second},
		},
		"the broker takes its time": {
			before: func(*world) { time.Sleep(4 * time.Second) },
			want:   client.Found{Nodes: []string{"n1", "slow"}, Exact: true, Asked: 2, Took: 4 * time.Second},
		},
		"the broker does not know": {
			before: func(*world) {}, err: errors.New("who knows"),
			want: client.Found{Nodes: []string{"n1", "slow"}, Took: 5 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := discoverers(t, inmem.Options{})
				w.node("n1", says("pong"))
				w.node("slow", after(3*time.Second, 0))
				conn, err := w.hub.Connect(t.Context(), "me")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				c := client.New(latecomer{conn, func() { tc.before(w) }, tc.err}, w.security, client.Options{})
				f := find(t, c, discovery.Query{})
				if diff := cmp.Diff(&tc.want, f); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			})
		})
	}
}

func TestFindAsksNamedNodesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := discoverers(t, inmem.Options{})
		w.node("n1", says("pong"))
		w.node("n2", says("no"))
		w.node("n3", says("pong"))
		q := discovery.Query{Filter: filter.Filter{
			Identities: []filter.Pattern{{Text: "n1"}, {Text: "n2"}, {Text: "gone"}},
			Facts:      []filter.Fact{{Name: "country", Operator: "==", Value: "de"}},
		}}
		want := client.Found{Nodes: []string{"n1"}, Exact: true, Asked: 3, Took: time.Second}
		if diff := cmp.Diff(&want, find(t, w.client(), q)); diff != "" {
			t.Error(diff)
		}
		if w.directs() != 2 || w.request("n3") != nil {
			t.Errorf("%d direct messages", w.directs())
		}
		if got := w.request("n1").Filter; len(got.Facts) != 1 || len(got.Identities) != 3 {
			t.Errorf("filter is %+v", got)
		}
		w.node("hangs", silent)
		q.Filter.Identities = append(q.Filter.Identities, filter.Pattern{Text: "hangs"})
		want = client.Found{Nodes: []string{"n1"}, Silent: []string{"hangs"}, Asked: 4, Took: 5 * time.Second}
		if diff := cmp.Diff(&want, find(t, w.client(), q)); diff != "" {
			t.Error(diff)
		}
		q.Filter.Identities[0].Text = "/n1/"
		if f := find(t, w.client(), q); f.Asked != 4 || w.request("n3") == nil {
			t.Errorf("a pattern is to be broadcast: %+v", f)
		}
	})
}
