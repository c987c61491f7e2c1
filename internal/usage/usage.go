// Package usage has the error of a request that is wrong as it was made, with advice for the user.
package usage

import (
	"errors"
	"fmt"
)

// An Error says that what was asked for is wrong: nothing was sent.
type Error struct {
	err  error
	hint string // what to do about it; may have several lines
}

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// Errorf returns an error without advice.
func Errorf(format string, args ...any) error {
	return &Error{err: fmt.Errorf(format, args...)}
}

// Hinted adds advice to an error: one line what, further lines what to do.
func Hinted(err error, hint string) error { return &Error{err: err, hint: hint} }

// Hint returns the advice that an error carries, "" for none.
func Hint(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.hint
	}
	return ""
}
