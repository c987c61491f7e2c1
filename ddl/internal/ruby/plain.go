package ruby

import "mcollective/value"

// Plain returns a value as the rest of the program has it: nil, bool, int64, float64,
// string, value.Symbol, []any or *value.Map; a regular expression is its
// text, a class its name, a range is not plain and ends the evaluation.
func (c *Call) Plain(v any) any {
	ev := c.ev
	ev.step(c.Line)
	switch v := v.(type) {
	case *String:
		ev.charge(len(v.S))
		return v.S
	case *Regexp:
		return v.Text()
	case Class:
		return string(v)
	case *Array:
		defer ev.leave(ev.enter())
		ev.charge(16 * len(v.Elems))
		all := make([]any, len(v.Elems))
		for i, e := range v.Elems {
			all[i] = c.Plain(e)
		}
		return all
	case *Hash:
		defer ev.leave(ev.enter())
		ev.charge(32 * len(v.Keys))
		h := &value.Map{Pairs: make([]value.Pair, 0, len(v.Keys))}
		for i, k := range v.Keys {
			h.Pairs = append(h.Pairs, value.Pair{Key: c.Plain(k), Value: c.Plain(v.Values[i])})
		}
		return h
	case *Range:
		fail(c.Line, "the range %s cannot be the value of a property; write the list", ev.inspect(v))
	}
	return v
}

// Text is Ruby's to_s of a value.
func (c *Call) Text(v any) string { return c.ev.text(v) }

// Inspect is Ruby's inspect of a value, for error messages.
func (c *Call) Inspect(v any) string {
	s := c.ev.inspect(v)
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return s
}
