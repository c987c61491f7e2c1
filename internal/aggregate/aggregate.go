// Package aggregate sums up one output over the answers of all nodes: average, sum, summary and what published agents use besides.
//
// A Function gets the output of one reply after the other, and is then asked for
// its Result, which holds values and no text:
//
//	f, err := aggregate.New("average", aggregate.Options{Output: "cpu"})
//	for each reply {
//		err = f.Add(value)
//	}
//	r, err := f.Result()
//
// It keeps nothing of the replies but what it counts.
package aggregate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mcollective/marshal"
	"mcollective/value"
)

// A Kind is the form of a Result.
type Kind int

// The kinds of Result.
const (
	Numeric    Kind = iota // Values, shown together
	Collection             // Counts, each on a line
)

// A Result is what became of all values.
type Result struct {
	Kind   Kind
	Format string  // for Ruby's printf, with Values or with the key and number of each Count
	Values []any   // int64, *big.Int, float64 or string
	Counts []Count // most frequent first; among equals, the one that came last
}

// A Count is how often a value occurred.
type Count struct {
	Key any
	N   int64
}

// Options are those of the action's definition.
type Options struct {
	Output string         // the name of the output, for formats
	Format string         // in the place of the function's own; "" means that
	Args   map[string]any // further arguments
}

// A Function is one summary in the making. It is for one goroutine.
type Function struct {
	kind   Kind
	add    func(any) error
	result func() (Result, error)
	format string
}

// New makes the function of that name. Names are the same in any case.
func New(name string, o Options) (*Function, error) {
	makers := map[string]func(Options) *Function{
		"average": average, "sum": sum, "summary": summary, "boolean_summary": booleanSummary,
		"nagios_states": nagiosStates, "process_summary": processSummary,
	}
	maker, ok := makers[strings.ToLower(name)]
	if !ok {
		return nil, fmt.Errorf("unknown aggregate function %q; there are average, boolean_summary, nagios_states, process_summary, sum and summary", name)
	}
	f := maker(o)
	if o.Format != "" {
		f.format = o.Format
	}
	return f, nil
}

// Add counts one value, as it came in a reply. A node that gave none, nil, does
// not count. After an error the function is of no more use.
func (f *Function) Add(v any) error { return f.add(v) }

// Result returns what all values come to. The error says why they come to nothing.
func (f *Function) Result() (Result, error) {
	r, err := f.result()
	r.Kind = f.kind
	if f.format != "" {
		r.Format = f.format
	}
	return r, err
}

// tally counts keys in the order they first came.
type tally struct {
	counts []Count
	index  map[string]int
}

// add counts a key. Ruby tells 1 from 1.0 and "a" from :a; the encoded value does.
func (t *tally) add(key any, n int64) error {
	dump, err := marshal.Marshal(key)
	if err != nil {
		return fmt.Errorf("cannot count a %T: %w", key, err)
	}
	id := string(dump)
	if i, ok := t.index[id]; ok {
		t.counts[i].N += n
		return nil
	}
	if t.index == nil {
		t.index = map[string]int{}
	}
	t.index[id] = len(t.counts)
	t.counts = append(t.counts, Count{key, n})
	return nil
}

func (t *tally) result() (Result, error) {
	counts := slices.Clone(t.counts)
	slices.Reverse(counts)
	slices.SortStableFunc(counts, func(a, b Count) int { return cmp.Compare(b.N, a.N) })
	return Result{Counts: counts}, nil
}

// each calls f with v, or with its members if it is a list.
func each(v any, f func(any) error) error {
	list, ok := v.([]any)
	if a, isArray := v.(*value.Array); isArray {
		list, ok = a.Items, true
	}
	if !ok {
		list = []any{v}
	}
	for _, v := range list {
		if v == nil {
			continue
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}
