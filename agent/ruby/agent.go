package ruby

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"mcollective/agent"
	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

// An Agent is one that is written in Ruby. It is an agent.Agent, agent.Activator
// and agent.Closer.
type Agent struct {
	*stdio.Agent // nil if there is no Ruby
	from         *candidate
	why          error
}

// newAgent makes the agent, whose process is started by its first request. The
// lock is held.
func (l *Loader) newAgent(c *candidate) *Agent {
	a := &Agent{from: c, why: c.why}
	if a.why != nil {
		return a
	}
	a.Agent, a.why = l.resident("agent", c.name, c.definition, c.files)
	return a
}

func (l *Loader) resident(kind, name string, d *ddl.Definition, files []string) (*stdio.Agent, error) {
	ruby, err := l.interpreter()
	if err != nil {
		return nil, err
	}
	args, env, err := l.command(kind, name, nil)
	if err != nil {
		return nil, err
	}
	return l.workers.Resident(stdio.Resident{
		Name: name, Definition: d, Program: ruby, Args: args, Env: env, Files: files,
		Concurrency: concurrency, Start: startTime, Idle: idleTime, MaxReply: mostReply,
	}), nil
}

// Definition is what the agent's .ddl says.
func (a *Agent) Definition() *ddl.Definition { return a.from.definition }

// Path is the agent's Ruby file.
func (a *Agent) Path() string { return a.from.path }

// Active tells why the agent cannot work here, as it was found out when it was
// loaded.
func (a *Agent) Active(context.Context) error { return a.why }

// Call runs an action.
func (a *Agent) Call(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	if a.why != nil {
		return a.why
	}
	err := a.Agent.Call(ctx, req, reply)
	restore(reply)
	return err
}

// Inactive tells why the agent's process is not started any more, or nil.
func (a *Agent) Inactive() error {
	if a.Agent == nil {
		return a.why
	}
	return a.Agent.Inactive()
}

// Close ends the agent's process. Calls that are under way fail.
func (a *Agent) Close() error {
	if a.Agent == nil {
		return nil
	}
	return a.Agent.Close()
}

// Data is a data plugin that is written in Ruby.
type Data struct {
	loader     *Loader
	name       string
	definition *ddl.Definition
	why        error
}

// Definition is what the plugin's .ddl says.
func (d *Data) Definition() *ddl.Definition { return d.definition }

// Active tells why the plugin cannot work here, as it was found out when it was
// loaded.
func (d *Data) Active(context.Context) error { return d.why }

// Query asks the plugin. A query that is "" is none.
func (d *Data) Query(ctx context.Context, query string) (map[string]any, error) {
	w, err := d.loader.dataWorker()
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
	if err := w.Call(ctx, req, reply); err != nil {
		return nil, err
	}
	restore(reply)
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

func (l *Loader) dataWorker() (*stdio.Agent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queries != nil {
		return l.queries, nil
	}
	var files []string
	for k, c := range l.found {
		if k.kind == ddl.Data {
			files = append(files, c.files...)
		}
	}
	w, err := l.resident("data", queriesName, &ddl.Definition{Kind: ddl.Agent}, files)
	if err == nil {
		l.queries = w
	}
	return w, err
}
