package ddl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mcollective/value"
)

// MaxLearntTimeout is how long a client waits at most for an action whose time
// limit it only has from nodes.
const MaxLearntTimeout = 10 * time.Minute

// A Contract is what a client goes by when it calls an agent: the definition that
// its machine has, or those that the nodes gave which are going to be called.
//
// A definition of this machine counts, but for one thing: what a node says to change
// things does. Otherwise no node decides for another. Where definitions differ the
// stricter counts: an action changes things if one says so, knows noop if all do,
// and its inputs have to satisfy all; the nodes fill in defaults. The time limit is
// that of most nodes, at most MaxLearntTimeout. Nothing proves that an action is
// harmless where a definition is one node's word about others, or where a node that
// is called gives none, as those of Ruby.
type Contract struct {
	name    string
	local   *Definition
	learnt  []version // that of most nodes first
	missing []missing
	called  []string // the nodes that are going to be called
}

// A version is a definition and the nodes that have it.
type version struct {
	*Definition
	hash  string
	nodes []string
}

// missing is the definition of some nodes that could not be had.
type missing struct {
	nodes []string
	err   error
}

// NewContract begins with the definition of an agent that this machine has; nil
// means that it has none.
func NewContract(name string, local *Definition) *Contract {
	return &Contract{name: name, local: local}
}

// Agent returns the name of the agent.
func (c *Contract) Agent() string { return c.name }

// Local returns the definition of this machine; nil if it has none.
func (c *Contract) Local() *Definition { return c.local }

// Called notes which nodes are going to be called. One alone may well speak for
// itself; of several each has to.
func (c *Contract) Called(nodes []string) { c.called = nodes }

// silent returns those of the nodes that are called which give no definition.
func (c *Contract) silent() []string {
	have := make(map[string]bool, len(c.called))
	for _, v := range c.learnt {
		for _, n := range v.nodes {
			have[n] = true
		}
	}
	for _, m := range c.missing {
		for _, n := range m.nodes {
			have[n] = true
		}
	}
	var none []string
	for _, n := range c.called {
		if !have[n] {
			have[n] = true
			none = append(none, n)
		}
	}
	slices.Sort(none)
	return none
}

// Learn adds a definition that some nodes have.
func (c *Contract) Learn(d *Definition, nodes []string) {
	hash := d.Hash()
	if i := slices.IndexFunc(c.learnt, func(v version) bool { return v.hash == hash }); i >= 0 {
		c.learnt[i].nodes = union(c.learnt[i].nodes, nodes)
	} else {
		c.learnt = append(c.learnt, version{d, hash, union(nil, nodes)})
	}
	for _, v := range c.learnt {
		slices.Sort(v.nodes)
	}
	slices.SortFunc(c.learnt, func(a, b version) int {
		return cmp.Or(cmp.Compare(len(b.nodes), len(a.nodes)), strings.Compare(a.hash, b.hash))
	})
}

// union adds to names those that are not among them.
func union(names, more []string) []string {
	have := make(map[string]bool, len(names))
	for _, n := range names {
		have[n] = true
	}
	for _, n := range more {
		if !have[n] {
			have[n] = true
			names = append(names, n)
		}
	}
	return names
}

// Missing notes that some nodes have a definition which could not be had, and why.
func (c *Contract) Missing(nodes []string, err error) {
	c.missing = append(c.missing, missing{slices.Compact(slices.Sorted(slices.Values(nodes))), err})
}

// Definition returns the one of this machine, or else that of most nodes; nil if there is
// none.
func (c *Contract) Definition() *Definition {
	switch {
	case c.local != nil:
		return c.local
	case len(c.learnt) > 0:
		return c.learnt[0].Definition
	}
	return nil
}

// Nodes names some of the nodes that have Definition.
func (c *Contract) Nodes() string {
	if c.local != nil || len(c.learnt) == 0 {
		return ""
	}
	return some(c.learnt[0].nodes)
}

// Actions returns the names of the actions in all definitions.
func (c *Contract) Actions() []string {
	var names []string
	add := func(d *Definition) {
		for _, a := range d.Actions {
			if !slices.Contains(names, a.Name) {
				names = append(names, a.Name)
			}
		}
	}
	if c.local != nil {
		add(c.local)
	}
	for _, v := range c.learnt {
		add(v.Definition)
	}
	return names
}

// Validate judges the inputs of an action by every definition that counts; see
// Definition.Validate. What nodes fill in need not be there.
func (c *Contract) Validate(action string, data *value.Map) error {
	if c.local != nil {
		return c.local.Validate(action, data)
	}
	known := c.having(action)
	if len(known) == 0 {
		return c.Definition().Validate(action, data) // it has the words for that
	}
	for _, v := range known {
		if err := v.Validate(action, v.Action(action).Completed(data)); err != nil {
			if len(known) > 1 {
				return fmt.Errorf("%w (by the definition of %s)", err, some(v.nodes))
			}
			return err
		}
	}
	return nil
}

// having returns the versions that nodes gave in which there is the action.
func (c *Contract) having(action string) []version {
	var all []version
	for _, v := range c.learnt {
		if v.Action(action) != nil {
			all = append(all, v)
		}
	}
	return all
}

// Action returns an action as the client goes by it, or nil if there is no such action:
// that of this machine or of most nodes, made stricter by what others say. It has no
// defaults that nodes gave.
func (c *Contract) Action(name string) *Action {
	known := c.having(name)
	var a Action
	switch {
	case c.local == nil && len(known) == 0:
		return nil
	case c.local == nil:
		a = *known[0].Action(name)
		a.merge(known)
		if a.Display != DisplayAlways && c.Doubt(name) != "" {
			a.Display = DisplayAlways // nothing is hidden on the word of others
		}
	default:
		own := c.local.Action(name)
		if own == nil {
			return nil
		}
		a = *own
	}
	a.Destructive, _ = c.Destructive(name)
	return &a
}

