package filter

import (
	"context"
	"errors"
	"fmt"
)

// Rules are the choices a node has in evaluating a filter. They change what this
// node decides, never what is sent.
type Rules struct {
	// Numeric compares facts as numbers whenever both sides are numbers:
	// decimal, negative, with a fraction or an exponent, also for == and !=. What
	// is no number on both sides is compared as text. By default facts are
	// compared as Ruby nodes do, see docs/filters.md.
	Numeric bool

	// Budget bounds the work for one filter, in steps: about one for each
	// instruction of a regular expression and each byte it looks at, and one for
	// each value. Default DefaultBudget.
	Budget int
}

// Bounds on a filter. Identities that are plain names do not count as terms,
// since a client may name every node of a collective.
const (
	DefaultBudget = 4 << 20
	MaxTerms      = 64   // facts, classes, agents, regular expressions, and what a compound compares
	MaxDepth      = 64   // of parentheses in a compound
	MaxTokens     = 1024 // of a compound, operators and parentheses included
)

var errBudget = errors.New("the filter takes more steps than its budget")

// An evaluation is one filter meeting one node.
type evaluation struct {
	node  Node
	rules Rules
	left  int // steps
}

func newEvaluation(n Node, r Rules) evaluation {
	if r.Budget <= 0 {
		r.Budget = DefaultBudget
	}
	return evaluation{n, r, r.Budget}
}

// NeedsData reports whether evaluating the filter runs data plugins, which a
// node does only for a caller it has authorized.
func (f *Filter) NeedsData() bool {
	for _, c := range f.Compound {
		if c.NeedsData() {
			return true
		}
	}
	return false
}

