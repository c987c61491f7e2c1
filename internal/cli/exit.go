package cli

import (
	"errors"
	"fmt"

	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// The exit codes of Ruby's mco. Scripts depend on them.
const (
	ExitOK          = 0 // answers came and none failed
	ExitFailed      = 1 // nothing was discovered; or the command itself could not run
	ExitSomeFailed  = 2 // at least one node answered with a failure
	ExitNoReplies   = 3 // nodes were discovered, none answered
	ExitNothingBack = 4 // no discovery took place and nobody answered
)

// An ExitError ends a command with a code. What is to be said was said already.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// Exit is the error for ending with code; nil for 0.
func Exit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &ExitError{Code: code}
}

// A detail is how much a command says about its failure.
type detail int

const (
	detailNone    detail = iota // it has no option to say more
	detailOffered               // it has -v, which was not given
	detailFull
)

// failure prints why a command failed, if it did, and returns the exit code: the
// one place where errors become codes.
func failure(env *Env, name string, how detail, err error) int {
	if kept, ok := env.Out.(*keptOutput); ok && err == nil {
		err = kept.lost()
	}
	if err == nil {
		return ExitOK
	}
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	hint := ""
	if how == detailOffered {
		hint = ", use -v for full error backtrace details"
	}
	fmt.Fprintf(env.Err, "\nThe %s application failed to run%s: %s\n", env.Paint(styleBold, name), hint, env.Paint(StyleRed, safetext.Clean(err.Error())))
	if hint := usage.Hint(err); hint != "" {
		fmt.Fprintf(env.Err, "%s\n", safetext.Clean(hint))
	}
	if how == detailFull {
		printCauses(env, err)
	}
	return ExitFailed
}

// printCauses prints the chain of wrapped errors with their types, which is what
// a program without exceptions has in the place of a backtrace.
func printCauses(env *Env, err error) {
	fmt.Fprintf(env.Err, "\n%s (%T)\n", safetext.Clean(err.Error()), err)
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(env.Err, "\tfrom %s (%T)\n", safetext.Clean(e.Error()), e)
	}
}
