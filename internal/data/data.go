// Package data is the data plugins of a node: what filters ask for by functions like fstat('/etc/hosts').md5, and rpcutil's get_data by name.
//
// A [Plugin] answers one query with named values. A [Set] holds those of a node,
// and does for each what none should do itself: it judges the query by the
// plugin's definition, limits the time by the contract of package timelimit, and
// lets only values pass that a filter can compare.
package data

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"mcollective/ddl"
	"mcollective/internal/timelimit"
	"mcollective/rpc"
	"mcollective/value"
)

// A Plugin answers queries. A Plugin that may be of no use on a machine has, in
// addition, the method Active of agent.Activator.
type Plugin interface {
	// Definition returns the plugin's definition; it never changes.
	Definition() *ddl.Definition

	// Query answers a query that the definition lets pass; it is "" where the
	// definition has none. The outputs are strings, integers, floats or booleans.
	// Query is called from many goroutines and returns soon after ctx ends.
	Query(ctx context.Context, query string) (map[string]any, error)
}

// An Output is one value of an answer: nil, bool, int64, *big.Int, float64, string or
// value.Binary.
type Output struct {
	Name  string
	Value any
}

// A Set is the data plugins of a node. It may be used by many goroutines.
type Set struct {
	plugins map[string]*member
	names   []string
}

// maxOverdue is how many queries of one plugin may run on after their time limit
// before others are refused.
const maxOverdue = 8

type member struct {
	Plugin
	name    string
	limit   time.Duration
	limiter timelimit.Limiter
}

// NewSet makes a set of plugins. Of two with the same name the last one counts.
func NewSet(plugins ...Plugin) *Set {
	s := &Set{plugins: make(map[string]*member, len(plugins))}
	for _, p := range plugins {
		m := p.Definition().Metadata
		limit := m.Timeout
		if limit <= 0 {
			limit = time.Second // as in Ruby
		}
		name := strings.ToLower(strings.TrimSuffix(m.Agent, suffix))
		s.plugins[name] = &member{Plugin: p, name: name, limit: limit, limiter: timelimit.Limiter{MaxOverdue: maxOverdue}}
	}
	s.names = slices.Sorted(maps.Keys(s.plugins))
	return s
}

// suffix is what Ruby has behind the names of data plugins.
const suffix = "_data"

// Names returns the names of the plugins, as Ruby writes them: "fstat_data".
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	names := make([]string, len(s.names))
	for i, n := range s.names {
		names[i] = n + suffix
	}
	return names
}

// Definitions returns those of the plugins, in the order of their names.
func (s *Set) Definitions() []*ddl.Definition {
	if s == nil {
		return nil
	}
	all := make([]*ddl.Definition, len(s.names))
	for i, n := range s.names {
		all[i] = s.plugins[n].Definition()
	}
	return all
}

// Data answers for filters, which have "" for no query at all.
func (s *Set) Data(ctx context.Context, plugin, query string) (map[string]any, error) {
	var given *string
	if m := s.find(plugin); query != "" || m != nil && m.needsQuery() {
		given = &query
	}
	outputs, err := s.Lookup(ctx, plugin, given)
	if err != nil {
		return nil, err
	}
	values := make(map[string]any, len(outputs))
	for _, o := range outputs {
		values[o.Name] = o.Value
	}
	return values, nil
}

// Lookup asks the plugin of that name, with or without Ruby's "_data" behind it.
// query is nil if there is none. The outputs come in the order of the
// definition, and those that it does not have last, by name. The error is an
// rpc.Error with rpc.InvalidData for a query that the definition does not let
// pass. Texts are Ruby's.
func (s *Set) Lookup(ctx context.Context, plugin string, query *string) ([]Output, error) {
	m := s.find(plugin)
	if m == nil {
		name := strings.TrimSuffix(strings.ToLower(plugin), suffix) + suffix
		if query != nil {
			return nil, rpc.Errorf(rpc.UnknownError, "Can't find DDL for data plugin '%s'", name)
		}
		return nil, rpc.Errorf(rpc.UnknownError, "No plugin %s defined", name)
	}
	text, err := m.judge(query)
	if err != nil {
		return nil, err
	}
	values, err := m.ask(ctx, text)
	if err != nil {
		return nil, err
	}
	return m.outputs(values)
}

func (s *Set) find(plugin string) *member {
	if s == nil {
		return nil
	}
	return s.plugins[strings.TrimSuffix(strings.ToLower(plugin), suffix)]
}

func (m *member) takesQuery() bool {
	q := m.Definition().Query
	return q != nil && q.Input("query") != nil
}

// needsQuery reports whether no query at all is one that the plugin refuses.
func (m *member) needsQuery() bool {
	return m.takesQuery() && !m.Definition().Query.Input("query").Optional
}

// judge lets a query pass or not. One whose type is no text is judged as what the
// text stands for, if it does.
func (m *member) judge(query *string) (string, error) {
	d := m.Definition()
	if query == nil {
		return "", d.ValidateQuery(nil)
	}
	var value any = *query
	if m.takesQuery() {
		if v, err := d.Query.Coerce("query", *query); err == nil {
			value = v
		}
	}
	return *query, d.ValidateQuery(value)
}

// ask runs the plugin within its time limit.
func (m *member) ask(ctx context.Context, query string) (map[string]any, error) {
	var values map[string]any
	err := m.limiter.Call(ctx, m.limit, func(ctx context.Context) (err error) {
		values, err = m.Query(ctx, query)
		return err
	})
	var (
		over   *timelimit.Overrun
		broken *timelimit.Panic
		busy   timelimit.Busy
	)
	switch {
	case err == nil:
		return values, nil
	case errors.As(err, &over) && over.Stopping:
		return nil, fmt.Errorf("data plugin %s was broken off: %w", m.name, context.Cause(ctx))
	case errors.As(err, &over):
		return nil, rpc.Errorf(rpc.UnknownError, "Data plugin %s%s timed out on query '%s'", m.name, suffix, query)
	case errors.As(err, &broken):
		return nil, fmt.Errorf("data plugin %s broke: %v", m.name, broken.Value)
	case errors.As(err, &busy):
		return nil, fmt.Errorf("busy: %d earlier queries of data plugin %s are over their time limit and do not end", int(busy), m.name)
	}
	return nil, err
}

// outputs puts values into order, with the defaults of those that are missing.
func (m *member) outputs(values map[string]any) ([]Output, error) {
	all := make([]Output, 0, len(values))
	var declared []*ddl.Output
	if q := m.Definition().Query; q != nil {
		declared = q.Outputs
	}
	for _, o := range declared {
		v, ok := values[o.Name]
		if !ok {
			v = o.Default
		}
		all = append(all, Output{o.Name, v})
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(declared, func(o *ddl.Output) bool { return o.Name == name }) {
			all = append(all, Output{name, values[name]})
		}
	}
	for i := range all {
		v, err := checkComparable(all[i].Value)
		if err != nil {
			return nil, fmt.Errorf("data plugin %s: output %s: %w", m.name, all[i].Name, err)
		}
		all[i].Value = v
	}
	return all, nil
}

var errKind = errors.New("only strings, integers, floats and booleans can be compared")

func checkComparable(v any) (any, error) {
	v, err := rpc.Value(v)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case nil, bool, int64, *big.Int, float64, string, value.Binary:
		return v, nil
	}
	return nil, fmt.Errorf("it is %T; %w", v, errKind)
}
