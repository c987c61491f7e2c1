package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/filter"
	"mcollective/internal/render"
	"mcollective/rpc"
	"mcollective/value"
)

// A task is one run of an application that looks at the answers itself.
type task struct {
	*errand // nil until prepare
	env     *Env
	o       *rpcOptions
	given   *pflag.FlagSet
	words   []string
	args    []argument

	about *ddl.Contract
	who   audience

	columns bool          // what it shows has columns, which --fields chooses
	most    time.Duration // that a call may take; 0 leaves it to the agent
}

// human tells whether the answers are for people, who did not ask for a format.
func (t *task) human() bool {
	return t.o.format == "" && t.o.jq == "" && !t.o.rpc.json && !t.o.noResults && t.o.replyTo == ""
}

// prepare reads what the agent says of itself.
func (t *task) prepare() error {
	unused := []string{"display", "fields"}
	if t.columns {
		unused = unused[:1]
	}
	err := refuse(t.o.cmd, "it shows the answers in a form of its own", unused...)
	if err != nil {
		return err
	}
	if t.errand, err = t.o.newErrand(t.env); err != nil {
		return err
	}
	t.piped = true
	if t.about, err = t.contract(t.o.agent); err == nil && t.about.Local() == nil {
		err = unknownAgent(t.o.agent) // an application knows its agent
	}
	return err
}

// request makes an action's inputs of texts, and refuses what nodes would refuse.
func (t *task) request(action string, args []argument) (*ddl.Action, *value.Map, error) {
	o := *t.o
	o.action = action
	return o.request(t.about, args)
}

// find finds the nodes that have the agent. None is an error.
func (t *task) find(ctx context.Context) error {
	var err error
	if t.who, err = t.search(ctx, t.o.agent, t.o.talks()); err != nil {
		return err
	}
	if err := t.complete(ctx, t.about, t.who); err != nil {
		return err
	}
	if len(t.who.nodes) == 0 {
		return nothingFound(t.errand, t.o.agent)
	}
	return t.connect(ctx)
}

// agree asks whether an action is meant that changes things.
func (t *task) agree(action string) error {
	o := *t.o
	o.action = action
	t.differences(t.about, action)
	return o.confirm(t.env, t.about, t.who.nodes)
}

// call calls an action on some of the nodes that were found, or on all of them if
// nodes is nil.
func (t *task) call(ctx context.Context, nodes []string, action string, in *value.Map, each func(client.Answer)) (*client.Account, error) {
	run := client.Run{Agent: t.o.agent, Action: action, Inputs: in}
	t.aim(&run, t.who)
	if nodes != nil {
		// These and no others: a broadcast would reach all that the filter matches.
		run.Nodes, run.Direct = nodes, t.cfg.DirectAddressing
		if !run.Direct {
			run.Filter = filter.Filter{}
			for _, n := range nodes {
				run.Filter.Identities = append(run.Filter.Identities, filter.Pattern{Text: n})
			}
		}
	}
	var err error
	if run.Batch, err = t.batch(len(run.Nodes)); err != nil {
		return nil, err
	}
	run.BatchSleep = t.flags.rpc.batchSleep.or(t.cfg.DefaultBatchSleepTime)
	run.Timeout = t.patience(t.agentTime(t.about, action), t.who.method)
	if t.most > 0 {
		run.Timeout = min(run.Timeout, t.most)
	}
	return t.client.Run(ctx, run, each)
}

// each calls an action on all nodes and gives the answers of those where it
// succeeded; of the others it says what went wrong. With --sort they come by name.
func (t *task) each(ctx context.Context, action string, in *value.Map, show func(node string, reply *rpc.Reply)) (*client.Account, error) {
	var kept []client.Answer
	give := func(a client.Answer) {
		if err := refusal(a); err != nil {
			t.complain(a.Sender, err)
			return
		}
		show(a.Sender, a.RPC)
	}
	account, err := t.call(ctx, nil, action, in, func(a client.Answer) {
		if t.o.sort {
			kept = append(kept, a)
			return
		}
		give(a)
	})
	slices.SortStableFunc(kept, func(a, b client.Answer) int { return strings.Compare(a.Sender, b.Sender) })
	for _, a := range kept {
		give(a)
	}
	return account, err
}

// refusal is why an answer holds no result; nil if it does.
func refusal(a client.Answer) error {
	switch {
	case a.Err != nil:
		return a.Err
	case a.RPC.Status != rpc.OK:
		return errors.New(a.RPC.Message)
	}
	return nil
}

// complain says what went wrong on a node.
func (t *task) complain(node string, err error) {
	fmt.Fprintf(t.env.Err, "%s: %s\n", render.CleanLine(node), t.env.paint(styleRed, render.CleanLine(err.Error())))
}

// missing says who did not answer.
func (t *task) missing(account *client.Account) {
	if n := len(account.NoResponse); n > 0 {
		fmt.Fprintf(t.env.Err, "No answer from %d of %d nodes: %s\n", n, len(account.Outcomes), firstNames(account.NoResponse, maxSilent))
	}
}

// finish prints what became of a call, and returns the exit code.
func (t *task) finish(account *client.Account, caption string) error {
	if err := t.statistics(account, t.who, caption); err != nil {
		return err
	}
	t.learned(account)
	return halt(t.who, account)
}

func (t *task) learned(account *client.Account) {
	var seen []string
	for node, outcome := range account.Outcomes {
		if outcome == client.OK || outcome == client.Failed {
			seen = append(seen, node)
		}
	}
	learn(t.env, lesson{identities: sorted(seen), agents: []string{t.o.agent}})
}

// said is the text of an output, as people read it.
func said(reply *rpc.Reply, name string) string {
	v, ok := reply.Output(name)
	if !ok || v == nil {
		return ""
	}
	return render.Text(v)
}
