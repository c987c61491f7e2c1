// Package ruby runs agents and data plugins of MCollective that are written in Ruby, as they are.
//
// They are found in directories like MCollective's libdir: agent/NAME.rb with its
// NAME.ddl, and data/NAME_data.rb with its definition. Ruby has to be on the
// machine, MCollective has not: what those plugins inherit from and call, from
// RPC::Agent to Shell, is a program in Ruby that is part of this package.
//
// A plugin's file is run in a process of Ruby, never in this one. Each agent has
// a process of its own, which is started by its first request and ended when
// there were none for a while, so that an agent that leaks, hangs or dies takes
// no other with it, and one that nobody calls costs nothing. All data plugins
// share one process, because they are small and asked in quick succession. Which
// plugins can work is found out when they are loaded, in one process for all,
// which then ends.
//
// docs/ruby-agents.md says what works and what does not.
package ruby

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agenthost/files"
	"mcollective/internal/run"
	"mcollective/internal/trust"
)

const (
	concurrency = 10               // requests that one agent works on at once
	startTime   = 30 * time.Second // some load half of Puppet
	askAgain    = time.Minute      // until a plugin that cannot work is asked again; twice as long each time
	longestWait = time.Hour        // but no longer
	idleTime    = 10 * time.Minute // until a process that has nothing to do ends
	hangTime    = 2 * time.Second  // for it to answer a ping
	grace       = 10 * time.Second // between TERM and KILL
	mostReply   = 8 << 20          // bytes
	probeTime   = 20 * time.Second // to find out which plugins can work
	pluginTime  = 10 * time.Second // and one of them
	mostShared  = 2000             // files that plugins of a directory share
	deepest     = 6                // directories within a directory of shared files
)

// Options say where Ruby plugins are, and what they are told of the node.
type Options struct {
	Dirs []string // libdirs; the first that has a plugin of a name wins

	Ruby     string   // the interpreter; default: that of Puppet's own packages, else ruby in run.SearchPath
	LoadPath []string // directories that Ruby looks through before its own

	Config     map[string]any    // what Config.instance has: identity, classesfile, ... libdir is added
	PluginConf map[string]string // what pluginconf has. Keep secrets out of it
	LogLevel   string            // of MCollective::Log; default info

	// Wanted reports whether the node has a use for a plugin. Code of others is not
	// loaded, and data plugins among them are not made. Default: all are wanted.
	Wanted func(kind ddl.Kind, name string) bool

	ConfigFile string                // the node's, which plugins are told of
	Facts      func() map[string]any // the node's facts; default: none
	User       string                // that Ruby runs as; default: this process's own
	Temp       string                // directory for what is needed for a moment; default: the system's
	Unchecked  bool                  // load files without judging who may write to them
	Log        *slog.Logger          // default: discard
}

// A Loader reads libdirs, and again when it is asked again. It may be used by
// many goroutines.
type Loader struct {
	opts  Options
	facts *files.Facts

	now func() time.Time

	mu       sync.Mutex
	dirs     []string // the libdirs that are trusted
	found    map[key]*candidate
	problems []agent.Problem
	agents   map[string]*Agent
	queries  *process // of all data plugins; nil until one is asked
}

// key names a plugin.
type key struct {
	kind ddl.Kind
	name string
}

// NewLoader makes a Loader. It reads nothing yet.
func NewLoader(o Options) *Loader {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Loader{opts: o, facts: files.NewFacts(o.Facts, o.Temp), agents: map[string]*Agent{}, now: time.Now}
}

// Load reads the libdirs. An agent whose files are as they were is the same value
// as before. A plugin that cannot work here is among the agents all the same, and
// says why when it is asked by agent.Activate.
func (l *Loader) Load(ctx context.Context) (map[string]agent.Agent, []agent.Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh(ctx)
	all := map[string]agent.Agent{}
	agents := map[string]*Agent{}
	for k, c := range l.found {
		if k.kind != ddl.Agent {
			continue
		}
		a := l.agents[k.name]
		if a == nil || a.from != c {
			a = l.newAgent(c)
		}
		all[k.name], agents[k.name] = a, a
	}
	l.agents = agents
	return all, l.problems
}