// merge makes an action of nodes what the client goes by.
func (a *Action) merge(known []version) {
	a.Inputs = slices.Clone(a.Inputs)
	for i, in := range a.Inputs {
		own := *in
		own.Optional, own.Default = !in.needed(), nil
		a.Inputs[i] = &own
	}
	a.Outputs = slices.Clone(a.Outputs)
	for _, v := range known[1:] {
		other := v.Action(a.Name)
		a.Noop = a.Noop && other.Noop
		a.OtherInputs = a.OtherInputs && other.OtherInputs
		if a.Display != other.Display {
			a.Display = DisplayAlways
		}
		for _, in := range other.Inputs {
			if own := a.Input(in.Name); own != nil {
				own.Sensitive = own.Sensitive || in.Sensitive
				own.Optional = own.Optional && !in.needed()
				continue
			}
			own := *in
			own.Optional, own.Default = !in.needed(), nil
			a.Inputs = append(a.Inputs, &own)
		}
		for _, o := range other.Outputs {
			if a.Output(o.Name) == nil {
				a.Outputs = append(a.Outputs, o)
			}
		}
	}
}

// Doubt returns why the definitions do not prove what is said of an action, or "".
func (c *Contract) Doubt(action string) string {
	if c.local != nil {
		return ""
	}
	if len(c.missing) > 0 {
		return fmt.Sprintf("the definition on %s could not be had", some(c.missing[0].nodes))
	}
	if none := c.silent(); len(none) > 0 {
		return "no definition comes from " + some(none)
	}
	if len(c.called) != 1 && !slices.ContainsFunc(c.having(action), func(v version) bool { return len(v.nodes) > 1 }) {
		return "its definition is the word of one node"
	}
	return ""
}

// Destructive reports whether an action has to be taken for one that changes things,
// and why, if it is not because every definition says so.
func (c *Contract) Destructive(action string) (destructive bool, why string) {
	if c.local != nil {
		if a := c.local.Action(action); a != nil && a.Destructive {
			return true, ""
		}
	}
	known := c.having(action)
	var say []string
	for _, v := range known {
		if v.Action(action).Destructive {
			say = append(say, v.nodes...)
		}
	}
	switch {
	case len(say) > 0 && c.local != nil:
		return true, fmt.Sprintf("it is defined so on %s, and not on this machine", some(say))
	case len(say) > 0:
		if slices.ContainsFunc(known, func(v version) bool { return !v.Action(action).Destructive }) {
			return true, fmt.Sprintf("it is defined so on %s, and not on others", some(say))
		}
		return true, ""
	}
	why = c.Doubt(action)
	return why != "", why
}

// Noop reports whether all definitions say that an action knows noop, and may be
// believed.
func (c *Contract) Noop(action string) bool {
	a := c.Action(action)
	return a != nil && a.Noop && c.Doubt(action) == ""
}

// Timeout returns how long an action may take, by the definitions, and whether that was
// cut to MaxLearntTimeout.
func (c *Contract) Timeout(action string) (limit time.Duration, cut bool) {
	if c.local != nil {
		return c.local.timeout(action), false
	}
	known := c.having(action)
	if len(known) == 0 {
		known = c.learnt
	}
	for _, v := range known {
		t := v.timeout(action)
		if limit == 0 || len(v.nodes) == len(known[0].nodes) && t < limit {
			limit = t
		}
	}
	return min(limit, MaxLearntTimeout), limit > MaxLearntTimeout
}

func (d *Definition) timeout(action string) time.Duration {
	if a := d.Action(action); a != nil && a.Timeout > 0 {
		return a.Timeout
	}
	return cmp.Or(d.Metadata.Timeout, defaultTime*time.Second)
}

// Differences says, one on each line, how the definitions of nodes differ in an
// action; with a definition of this machine only whether it changes things there.
func (c *Contract) Differences(action string) []string {
	var all []string
	if c.local != nil {
		own := c.local.Action(action)
		for _, v := range c.having(action) {
			if a := v.Action(action); own != nil && a.Destructive && !own.Destructive {
				all = append(all, fmt.Sprintf("%s of agent %s changes things on %s, whose definition is another than that on this machine", action, c.name, some(v.nodes)))
			}
		}
		return all
	}
	known := c.having(action)
	for _, v := range c.learnt {
		a := v.Action(action)
		switch {
		case len(known) == 0 || v.hash == known[0].hash:
		case a == nil:
			all = append(all, fmt.Sprintf("agent %s on %s has no action %s", c.name, some(v.nodes), action))
		default:
			if d := known[0].differences(v.Definition, action); len(d) > 0 {
				all = append(all, fmt.Sprintf("%s of agent %s is another on %s than on %s: %s; the stricter counts",
					action, c.name, some(v.nodes), some(known[0].nodes), strings.Join(d, ", ")))
			}
		}
	}
	if none := c.silent(); len(none) > 0 && len(c.learnt) > 0 {
		all = append(all, fmt.Sprintf("no definition of agent %s comes from %s, where it may be another; a file in a libdir of this machine decides for all", c.name, some(none)))
	}
	for _, m := range c.missing {
		all = append(all, fmt.Sprintf("the definition of agent %s on %s could not be had: %v", c.name, some(m.nodes), m.err))
	}
	return all
}

// maxNamed is how many nodes a message names.
const maxNamed = 3

// some names a few of the nodes.
func some(nodes []string) string {
	named := strings.Join(nodes[:min(len(nodes), maxNamed)], ", ")
	if more := len(nodes) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", named, more)
	}
	return named
}
