package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mcollective/filter"
	"mcollective/value"
)

// DecodeFilter reads a filter from its tree; symbols reports whether the tree comes
// from a serializer that has symbols.
//
// It takes what Ruby nodes take, with the same meaning: keys that nobody knows
// are skipped (but make the filter irregular), puppet_class is another name of
// cf_class, an entry of a list may be a Regexp object. What a Ruby node would
// answer with an exception, or what can never match there, is an error: symbols
// as keys of the filter, strings as keys of a fact, values of other types. Either
// way nobody replies.
func DecodeFilter(tree any, symbols bool) (filter.Filter, error) {
	var f filter.Filter
	h, ok := tree.(*value.Map)
	if !ok {
		return f, fmt.Errorf("filter is %s, not a hash", kindOf(tree))
	}
	var seen keySet
	for i := range h.Pairs {
		key, ok := text(h.Pairs[i].Key)
		if !ok {
			return f, fmt.Errorf("filter has %s as a key, not a string", kindOf(h.Pairs[i].Key))
		}
		known, err := decodeEntry(&f, key, h.Pairs[i].Value, symbols)
		if err != nil {
			return f, fmt.Errorf("filter %q: %w", clip(key), err)
		}
		if known != 0 && seen&known != 0 {
			return f, fmt.Errorf("filter %q is there twice", key)
		}
		seen |= known
		if known == 0 {
			seen |= keyOther
		}
	}
	f.Irregular = len(h.Pairs) > 0 && seen != keyFive
	return f, nil
}

// A keySet is which keys of a filter have been seen.
type keySet uint8

const (
	keyFive  keySet = 1<<5 - 1
	keyOther keySet = 1 << 5
)

// decodeEntry adds what one key of a filter says to f and returns the key's bit,
// 0 for a key that is not one of the five.
func decodeEntry(f *filter.Filter, key string, value any, symbols bool) (known keySet, err error) {
	switch key {
	case keyFact:
		f.Facts, err = decodeFacts(value, symbols)
		return 1 << 0, err
	case keyAgent:
		f.Agents, err = decodePatterns(nil, value)
		return 1 << 2, err
	case keyIdentity:
		f.Identities, err = decodePatterns(nil, value)
		return 1 << 3, err
	case keyCompound:
		f.Compound, err = decodeCompounds(value)
		return 1 << 4, err
	case keyCollective:
		if s, ok := text(value); ok {
			f.Collective = s
		}
		return 0, nil
	}
	// Ruby looks for these two names anywhere in the key. A key like "my_cf_class"
	// restricts the nodes there, so ignoring it here would widen the request.
	if strings.Contains(key, keyClass) || strings.Contains(key, "puppet_class") {
		f.Classes, err = decodePatterns(f.Classes, value)
		if key == keyClass {
			known = 1 << 1
		}
	}
	return known, err
}

func decodeFacts(v any, symbols bool) ([]filter.Fact, error) {
	list, err := listOf(v)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	facts := make([]filter.Fact, len(list))
	for i, entry := range list {
		h, ok := entry.(*value.Map)
		if !ok {
			return nil, fmt.Errorf("entry is %s, not a hash", kindOf(entry))
		}
		var found [3]bool
		for j := range h.Pairs {
			var to *string
			name, ok := fieldName(h.Pairs[j].Key, symbols)
			n := -1
			switch {
			case !ok:
			case name == "fact":
				n, to = 0, &facts[i].Name
			case name == "value":
				n, to = 1, &facts[i].Value
			case name == "operator":
				n, to = 2, &facts[i].Operator
			}
			if n < 0 {
				continue
			}
			if found[n] {
				return nil, fmt.Errorf("%s of an entry is there twice", name)
			}
			found[n] = true
			if *to, ok = text(h.Pairs[j].Value); !ok {
				return nil, fmt.Errorf("%s of an entry is %s, not a text", name, kindOf(h.Pairs[j].Value))
			}
		}
		if found != [3]bool{true, true, true} {
			return nil, fmt.Errorf("entry lacks fact, value or operator")
		}
		if err := checkFact(facts[i]); err != nil {
			return nil, err
		}
	}
	return facts, nil
}