// Match reports whether the node matches the filter. An error says why there is
// no match where that deserves a line in the log: a broken regular expression,
// an invalid number, a data plugin that failed, a bound that was reached. It
// never comes with true.
func (f *Filter) Match(ctx context.Context, n Node, r Rules) (bool, error) {
	e := newEvaluation(n, r)
	if ok, err := e.plain(f); !ok {
		return false, err
	}
	for _, c := range f.Compound {
		if !c.NeedsData() {
			continue
		}
		if ok, err := e.compound(ctx, c); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// MatchPlain is Match without the compounds that call data plugins: it runs
// nothing, and when it says no Match would too.
func (f *Filter) MatchPlain(n Node, r Rules) (bool, error) {
	e := newEvaluation(n, r)
	return e.plain(f)
}

// plain evaluates what runs no code. An error never comes with true.
func (e *evaluation) plain(f *Filter) (bool, error) {
	if f.Irregular && f.Empty() {
		return false, nil
	}
	if terms := f.terms(); terms > MaxTerms {
		return false, errTooManyTerms(terms)
	}
	for i := range f.Agents {
		if ok, err := e.agent(&f.Agents[i]); !ok || err != nil {
			return false, err
		}
	}
	if len(f.Identities) > 0 {
		if ok, err := e.identity(f.Identities); !ok {
			return false, err
		}
	}
	for i := range f.Facts {
		t := &f.Facts[i]
		if ok, err := e.fact(t.Name, t.Operator, t.Value); !ok || err != nil {
			return false, err
		}
	}
	for i := range f.Classes {
		if ok, err := e.class(&f.Classes[i]); !ok || err != nil {
			return false, err
		}
	}
	for _, c := range f.Compound {
		if c.NeedsData() {
			continue
		}
		if ok, err := e.compound(context.Background(), c); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func errTooManyTerms(n int) error {
	return fmt.Errorf("the filter has %d terms, more than %d", n, MaxTerms)
}

// terms counts what takes work to evaluate.
func (f *Filter) terms() int {
	n := len(f.Facts) + len(f.Classes) + len(f.Agents)
	for i := range f.Identities {
		if _, ok := f.Identities[i].source(); ok {
			n++
		}
	}
	for _, c := range f.Compound {
		n += c.terms()
	}
	return n
}

// spend takes steps from the budget.
func (e *evaluation) spend(steps int) error {
	if e.left -= steps; e.left < 0 {
		return errBudget
	}
	return nil
}

func (e *evaluation) matchRegexp(key matcherKey, text string) (bool, error) {
	m := matchers.get(key)
	err := e.spend(m.cost(text))
	if err == nil {
		var ok bool
		if ok, err = m.match(text); err == nil {
			return ok, nil
		}
	}
	return false, fmt.Errorf("regular expression %s: %w", shown(key.text), err)
}

// pattern reports whether any of the names is or matches what is asked for.
func (e *evaluation) pattern(p *Pattern, names []string) (bool, error) {
	source, isRegexp := p.source()
	if !isRegexp {
		if err := e.spend(len(names)); err != nil {
			return false, err
		}
		for _, name := range names {
			if name == p.Text {
				return true, nil
			}
		}
		return false, nil
	}
	for _, name := range names {
		if ok, err := e.matchRegexp(p.key(source), name); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (p *Pattern) key(source string) matcherKey {
	return matcherKey{text: source, options: p.Options & 7, pattern: !p.Regexp}
}

func (e *evaluation) agent(p *Pattern) (bool, error) {
	if !p.Regexp && p.Text == "mcollective" {
		return true, nil
	}
	ok, err := e.pattern(p, e.node.Agents())
	return ok, within("agent", p.Text, err)
}

func (e *evaluation) class(p *Pattern) (bool, error) {
	ok, err := e.pattern(p, e.node.Classes())
	return ok, within("class", p.Text, err)
}

// identity returns the one kind of which any entry is enough. Ruby wants exactly
// one, which makes two ways of naming the same node name none.
func (e *evaluation) identity(list []Pattern) (bool, error) {
	id := e.node.Identity()
	var first error
	for i := range list {
		p := &list[i]
		source, isRegexp := p.source()
		if !isRegexp {
			if p.Text == id {
				return true, nil
			}
			continue
		}
		ok, err := e.matchRegexp(p.key(source), id)
		if ok {
			return true, nil
		}
		if err != nil && first == nil {
			first = within("identity", p.Text, err)
		}
	}
	return false, first
}

// fact compares a fact. An absent one never matches, whatever the operator; of
// an array any element will do, of a hash any key.
func (e *evaluation) fact(name, operator, value string) (bool, error) {
	fact, ok := Lookup(e.node, name)
	if !ok {
		return false, nil
	}
	var err error
	switch v := fact.(type) {
	case string:
		ok, err = e.compareFact(v, operator, value)
	case []any:
		ok, err = e.anyElement(v, operator, value)
	case map[string]any:
		ok, err = e.anyKey(v, operator, value)
	default:
		text, _ := factText(v)
		ok, err = e.compareFact(text, operator, value)
	}
	return ok, within("fact", name, err)
}

func (e *evaluation) anyElement(list []any, operator, value string) (bool, error) {
	if err := e.spend(len(list)); err != nil {
		return false, err
	}
	for _, element := range list {
		text, ok := factText(element)
		var err error
		if ok {
			ok, err = e.compareFact(text, operator, value)
		} else {
			ok = operator == "!=" // a structure equals no text
		}
		if ok || err != nil {
			return ok && err == nil, err
		}
	}
	return false, nil
}

// anyKey does not depend on the order of the keys: one that matches outweighs
// those that cannot be compared, and of these the first in order is told.
func (e *evaluation) anyKey(hash map[string]any, operator, value string) (bool, error) {
	if err := e.spend(len(hash)); err != nil {
		return false, err
	}
	var worst string
	var first error
	for key := range hash {
		ok, err := e.compareFact(key, operator, value)
		if ok && err == nil {
			return true, nil
		}
		if errors.Is(err, errBudget) {
			return false, err
		}
		if err != nil && (first == nil || key < worst) {
			worst, first = key, err
		}
	}
	return false, first
}

// within says of which entry an error speaks.
func within(kind, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("filter on %s %s: %w", kind, shown(name), err)
}
