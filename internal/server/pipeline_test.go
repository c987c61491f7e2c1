package server_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/server"
	"mcollective/internal/subtest"
	"mcollective/message"
	"mcollective/value"
)

// A guard plays every hook of the pipeline, notes that it was asked, and refuses
// when told to.
type guard struct {
	*trace
	replay, deny, audit, data bool
}

func (g *guard) Check(*message.Request) error {
	g.add("replay")
	return refuse(g.replay, "seen before")
}

func (g *guard) Fact(name string) (any, bool) {
	g.add("filter")
	return "CentOS", name == "operatingsystem"
}

func (g *guard) Authorize(context.Context, *message.Request, filter.Node) error {
	g.add("authorize")
	return refuse(g.deny, "no policy for this caller")
}

func (g *guard) Decision(_ context.Context, _ *message.Request, denied error) error {
	if denied != nil {
		g.add("audit denial")
	} else {
		g.add("audit decision")
	}
	return refuse(g.audit, "no space left on device")
}

func (g *guard) Outcome(_ context.Context, _ *message.Request, o server.Outcome) {
	if o.Err != nil {
		g.add("audit failure")
		return
	}
	g.add("audit outcome")
}

func (g *guard) Data(context.Context, string, string) (map[string]any, error) {
	g.add("data filter")
	return map[string]any{"size": int64(10)}, refuse(g.data, "no such file")
}

func refuse(yes bool, why string) error {
	if yes {
		return errors.New(why)
	}
	return nil
}

func recordText(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool { b.WriteString(" " + a.String()); return true })
	return b.String()
}

// centos is a filter that asks for a fact and runs a data plugin.
func centos(operatingsystem string) filter.Filter {
	return filter.Filter{
		Facts: []filter.Fact{{Name: "operatingsystem", Operator: "==", Value: operatingsystem}},
		Compound: []filter.Compound{{{Kind: filter.Call, Call: &filter.Function{
			Name: "fstat", Params: "/etc/hosts", Output: "size", Operator: "==", Compare: filter.Pattern{Text: "10"},
		}}}},
	}
}

// guardedNode is a node on which every step of the pipeline can be seen.
func guardedNode(g *guard) func(*world, *server.Options) {
	return func(w *world, o *server.Options) {
		g.trace = w.trace
		o.Replay, o.Facts, o.Authorize, o.Audit, o.Data = g, g, g, g, g
		o.MaxRequest = 1000
		o.Handlers["echo"] = server.HandlerFunc(func(_ context.Context, r *message.Request) (any, error) {
			w.trace.add("run")
			return r.Body, nil
		})
	}
}

// TestOrderOfSteps follows a request that every step lets through.
func TestOrderOfSteps(t *testing.T) {
	in(t, guardedNode(&guard{}), func(w *world) {
		r := ask("echo", "hello")
		r.Filter = centos("CentOS")
		w.send(broadcast("echo"), r)
		if b := w.one(); b != "hello" {
			t.Fatalf("the answer is %v", b)
		}
		// The facts are looked at again with the data, since they may have changed.
		want := []string{"decode", "replay", "filter", "authorize", "audit decision", "filter", "data filter", "run", "audit outcome", "reply"}
		if got := slices.Compact(w.trace.take()); !slices.Equal(got, want) {
			t.Errorf("steps ran as %v\nwant         %v", got, want)
		}
	})
}

