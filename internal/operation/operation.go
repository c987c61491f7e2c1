// Package operation is what a command does with a collective: it chooses the nodes that are meant, asks whether the action is meant, runs it, and accounts for every node. It prints nothing; a Dialog hears what happens and answers questions.
//
// One operation goes this way:
//
//  1. New takes the Options, which are judged before anybody is asked for anything.
//  2. Contract has what this machine knows of the agent.
//  3. Search finds the nodes, by the method that the options lead to.
//  4. Complete adds to the contract what those nodes define.
//  5. Confirm asks about actions that change things.
//  6. Run asks the nodes, and returns an account of every one.
//
// Do goes the whole way for one action, Send for one that no answers are awaited of.
package operation

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/session"
	"mcollective/internal/usage"
	"mcollective/value"
)

// FunctionTime is what each data function in a compound filter may take a node on top.
const FunctionTime = time.Second

// ErrInterrupted is returned by a search that the user broke off: some nodes are no
// answer to a question about all, so that nobody is asked any more.
var ErrInterrupted = errors.New("interrupted while looking for nodes")

// Options are those of one request. The zero value of each leaves it to the
// configuration.
type Options struct {
	Collective string
	Filter     filter.Filter
	Discovery  Discovery
	Limit      client.Limit

	Timeout time.Duration // how long answers are awaited
	TTL     time.Duration // how long a request is valid

	Batch      *Batch
	BatchSleep *time.Duration
}

// A Batch is how many nodes work on a request at the same time: a number of them, or
// a percentage that is rounded up. 0 is no batches.
type Batch struct {
	Size    int
	Percent bool
}

// An Environment is what an operation needs of the machine that it runs on.
type Environment struct {
	// Session is the connection, with its configuration. It is made when it is needed,
	// and not closed: operations may share it, and run at the same time.
	Session *session.Session
	Dialog  Dialog
	Now     func() time.Time // default time.Now

	Definition  func(agent string) (*ddl.Definition, error) // that this machine has of an agent; ddl.ErrUnknown if none
	Definitions ddl.Cache                                   // what nodes gave earlier

	// Unknown is what may help where nobody knows an agent; refused means that nodes
	// were asked for it and failed. Nil is nothing.
	Unknown func(agent UnknownAgent, refused bool) string

	Stdin        io.Reader // where names of nodes may come from; nil is empty
	StdinHasData bool      // whether there are names on Stdin unless the options say otherwise
}

// A Dialog hears what an operation does, and decides what only its user can decide.
type Dialog interface {
	// Searching says that nodes are about to be looked for. Searched ends that.
	Searching(Method)
	Searched(nodes int, err error)

	// Silent names nodes that listen, and did not even say that they do not match.
	Silent(nodes []string)

	// AwaitingNames says that standard input has been silent for a while.
	AwaitingNames()

	// Warn says what the user should know before the next step.
	Warn(message string)

	// Confirm asks whether an action is meant that changes things. An error means
	// that it is not, and ends the operation.
	Confirm(Question) error
}

// An Operation is one use of a collective. Its methods are for one goroutine; another
// operation may be in another, over the same session.
type Operation struct {
	opts   Options
	env    Environment
	dialog Dialog

	method   *Method
	session  *session.Session
	defining string // the agent of which nodes that are found state the definition; "" is none
}

// New makes an operation.
func New(env Environment, opts Options) *Operation {
	if opts.Collective == "" {
		opts.Collective = env.Session.Config().MainCollective
	}
	opts.Limit.Random = env.Session.Config().RPCLimitMethod == "random"
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Stdin == nil {
		env.Stdin = strings.NewReader("")
	}
	return &Operation{opts: opts, env: env, dialog: env.Dialog, session: env.Session}
}

// Options returns what the operation was asked for.
func (o *Operation) Options() Options { return o.opts }

// Restrict replaces the filter.
func (o *Operation) Restrict(f filter.Filter) { o.opts.Filter = f }

// Connect connects the session to the broker if that was not done yet.
func (o *Operation) Connect(ctx context.Context) error { return o.session.Connect(ctx) }

// Client returns the client of an operation that is connected.
func (o *Operation) Client() *client.Client { return o.session.Client() }

