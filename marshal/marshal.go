package marshal

// A Marshaler puts another value in its own place when it is encoded: whatever
// [Marshal] accepts.
type Marshaler interface {
	MarshalRuby() (any, error)
}

// An Unmarshaler takes over what was decoded for it, as it would be in an any.
// It may keep the value, and may be called again with the same one.
type Unmarshaler interface {
	UnmarshalRuby(v any) error
}

// Marshal returns v as Ruby's Marshal.dump would write it. The package comment
// lists what becomes of each Go type.
func Marshal(v any) ([]byte, error) { return AppendMarshal(nil, v) }

// Unmarshal decodes data, which is one value as written by Ruby's Marshal.dump,
// into what v points to, under [DefaultPolicy].
func Unmarshal(data []byte, v any) error { return DefaultPolicy.Unmarshal(data, v) }
