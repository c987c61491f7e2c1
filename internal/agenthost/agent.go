// Package agenthost makes agents of programs in any language: it finds and loads them, runs them, and supervises those that stay.
//
// An executable file in an agents directory is an agent. A descriptor beside it,
// NAME.yaml, NAME.json or NAME.ddl, says which actions it has and how it is
// spoken to; docs/agents.md is the description for authors. [Load] reads directories,
// a [Loader] reads them again when they changed, and [Open] reads one file.
//
// A program is never run to ask what it is, and not at all if somebody other than
// root and this user may write to it. It runs by package run: without a shell, in
// a clean environment, within limits, and nothing of it stays. Whatever it
// prints, a call ends with a reply: an ending that is not the agent's own answer
// has status 5 and says which it was.
//
// Below it are the parts: descriptor reads what files say of an agent, adapter speaks
// the protocols of programs that are started for each call, worker supervises those
// that stay, files makes what they are given, and ruby runs agents of MCollective.
package agenthost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/agenthost/descriptor"
	"mcollective/internal/agenthost/files"
	"mcollective/internal/agenthost/worker"
	"mcollective/internal/run"
	"mcollective/internal/trust"
	"mcollective/rpc"
)

const (
	activateTime  = 2 * time.Second
	activateWorks = "activate" // the output by which an activation answers
)

// Options say where agents are and what they are told of the node.
type Options struct {
	Dirs []string // agents directories; the first that has an agent of a name wins

	Config string                // the node's configuration file, which agents are told of
	Facts  func() map[string]any // the node's facts, for agents and their requirements; default: none

	// Interpreters run tasks of Bolt, by the extension of their files, like ".rb".
	// Others are run as their first line says.
	Interpreters map[string]string

	User      string       // that programs run as, if their descriptor names none; default: this process's own
	Temp      string       // directory for what calls need for a moment; default: the system's
	Unchecked bool         // run files without judging who may write to them. For authors who try their own
	Log       *slog.Logger // default: discard
}

// An Agent is a program as an agent. It is an agent.Agent, agent.Activator and
// agent.Closer.
type Agent struct {
	opts    Options
	program *descriptor.Program
	log     *slog.Logger
	worker  *worker.Worker // nil for one that is started for each call
	turns   worker.Turns   // of a one-shot's calls
	facts   *files.Facts
}

func newAgent(p *descriptor.Program, o Options, facts *files.Facts) (*Agent, error) {
	a := &Agent{opts: o, program: p, log: o.Log.With("agent", p.Name), facts: facts}
	if err := a.trustedSources(p); err != nil {
		return nil, err
	}
	if len(p.Unknown) > 0 {
		a.log.Warn("metadata of the task has unknown keys", "keys", strings.Join(p.Unknown, ","), "file", p.Descriptor)
	}
	if p.Mode == descriptor.Worker {
		a.worker = worker.New(worker.Config{
			Agent: p.Name, Form: p.Spoken, Concurrency: p.Concurrency, MaxRequests: p.MaxRequests, MaxMessage: p.MaxOutput,
			Start: p.Start, Idle: p.Idle, Hang: p.Hang, Log: a.log, Run: a.startWorker,
		})
	} else {
		a.turns = worker.NewTurns(p.Concurrency)
	}
	return a, nil
}

// Info describes how an agent is run.
type Info struct {
	Program    string // the file that is run
	Descriptor string // the file that describes it; "" for a plain script
	Mode       descriptor.Mode
	Protocol   adapter.Protocol
	User       string // as whom it runs; "" means as this process
}

// Info returns how the agent is run.
func (a *Agent) Info() Info {
	return Info{a.program.Path, a.program.Descriptor, a.program.Mode, a.program.Protocol, a.user()}
}

// Definition returns the agent's definition.
func (a *Agent) Definition() *ddl.Definition { return a.program.Definition }

// Close ends a worker. Calls that are under way fail.
func (a *Agent) Close() error {
	if a.worker != nil {
		a.worker.Close()
	}
	return nil
}

// Inactive returns why a worker is not started any more, or nil.
func (a *Agent) Inactive() error {
	if a.worker == nil {
		return nil
	}
	return a.worker.Inactive()
}

// Call runs an action.
func (a *Agent) Call(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	action := a.program.Definition.Action(req.Action)
	if a.worker != nil {
		return a.worker.Call(ctx, req, action, reply)
	}
	waiting, cancel := half(ctx)
	turn := a.turns.Take(waiting)
	cancel()
	switch {
	case !turn && ctx.Err() != nil:
		return rpc.Errorf(rpc.UnknownError, "the call of agent %s was broken off", a.program.Name)
	case !turn:
		return rpc.Errorf(rpc.UnknownError, "busy: agent %s runs %d calls at once, and none of them has ended in time; try again later", a.program.Name, a.program.Concurrency)
	}
	defer a.turns.Release()
	if err := a.trusted(); err != nil {
		return err
	}
	return a.program.Adapter.Call(ctx, host{a}, worker.NewRequest(ctx, a.program.Name, req), action, reply)
}

// half ends when half of the time is over that ctx has left. Who waits no longer has
// time to do what he waited for.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/2)
}

func (a *Agent) trusted() error {
	if a.opts.Unchecked {
		return nil
	}
	if a.program.Runner != "" { // in place of what the first line names
		return cmp.Or(trust.Check(a.program.Path), trust.Program(a.program.Runner, run.Look))
	}
	return trust.Program(a.program.Path, run.Look)
}

// trustedSources judges all files that decide what runs.
func (a *Agent) trustedSources(p *descriptor.Program) error {
	if a.opts.Unchecked {
		return nil
	}
	return cmp.Or(trust.All(p.Sources...), a.trusted())
}

func (a *Agent) user() string { return cmp.Or(a.program.User, a.opts.User) }

// Active returns why the agent cannot work here: what it requires is not there, or
// its own activation says no.
func (a *Agent) Active(ctx context.Context) error {
	if err := a.program.Requires.Check(a.opts.Facts); err != nil {
		return err
	}
	if err := a.trusted(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, activateTime)
	defer cancel()
	if asks, ok := a.program.Adapter.(adapter.Activator); ok {
		return asks.Activate(ctx, host{a})
	}
	action := a.program.Activation
	if action == "" {
		return nil
	}
	reply := rpc.NewReply()
	req := &agent.Request{Request: &rpc.Request{Agent: a.program.Name, Action: action}, Time: time.Now(), TTL: activateTime}
	err := a.Call(ctx, req, reply)
	if err == nil && reply.Status != rpc.OK {
		err = errors.New(reply.Message)
	}
	if err != nil {
		return fmt.Errorf("its activation failed: %w", err)
	}
	if v, _ := reply.Output(activateWorks); v == false || v == "false" {
		return fmt.Errorf("its action %s says that it cannot work here", action)
	}
	return nil
}