// Log returns the log of an operation that is connected.
func (o *Operation) Log() *slog.Logger { return o.session.Log() }

// Query returns what to ask the collective for.
func (o *Operation) Query(f filter.Filter, wait time.Duration, limit int) discovery.Query {
	return discovery.Query{Collective: o.opts.Collective, Filter: f, Timeout: wait, TTL: o.opts.TTL, Limit: limit}
}

// A Call is one action on some of the nodes that were found.
type Call struct {
	Agent  string
	Action string
	Inputs *value.Map
	Nodes  []string      // these of the targets; nil means all
	Time   time.Duration // what the action takes at most
	Bound  time.Duration // how long answers are awaited at most, whatever the options; 0 is no bound
	Idle   func()        // as in client.Run; may be nil
}

// Run calls an action and gives each answer to each. The targets must not be empty.
func (o *Operation) Run(ctx context.Context, t *Targets, c Call, each func(client.Answer)) (*client.Account, error) {
	if err := o.Connect(ctx); err != nil {
		return nil, err
	}
	r := client.Run{Agent: c.Agent, Action: c.Action, Inputs: c.Inputs, Idle: c.Idle}
	o.address(&r, t)
	if c.Nodes != nil {
		// These and no others: a broadcast would reach all that the filter matches.
		r.Nodes, r.Direct = c.Nodes, o.session.Config().DirectAddressing
		if !r.Direct {
			r.Filter = filter.Filter{}
			for _, n := range c.Nodes {
				r.Filter.Identities = append(r.Filter.Identities, filter.Pattern{Text: n})
			}
		}
	}
	var err error
	if r.Batch, err = o.BatchSize(len(r.Nodes)); err != nil {
		return nil, err
	}
	r.BatchSleep = o.session.Config().DefaultBatchSleepTime
	if o.opts.BatchSleep != nil {
		r.BatchSleep = *o.opts.BatchSleep
	}
	r.Timeout = o.replyTimeout(c.Time, t.Method)
	if c.Bound > 0 {
		r.Timeout = min(r.Timeout, c.Bound)
	}
	return o.session.Client().Run(ctx, r, each)
}

// address fills in how a request reaches the targets.
func (o *Operation) address(r *client.Run, t *Targets) {
	r.Nodes, r.Filter, r.Collective, r.TTL = t.Nodes, o.opts.Filter, o.opts.Collective, o.opts.TTL
	// Names that somebody gave, or of which some were picked, are asked and no
	// others; without direct addressing the client has a filter see to that.
	r.Direct = t.Named || t.Method.local != nil || o.limited()
	if o.session.Config().DirectAddressing {
		r.DirectThreshold = o.session.Config().DirectAddressingThreshold
	}
}

// replyTimeout returns how long the answers of nodes are awaited: what the user says, or
// else what the agent takes and what finding the nodes takes, as in Ruby.
func (o *Operation) replyTimeout(agentTime time.Duration, method Method) time.Duration {
	if o.opts.Timeout > 0 {
		return o.opts.Timeout + functionsTime(o.opts.Filter)
	}
	if method.Name == discovery.MethodBroadcast {
		return agentTime + method.Timeout
	}
	return agentTime + method.Timeout + functionsTime(o.opts.Filter)
}

// FilterTime returns what the data functions in the filter may take a node.
func (o *Operation) FilterTime() time.Duration { return functionsTime(o.opts.Filter) }

// BatchSize returns how many of so many nodes work on a request at the same time; 0 is all.
func (o *Operation) BatchSize(nodes int) (int, error) {
	b := o.opts.Batch
	switch {
	case b == nil:
		return o.session.Config().DefaultBatchSize, nil
	case b.Size > 0 && !o.session.Config().DirectAddressing:
		return 0, usage.Errorf("Can only set batch size if direct addressing is supported")
	case b.Percent:
		return (nodes*b.Size + 99) / 100, nil
	}
	return b.Size, nil
}

// functionsTime returns the time for the calls of data functions in a filter.
func functionsTime(f filter.Filter) time.Duration {
	n := 0
	for _, c := range f.Compound {
		for _, t := range c {
			if t.Kind == filter.Call {
				n++
			}
		}
	}
	return time.Duration(n) * FunctionTime
}