// TestEarlierStepRefusesFirst sends requests that two steps would refuse, for
// each two: the first must, and none behind it may run.
func TestEarlierStepRefusesFirst(t *testing.T) {
	type try struct {
		g    *guard
		req  *message.Request
		data []byte
	}
	faults := []struct {
		step  string
		spoil func(*try)
		never []string // what must not have run
	}{
		{"size", func(y *try) { y.data = append(y.data, make([]byte, 1000)...) }, []string{"decode", "replay", "filter", "authorize", "audit decision", "audit denial", "data filter", "run", "reply"}},
		{"decode", func(y *try) { y.data = append([]byte("x"), y.data...) }, []string{"replay", "filter", "authorize", "audit decision", "audit denial", "data filter", "run", "reply"}},
		{"binding", func(y *try) { y.req.Collective = "france" }, []string{"replay", "filter", "authorize", "audit decision", "audit denial", "data filter", "run", "reply"}},
		{"age", func(y *try) { y.req.Time = y.req.Time.Add(-61 * time.Second) }, []string{"replay", "filter", "authorize", "audit decision", "audit denial", "data filter", "run", "reply"}},
		{"replay", func(y *try) { y.g.replay = true }, []string{"filter", "authorize", "audit decision", "audit denial", "data filter", "run", "reply"}},
		{"filter", func(y *try) { y.req.Filter.Facts[0].Value = "Debian" }, []string{"authorize", "audit decision", "audit denial", "data filter", "run", "reply"}},
		{"authorize", func(y *try) { y.g.deny = true }, []string{"audit decision", "data filter", "run", "reply"}},
		{"filter", func(y *try) { y.g.data = true }, []string{"run", "reply"}},
	}
	g := &guard{}
	in(t, guardedNode(g), func(w *world) {
		for i, first := range faults {
			for j := i; j < len(faults); j++ {
				*g = guard{trace: w.trace}
				y := &try{g: g, req: ask("echo", "hello")}
				y.req.Filter = centos("CentOS")
				y.data = w.sec.request(y.req)
				first.spoil(y)
				if j > i {
					faults[j].spoil(y)
				}
				w.log.take()
				w.sendBytes(broadcast("echo"), y.data)
				w.none()
				if got := w.log.steps(); !slices.Equal(got, []string{first.step}) {
					t.Errorf("spoilt for %s and %s: refused by %v", first.step, faults[j].step, got)
				}
				for _, call := range w.trace.take() {
					if slices.Contains(first.never, call) {
						t.Errorf("spoilt for %s and %s: %s ran all the same", first.step, faults[j].step, call)
					}
				}
			}
			time.Sleep(time.Minute) // virtual: beyond the rationing of log lines
		}
	})
}

func TestBinding(t *testing.T) {
	inner := func(kv ...any) any { return value.NewMap(kv...) }
	france := func(r *message.Request) { r.Collective = "france" }
	franceTopic := connector.Target{Kind: connector.Broadcast, Collective: "france", Agent: "echo"}
	for name, c := range map[string]struct {
		to   connector.Target
		req  *message.Request
		edit func(*message.Request)
		ok   bool
	}{
		"as it should be":               {to: broadcast("echo"), req: ask("echo", "x"), ok: true},
		"directed, any agent":           {to: directed, req: ask("echo", "x"), ok: true},
		"other agent's topic":           {to: broadcast("discovery"), req: ask("echo", "x")},
		"discovery on an agent's topic": {to: broadcast("echo"), req: ask("discovery", "ping")},
		"other collective's topic":      {to: franceTopic, req: ask("echo", "x")},
		"other collective in envelope":  {to: broadcast("echo"), req: ask("echo", "x"), edit: france},
		"other collective, directed":    {to: directed, req: ask("echo", "x"), edit: france},
		"its own collective":            {to: franceTopic, req: ask("echo", "x"), edit: france, ok: true},
		"same agent within":             {to: broadcast("echo"), req: ask("echo", inner(value.Symbol("agent"), "echo")), ok: true},
		"same agent within, as string":  {to: broadcast("echo"), req: ask("echo", inner("agent", "echo")), ok: true},
		"other agent within":            {to: broadcast("echo"), req: ask("echo", inner(value.Symbol("agent"), "shell"))},
		"other agent within, directed":  {to: directed, req: ask("echo", inner(value.Symbol("agent"), "shell"))},
		"two agents within":             {to: broadcast("echo"), req: ask("echo", inner(value.Symbol("agent"), "echo", "agent", "shell"))},
		"no name within":                {to: broadcast("echo"), req: ask("echo", inner(value.Symbol("agent"), int64(1)))},
		"nothing within":                {to: broadcast("echo"), req: ask("echo", inner(value.Symbol("action"), "x")), ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, withEcho, func(w *world) {
				c.req.Time = time.Now() // of the bubble
				if c.edit != nil {
					c.edit(c.req)
				}
				w.send(c.to, c.req)
				n := len(w.replies())
				if unbound := w.srv.Stats().Unbound; c.ok != (n == 1) || c.ok != (unbound == 0) {
					t.Errorf("%d replies, %d unbound; want it taken: %v", n, unbound, c.ok)
				}
			})
		})
	}
}

