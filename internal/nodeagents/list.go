package nodeagents

import (
	"context"
	"maps"
	"slices"
	"strings"

	"mcollective/agent"
	"mcollective/internal/agenthost"
	"mcollective/internal/agenthost/ruby"
	"mcollective/internal/plugins"
)

// An Entry is one agent that a node of this machine would have, for people to read.
type Entry struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"` // builtin, oneshot, worker, ruby, or broken
	Version  string   `json:"version,omitempty"`
	Actions  []string `json:"actions,omitempty"`
	Program  string   `json:"program,omitempty"`
	Inactive string   `json:"inactive,omitempty"` // why it cannot work
}

// List finds the agents as Load does and describes them, also those that cannot work.
// The agents of the node stay as they are.
func (s *Set) List(ctx context.Context) []Entry {
	found, problems := s.look(ctx)
	var list []Entry
	for _, p := range problems {
		name := p.Agent
		if name == "" {
			name = "-"
		}
		list = append(list, Entry{Name: name, Kind: "broken", Program: p.Path, Inactive: p.Error()})
	}
	all := maps.Clone(s.builtin)
	for name, a := range found {
		if p, ok := a.(*agenthost.Agent); ok {
			defer p.Close()
		}
		if !s.overrides(name, a) {
			e := describe(name, a)
			e.Inactive = "the program itself has an agent of this name"
			list = append(list, e)
			continue
		}
		all[name] = a
	}
	_, useless := agent.Activate(ctx, all, plugins.Enabled(s.cfg))
	for name, a := range all {
		e := describe(name, a)
		if err := useless[name]; err != nil {
			e.Inactive = err.Error()
		}
		list = append(list, e)
	}
	for name, err := range s.failed {
		list = append(list, Entry{Name: name, Kind: "builtin", Inactive: err.Error()})
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func describe(name string, a agent.Agent) Entry {
	d := a.Definition()
	e := Entry{Name: name, Kind: "builtin", Version: d.Metadata.Version}
	for _, action := range d.Actions {
		e.Actions = append(e.Actions, action.Name)
	}
	switch a := a.(type) {
	case *ruby.Agent:
		e.Kind, e.Program = "ruby", a.Path()
	case *agenthost.Agent:
		info := a.Info()
		e.Kind, e.Program = string(info.Mode), info.Program
	}
	return e
}
