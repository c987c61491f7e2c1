package agenthost

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
	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/agenthost/descriptor"
	"mcollective/internal/agenthost/files"
	"mcollective/internal/run"
	"mcollective/internal/trust"
)

// Load reads the agents directories once. Close the agents when they are needed no
// more.
func Load(ctx context.Context, o Options) (map[string]agent.Agent, []agent.Problem) {
	return NewLoader(o).Load(ctx)
}

// A Loader reads agents directories, and again when it is asked again. Its agents may
// be used by many goroutines, and so may it.
type Loader struct {
	opts  Options
	facts *files.Facts

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
	return &Loader{opts: o, facts: files.NewFacts(o.Facts, o.Temp), known: map[string]loaded{}}
}

// Close removes what the agents shared. It does not close the agents.
func (l *Loader) Close() error {
	l.facts.Close()
	return nil
}

// Load reads the directories. An agent whose files are as they were is the same value
// as before; for one that changed there is a new value, and the old one goes on
// to work until its user closes it. A directory that is not there is empty.
func (l *Loader) Load(ctx context.Context) (map[string]agent.Agent, []agent.Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	agents, known := map[string]agent.Agent{}, map[string]loaded{}
	var problems []agent.Problem
	for _, dir := range l.opts.Dirs {
		found, bad := l.scan(dir)
		problems = append(problems, bad...)
		for _, c := range found {
			if ctx.Err() != nil {
				break
			}
			if there, ok := known[c.Name]; ok {
				problems = append(problems, agent.Problem{Agent: c.Name, Path: c.Path(), Err: fmt.Errorf("%s is used, which has the same name", there.agent.program.Path)})
				continue
			}
			a, print, err := l.take(c)
			if err != nil {
				problems = append(problems, agent.Problem{Agent: c.Name, Path: c.Path(), Err: err})
				continue
			}
			agents[c.Name], known[c.Name] = a, loaded{a, print}
		}
	}
	l.known = known
	return agents, problems
}

// take makes the agent, or finds that it is the one from before.
func (l *Loader) take(c *descriptor.Candidate) (*Agent, string, error) {
	p, err := c.Read(l.opts.Interpreters)
	if err != nil {
		return nil, "", err
	}
	print := p.Fingerprint()
	if old, ok := l.known[c.Name]; ok && old.print == print {
		return old.agent, print, old.agent.trustedSources(p)
	}
	a, err := newAgent(p, l.opts, l.facts)
	return a, print, err
}

// scan finds what may be agents in a directory.
func (l *Loader) scan(dir string) ([]*descriptor.Candidate, []agent.Problem) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !l.opts.Unchecked {
		err = trust.Check(dir)
	}
	if err != nil {
		return nil, []agent.Problem{{Path: dir, Err: err}}
	}
	return descriptor.Find(dir, entries), nil
}

// Open makes the agent of one file, a program or its descriptor, whatever directory
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
	name := descriptor.Stem(filepath.Base(path))
	for _, c := range descriptor.Find(filepath.Dir(path), entries) {
		if c.Name == name {
			p, err := c.Read(o.Interpreters)
			if err != nil {
				return nil, err
			}
			return newAgent(p, o, files.NewFacts(o.Facts, o.Temp))
		}
	}
	return nil, fmt.Errorf("%s is not an agent: it is neither executable nor a descriptor (.yaml, .json or .ddl); run: chmod +x %s", path, path)
}

// ParseInterpreters reads the setting plugin.bolt.interpreters: extensions of tasks
// and the programs that run these, like ".rb=/usr/bin/ruby,.py=/usr/bin/python3".
func ParseInterpreters(text string) (map[string]string, error) {
	return adapter.ParseInterpreters(text)
}

// CheckInterpreter returns why a program that the configuration names cannot run what
// agents are made of, or may not.
func CheckInterpreter(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not a whole path", path)
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() || fi.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is not a program that can be started", path)
	}
	return trust.Program(path, run.Look)
}
