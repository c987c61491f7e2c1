package agent

import (
	"math/big"

	"mcollective/rpc"
	"mcollective/value"
)

// String returns an input that is text: a string of any encoding, or a symbol. ok is
// false if it was not given or is something else.
func (r *Request) String(input string) (text string, ok bool) {
	v, _ := r.Input(input)
	if s, isSymbol := v.(value.Symbol); isSymbol {
		return string(s), true
	}
	return rpc.Text(v)
}

// Int returns an input that is a whole number. ok is false if it was not given, is
// something else, or is beyond 64 bits.
func (r *Request) Int(input string) (n int64, ok bool) {
	v, _ := r.Input(input)
	switch v := v.(type) {
	case int64:
		return v, true
	case *big.Int:
		if v != nil && v.IsInt64() {
			return v.Int64(), true
		}
	}
	return 0, false
}

// Float returns an input that is a number, whole or not. ok is false if it was not
// given or is something else.
func (r *Request) Float(input string) (f float64, ok bool) {
	v, _ := r.Input(input)
	switch v := v.(type) {
	case float64:
		return v, true
	case *value.Float:
		if v != nil {
			return v.Value, true
		}
	case int64:
		return float64(v), true
	case *big.Int:
		if v != nil {
			f, _ = new(big.Float).SetInt(v).Float64()
			return f, true
		}
	}
	return 0, false
}

// Bool returns an input that is true or false. ok is false if it was not given or is
// something else.
func (r *Request) Bool(input string) (b, ok bool) {
	v, _ := r.Input(input)
	b, ok = v.(bool)
	return b, ok
}

// Strings returns an input that is a list of texts. ok is false if it was not given,
// is something else, or has a member that is no text.
func (r *Request) Strings(input string) (list []string, ok bool) {
	v, _ := r.Input(input)
	items, ok := v.([]any)
	if a, isArray := v.(*value.Array); isArray && a != nil {
		items, ok = a.Items, true
	}
	if !ok {
		return nil, false
	}
	list = make([]string, 0, len(items))
	for _, item := range items {
		if s, isSymbol := item.(value.Symbol); isSymbol {
			item = string(s)
		}
		text, isText := rpc.Text(item)
		if !isText {
			return nil, false
		}
		list = append(list, text)
	}
	return list, true
}
