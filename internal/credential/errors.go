package credential

import (
	"errors"
	"fmt"
	"time"
)

// A Code says why a credential is refused.
type Code string

// The codes.
const (
	CodeUnknown Code = "unknown" // it is malformed, or nobody that is trusted made it
	CodeExpired Code = "expired"
	CodeNotYet  Code = "not_yet"
	CodeRevoked Code = "revoked"
	CodeName    Code = "name" // it is made for a name that nobody may have
	CodeKind    Code = "kind" // it is a node's where a caller's is expected, or the other way round
)

// An Error says why a credential is refused.
type Error struct {
	Code Code
	Kind Kind      // that was expected
	Name string    // "" if nothing proves it
	At   time.Time // when it ended or begins
	Now  time.Time // by the clock of this machine
	Err  error     // details, or nil
}

// Error implements error.
func (e *Error) Error() string {
	who := "the credential of the " + e.Kind.String()
	if e.Name != "" {
		who += " " + e.Name
	}
	at := e.At.UTC().Format(time.RFC3339)
	switch e.Code {
	case CodeExpired:
		return fmt.Sprintf("%s ended %s ago, at %s; if it should not have, check the clock of this machine", who, e.Now.Sub(e.At).Round(time.Second), at)
	case CodeNotYet:
		return fmt.Sprintf("%s begins in %s, at %s; check the clock of this machine, which says %s", who, e.At.Sub(e.Now).Round(time.Second), at, e.Now.UTC().Format(time.RFC3339))
	case CodeRevoked:
		return who + " was revoked"
	case CodeKind:
		return fmt.Sprintf("%s is refused: it was not made for a %s", who, e.Kind)
	case CodeName:
		return fmt.Sprintf("%s is refused: %v", who, e.Err)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s is not one of this collective: %v", who, e.Err)
	}
	return who + " is not one of this collective: no key that is trusted made it"
}

// Unwrap returns the details.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of an error, or "" if it is about no credential.
func CodeOf(err error) Code {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}
