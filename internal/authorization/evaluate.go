package authorization

import (
	"context"
	"fmt"
	"slices"

	"mcollective/filter"
)

// A question is one call that a policy decides on.
type question struct {
	caller, action string
	node           filter.Node
	unknown        func() error // Options.Unknown
}

// decide asks the rules in their order; the first that fits decides. A rule that
// cannot be evaluated might be the one, so it ends the search with an error.
func (p *policy) decide(ctx context.Context, q question) (Decision, error) {
	for i := range p.rules {
		r := &p.rules[i]
		fits, err := r.fits(ctx, q)
		if err != nil {
			return Decision{}, &lineError{p.file, r.line, err}
		}
		if fits {
			return Decision{Allowed: r.allow, File: p.file, Line: r.line, Rule: r.text}, nil
		}
	}
	d := Decision{Allowed: p.fallback, File: p.file, Line: p.fallbackLine}
	switch {
	case d.Line != 0 && d.Allowed:
		d.Rule = "policy default allow"
	case d.Line != 0:
		d.Rule = "policy default deny"
	}
	return d, nil
}

func (r *rule) fits(ctx context.Context, q question) (bool, error) {
	if r.callers != nil && !slices.Contains(r.callers, q.caller) || r.actions != nil && !slices.Contains(r.actions, q.action) {
		return false, nil
	}
	if len(r.when) > 0 && q.unknown != nil {
		if err := q.unknown(); err != nil {
			return false, err
		}
	}
	for i := range r.when {
		if ok, err := r.when[i].holds(ctx, q.node); !ok {
			return false, err
		}
	}
	return true, nil
}

func (c *condition) holds(ctx context.Context, n filter.Node) (bool, error) {
	for _, f := range c.facts {
		if ok, err := f.holds(n); !ok {
			return false, err
		}
	}
	if len(c.classes) > 0 {
		if ok, err := (&filter.Filter{Classes: c.classes}).Match(ctx, n, filter.Rules{}); !ok {
			return false, err
		}
	}
	if c.compound == nil {
		return true, nil
	}
	e := expression{ctx: ctx, node: n, terms: c.compound}
	ok := e.sequence()
	return ok && e.err == nil, e.err
}

// holds compares texts, as Ruby's plugin does: "10" is less than "9", and a fact that
// the node does not have is the empty text.
func (f fact) holds(n filter.Node) (bool, error) {
	value, ok := filter.Lookup(n, f.name)
	text, isText := value.(string)
	if ok && !isText {
		return false, fmt.Errorf("fact %s is a list or a map here, which no rule can compare", clip(f.name))
	}
	switch f.operator {
	case "<":
		return text < f.value, nil
	case "<=":
		return text <= f.value, nil
	case ">":
		return text > f.value, nil
	case ">=":
		return text >= f.value, nil
	}
	return text == f.value, nil
}

// An expression is evaluated as Ruby's words are: not binds closest, and and or bind
// alike, from left to right, so that "a or b and c" is "(a or b) and c". That differs
// from -S, whose nodes evaluate the signs && and ||. The parser saw to the order of the
// terms. All terms are evaluated, and one that cannot be is an error: were it false, its
// negation would be true.
type expression struct {
	ctx   context.Context
	node  filter.Node
	terms filter.Compound
	next  int
	err   error // of the first term that could not be evaluated
}

func (e *expression) sequence() bool {
	value := e.operand()
	for e.next < len(e.terms) && e.terms[e.next].Kind != filter.Close {
		kind := e.terms[e.next].Kind
		e.next++
		right := e.operand()
		if kind == filter.And {
			value = value && right
		} else {
			value = value || right
		}
	}
	return value
}

func (e *expression) operand() bool {
	t := &e.terms[e.next]
	e.next++
	switch t.Kind {
	case filter.Not:
		return !e.operand()
	case filter.Open:
		value := e.sequence()
		e.next++ // the parenthesis that closes
		return value
	}
	ok, err := e.term(t)
	if e.err == nil {
		e.err = err
	}
	return ok
}

func (e *expression) term(t *filter.Term) (bool, error) {
	var f filter.Filter
	if t.Kind == filter.Call {
		f.Compound = []filter.Compound{{*t}}
	} else {
		compared, isFact, err := parseFact(t.Text)
		if err != nil {
			return false, err
		}
		if isFact {
			return compared.holds(e.node)
		}
		p, err := filter.ParsePattern(t.Text)
		if err != nil {
			return false, err
		}
		f.Classes = []filter.Pattern{p}
	}
	return f.Match(e.ctx, e.node, filter.Rules{})
}
