package puppet

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/pause"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
	"mcollective/rpc"
	"mcollective/value"
)

const (
	// pollEvery is the time between two looks at the nodes that run Puppet.
	pollEvery = time.Second

	// mostWaiting is how many looks a run may need to be seen: Puppet writes down
	// that it runs only when it has its catalog.
	mostWaiting = 60
)

// A puppetRun is one node that is to run Puppet.
type puppetRun struct {
	node    string
	before  string // when it last ran, as the node tells it
	foreign bool   // it ran before we came
	seen    bool   // it was seen to run
	silent  int    // looks without an answer
	waiting int    // looks that saw no run
}

// A puppetQueue is what runall does: it keeps no more than bound nodes busy.
type puppetQueue struct {
	t       *application.Task
	bound   int
	inputs  *value.Map // of runonce
	waiting []*puppetRun
	running []*puppetRun
	ran     int
	failed  int
}

// runAll runs Puppet once on every node on which it is enabled, on no more than
// the bound at the same time; with --rerun again and again.
func (p *puppet) runAll(ctx context.Context, t *application.Task) error {
	bound, err := strconv.Atoi(p.bound)
	if err != nil || bound < 1 {
		return usage.Hinted(usage.Errorf("runall needs to know on how many nodes Puppet may run at the same time"), "Like this: mco puppet runall 10")
	}
	if !t.Human() {
		return usage.Errorf("runall reports for people: it knows no --output, --json, --jq, --no-results and --reply-to")
	}
	if err := t.Prepare(); err != nil {
		return err
	}
	if t.RPC.Results.Batch != "" {
		return usage.Errorf("--batch does not apply to runall, which has a bound of its own")
	}
	if !slices.ContainsFunc(t.Args, func(a inputs.Argument) bool { return a.Name == "force" || a.Name == "splay" }) {
		// A node that waits for a random time would keep the others waiting.
		t.Args = append(t.Args, inputs.Argument{Name: "force", Text: "true"})
	}
	_, in, err := t.Request("runonce", t.Args)
	if err != nil {
		return err
	}
	for {
		began := t.Env.Now()
		if err := t.Find(ctx); err != nil {
			return err
		}
		if err := t.Agree("runonce"); err != nil {
			return err
		}
		t.RPC.Yes = true // once is enough
		q := &puppetQueue{t: t, bound: bound, inputs: in}
		if err := q.run(ctx); err != nil {
			return err
		}
		if !p.rerun.IsSet {
			return q.end()
		}
		if wait := p.rerun.Duration - t.Env.Now().Sub(began); wait > 0 {
			q.say("Next run in %s", wait.Round(time.Second))
			if err := pause.For(ctx, wait); err != nil {
				return err
			}
		}
	}
}

