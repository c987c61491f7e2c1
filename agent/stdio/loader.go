package stdio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"mcollective/agent"
	"mcollective/internal/trust"
)

// A Problem is a file that did not become an agent, and why.
type Problem struct {
	Agent string // its name, as far as there is one
	Path  string
	Err   error
}

// Error is the path and the reason.
func (p Problem) Error() string { return p.Path + ": " + p.Err.Error() }

// Load reads the agents folders once. Close the agents when they are needed no
// more.
func Load(ctx context.Context, o Options) (map[string]agent.Agent, []Problem) {
	return NewLoader(o).Load(ctx)
}

// A Loader reads agents folders, and again when it is asked again. Its agents may
// be used by many goroutines, and so may it.
type Loader struct {
	opts  Options
	facts *factsFile

	mu    sync.Mutex
	known map[string]loaded
}

type loaded struct {
	agent *Agent
	print string // what its files were like
}

// NewLoader makes a Loader. It reads nothing yet.
func NewLoader(o Options) *Loader {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Loader{opts: o, facts: newFactsFile(o), known: map[string]loaded{}}
}

// Close removes what the agents shared. It does not close the agents.
func (l *Loader) Close() error {
	l.facts.remove()
	return nil
}

// Load reads the folders. An agent whose files are as they were is the same value
// as before; for one that changed there is a new value, and the old one goes on
// to work until whoever uses it closes it. A folder that is not there is empty.
func (l *Loader) Load(ctx context.Context) (map[string]agent.Agent, []Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	agents, known := map[string]agent.Agent{}, map[string]loaded{}
	var problems []Problem
	for _, dir := range l.opts.Dirs {
		found, bad := l.scan(dir)
		problems = append(problems, bad...)
		for _, c := range found {
			if ctx.Err() != nil {
				break
			}
			if there, ok := known[c.name]; ok {
				problems = append(problems, Problem{c.name, c.path(), fmt.Errorf("%s is used, which has the same name", there.agent.program)})
				continue
			}
			a, print, err := l.take(c)
			if err != nil {
				problems = append(problems, Problem{c.name, c.path(), err})
				continue
			}
			agents[c.name], known[c.name] = a, loaded{a, print}
		}
	}
	l.known = known
	return agents, problems
}

// take makes the agent, or finds that it is the one from before.
func (l *Loader) take(c candidate) (*Agent, string, error) {
	c, err := c.settle(l.opts.Interpreters)
	if err != nil {
		return nil, "", err
	}
	print := c.print()
	if old, ok := l.known[c.name]; ok && old.print == print {
		return old.agent, print, old.agent.trustedFiles(c)
	}
	a, err := c.make(l.opts, l.facts)
	return a, print, err
}

// scan finds what may be agents in a folder.
func (l *Loader) scan(dir string) ([]candidate, []Problem) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !l.opts.Unchecked {
		err = trust.Check(dir)
	}
	if err != nil {
		return nil, []Problem{{Path: dir, Err: err}}
	}
	return candidates(dir, entries), nil
}

// Open makes the agent of one file, a program or its descriptor, whatever folder
// it is in.
func Open(path string, o Options) (*Agent, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	name := stem(filepath.Base(path))
	for _, c := range candidates(filepath.Dir(path), entries) {
		if c.name == name {
			if c, err = c.settle(o.Interpreters); err != nil {
				return nil, err
			}
			return c.make(o, newFactsFile(o))
		}
	}
	return nil, fmt.Errorf("%s is no agent: it is neither executable nor a descriptor (.yaml, .json or .ddl); run: chmod +x %s", path, path)
}
