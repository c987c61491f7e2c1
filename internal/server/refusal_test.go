package server_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mcollective/connector"
	"mcollective/internal/server"
	"mcollective/message"
	"mcollective/security"
	"mcollective/value"
)

// refusal is that of a provider.
func refusal(r *message.Request, reason message.Reason) error {
	return &security.Refusal{Request: r, Reason: reason, Err: errors.New("the credential was revoked")}
}

// Who is proven, and refused by the security provider, hears so if he addressed this
// node by name. Nobody else hears anything, and nothing of the request is done.
func TestRefusalOfTheProvider(t *testing.T) {
	everybody := func(r *message.Request) error { return refusal(r, message.Denied) }
	with := func(change func(*message.Request)) *message.Request {
		r := call("echo")
		change(r)
		return r
	}
	const said = "the credential was revoked"
	for name, c := range map[string]struct {
		to     connector.Target
		req    *message.Request
		refuse func(*message.Request) error
		reason message.Reason // "" is silence
		text   string
		step   string
		count  func(server.Stats) uint64
	}{
		"by name":    {to: directed, req: call("echo"), reason: message.Denied, text: said, step: "proof", count: func(s server.Stats) uint64 { return s.Denied }},
		"wrapped":    {to: directed, req: call("echo"), refuse: func(r *message.Request) error { return fmt.Errorf("provider: %w", refusal(r, message.Denied)) }, reason: message.Denied, text: said, step: "proof"},
		"ended":      {to: directed, req: call("echo"), refuse: func(r *message.Request) error { return refusal(r, message.Expired) }, reason: message.Expired, text: said, step: "proof", count: func(s server.Stats) uint64 { return s.TTLExpired }},
		"busy":       {to: directed, req: call("echo"), refuse: func(r *message.Request) error { return refusal(r, message.Busy) }, reason: message.Busy, text: said, step: "proof", count: func(s server.Stats) uint64 { return s.Busy }},
		"odd reason": {to: directed, req: call("echo"), refuse: func(r *message.Request) error { return refusal(r, "Odd Reason") }, reason: message.Denied, text: said, step: "proof"},
		"no reason":  {to: directed, req: call("echo"), refuse: func(r *message.Request) error { return refusal(r, "") }, reason: message.Denied, text: said, step: "proof"},
		"no cause":   {to: directed, req: call("echo"), refuse: func(r *message.Request) error { return &security.Refusal{Request: r, Reason: message.Denied} }, reason: message.Denied, text: "refused: denied", step: "proof"},
		"an ended one": {to: directed, req: with(func(r *message.Request) {
			r.Principal = message.Principal{ID: r.Caller, Proof: message.Signature, Until: time.Unix(1, 0)}
		}), reason: message.Denied, text: said, step: "proof"},
		// The filter tells him nothing, nor what agents there are.
		"does not match": {to: directed, req: with(func(r *message.Request) { r.Filter.Facts = centos("Debian").Facts }), reason: message.Denied, text: said, step: "proof"},
		"runs data":      {to: directed, req: with(func(r *message.Request) { r.Filter = centos("CentOS") }), reason: message.Denied, text: said, step: "proof"},
		"no such agent":  {to: directed, req: call("shell"), reason: message.Denied, text: said, step: "proof"},
		"just expired":   {to: directed, req: with(func(r *message.Request) { r.TTL = -1; r.Filter.Facts = centos("Debian").Facts }), reason: message.Expired, step: "age"},

		"broadcast":        {to: broadcast("echo"), req: call("echo"), step: "proof"},
		"discovery":        {to: directed, req: ask("discovery", "ping"), step: "proof"},
		"discovery of all": {to: broadcast("discovery"), req: &message.Request{Agent: "discovery", Body: "ping", AnswerAll: true}, step: "proof"},
		"no action":        {to: directed, req: ask("echo", "x"), step: "proof"},
		"wants no answer":  {to: directed, req: call("echo", value.Symbol("process_results"), false), step: "proof"},
		"long expired":     {to: directed, req: with(func(r *message.Request) { r.TTL = -3600 * time.Second }), step: "age"},
		"misdirected":      {to: directed, req: with(func(r *message.Request) { r.Collective = "france" }), step: "binding"},

		"nothing proven":    {to: directed, req: with(func(r *message.Request) { r.Principal = message.Principal{ID: r.Caller} }), step: "decode"},
		"another caller":    {to: directed, req: with(func(r *message.Request) { r.Principal = message.Principal{ID: "uid=1", Proof: message.Signature} }), step: "decode"},
		"no request":        {to: directed, req: call("echo"), refuse: func(*message.Request) error { return refusal(nil, message.Denied) }, step: "decode"},
		"an ordinary no":    {to: directed, req: call("echo"), refuse: func(*message.Request) error { return security.ErrUnverified }, step: "decode"},
		"a zero refusal":    {to: directed, req: call("echo"), refuse: func(*message.Request) error { return &security.Refusal{} }, step: "decode"},
		"refused by nobody": {to: directed, req: call("echo"), refuse: func(*message.Request) error { return nil }, reason: "ran"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guard{}
			setup := func(w *world, o *server.Options) {
				guardedNode(g)(w, o)
				if w.sec.refuse = c.refuse; c.refuse == nil {
					w.sec.refuse = everybody
				}
			}
			in(t, setup, func(w *world) {
				r := c.req
				if r.ID == "" {
					full := ask(r.Agent, r.Body)
					full.AnswerAll = r.AnswerAll
					r = full
				}
				r.Time = time.Now()
				if r.TTL < 0 { // so long ago that it is out of its time by as much
					r.Time, r.TTL = r.Time.Add(r.TTL-time.Minute-time.Second), time.Minute
				}
				w.send(c.to, r)
				got := w.replies()
				calls := w.trace.take()
				if c.reason == "ran" {
					if len(got) != 1 || got[0].Reason != "" || !slices.Contains(calls, "run") {
						t.Errorf("the request that nobody refuses: %v, %+v: the others prove nothing", calls, got)
					}
					return
				}
				for _, no := range []string{"replay", "filter", "authorize", "audit decision", "data filter", "run"} {
					if slices.Contains(calls, no) {
						t.Errorf("%s was done: %v", no, calls)
					}
				}
				if steps := w.log.steps(); !slices.Equal(steps, []string{c.step}) {
					t.Errorf("refused by %v, want %s", steps, c.step)
				}
				st := w.srv.Stats()
				if c.count != nil && c.count(st) != 1 || st.Validated+st.Unvalidated != 1 || (st.Unvalidated == 1) != (c.step == "decode") || st.Passed != 0 {
					t.Errorf("counters: %+v", st)
				}
				if c.reason == "" {
					if len(got) != 0 {
						t.Errorf("it is answered with %+v", got[0])
					}
					return
				}
				if len(got) != 1 || got[0].Reason != c.reason || got[0].RequestID != r.ID {
					t.Fatalf("%d replies %+v, want one of reason %s", len(got), got, c.reason)
				}
				code, text := status(t, got[0].Body)
				if want := map[bool]int64{true: 1, false: 5}[c.reason == message.Denied]; code != want || c.text != "" && text != c.text {
					t.Errorf("status %d %q, want %d %q", code, text, want, c.text)
				}
			})
		})
	}
}