func TestAge(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		sent, ttl time.Duration // sent: before now
		maxTTL    time.Duration
		maxSkew   time.Duration
		counter   string
	}{
		{sent: 0, ttl: 60 * s},
		{sent: 60 * s, ttl: 60 * s}, // equal passes
		{sent: 61 * s, ttl: 60 * s, counter: "expired"},
		{sent: 1 * s, ttl: 1 * s},
		{sent: 2 * s, ttl: 1 * s, counter: "expired"},
		{sent: 60 * s, ttl: 0}, // none named: the node's own
		{sent: 61 * s, ttl: 0, counter: "expired"},
		{sent: 0, ttl: -5 * s, counter: "expired"},
		{sent: 0, ttl: time.Millisecond, counter: "expired"},
		{sent: 300 * s, ttl: 3600 * s},
		{sent: 300 * s, ttl: 3600 * s, maxTTL: 600 * s},
		{sent: 601 * s, ttl: 3600 * s, maxTTL: 600 * s, counter: "expired"},
		{sent: -3600 * s, ttl: 60 * s}, // the future passes unless it is limited
		{sent: -30 * s, ttl: 60 * s, maxSkew: 30 * s},
		{sent: -31 * s, ttl: 60 * s, maxSkew: 30 * s, counter: "skewed"},
		{sent: 3600 * s, ttl: 60 * s, maxSkew: 30 * s, counter: "expired"},
	} {
		t.Run(subtest.Name(c.sent, c.ttl), func(t *testing.T) {
			in(t, func(_ *world, o *server.Options) { o.MaxTTL, o.MaxSkew = c.maxTTL, c.maxSkew }, func(w *world) {
				r := ask("discovery", "ping")
				r.Time, r.TTL = r.Time.Add(-c.sent), c.ttl
				w.send(broadcast("discovery"), r)
				n := len(w.replies())
				st := w.srv.Stats()
				got := ""
				switch {
				case st.TTLExpired == 1:
					got = "expired"
				case st.Skewed == 1:
					got = "skewed"
				}
				if got != c.counter || (n == 1) != (c.counter == "") {
					t.Errorf("%+v: %d replies, counted as %q", c, n, got)
				}
			})
		})
	}
}

func TestAgeOfExtremeTimes(t *testing.T) {
	in(t, nil, func(w *world) {
		for _, sec := range []int64{-1 << 63, -1, 0, 1} {
			r := ask("discovery", "ping")
			r.Time = time.Unix(sec, 0)
			w.send(broadcast("discovery"), r)
			w.none()
		}
		if n := w.srv.Stats().TTLExpired; n != 4 {
			t.Errorf("%d expired, want 4", n)
		}
	})
}

func TestUnknownAgentIsSilent(t *testing.T) {
	in(t, nil, func(w *world) {
		w.send(directed, ask("shell", "x"))
		w.none()
		if n := w.srv.Stats(); n.Unknown != 1 || n.Passed != 0 {
			t.Errorf("counters: %+v", n)
		}
		// The agent filter that clients send makes the same an ordinary no.
		r := ask("shell", "x")
		r.Filter.Agents = []filter.Pattern{{Text: "shell"}}
		w.send(directed, r)
		w.none()
		if n := w.srv.Stats(); n.Unknown != 1 || n.Filtered != 1 {
			t.Errorf("counters: %+v", n)
		}
	})
}

// call is a request of SimpleRPC.
func call(agent string, data ...any) *message.Request {
	r := ask(agent, value.NewMap(value.Symbol("agent"), agent, value.Symbol("action"), "x", value.Symbol("data"), value.NewMap(data...)))
	r.Filter.Agents = []filter.Pattern{{Text: agent}}
	return r
}

