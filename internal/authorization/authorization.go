// Package authorization decides by ActionPolicy files who may run which action here.
//
// DIR/AGENT.policy holds the rules for an agent, DIR/groups names groups of callers. The
// files are those of Ruby's ActionPolicy plugin, and so are the verdicts, but where the
// plugin guesses: callers are compared whole and not by a part of their text, <= and >=
// work, and what cannot be read or evaluated denies. docs/policy.md has the format and
// each difference.
//
// The package knows no configuration and writes no log. It reads a file again when that
// has changed, so that a new rule holds from the next request on.
package authorization

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mcollective/filter"
	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
	"mcollective/message"
	"mcollective/rpc"
)

const (
	discovery  = "discovery" // the agent
	groupsFile = "groups"
)

// Options are the settings plugin.actionpolicy.*.
type Options struct {
	Dir string // of the policies
	// AllowUnconfigured allows what no file speaks of: agents without a policy, and
	// requests that no rule of a policy without "policy default" fits.
	AllowUnconfigured bool
	EnableDefault     bool          // an agent without a policy has that of DefaultName
	DefaultName       string        // "default" if empty
	DataTimeout       time.Duration // bounds the data functions of a request's rules; 3 s if 0
	// Unknown returns why the facts and classes of this node are not known now, or nil: then no
	// rule that compares them can be evaluated. Nil if they always are.
	Unknown func() error
}

// Policies are the policies of a node. They are safe for concurrent use.
type Policies struct {
	opts Options

	hadDir bool // what was there and is gone is lost, not unconfigured

	mu         sync.Mutex
	groups     cached[map[string][]string]
	generation int // of the groups
	agents     map[string]*cached[*policy]
}

// A cached file is what was read from it, or why that failed.
type cached[T any] struct {
	stamp stamp
	value T
	err   error
}

// A stamp says if a file is the one that was read.
type stamp struct {
	there bool
	info  os.FileInfo
	of    int // what the value was made with, like the generation of the groups
}

func (s stamp) same(t stamp) bool {
	if !s.there || !t.there {
		return s.there == t.there && s.of == t.of
	}
	return s.of == t.of && os.SameFile(s.info, t.info) && s.info.ModTime().Equal(t.info.ModTime()) && s.info.Size() == t.info.Size()
}

// A Decision is what was decided, and by which line. Without a file no policy speaks
// of the agent.
type Decision struct {
	Allowed bool
	File    string
	Line    int    // 0 if no line decided: what holds when none does
	Rule    string // the line's text
}

// String says where the decision comes from.
func (d Decision) String() string {
	verdict := "denied"
	if d.Allowed {
		verdict = "allowed"
	}
	switch {
	case d.File == "":
		return verdict + ": no policy file for this agent"
	case d.Line == 0:
		return fmt.Sprintf("%s: no rule of %s fits, and it has no policy default", verdict, d.File)
	}
	return fmt.Sprintf("%s by %s:%d: %s", verdict, d.File, d.Line, strings.Join(strings.Fields(d.Rule), " "))
}

// New returns the policies of a directory, or what is wrong in any of its files.
func New(opts Options) (*Policies, error) {
	if opts.DefaultName == "" {
		opts.DefaultName = "default"
	}
	if message.ValidAgent(opts.DefaultName) != nil {
		return nil, fmt.Errorf("default policy %q: that is no name of an agent", clip(opts.DefaultName))
	}
	if opts.DataTimeout == 0 {
		opts.DataTimeout = 3 * time.Second
	}
	p := &Policies{opts: opts, agents: map[string]*cached[*policy]{}}
	_, err := os.Stat(opts.Dir)
	p.hadDir = err == nil
	return p, p.Check()
}

// Check reads every policy of the directory and returns all that is wrong.
func (p *Policies) Check() error {
	entries, err := os.ReadDir(p.opts.Dir)
	if errors.Is(err, fs.ErrNotExist) && p.opts.AllowUnconfigured && !p.hadDir {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the policies: %w; make the directory, or set plugin.actionpolicy.allow_unconfigured = 1 if everybody may do everything without one", err)
	}
	_, errs := p.names(entries)
	return errs
}

