package marshal

import (
	"fmt"
	"io"
	"reflect"
)

// A SyntaxError says that the bytes are not Marshal 4.8, and where. Truncated
// input unwraps to [io.ErrUnexpectedEOF].
type SyntaxError struct {
	Offset int64 // of the byte at which decoding stopped
	Msg    string
	Err    error // cause, or nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("marshal: %s at byte %d", e.Msg, e.Offset)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// A LimitError says which bound of the policy the input exceeds.
type LimitError struct {
	Offset int64  // of the byte at which decoding stopped
	Limit  string // name of the field of Policy, such as "MaxDepth"
	Max    int    // its value
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("marshal: input exceeds %s of %d at byte %d", e.Limit, e.Max, e.Offset)
}

// A RefusedError says that the input is well formed but holds something that
// the policy does not allow.
type RefusedError struct {
	Offset int64
	What   string // such as "object of class Foo" or "duplicate key"
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("marshal: %s refused by policy at byte %d", e.What, e.Offset)
}

// An UnsupportedTypeError says that a Go value has no form in Ruby Marshal.
type UnsupportedTypeError struct {
	Type reflect.Type
	Why  string
}

func (e *UnsupportedTypeError) Error() string {
	return fmt.Sprintf("marshal: cannot encode Go type %v: %s", e.Type, e.Why)
}

func truncated(off int) error {
	return &SyntaxError{Offset: int64(off), Msg: "unexpected end of input", Err: io.ErrUnexpectedEOF}
}