// TestWhoNamesANodeHearsWhy sends requests that do not run to the node by name.
func TestWhoNamesANodeHearsWhy(t *testing.T) {
	in(t, func(w *world, o *server.Options) { withEcho(w, o); o.MaxSkew = time.Minute }, func(w *world) {
		sent := func(age time.Duration, agent string, data ...any) *message.Request {
			r := call(agent, data...)
			r.Time = r.Time.Add(-age)
			return r
		}
		for name, c := range map[string]struct {
			req  *message.Request
			text string // of the answer, from its beginning; "" is silence
		}{
			"in time":              {sent(0, "echo"), "="},
			"expired":              {sent(2*time.Minute, "echo"), "expired: the request came 120 seconds after it was sent and was good for 60; if that is wrong, check both clocks"},
			"skewed":               {sent(-2*time.Minute, "echo"), "expired: the request is from 120 seconds in the future; check both clocks"},
			"long expired":         {sent(12*time.Minute, "echo"), ""},
			"far skewed":           {sent(-12*time.Minute, "echo"), ""},
			"from 1970":            {sent(60*365*24*time.Hour, "echo"), ""},
			"no such agent":        {sent(0, "shell"), `no agent "shell" on this node`},
			"wants no answer":      {sent(2*time.Minute, "echo", value.Symbol("process_results"), false), ""},
			"wants none, no agent": {sent(0, "shell", value.Symbol("process_results"), false), ""},
		} {
			w.send(directed, c.req)
			got := w.replies()
			switch {
			case c.text == "" || c.text == "=":
				if (len(got) == 1) != (c.text == "=") {
					t.Errorf("%s: %d replies", name, len(got))
				}
			case len(got) != 1:
				t.Errorf("%s: %d replies", name, len(got))
			default:
				if code, text := status(t, got[0].Body); code != 5 || text != c.text {
					t.Errorf("%s: status %d %q", name, code, text)
				}
			}
			// Who did not name it, or does not match, hears nothing.
			if c.text != "=" && c.req.Agent == "echo" {
				w.send(broadcast(c.req.Agent), c.req)
				w.none()
			}
			other := *c.req
			other.ID, other.Filter.Facts = message.NewID(), centos("CentOS").Facts
			w.send(directed, &other)
			w.none()
		}
		r := ask("discovery", "ping")
		r.Time = r.Time.Add(-2 * time.Minute)
		w.send(directed, r)
		w.none()
	})
}

// TestNoOnRequest is about callers who count on an answer of each node.
func TestNoOnRequest(t *testing.T) {
	g := &guard{}
	in(t, guardedNode(g), func(w *world) {
		askAll := func(r *message.Request) {
			all := *r
			all.AnswerAll = true
			w.send(broadcast(r.Agent), &all)
		}
		ping := func(change func(*message.Request)) *message.Request {
			r := ask("discovery", "ping")
			r.Filter = centos("CentOS")
			change(r)
			return r
		}
		for name, c := range map[string]struct {
			req  *message.Request
			want any // nil is silence
		}{
			"match":           {ping(func(*message.Request) {}), "pong"},
			"other fact":      {ping(func(r *message.Request) { r.Filter = centos("Debian") }), "no"},
			"other agent":     {ping(func(r *message.Request) { r.Filter.Agents = []filter.Pattern{{Text: "shell"}} }), "no"},
			"other data":      {ping(func(r *message.Request) { r.Filter.Compound[0][0].Call.Compare.Text = "11" }), "no"},
			"expired":         {ping(func(r *message.Request) { r.Filter = centos("Debian"); r.Time = r.Time.Add(-time.Hour) }), nil},
			"another agent's": {ping(func(r *message.Request) { r.Filter = centos("Debian"); r.Agent = "echo" }), nil},
		} {
			filteredBefore := w.srv.Stats().Filtered
			askAll(c.req)
			if c.want == nil {
				w.none()
			} else if got := w.one(); got != c.want {
				t.Errorf("%s: %v", name, got)
			}
			if n := w.srv.Stats().Filtered - filteredBefore; (n == 1) != (c.want == "no" || name == "another agent's") {
				t.Errorf("%s: %d filtered", name, n)
			}
		}
		w.send(broadcast("discovery"), ping(func(r *message.Request) { r.Filter = centos("Debian") }))
		w.none()
	})
}