// Files returns the names of the agents that have a policy of their own, and of the files of
// the directory that nobody reads.
func (p *Policies) Files() (agents, others []string, err error) {
	entries, err := os.ReadDir(p.opts.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, e := range entries {
		if name := e.Name(); name != groupsFile && !strings.HasSuffix(name, ".policy") {
			others = append(others, name)
		}
	}
	agents, err = p.names(entries)
	return agents, others, err
}

// names returns the agents with a policy, and what is wrong with the files.
func (p *Policies) names(entries []fs.DirEntry) (names []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	groups, generation, err := p.readGroups()
	errs := []error{err}
	for _, e := range entries {
		name, isPolicy := strings.CutSuffix(e.Name(), ".policy")
		if !isPolicy {
			continue
		}
		if err := message.ValidAgent(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: no agent can have this name: %w", filepath.Join(p.opts.Dir, e.Name()), err))
			continue
		}
		names = append(names, name)
		if _, err := p.read(name, groups, generation); err != nil {
			errs = append(errs, err)
		}
	}
	return names, errors.Join(errs...)
}

// Decide returns what the policies say to an action of an agent. An error says what cannot
// be read or evaluated; who gets one denies.
func (p *Policies) Decide(ctx context.Context, caller, agent, action string, node filter.Node) (Decision, error) {
	if err := message.ValidAgent(agent); err != nil {
		return Decision{}, err
	}
	policy, err := p.find(agent)
	if err != nil {
		return Decision{}, err
	}
	if policy == nil {
		return Decision{Allowed: p.opts.AllowUnconfigured}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.opts.DataTimeout)
	defer cancel()
	return policy.decide(ctx, question{caller, action, node, p.opts.Unknown})
}

// find returns the policy for an agent, or nil if there is none.
func (p *Policies) find(agent string) (*policy, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	groups, generation, err := p.readGroups()
	if err != nil {
		return nil, err
	}
	found, err := p.read(agent, groups, generation)
	if found == nil && err == nil && p.opts.EnableDefault {
		found, err = p.read(p.opts.DefaultName, groups, generation)
	}
	if found == nil && err == nil && p.hadDir {
		_, err = os.Stat(p.opts.Dir)
	}
	return found, err
}

// speaks reports whether some rule of some policy allows a caller anything at all, whatever
// this node's facts are.
func (p *Policies) speaks(caller string) (bool, error) {
	if p.opts.AllowUnconfigured {
		return true, nil
	}
	entries, err := os.ReadDir(p.opts.Dir)
	if err != nil {
		return false, err
	}
	names, err := p.names(entries)
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		if c := p.agents[name]; c != nil && c.value != nil && (c.value.fallback || slices.ContainsFunc(c.value.rules, func(r rule) bool {
			return r.allow && (r.callers == nil || slices.Contains(r.callers, caller))
		})) {
			return true, nil
		}
	}
	return false, nil
}

// Authorize returns nil, or why a request may not run. A request to the discovery agent gets
// here when its filter calls data functions: unless a policy speaks of that agent, a caller who may do
// something here may ask them, too.
func (p *Policies) Authorize(ctx context.Context, req *message.Request, node filter.Node) error {
	action := ""
	if parsed, err := rpc.Parse(req.Body); err == nil {
		action = parsed.Action
	}
	d, err := p.Decide(ctx, req.Caller, req.Agent, action, node)
	if err == nil && d.File == "" && req.Agent == discovery {
		d.Allowed, err = p.speaks(req.Caller)
	}
	switch {
	case err != nil:
		return &Denied{Why: fmt.Sprintf("denied, since a policy cannot be read or evaluated: %v", err)}
	case !d.Allowed:
		return &Denied{Why: d.String()}
	}
	return nil
}

// Denied is the error of Authorize. Its text is for the caller, who is not told what the
// policies are; Why is for the node's log.
type Denied struct{ Why string }

func (*Denied) Error() string { return rpc.TextDenied }

// LogValue is Why.
func (d *Denied) LogValue() slog.Value { return slog.StringValue(d.Why) }

// read returns the policy of an agent, or nil if there is none.
func (p *Policies) read(agent string, groups map[string][]string, generation int) (*policy, error) {
	c := p.agents[agent]
	if c == nil {
		c = &cached[*policy]{stamp: stamp{of: -1}}
		if len(p.agents) >= maxRules {
			clear(p.agents) // names come from requests
		}
		p.agents[agent] = c
	}
	path := filepath.Join(p.opts.Dir, agent+".policy")
	c.refresh(path, generation, func(text string) (*policy, error) {
		return parse(path, text, groups, p.opts.AllowUnconfigured)
	})
	return c.value, c.err
}

// readGroups returns the groups, and a number that changes with them.
func (p *Policies) readGroups() (map[string][]string, int, error) {
	path := filepath.Join(p.opts.Dir, groupsFile)
	if p.groups.refresh(path, 0, func(text string) (map[string][]string, error) { return parseGroups(path, text) }) {
		p.generation++
	}
	return p.groups.value, p.generation, p.groups.err
}

// refresh reads a file again if it is not the one that was read, and reports whether it did.
// With no file there is no value. What failed is tried again each time, for the reason
// may lie in a directory above the file.
func (c *cached[T]) refresh(path string, of int, parse func(string) (T, error)) bool {
	now := stamp{of: of}
	info, err := os.Stat(path)
	if err == nil {
		now.there, now.info = true, info
	}
	if err == nil {
		err = trust.Check(path) // each time: who may write to it, and to what is above it, shows in no date
	}
	failed := err != nil && !errors.Is(err, fs.ErrNotExist)
	if !failed && c.stamp.same(now) && c.err == nil {
		return false
	}
	var none T
	c.stamp, c.value, c.err = now, none, nil
	switch {
	case failed:
		c.err = err
	case now.there:
		text, err := plainfile.Text(path, maxFile)
		if err == nil {
			c.value, err = parse(string(text))
		}
		if err != nil {
			c.value, c.err = none, err
		}
	}
	return true
}