// end is the exit code. That Puppet ran nowhere is no success.
func (q *puppetQueue) end() error {
	switch {
	case q.failed > 0:
		return cli.Exit(cli.ExitSomeFailed)
	case q.ran == 0:
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}

func (q *puppetQueue) say(format string, args ...any) {
	fmt.Fprintf(q.t.Env.Out, "%s: %s\n", q.t.Env.Now().Format(time.DateTime), safetext.CleanLine(fmt.Sprintf(format, args...)))
}

// run works the queue off.
func (q *puppetQueue) run(ctx context.Context) error {
	if err := q.fill(ctx); err != nil {
		return err
	}
	q.say("Running Puppet on %d nodes, on %d at the same time", len(q.waiting), q.bound)
	for len(q.waiting) > 0 || q.ours() > 0 {
		if err := q.start(ctx); err != nil {
			return err
		}
		if len(q.running) == 0 {
			continue
		}
		if err := pause.For(ctx, pollEvery); err != nil {
			return fmt.Errorf("broken off: Puppet goes on where it runs; %d nodes were not started: %w", len(q.waiting), err)
		}
		if err := q.poll(ctx); err != nil {
			return err
		}
	}
	q.say("Done: %d nodes ran, %d failed", q.ran, q.failed)
	return nil
}

// ours returns the runs that we have started.
func (q *puppetQueue) ours() int {
	n := 0
	for _, r := range q.running {
		if !r.foreign {
			n++
		}
	}
	return n
}

// fill asks who is to run. Nodes on which Puppet runs already count for the bound.
func (q *puppetQueue) fill(ctx context.Context) error {
	disabled, known := 0, 0
	account, err := q.t.Each(ctx, "status", value.NewMap(), func(node string, reply *rpc.Reply) {
		known++
		r := &puppetRun{node: node, before: outputs.Said(reply, "lastrun")}
		switch {
		case !outputs.Truth(reply, "enabled"):
			disabled++
		case outputs.Truth(reply, "applying"):
			r.foreign, r.seen = true, true
			q.running = append(q.running, r)
		default:
			q.waiting = append(q.waiting, r)
		}
	})
	if err != nil {
		return err
	}
	q.t.Missing(account)
	if account.Replies == 0 {
		return collective.ExitStatus(q.t.Targets, account)
	}
	// Nodes that gave no status are not run.
	q.failed = max(len(q.t.Targets.Nodes)-known, 0)
	slices.SortFunc(q.waiting, func(a, b *puppetRun) int { return strings.Compare(a.node, b.node) })
	if len(q.running)+disabled > 0 {
		q.say("Puppet is disabled on %d nodes and running on %d already", disabled, len(q.running))
	}
	return nil
}

// start starts Puppet on as many nodes as the bound leaves room for.
func (q *puppetQueue) start(ctx context.Context) error {
	room := min(q.bound-len(q.running), len(q.waiting))
	if room <= 0 {
		return nil
	}
	next := q.waiting[:room]
	q.waiting = q.waiting[room:]
	answers, err := q.ask(ctx, next, "runonce", q.inputs)
	if err != nil {
		return err
	}
	for _, r := range next {
		answer, ok := answers[r.node]
		switch {
		case !ok:
			q.drop(r, "does not answer")
		case application.Refusal(answer) != nil:
			q.drop(r, application.Refusal(answer).Error())
		default:
			q.say("%s: %s", r.node, outputs.Said(answer.RPC, "summary"))
			q.running = append(q.running, r)
		}
	}
	return nil
}

func (q *puppetQueue) drop(r *puppetRun, why string) {
	q.failed++
	q.say("%s: %s", r.node, why)
}

// ask calls an action on some nodes.
func (q *puppetQueue) ask(ctx context.Context, runs []*puppetRun, action string, in *value.Map) (map[string]client.Answer, error) {
	nodes := make([]string, len(runs))
	for i, r := range runs {
		nodes[i] = r.node
	}
	answers := make(map[string]client.Answer, len(nodes))
	_, err := q.t.Call(ctx, nodes, action, in, func(a client.Answer) { answers[a.Sender] = a })
	return answers, err
}

// poll looks which runs have ended.
func (q *puppetQueue) poll(ctx context.Context) error {
	answers, err := q.ask(ctx, q.running, "status", value.NewMap())
	if err != nil {
		return err
	}
	q.running = slices.DeleteFunc(q.running, func(r *puppetRun) bool {
		answer, ok := answers[r.node]
		if !ok || application.Refusal(answer) != nil {
			r.silent++
			if r.silent >= application.MostSilent {
				q.drop(r, fmt.Sprintf("gave no status %d times, and is not waited for any more", r.silent))
				return true
			}
			return false
		}
		r.silent = 0
		switch {
		case outputs.Truth(answer.RPC, "applying"):
			r.seen = true
			return false
		case r.foreign:
			return true
		case r.seen || outputs.Said(answer.RPC, "lastrun") != r.before:
			q.ran++
			q.say("%s: has run Puppet", r.node)
			return true
		}
		r.waiting++
		if r.waiting >= mostWaiting {
			q.drop(r, fmt.Sprintf("was started %d looks ago and did not run Puppet", r.waiting))
			return true
		}
		return false
	})
	return nil
}
