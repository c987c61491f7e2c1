package application

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
	"mcollective/internal/cli"
	"mcollective/internal/cli/call"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/clientfiles"
	"mcollective/internal/operation"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// A Task is one run of an application that looks at the answers itself.
type Task struct {
	*collective.Invocation // nil until prepare
	Env                    *cli.Env
	RPC                    *call.Options
	Given                  *pflag.FlagSet
	Words                  []string
	Args                   []inputs.Argument

	about   *ddl.Contract
	Targets *operation.Targets

	Columns bool          // what it shows has columns, which --fields chooses
	Most    time.Duration // that a call may take; 0 leaves it to the agent
}

// Human reports whether the answers are for people, who did not ask for a format.
func (t *Task) Human() bool {
	return t.RPC.Format == "" && t.RPC.JQ == "" && !t.RPC.Results.JSON && !t.RPC.NoResults && t.RPC.ReplyTo == ""
}

// Prepare reads what the agent says of itself.
func (t *Task) Prepare() error {
	unused := []string{"display", "fields"}
	if t.Columns {
		unused = unused[:1]
	}
	err := cli.Refuse(t.RPC.Cmd, "it shows the answers in a form of its own", unused...)
	if err != nil {
		return err
	}
	if t.Invocation, err = t.RPC.Begin(t.Env, true); err != nil {
		return err
	}
	t.Dialog.ShowsProgress = t.RPC.ShowsProgress()
	if t.about, err = t.Contract(t.RPC.Agent); err == nil && t.about.Local() == nil {
		err = operation.UnknownAgent(t.RPC.Agent) // an application knows its agent
	}
	return err
}

// Request makes an action's inputs of texts, and refuses what nodes would refuse.
func (t *Task) Request(action string, args []inputs.Argument) (*ddl.Action, *value.Map, error) {
	r := t.RPC.Reader
	r.Action = action
	return r.Read(t.about, args)
}

// Find finds the nodes that have the agent. None is an error.
func (t *Task) Find(ctx context.Context) error {
	var err error
	if t.Targets, err = t.Search(ctx, t.RPC.Agent); err != nil {
		return err
	}
	if err := t.Complete(ctx, t.about, t.Targets); err != nil {
		return err
	}
	if len(t.Targets.Nodes) == 0 {
		return t.NothingFound(t.RPC.Agent)
	}
	return t.Connect(ctx)
}

// Agree asks whether an action is meant that changes things.
func (t *Task) Agree(action string) error {
	t.WarnOfDifferences(t.about, action)
	if t.RPC.Yes || t.RPC.Noop {
		return nil
	}
	return t.Confirm(t.about, action, t.Targets.Nodes)
}

// Call calls an action on some of the nodes that were found, or on all of them if
// nodes is nil.
func (t *Task) Call(ctx context.Context, nodes []string, action string, in *value.Map, each func(client.Answer)) (*client.Account, error) {
	return t.Run(ctx, t.Targets, operation.Call{
		Agent: t.RPC.Agent, Action: action, Inputs: in, Nodes: nodes, Time: t.AgentTime(t.about, action), Bound: t.Most,
	}, each)
}

// Each calls an action on all nodes and gives the answers of those where it
// succeeded; of the others it says what went wrong. With --sort they come by name.
func (t *Task) Each(ctx context.Context, action string, in *value.Map, show func(node string, reply *rpc.Reply)) (*client.Account, error) {
	var kept []client.Answer
	give := func(a client.Answer) {
		if err := Refusal(a); err != nil {
			t.Complain(a.Sender, err)
			return
		}
		show(a.Sender, a.RPC)
	}
	account, err := t.Call(ctx, nil, action, in, func(a client.Answer) {
		if t.RPC.Sort {
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

// Refusal is why an answer holds no result; nil if it does.
func Refusal(a client.Answer) error {
	switch {
	case a.Err != nil:
		return a.Err
	case a.RPC.Status != rpc.OK:
		return errors.New(a.RPC.Message)
	}
	return nil
}

// Complain says what went wrong on a node.
func (t *Task) Complain(node string, err error) {
	fmt.Fprintf(t.Env.Err, "%s: %s\n", safetext.CleanLine(node), t.Env.Paint(cli.StyleRed, safetext.CleanLine(err.Error())))
}

// Missing says who did not answer.
func (t *Task) Missing(account *client.Account) {
	if n := len(account.NoResponse); n > 0 {
		fmt.Fprintf(t.Env.Err, "No answer from %d of %d nodes: %s\n", n, len(account.Outcomes), collective.FirstNames(account.NoResponse, collective.MaxSilent))
	}
}

// Finish prints what became of a call, and returns the exit code.
func (t *Task) Finish(account *client.Account, caption string) error {
	if err := t.Statistics(account, t.Targets, caption); err != nil {
		return err
	}
	t.Learned(account)
	return collective.ExitStatus(t.Targets, account)
}

// Learned remembers the nodes that answered for completion.
func (t *Task) Learned(account *client.Account) {
	var seen []string
	for node, outcome := range account.Outcomes {
		if outcome == client.OK || outcome == client.Failed {
			seen = append(seen, node)
		}
	}
	t.Env.Files().Remember(clientfiles.Names{Identities: cli.Sorted(seen), Agents: []string{t.RPC.Agent}})
}

// ErrSilent is why a node is not waited for any more.
var ErrSilent = errors.New("did not answer in time")

// Progress shows on a terminal how far things are, in a line that the next
// replaces.
func (t *Task) Progress(text string) {
	if t.Env.ErrTerminal && !t.RPC.Results.NoProgress {
		fmt.Fprintf(t.Env.Err, "\r\x1b[K%s", text)
	}
}

// MostSilent is how many questions a node may leave unanswered before it is not
// waited for any more.
const MostSilent = 5
