package operation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mcollective/discovery"
	"mcollective/internal/usage"
)

// A fixedList is a method whose list of names is read once, and holds for the
// whole run of a command.
type fixedList struct {
	discovery.Method
	read  bool
	names []string
	err   error
}

// Discover returns the names, which it reads when it is called first.
func (l *fixedList) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	if !l.read {
		l.names, l.err = l.Method.Discover(ctx, q)
		l.read = true
	}
	return slices.Clone(l.names), l.err
}

// How long a silent standard input is waited for: first without a word, and at the
// longest. A command that was started with an open pipe by accident, as cron, ssh
// without a terminal and CI do, must neither hang for ever nor take the silence for
// an answer.
const (
	stdinPatience  = 2 * time.Second
	longestSilence = time.Hour
)

var errSilentStdin = fmt.Errorf("nothing came for %s, nor the end", longestSilence)

// stdinNames is the method that reads names from standard input. Unless it was
// asked for by name, it gives up on an input that is silent.
type stdinNames struct {
	op     *Operation
	format string
	asked  bool
}

// Discover reads the names.
func (m stdinNames) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	in, out := io.Pipe()
	defer in.Close()
	defer context.AfterFunc(ctx, func() { out.CloseWithError(context.Cause(ctx)) })()
	silence := time.AfterFunc(longestSilence, func() {
		if !m.asked {
			out.CloseWithError(errSilentStdin)
		}
	})
	defer silence.Stop()
	// Where the input stays silent this stays behind: a read cannot be broken off.
	go func() {
		_, err := io.Copy(writerFunc(func(p []byte) (int, error) {
			silence.Reset(longestSilence)
			return out.Write(p)
		}), m.op.env.Stdin)
		out.CloseWithError(err)
	}()
	var names []string
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		names, err = discovery.Stdin{Reader: in, Format: m.format}.Discover(ctx, q)
	}()
	// The dialog hears of the silence from this goroutine, as of all else.
	hint := time.NewTimer(stdinPatience)
	defer hint.Stop()
	select {
	case <-hint.C:
		m.op.dialog.AwaitingNames()
		<-done
	case <-done:
	}
	if err == nil && len(names) == 0 && !m.asked {
		err = errors.New("no nodes: -I matches none of the names on standard input") // a loop's other lines, perhaps
	}
	if err != nil && !m.asked && !errors.Is(err, ctx.Err()) {
		err = usage.Hinted(err, "Standard input is no terminal, so that names are read from it; with --dm mc, or with </dev/null, the collective is asked")
	}
	return names, err
}

// A writerFunc is a function as an io.Writer.
type writerFunc func([]byte) (int, error)

// Write calls the function.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
