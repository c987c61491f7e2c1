package wire

import (
	"fmt"
	"slices"

	"mcollective/filter"
	"mcollective/value"
)

// The keys of a filter, in the order that Ruby writes them. All five are always
// sent: a node takes a filter that lacks one for one that nothing passes.
const (
	keyFact       = "fact"
	keyClass      = "cf_class"
	keyAgent      = "agent"
	keyIdentity   = "identity"
	keyCompound   = "compound"
	keyCollective = "collective"
)

// FilterTree returns the tree of a filter as Ruby clients write it: string keys, facts
// as hashes with symbol keys, compound expressions as lists of one-pair hashes.
func FilterTree(f *filter.Filter) (*value.Map, error) {
	facts := make([]any, len(f.Facts))
	for i, fact := range f.Facts {
		if err := checkFact(fact); err != nil {
			return nil, err
		}
		facts[i] = value.NewMap(value.Symbol("fact"), fact.Name, value.Symbol("value"), fact.Value,
			value.Symbol("operator"), fact.Operator)
	}
	compounds := make([]any, len(f.Compound))
	for i, c := range f.Compound {
		terms := make([]any, len(c))
		for j, t := range c {
			tree, err := termTree(t)
			if err != nil {
				return nil, fmt.Errorf("compound filter %d, term %d: %w", i+1, j+1, err)
			}
			terms[j] = tree
		}
		compounds[i] = terms
	}
	h := value.NewMap(keyFact, facts, keyClass, patternList(f.Classes), keyAgent, patternList(f.Agents),
		keyIdentity, patternList(f.Identities), keyCompound, compounds)
	if f.Collective != "" {
		h.Pairs = append(h.Pairs, value.Pair{Key: keyCollective, Value: f.Collective})
	}
	return h, nil
}

func patternList(patterns []filter.Pattern) []any {
	list := make([]any, len(patterns))
	for i, p := range patterns {
		list[i] = patternTree(p)
	}
	return list
}

func patternTree(p filter.Pattern) any {
	if p.Regexp {
		return value.NewRegexp(p.Text, p.Options&7)
	}
	return p.Text
}

func termTree(t filter.Term) (any, error) {
	switch t.Kind {
	case filter.Statement:
		return value.NewMap(string(t.Kind), t.Text), nil
	case filter.And, filter.Or, filter.Not, filter.Open, filter.Close:
		return value.NewMap(string(t.Kind), string(t.Kind)), nil
	case filter.Call:
		if t.Call == nil {
			return nil, fmt.Errorf("call of no function")
		}
		c := t.Call
		if err := checkCall(c); err != nil {
			return nil, err
		}
		h := value.NewMap("r_compare", patternTree(c.Compare), "operator", c.Operator)
		if c.Output != "" {
			h.Pairs = append(h.Pairs, value.Pair{Key: "value", Value: c.Output})
		}
		h.Pairs = append(h.Pairs, value.Pair{Key: "name", Value: c.Name}, value.Pair{Key: "params", Value: c.Params})
		return value.NewMap(string(t.Kind), h), nil
	}
	return nil, fmt.Errorf("no term of kind %q", t.Kind)
}

func checkFact(f filter.Fact) error {
	if !slices.Contains([]string{"==", "!=", "<", "<=", ">", ">=", "=~"}, f.Operator) {
		return fmt.Errorf("fact filter %q: no operator %q", f.Name, f.Operator)
	}
	return nil
}

func checkCall(c *filter.Function) error {
	if !slices.Contains([]string{"==", "!=", "<", "<=", ">", ">=", "=~", "!=~"}, c.Operator) {
		return fmt.Errorf("function %q: no operator %q", c.Name, c.Operator)
	}
	switch p := c.Params.(type) {
	case nil, string, bool, int64:
		return nil
	case float64:
		if finite(p) {
			return nil
		}
	}
	return fmt.Errorf("function %q: %s as its argument", clip(c.Name), kindOf(c.Params))
}
