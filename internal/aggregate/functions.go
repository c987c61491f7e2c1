package aggregate

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	"mcollective/value"
)

// A total adds numbers as Ruby does: integers of any size until a float comes.
type total struct {
	ints    big.Int
	float   float64
	isFloat bool
	n       int64
}

func (t *total) add(v any) error {
	var i big.Int
	switch v := v.(type) {
	case nil:
		return nil
	case int64:
		i.SetInt64(v)
	case int:
		i.SetInt64(int64(v))
	case *big.Int:
		i.Set(v)
	case float64:
		if !t.isFloat {
			t.float, _ = new(big.Float).SetInt(&t.ints).Float64()
			t.isFloat = true
		}
		t.float += v
		t.n++
		return nil
	default:
		return fmt.Errorf("%T is not a number", v)
	}
	t.n++
	if t.isFloat {
		f, _ := new(big.Float).SetInt(&i).Float64()
		t.float += f
		return nil
	}
	t.ints.Add(&t.ints, &i)
	return nil
}

func (t *total) value() any {
	switch {
	case t.isFloat:
		return t.float
	case t.ints.IsInt64():
		return t.ints.Int64()
	}
	return &t.ints
}

func sum(o Options) *Function {
	t := &total{}
	return &Function{Numeric, t.add, func() (Result, error) {
		return Result{Values: []any{t.value()}}, nil
	}, "Sum of " + o.Output + ": %f"}
}

// average is exact. Ruby's drops the fraction when all values are integers.
func average(o Options) *Function {
	t := &total{}
	return &Function{Numeric, t.add, func() (Result, error) {
		if t.n == 0 {
			return Result{}, errors.New("there is no value to take the average of")
		}
		if t.isFloat {
			return Result{Values: []any{t.float / float64(t.n)}}, nil
		}
		q, r := new(big.Int).QuoRem(&t.ints, big.NewInt(t.n), new(big.Int))
		if r.Sign() != 0 {
			f, _ := new(big.Rat).SetFrac(&t.ints, big.NewInt(t.n)).Float64()
			return Result{Values: []any{f}}, nil
		}
		if q.IsInt64() {
			return Result{Values: []any{q.Int64()}}, nil
		}
		return Result{Values: []any{q}}, nil
	}, "Average of " + o.Output + ": %f"}
}

// summary counts values; its own format, "", lines them up.
func summary(Options) *Function {
	t := &tally{}
	return &Function{Collection, func(v any) error {
		return each(v, func(v any) error { return t.add(v, 1) })
	}, t.result, ""}
}

func booleanSummary(o Options) *Function {
	t := &tally{}
	names := map[bool]any{true: "True", false: "False"}
	for b := range names {
		if name, ok := o.Args[fmt.Sprint(b)]; ok {
			names[b] = name
		}
	}
	return &Function{Collection, func(v any) error {
		return each(v, func(v any) error {
			b, ok := v.(bool)
			if !ok {
				return fmt.Errorf("%T is not a boolean", v)
			}
			return t.add(names[b], 1)
		})
	}, t.result, "%5s = %s"}
}

// nagiosStates counts the exit codes of checks. All four states are shown.
func nagiosStates(Options) *Function {
	t := &tally{}
	states := []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}
	for _, s := range states {
		_ = t.add(s, 0) // a string can be counted
	}
	return &Function{Collection, func(v any) error {
		code, ok := v.(int64)
		if !ok || code < 0 || code > 3 {
			code = 3
		}
		return t.add(states[code], 1)
	}, t.result, "%10s : %s"}
}

// processSummary adds up the lists of the process agent: hashes with rss in KiB
// and vsize in bytes.
func processSummary(Options) *Function {
	var hosts, processes int64
	var rss, vsize float64
	add := func(v any) error {
		if v == nil {
			return nil
		}
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%T is not a list of processes", v)
		}
		if len(list) > 0 {
			hosts++
		}
		for _, p := range list {
			h, ok := p.(*value.Map)
			if !ok {
				return fmt.Errorf("%T is not a process", p)
			}
			processes++
			rss += number(h, "rss") * 1024
			vsize += number(h, "vsize")
		}
		return nil
	}
	lines := []string{"        Matched hosts: %s", "    Matched Processes: %s", "        Resident Size: %s", "         Virtual Size: %s"}
	return &Function{Numeric, add, func() (Result, error) {
		return Result{Values: []any{hosts, processes, size(rss), size(vsize)}}, nil
	}, strings.Join(lines, "\n")}
}

func number(h *value.Map, name string) float64 {
	v, ok := h.Get(value.Symbol(name))
	if !ok {
		v, _ = h.Get(name)
	}
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// size is bytes for people, as in "12.345 MB".
func size(bytes float64) string {
	if !(bytes > 0) || math.IsInf(bytes, 0) {
		return "0 B"
	}
	units := []string{"B", "KB", "MB", "GB", "TB"}
	e := 0
	for bytes >= 1024 && e < len(units)-1 {
		bytes /= 1024
		e++
	}
	return fmt.Sprintf("%.3f %s", bytes, units[e])
}