// Data makes the data plugins that are wanted. One that cannot work here says so by its method
// Active.
func (l *Loader) Data(ctx context.Context) []*Data {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh(ctx)
	var all []*Data
	for k, c := range l.found {
		if k.kind == ddl.Data && l.wanted(c) {
			all = append(all, &Data{loader: l, name: k.name, definition: c.definition, why: c.why})
		}
	}
	slices.SortFunc(all, func(a, b *Data) int { return cmp.Compare(a.name, b.name) })
	return all
}

// Close ends the process of the data plugins and removes what all shared. It does
// not close the agents.
func (l *Loader) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queries != nil {
		l.queries.Close()
		l.queries = nil
	}
	l.facts.Close()
	return nil
}

// refresh looks for plugins, and asks those that are new whether they can work.
// The lock is held.
func (l *Loader) refresh(ctx context.Context) {
	old := l.found
	l.found, l.problems = l.scan()
	var fresh []*candidate
	for k, c := range l.found {
		was := old[k]
		same := was != nil && was.print == c.print
		if same && (was.asked && !was.due(l.now()) || !l.wanted(c)) {
			l.found[k] = was
			continue
		}
		if !same && k.kind == ddl.Data && l.queries != nil {
			l.queries.Close()
			l.queries = nil
		}
		if l.wanted(c) {
			fresh = append(fresh, c)
		}
	}
	if len(fresh) == 0 {
		return
	}
	slices.SortFunc(fresh, func(a, b *candidate) int { return cmp.Compare(string(a.kind)+a.name, string(b.kind)+b.name) })
	l.probe(ctx, fresh)
	for _, c := range fresh {
		was := old[c.key]
		if was != nil && was.print == c.print && sameError(was.why, c.why) {
			l.found[c.key], was.asked, c = was, c.asked, was // nothing new
		}
		if c.why != nil {
			c.pause = min(max(askAgain, 2*c.pause), longestWait)
			c.again = l.now().Add(c.pause)
		}
	}
}

// due reports whether it is time to ask a plugin again that could not work when it was asked: what it lacked,
// like a directory, may be there now, and its own files do not tell.
func (c *candidate) due(now time.Time) bool { return c.why != nil && !now.Before(c.again) }

func sameError(a, b error) bool { return a != nil && b != nil && a.Error() == b.Error() }

func (l *Loader) wanted(c *candidate) bool {
	return l.opts.Wanted == nil || l.opts.Wanted(c.kind, c.name)
}

// interpreter finds Ruby, and judges who may change it and the directories that it is
// to look through.
func (l *Loader) interpreter() (string, error) {
	path, err := l.findRuby()
	if err == nil {
		err = cmp.Or(l.trusted(l.opts.LoadPath...), l.trustedProgram(path))
	}
	return path, err
}

func (l *Loader) trustedProgram(path string) error {
	if l.opts.Unchecked {
		return nil
	}
	return trust.Program(path, run.Look)
}

// trusted judges files and directories that Ruby will read.
func (l *Loader) trusted(paths ...string) error {
	if l.opts.Unchecked {
		return nil
	}
	return trust.All(paths...)
}

// findRuby finds Ruby. Puppet's packages bring one, in which Puppet can be loaded.
func (l *Loader) findRuby() (string, error) {
	if l.opts.Ruby != "" {
		if !filepath.IsAbs(l.opts.Ruby) {
			return "", fmt.Errorf("ruby: %q is not a whole path", l.opts.Ruby)
		}
		_, err := os.Stat(l.opts.Ruby)
		return l.opts.Ruby, err
	}
	const puppets = "/opt/puppetlabs/puppet/bin/ruby"
	if fi, err := os.Stat(puppets); err == nil && fi.Mode().IsRegular() {
		return puppets, nil
	}
	path, err := run.Look("ruby")
	if err != nil {
		return "", errors.New("it is written in Ruby, and there is no Ruby on this machine")
	}
	return path, nil
}
