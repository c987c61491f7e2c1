package marshal

// Marshal returns v as Ruby's Marshal.dump would write it. The package comment
// lists what becomes of each Go type.
func Marshal(v any) ([]byte, error) { return AppendMarshal(nil, v) }

// Unmarshal decodes data, which is one value as written by Ruby's Marshal.dump,
// under [DefaultPolicy].
func Unmarshal(data []byte) (any, error) { return DefaultPolicy.Unmarshal(data) }

// Unmarshal decodes data as one value under p. A nil p is [BodyPolicy].
func (p *Policy) Unmarshal(data []byte) (any, error) { return p.decode(string(data), false) }

// UnmarshalString is [Policy.Unmarshal] of a string. What it returns shares the
// string's memory instead of copying it.
func (p *Policy) UnmarshalString(data string) (any, error) { return p.decode(data, false) }

// UnmarshalValue decodes data without losing anything.
func (p *Policy) UnmarshalValue(data []byte) (Value, error) {
	v, err := p.decode(string(data), true)
	return Value{v}, err
}

// A Value holds any Ruby value losslessly: decoding what Ruby dumped into a
// Value and encoding that again gives the same bytes, with every link, shared
// object, encoding and cycle.
//
// In its tree arrays are *[value.Array], strings *[value.String], floats *[value.Float] and
// integers outside -2**30 to 2**30-1 *[big.Int]; everything else is as in
// decoding into any. Two references to one Ruby object are one pointer, so a
// tree can hold cycles: anyone who walks it must remember where it has been.
type Value struct{ Node any }