func decodePatterns(patterns []filter.Pattern, value any) ([]filter.Pattern, error) {
	list, err := listOf(value)
	if err != nil || len(list) == 0 {
		return patterns, err
	}
	if patterns == nil {
		patterns = make([]filter.Pattern, 0, len(list))
	}
	for _, entry := range list {
		p, ok := decodePattern(entry)
		if !ok {
			return nil, fmt.Errorf("entry is %s, neither text nor regular expression", kindOf(entry))
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

func decodePattern(v any) (filter.Pattern, bool) {
	if r, ok := v.(*value.Regexp); ok {
		return filter.Pattern{Text: r.Source, Regexp: true, Options: r.Options & 7}, r.Extra == nil && utf8.ValidString(r.Source)
	}
	s, ok := text(v)
	return filter.Pattern{Text: s}, ok
}

func decodeCompounds(value any) ([]filter.Compound, error) {
	list, err := listOf(value)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	compounds := make([]filter.Compound, len(list))
	for i, entry := range list {
		terms, err := listOf(entry)
		if err != nil {
			return nil, err
		}
		c := make(filter.Compound, len(terms))
		for j, term := range terms {
			if c[j], err = decodeTerm(term); err != nil {
				return nil, fmt.Errorf("expression %d, term %d: %w", i+1, j+1, err)
			}
		}
		compounds[i] = c
	}
	return compounds, nil
}

func decodeTerm(v any) (filter.Term, error) {
	h, ok := v.(*value.Map)
	if !ok || len(h.Pairs) != 1 {
		return filter.Term{}, fmt.Errorf("%s is not a hash of one pair", kindOf(v))
	}
	name, ok := text(h.Pairs[0].Key)
	if !ok {
		return filter.Term{}, fmt.Errorf("term has %s as its key", kindOf(h.Pairs[0].Key))
	}
	t, value := filter.Term{Kind: filter.TermKind(name)}, h.Pairs[0].Value
	switch t.Kind {
	case filter.And, filter.Or, filter.Not, filter.Open, filter.Close:
	case filter.Statement:
		if t.Text, ok = text(value); !ok {
			return t, fmt.Errorf("statement is %s, not a text", kindOf(value))
		}
	case filter.Call:
		c, err := decodeCall(value)
		if err != nil {
			return t, err
		}
		t.Call = c
	default:
		return t, fmt.Errorf("no term of kind %q", clip(name))
	}
	return t, nil
}

func decodeCall(v any) (*filter.Function, error) {
	h, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("function is %s, not a hash", kindOf(v))
	}
	var c filter.Function
	seen := map[string]bool{}
	for i := range h.Pairs {
		key, ok := text(h.Pairs[i].Key)
		if !ok || seen[key] {
			return nil, fmt.Errorf("function has %s as a key, or one key twice", kindOf(h.Pairs[i].Key))
		}
		seen[key] = true
		value := h.Pairs[i].Value
		switch key {
		case "name":
			c.Name, ok = text(value)
		case "operator":
			c.Operator, ok = text(value)
		case "value":
			if value != nil {
				c.Output, ok = text(value)
			}
		case "r_compare":
			c.Compare, ok = decodePattern(value)
		case "params":
			if s, isText := text(value); isText {
				c.Params = s
			} else {
				c.Params = value
			}
		}
		if !ok {
			return nil, fmt.Errorf("%s of a function is %s", key, kindOf(value))
		}
	}
	if c.Name == "" || !seen["r_compare"] {
		return nil, fmt.Errorf("function lacks a name or what to compare with")
	}
	if c.Compare.Regexp != strings.HasSuffix(c.Operator, "=~") {
		return nil, fmt.Errorf("function %q: operator %q does not go with its right side", clip(c.Name), clip(c.Operator))
	}
	return &c, checkCall(&c)
}

// listOf is v as a list.
func listOf(v any) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, nil
	}
	return nil, fmt.Errorf("value is %s, not a list", kindOf(v))
}
