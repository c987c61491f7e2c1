package why

import (
	"context"
	"strings"

	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/clientfiles"
	"mcollective/internal/render"
	"mcollective/value"
)

// A clause is one part of a filter that a node has to match.
type clause struct {
	filter filter.Filter // with nothing but this part
	inner  []clause      // the comparisons inside of an expression, for which a match is no must
}

func (t clause) String() string { return t.filter.String() }

// clauses returns the parts of a filter, each of which excludes nodes alone.
func clauses(f filter.Filter) []clause {
	var list []clause
	add := func(g filter.Filter, inner ...clause) { list = append(list, clause{filter: g, inner: inner}) }
	if len(f.Identities) > 0 {
		add(filter.Filter{Identities: f.Identities})
	}
	for _, t := range f.Facts {
		add(filter.Filter{Facts: []filter.Fact{t}})
	}
	for _, p := range f.Classes {
		add(filter.Filter{Classes: []filter.Pattern{p}})
	}
	for _, c := range f.Compound {
		add(filter.Filter{Compound: []filter.Compound{c}}, comparisons(c)...)
	}
	for _, p := range f.Agents {
		add(filter.Filter{Agents: []filter.Pattern{p}})
	}
	return list
}

// comparisons returns the facts, classes and outputs of data functions that an expression speaks of.
func comparisons(c filter.Compound) []clause {
	if len(c) < 2 {
		return nil
	}
	var list []clause
	for _, t := range c {
		if t.Kind == filter.Statement || t.Kind == filter.Call {
			list = append(list, clause{filter: filter.Filter{Compound: []filter.Compound{{t}}}})
		}
	}
	return list
}

// decided reports whether it is known if a node matches a clause. What its name says is
// known of all nodes, the rest of those that told, or that judged it themselves.
func (t clause) decided(m *member) bool {
	f := t.filter
	switch {
	case len(f.Identities) > 0, m.known && !f.NeedsData():
		return true
	case len(f.Compound) == 1 && len(f.Compound[0]) == 1 && f.Compound[0][0].Kind == filter.Call:
		return m.told(f.Compound[0][0].Call)
	}
	return false
}

// A nodeSet is all nodes of a collective that answered.
type nodeSet struct {
	members []*member
	byName  map[string]*member
}

// A member is a node as a filter sees it. It is known once it has told.
type member struct {
	identity string
	known    bool
	agents   []string
	inactive map[string]string // why an agent that is there does not run
	classes  []string
	facts    map[string]any
	data     map[string]functionData
}

// load takes what rpcutil inventory answered.
func (m *member) load(about *value.Map) {
	m.known = true
	m.agents, m.classes = outputs.Texts(outputs.Output(about, "agents")), outputs.Texts(outputs.Output(about, "classes"))
	if h, ok := outputs.Output(about, "facts").(*value.Map); ok {
		m.facts, _ = factValue(h, 0).(map[string]any)
	}
	if h, ok := outputs.Output(about, "inactive_agents").(*value.Map); ok && h != nil {
		m.inactive = make(map[string]string, h.Len())
		for k, v := range h.All() {
			m.inactive[render.Text(k)] = render.Text(v)
		}
	}
}

// factValue returns the value of a fact as filters compare it: text, lists, maps.
func factValue(v any, depth int) any {
	switch v := v.(type) {
	case []any:
		if depth < outputs.FactDepth {
			list := make([]any, len(v))
			for i := range v {
				list[i] = factValue(v[i], depth+1)
			}
			return list
		}
	case *value.Map:
		if v != nil && depth < outputs.FactDepth {
			m := make(map[string]any, v.Len())
			for k, e := range v.All() {
				m[render.Text(k)] = factValue(e, depth+1)
			}
			return m
		}
	}
	return render.Text(v)
}

// Identity, Agents, Classes, Fact and Data make a member a filter.Node.

func (m *member) Identity() string  { return m.identity }
func (m *member) Agents() []string  { return m.agents }
func (m *member) Classes() []string { return m.classes }

func (m *member) Fact(name string) (any, bool) {
	v, ok := m.facts[name]
	return v, ok
}

// passing returns the members that a filter matches.
func (s *nodeSet) passing(f *filter.Filter) map[string]bool {
	pass := make(map[string]bool)
	for _, m := range s.members {
		if ok, _ := f.Match(context.Background(), m, filter.Rules{}); ok {
			pass[m.identity] = true
		}
	}
	return pass
}

// judge returns what the members are known to say to a clause.
func (s *nodeSet) judge(t clause) verdict {
	v := verdict{clause: t, pass: s.passing(&t.filter), unknown: make(map[string]bool)}
	for _, m := range s.members {
		if !t.decided(m) {
			v.unknown[m.identity] = true
			delete(v.pass, m.identity)
		}
	}
	return v
}

// completions returns what the shell may offer from now on.
func (s *nodeSet) completions() clientfiles.Names {
	l := clientfiles.Names{Facts: make(map[string][]string)}
	agents, classes := make(map[string]bool), make(map[string]bool)
	values := make(map[string]map[string]int)
	for _, m := range s.members {
		l.Identities = append(l.Identities, m.identity)
		for _, a := range m.agents {
			agents[a] = true
		}
		for _, k := range m.classes {
			classes[k] = true
		}
		flatValues(m.facts, "", func(name, value string) {
			if values[name] == nil {
				values[name] = make(map[string]int)
			}
			if len(values[name]) < clientfiles.MostValues {
				values[name][value]++
			}
		})
	}
	l.Agents, l.Classes = cli.SortedKeys(agents), cli.SortedKeys(classes)
	for name, counts := range values {
		l.Facts[name] = cli.SortedKeys(counts)
	}
	return l
}

// flatValues gives each fact that is no structure under its path.
func flatValues(facts map[string]any, prefix string, each func(name, value string)) {
	for name, v := range facts {
		switch v := v.(type) {
		case map[string]any:
			flatValues(v, prefix+name+".", each)
		case []any:
			for _, item := range v {
				if s, ok := item.(string); ok {
					each(prefix+name, s)
				}
			}
		case string:
			each(prefix+name, v)
		}
	}
}

// subject returns what a clause compares: "fact", "class", "agent" or "identity" with its
// name and, for a fact, the comparison. Expressions of several have none.
func (t clause) subject() (kind, name string, fact filter.Fact) {
	f := t.filter
	switch {
	case len(f.Facts) == 1:
		return "fact", f.Facts[0].Name, f.Facts[0]
	case len(f.Classes) == 1:
		return "class", f.Classes[0].Text, fact
	case len(f.Agents) == 1:
		return "agent", f.Agents[0].Text, fact
	case len(f.Identities) > 0:
		return "identity", f.Identities[0].Text, fact
	case len(f.Compound) == 1 && len(f.Compound[0]) == 1 && f.Compound[0][0].Kind == filter.Statement:
		if name, op, value, ok := collective.Comparison(f.Compound[0][0].Text); ok {
			if op == "=" {
				op = "=="
				if len(value) > 1 && strings.HasPrefix(value, "/") {
					op = "=~"
				}
			}
			return "fact", name, filter.Fact{Name: name, Operator: op, Value: value}
		}
		return "class", f.Compound[0][0].Text, fact
	}
	return "", "", fact
}