// A node states the hash of a definition to who asks for it, and only with the word
// that it matches.
func TestDefinitionIsStated(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 4)
	in(t, func(_ *world, o *server.Options) {
		o.Handlers["defined"] = defined(hash)
		o.Handlers["plain"] = server.HandlerFunc(func(context.Context, *message.Request) (any, error) { return message.Pong, nil })
	}, func(w *world) {
		for _, c := range []struct {
			about string
			req   *message.Request
			want  string
		}{
			{"defined", ask("discovery", "ping"), "pong " + hash[:32]},
			{"plain", ask("discovery", "ping"), "pong"}, // it has none
			{"nosuch", ask("discovery", "ping"), "pong"},
			{"", ask("discovery", "ping"), "pong"},
			{"defined", ask("discovery", "pong"), "Unknown Request: pong"},
			{"defined", ask("plain", "ping"), "pong"},
		} {
			c.req.Definition = c.about
			w.send(broadcast(c.req.Agent), c.req)
			if got := w.one(); got != c.want {
				t.Errorf("%s, asked about %q: %v, want %v", c.req.Agent, c.about, got, c.want)
			}
		}
	})
}

type defined string

func (defined) Handle(context.Context, *message.Request) (any, error) { return "yes", nil }
func (d defined) DefinitionHash() string                              { return string(d) }

func TestDeniedCallerHearsSo(t *testing.T) {
	g := &guard{deny: true}
	in(t, guardedNode(g), func(w *world) {
		w.send(broadcast("echo"), ask("echo", "x"))
		if code, text := status(t, w.one()); code != 1 || !strings.Contains(text, "not authorized") || strings.Contains(text, "policy") {
			t.Errorf("status %d %q", code, text)
		}
		if calls := w.trace.take(); !slices.Contains(calls, "audit denial") || slices.Contains(calls, "run") {
			t.Errorf("denied request: %v", calls)
		}
		// Discovery runs nothing, so nobody is asked.
		w.alive()
		if calls := w.trace.take(); slices.Contains(calls, "authorize") {
			t.Errorf("ping: %v", calls)
		}
		// Whether a node matches that has to run something to know, is not told.
		r := ask("discovery", "ping")
		r.Filter = centos("CentOS")
		w.send(broadcast("discovery"), r)
		w.none()
		if calls := w.trace.take(); !slices.Contains(calls, "audit denial") || slices.Contains(calls, "data filter") {
			t.Errorf("denied discovery with a data function: %v", calls)
		}
		if n := w.srv.Stats().Denied; n != 2 {
			t.Errorf("%d denied, want 2", n)
		}
	})
}

func TestWhatCannotBeAuditedDoesNotRun(t *testing.T) {
	in(t, guardedNode(&guard{audit: true}), func(w *world) {
		w.send(broadcast("echo"), ask("echo", "x"))
		if code, _ := status(t, w.one()); code != 1 {
			t.Errorf("status %d", code)
		}
		if slices.Contains(w.trace.take(), "run") {
			t.Error("it ran")
		}
	})
}

func TestSlowDataFilterIsGivenUp(t *testing.T) {
	in(t, func(_ *world, o *server.Options) { o.Data = endless{} }, func(w *world) {
		r := ask("discovery", "ping")
		r.Filter = centos("CentOS")
		r.Filter.Facts = nil
		w.send(broadcast("discovery"), r)
		w.alive()               // meanwhile
		time.Sleep(time.Minute) // virtual
		w.none()
		if n := w.srv.Stats(); n.Filtered != 1 || n.Running != 0 {
			t.Errorf("counters: %+v", n)
		}
	})
}

// endless is a data source that never answers in time.
type endless struct{}

func (endless) Data(ctx context.Context, _, _ string) (map[string]any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// nowhere is a connector for tests that send nothing.
type nowhere struct{ connector.Connector }
