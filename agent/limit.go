package agent

import (
	"context"
	"sync"
	"time"
)

// A limit is the context of one call: like that of context.WithDeadline, but it
// makes its timer only when the action asks for it. Most actions end at once and
// never do, and then the timer would be a good part of what they cost.
type limit struct {
	context.Context // the node's; ends with it, too
	until           time.Time

	mu     sync.Mutex
	timed  context.Context // once somebody asked
	cancel context.CancelFunc
	over   bool
}

// in sets the limit.
func (l *limit) in(parent context.Context, d time.Duration) {
	l.Context, l.until = parent, time.Now().Add(d)
	if sooner, ok := parent.Deadline(); ok && sooner.Before(l.until) {
		l.until = sooner
	}
}

// Deadline implements context.Context.
func (l *limit) Deadline() (time.Time, bool) { return l.until, true }

// Done implements context.Context.
func (l *limit) Done() <-chan struct{} { return l.ask().Done() }

// Err implements context.Context.
func (l *limit) Err() error { return l.ask().Err() }

// Value implements context.Context. By a value context finds out that contexts
// derived from this one need no goroutine to end with it.
func (l *limit) Value(key any) any {
	l.mu.Lock()
	timed := l.timed
	l.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return l.Context.Value(key)
}

func (l *limit) ask() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timed == nil {
		l.timed, l.cancel = context.WithDeadline(l.Context, l.until)
		if l.over {
			l.cancel()
		}
	}
	return l.timed
}

// end ends the context, also for who asks later.
func (l *limit) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.cancel != nil {
		l.cancel()
	}
}
