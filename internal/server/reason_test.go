package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/server"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
)

// Whatever keeps a request from doing its work, its caller gets the reason as a code.
func TestReasons(t *testing.T) {
	answer := func(body any, err error) server.Handler {
		return server.HandlerFunc(func(context.Context, *message.Request) (any, error) { return body, err })
	}
	failed := (&rpc.Reply{Status: rpc.UnknownError, Message: "in the agent's words"}).Body()
	handlers := map[string]server.Handler{
		"fine":       answer("fine", nil),
		"fails":      answer(failed, nil),
		"errs":       answer(nil, errors.New("disk full")),
		"late":       answer(failed, &timelimit.Overrun{Limit: time.Second}),
		"latebare":   answer(nil, fmt.Errorf("late: %w", &timelimit.Overrun{Limit: time.Second})),
		"stopping":   answer(failed, &timelimit.Overrun{Limit: time.Second, Stopping: true}),
		"hangs":      answer(failed, timelimit.Busy(16)),
		"replaced":   answer(failed, timelimit.ErrClosed),
		"panicked":   answer(failed, &timelimit.Panic{Value: "oh"}),
		"panics":     server.HandlerFunc(func(context.Context, *message.Request) (any, error) { panic("oh") }),
		"large":      answer(strings.Repeat("x", 2<<20), nil),
		"unreadable": answer(errUnencodable, nil),
	}
	want := map[string]message.Reason{
		"fine": "", "fails": "", "errs": "", "late": message.TimedOut, "latebare": message.TimedOut, "stopping": message.Stopping,
		"hangs": message.Busy, "replaced": message.Busy, "panicked": message.Broken, "panics": message.Broken,
		"large": message.TooLarge, "unreadable": message.Broken,
		"absent": message.NoAgent, "expired": message.Expired, "denied": message.Denied, "queued": message.Busy,
	}
	in(t, func(w *world, o *server.Options) {
		o.Handlers = handlers
		o.Handlers["expired"], o.Handlers["denied"], o.Handlers["queued"] = answer("", nil), answer("", nil), slow
		o.Authorize = deny("denied")
		o.Workers, o.Queue = 1, -1
	}, func(w *world) {
		for agent, reason := range want {
			r := call(agent)
			if agent == "expired" {
				r.Time = r.Time.Add(-2 * time.Minute)
			}
			if agent == "queued" { // the one worker, and the one that each agent has besides, are taken
				w.send(directed, call(agent))
				w.send(directed, call(agent))
			}
			w.send(directed, r)
			got := w.replies()
			if i := slices.IndexFunc(got, func(a *message.Reply) bool { return a.RequestID == r.ID }); i < 0 {
				t.Errorf("agent %s: no answer among %d", agent, len(got))
			} else if got[i].Reason != reason {
				t.Errorf("agent %s: reason %q, want %q; %v", agent, got[i].Reason, reason, got[i].Body)
			}
			time.Sleep(time.Minute) // of virtual time, in which slow ends
			w.replies()
		}
	})
}

// deny refuses the calls of one agent.
type deny string

func (d deny) Authorize(_ context.Context, r *message.Request, _ filter.Node) error {
	return refuse(r.Agent == string(d), "policy")
}

// Who is not proven, or not any more, is not listened to; the message's own word does
// not count.
func TestPrincipalIsChecked(t *testing.T) {
	good := func() message.Principal {
		return message.Principal{ID: "uid=0", Proof: message.Signature, Permissions: message.Everything(), Until: time.Now().Add(time.Minute)}
	}
	in(t, withEcho, func(w *world) {
		for name, change := range map[string]func(*message.Principal){
			"no proof":             func(p *message.Principal) { p.Proof = message.Unproven },
			"an unknown proof":     func(p *message.Principal) { p.Proof = 99 },
			"ended":                func(p *message.Principal) { p.Until = time.Now() },
			"another caller":       func(p *message.Principal) { p.ID = "uid=1" },
			"no caller":            func(p *message.Principal) { p.ID = "" },
			"a caller that is not": func(p *message.Principal) { p.ID = "root" },
		} {
			for _, to := range []connector.Target{directed, broadcast("echo")} {
				r := call("echo")
				r.Principal = good()
				w.send(to, r)
				w.one()
				w.log.take()
				r = call("echo")
				r.Principal = good()
				change(&r.Principal)
				w.send(to, r)
				w.none()
				if steps := w.log.steps(); !slices.Equal(steps, []string{"decode"}) {
					t.Errorf("%s: refused by %v", name, steps)
				}
			}
		}
	})
}

// What the proof itself does not allow is denied, whatever the node's policy says,
// and the policy decides about the rest.
func TestProofLimitsWhatRuns(t *testing.T) {
	only := func(collective, agent, action string) []message.Permission {
		return []message.Permission{{Collectives: []string{collective}, Agents: []string{agent}, Actions: []string{action}}}
	}
	g := &guard{}
	in(t, guardedNode(g), func(w *world) {
		for name, c := range map[string]struct {
			may     []message.Permission
			policy  bool // denies
			runs    bool
			unasked bool // the policy is not asked
		}{
			"everything":           {may: message.Everything(), runs: true},
			"this":                 {may: only("mcollective", "echo", "work"), runs: true},
			"all of this agent":    {may: only("*", "echo", "*"), runs: true},
			"everything, not here": {may: message.Everything(), policy: true},
			"nothing":              {unasked: true},
			"another action":       {may: only("*", "echo", "other"), unasked: true},
			"another agent":        {may: only("*", "shell", "*"), unasked: true},
			"another collective":   {may: only("france", "*", "*"), unasked: true},
			"halves of two":        {may: append(only("*", "echo", "other"), only("*", "shell", "work")...), unasked: true},
			"empty lists":          {may: []message.Permission{{}}, unasked: true},
		} {
			g.deny = c.policy
			w.trace.take()
			r := ask("echo", (&rpc.Request{Agent: "echo", Action: "work"}).Body())
			r.Principal = message.Principal{ID: r.Caller, Proof: message.Signature, Permissions: c.may}
			w.send(broadcast("echo"), r)
			got := w.replies()
			if len(got) != 1 || (got[0].Reason == "") != c.runs || !c.runs && got[0].Reason != message.Denied {
				t.Errorf("%s: %+v", name, got)
			}
			steps := w.trace.take()
			if slices.Contains(steps, "run") != c.runs || slices.Contains(steps, "authorize") == c.unasked || !c.runs && !slices.Contains(steps, "audit denial") {
				t.Errorf("%s: %v", name, steps)
			}
		}
		// A body that names no action may be anything.
		r := ask("echo", "x")
		r.Principal = message.Principal{ID: r.Caller, Proof: message.Signature, Permissions: only("*", "echo", "work")}
		w.send(broadcast("echo"), r)
		if got := w.replies(); len(got) != 1 || got[0].Reason != message.Denied {
			t.Errorf("a body without an action: %+v", got)
		}
	})
}
