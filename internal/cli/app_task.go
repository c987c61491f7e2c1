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
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/rpc"
	"mcollective/value"
)

// A task is one run of an application that looks at the answers itself.
type task struct {
	*invocation // nil until prepare
	env         *Env
	o           *rpcOptions
	given       *pflag.FlagSet
	words       []string
	args        []argument

	about   *ddl.Contract
	targets *operation.Targets

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
	if t.invocation, err = t.o.begin(t.env, true); err != nil {
		return err
	}
	t.dialog.showsProgress = t.o.showsProgress()
	if t.about, err = t.Contract(t.o.agent); err == nil && t.about.Local() == nil {
		err = operation.UnknownAgent(t.o.agent) // an application knows its agent
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
	if t.targets, err = t.search(ctx, t.o.agent); err != nil {
		return err
	}
	if err := t.Complete(ctx, t.about, t.targets); err != nil {
		return err
	}
	if len(t.targets.Nodes) == 0 {
		return t.nothingFound(t.o.agent)
	}
	return t.Connect(ctx)
}

// agree asks whether an action is meant that changes things.
func (t *task) agree(action string) error {
	t.WarnOfDifferences(t.about, action)
	if t.o.yes || t.o.noop {
		return nil
	}
	return t.Confirm(t.about, action, t.targets.Nodes)
}

// call calls an action on some of the nodes that were found, or on all of them if
// nodes is nil.
func (t *task) call(ctx context.Context, nodes []string, action string, in *value.Map, each func(client.Answer)) (*client.Account, error) {
	return t.Run(ctx, t.targets, operation.Call{
		Agent: t.o.agent, Action: action, Inputs: in, Nodes: nodes, Time: t.AgentTime(t.about, action), Bound: t.most,
	}, each)
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
	if err := t.statistics(account, t.targets, caption); err != nil {
		return err
	}
	t.learned(account)
	return exitStatus(t.targets, account)
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

// errSilent is why a node is not waited for any more.
var errSilent = errors.New("did not answer in time")

// progress shows on a terminal how far things are, in a line that the next
// replaces.
func (t *task) progress(text string) {
	if t.env.ErrTerminal && !t.o.rpc.noProgress {
		fmt.Fprintf(t.env.Err, "\r\x1b[K%s", text)
	}
}

// mostSilent is how many questions a node may leave unanswered before it is not
// waited for any more.
const mostSilent = 5
