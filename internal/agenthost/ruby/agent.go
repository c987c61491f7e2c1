package ruby

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agenthost/worker"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

// An Agent is one that is written in Ruby. It is an agent.Agent, agent.Activator
// and agent.Closer.
type Agent struct {
	from   *candidate
	worker *process // nil if it cannot work
	why    error
}

// newAgent makes the agent, whose process is started by its first request. The
// lock is held.
func (l *Loader) newAgent(c *candidate) *Agent {
	a := &Agent{from: c, why: c.why}
	if a.why == nil {
		a.worker, a.why = l.process("agent", c.name, c.files)
	}
	return a
}

// A process is one of Ruby, which runs the plugins that it was told of.
type process struct {
	*worker.Worker
	loader *Loader
	log    *slog.Logger
}

// process makes a process that is started by its first request. It reads files, and
// is not started if one is not to be trusted.
func (l *Loader) process(kind, name string, read []string) (*process, error) {
	ruby, err := l.interpreter()
	if err != nil {
		return nil, err
	}
	args, env, err := l.command(kind, name, nil)
	if err != nil {
		return nil, err
	}
	p := &process{loader: l, log: l.opts.Log.With("agent", name)}
	p.Worker = worker.New(worker.Config{
		Agent: name, Concurrency: concurrency, MaxMessage: mostReply, Start: startTime, Idle: idleTime, Hang: hangTime, Log: p.log,
		Run: func(ctx context.Context, stderr func(string)) (worker.Process, error) {
			if err := cmp.Or(l.trusted(read...), l.trustedProgram(ruby)); err != nil {
				return nil, err
			}
			c := run.Command{
				Path: ruby, Args: args, Env: []string{"MCO_AGENT=" + name, "MCO_CONFIG_FILE=" + l.opts.ConfigFile}, For: "agent " + name,
				User: l.opts.User, Grace: grace, Background: true, Stderr: stderr,
			}
			if path := l.facts.Path(p.log); path != "" {
				c.Env = append(c.Env, "MCO_FACTS_FILE="+path)
			}
			c.Env = append(c.Env, env...)
			return run.Start(ctx, c)
		},
	})
	return p, nil
}

// call runs an action or a query.
func (p *process) call(ctx context.Context, req *agent.Request, action *ddl.Action, reply *rpc.Reply) error {
	p.loader.facts.Path(p.log) // the program reads the file again
	err := p.Call(ctx, req, action, reply)
	restore(reply)
	return err
}

// Definition returns what the agent's .ddl says.
func (a *Agent) Definition() *ddl.Definition { return a.from.definition }

// Path returns the agent's Ruby file.
func (a *Agent) Path() string { return a.from.path }

// Active returns why the agent cannot work here, as it was found out when it was
// loaded.
func (a *Agent) Active(context.Context) error { return a.why }

// Call runs an action.
func (a *Agent) Call(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	if a.why != nil {
		return a.why
	}
	return a.worker.call(ctx, req, a.from.definition.Action(req.Action), reply)
}

// Inactive returns why the agent's process is not started any more, or nil.
func (a *Agent) Inactive() error {
	if a.worker == nil {
		return a.why
	}
	return a.worker.Inactive()
}

// Close ends the agent's process. Calls that are under way fail.
func (a *Agent) Close() error {
	if a.worker != nil {
		a.worker.Close()
	}
	return nil
}

// Data is a data plugin that is written in Ruby.
type Data struct {
	loader     *Loader
	name       string
	definition *ddl.Definition
	why        error
}

// Definition returns what the plugin's .ddl says.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active returns why the plugin cannot work here, as it was found out when it was
// loaded.
func (d *Data) Active(context.Context) error { return d.why }

// Query asks the plugin. A query that is "" is none.
func (d *Data) Query(ctx context.Context, query string) (map[string]any, error) {
	p, err := d.loader.dataProcess()
	if err != nil {
		return nil, err
	}
	h := value.NewMap()
	if query != "" {
		h = value.NewMap("query", query)
	}
	var id [16]byte
	rand.Read(id[:])
	reply := rpc.NewReply()
	req := &agent.Request{Request: &rpc.Request{Agent: queriesName, Action: d.name, Data: h}, ID: hex.EncodeToString(id[:]), Time: time.Now()}
	if err := p.call(ctx, req, nil, reply); err != nil {
		return nil, err
	}
	if reply.Status != rpc.OK {
		return nil, errors.New(reply.Message)
	}
	values := map[string]any{}
	for k := range reply.Data.All() {
		if name, ok := rpc.Text(k); ok {
			values[name], _ = reply.Output(name)
		} else if name, ok := k.(value.Symbol); ok {
			values[string(name)], _ = reply.Output(string(name))
		}
	}
	return values, nil
}

// queriesName is that of the process of the data plugins, which no agent can have.
const queriesName = "data plugins"

func (l *Loader) dataProcess() (*process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queries != nil {
		return l.queries, nil
	}
	var read []string
	for k, c := range l.found {
		if k.kind == ddl.Data {
			read = append(read, c.files...)
		}
	}
	p, err := l.process("data", queriesName, read)
	if err == nil {
		l.queries = p
	}
	return p, err
}
