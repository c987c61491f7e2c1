package stdio

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/run"
	"mcollective/internal/trust"
)

// A Resident is a worker that another package brings: it has no descriptor, and
// its program is an interpreter that has what it runs from elsewhere.
type Resident struct {
	Name       string
	Definition *ddl.Definition // may be empty, if only actions are called that the caller has judged
	Program    string          // absolute path
	Args       []string
	Env        []string
	Files      []string // that it will read: it is not started if one is not to be trusted

	Concurrency int           // requests that it works on at once; default 1
	Start       time.Duration // until it says hello; default 5 s
	Idle        time.Duration // after which it is ended; default 10 minutes
	MaxReply    int           // bytes; default 1 MiB
}

// Resident makes the agent of a Resident. What the program leaves running when it
// ends of itself goes on. The agent is not among those that Load returns.
func (l *Loader) Resident(r Resident) *Agent {
	s := defaults()
	s.mode, s.args, s.env, s.background = Worker, r.Args, r.Env, true
	s.concurrency, s.most = r.Concurrency, cmp.Or(r.MaxReply, s.most)
	s.start, s.idle = cmp.Or(r.Start, s.start), cmp.Or(r.Idle, s.idle)
	_ = s.applyDefaults() // nothing of it contradicts
	a := &Agent{opts: l.opts, settings: s, definition: r.Definition, name: r.Name, program: r.Program, log: l.opts.Log.With("agent", r.Name), facts: l.facts}
	a.worker = newWorker(a)
	a.worker.document = func(ctx context.Context, req *agent.Request) document {
		a.facts.path(a) // the program reads the file again
		return a.document(ctx, req)
	}
	a.worker.start = func(ctx context.Context, stderr func(string)) (program, error) {
		if err := a.trustedAll(r.Files); err != nil {
			return nil, err
		}
		c := run.Command{Env: []string{"MCO_AGENT=" + a.name, "MCO_CONFIG_FILE=" + a.opts.Config}, Stderr: stderr}
		if path := a.facts.path(a); path != "" {
			c.Env = append(c.Env, "MCO_FACTS_FILE="+path)
		}
		c.Env = append(c.Env, r.Env...)
		a.limit(&c)
		p, err := run.Start(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, a.startHint(err))
		}
		return p, nil
	}
	return a
}

// trustedAll judges the program and files that it reads.
func (a *Agent) trustedAll(files []string) error {
	if a.opts.Unchecked {
		return nil
	}
	return cmp.Or(trust.All(files...), a.trusted())
}