// checker is a replay guard that refuses all.
type checker struct{ err error }

func (c checker) Check(*message.Request) error { return c.err }

// A replay guard that cannot tell says so to who waits for this node; a replay is heard
// of by nobody.
func TestRefusalOfTheReplayGuard(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		reason message.Reason // "" is silence
		count  func(server.Stats) uint64
	}{
		"a replay":    {errors.New("seen before"), "", func(s server.Stats) uint64 { return s.Replayed }},
		"denied":      {&security.Refusal{Reason: message.Denied, Err: errors.New("seen before")}, "", func(s server.Stats) uint64 { return s.Replayed }},
		"forgotten":   {&security.Refusal{Reason: message.Expired, Err: errors.New("restarted")}, message.Expired, func(s server.Stats) uint64 { return s.TTLExpired }},
		"memory full": {fmt.Errorf("guard: %w", &security.Refusal{Reason: message.Busy, Err: errors.New("full")}), message.Busy, func(s server.Stats) uint64 { return s.Busy }},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world, o *server.Options) { withEcho(w, o); o.Replay = checker{c.err} }, func(w *world) {
				w.send(directed, call("echo"))
				got := w.replies()
				if c.reason == "" && len(got) != 0 || c.reason != "" && (len(got) != 1 || got[0].Reason != c.reason) {
					t.Errorf("replies %+v, want reason %q", got, c.reason)
				}
				if st := w.srv.Stats(); c.count(st) != 1 || st.Passed != 0 {
					t.Errorf("counters: %+v", st)
				}
				other := call("echo")
				other.Filter.Facts = centos("Debian").Facts
				w.send(directed, other)
				w.none()
				w.send(broadcast("echo"), call("echo"))
				w.none()
			})
		})
	}
}
