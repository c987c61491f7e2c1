// Package timelimit calls the code of plugins within a time limit, whether it heeds the limit or not.
//
// It is the one place where a node limits the time of agents and data plugins.
// The rest of the node waits for [Limiter.Call] and relies on its contract, which
// package timelimittest checks:
//
//   - a call returns at the latest [Grace] after its limit, or after its context ends
//   - what the code returns within the grace counts: it may say how far it came
//   - a panic becomes an error of that call
//   - code that runs on is counted, and once too many calls of a plugin do, further
//     ones are refused: one plugin cannot take the memory of the node
package timelimit

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Grace is how long code whose context has ended has to return what it found.
const Grace = 100 * time.Millisecond

// ErrClosed refuses a call after Close.
var ErrClosed = errors.New("it is being replaced, try again")

// An Overrun is the error of a call that did not end in time.
type Overrun struct {
	Limit    time.Duration
	Stopping bool  // the caller's context was cancelled before the limit
	Running  bool  // the code has not returned: what it works on is not to be touched
	Overdue  int   // how many calls run on like that, this one included
	Err      error // what the code returned within the grace
}

func (e *Overrun) Error() string {
	if e.Stopping {
		return "the call was cancelled"
	}
	return fmt.Sprintf("the call may take %v", e.Limit)
}

// A Panic is the error of a call whose code panicked.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprint("panic: ", p.Value) }

// Busy refuses a call of a plugin of which so many others are over their limit.
type Busy int

func (b Busy) Error() string {
	return fmt.Sprintf("busy: %d earlier calls are over their time limit and do not end", int(b))
}

// IsVerdict reports whether an error of Call is that of the limiter, and not what the
// code itself returned.
func IsVerdict(err error) bool {
	return errors.As(err, new(*Overrun)) || errors.As(err, new(*Panic)) || errors.As(err, new(Busy)) || errors.Is(err, ErrClosed)
}

// A Limiter limits the calls of one plugin. Its fields are set before its first
// call. It may be used by many goroutines.
type Limiter struct {
	MaxOverdue int          // calls past their limit that may be under way before others are refused; default 16
	OnIdle     func() error // called once after Close, when no call is under way any more

	mu      sync.Mutex
	running int // calls under way
	overdue int // of these, past their limit
	closed  bool
}

// A call is one run of f.
type call struct {
	err  error
	done chan struct{}
	late bool // nobody waits any more; guarded by Limiter.mu
}

// Call runs f and waits for it as long as the limit allows. The context of f ends
// at the limit or with ctx, whichever comes first. The error is that of f, or a
// *Panic, an *Overrun, a Busy or ErrClosed.
func (l *Limiter) Call(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	if err := l.begin(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// Code that ends its goroutine returns nothing: no success.
	c := &call{done: make(chan struct{}), err: &Panic{Value: "the code ended its goroutine"}}
	go func() {
		defer l.end(c)
		c.err = contain(limited, f)
	}()
	select {
	case <-c.done:
	case <-limited.Done():
		grace := time.NewTimer(Grace)
		defer grace.Stop()
		select {
		case <-c.done:
		case <-grace.C:
			if n := l.abandon(c); n > 0 {
				return &Overrun{Limit: limit, Stopping: stopping(ctx), Running: true, Overdue: n}
			}
		}
	}
	if c.err != nil && limited.Err() != nil && !errors.As(c.err, new(*Panic)) {
		return &Overrun{Limit: limit, Stopping: stopping(ctx), Err: c.err}
	}
	return c.err
}

// CallInline is Call for an f that is known to return at once: it runs without a
// goroutine of its own, and CallInline returns when f does.
func (l *Limiter) CallInline(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	if err := l.begin(); err != nil {
		return err
	}
	defer l.end(nil)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return contain(limited, f)
}

// stopping reports whether the caller itself gave up, and its own deadline, which
// is a time limit as well, was not why.
func stopping(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func contain(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{p, debug.Stack()}
		}
	}()
	return f(ctx)
}

func (l *Limiter) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.MaxOverdue
	if most <= 0 {
		most = 16
	}
	switch {
	case l.closed:
		return ErrClosed
	case l.overdue >= most:
		return Busy(l.overdue)
	}
	l.running++
	return nil
}

// abandon counts a call among the overdue and returns how many there are; 0 if it
// has just ended.
func (l *Limiter) abandon(c *call) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-c.done:
		return 0
	default:
	}
	c.late = true
	l.overdue++
	return l.overdue
}

func (l *Limiter) end(c *call) {
	l.mu.Lock()
	l.running--
	if c != nil {
		if c.late {
			l.overdue--
		}
		close(c.done)
	}
	last := l.closed && l.running == 0
	l.mu.Unlock()
	if last && l.OnIdle != nil {
		l.OnIdle()
	}
}

// Close refuses further calls. It does not wait for those under way: OnIdle is
// called when the last of them ends. If there is none it is called now, and Close
// returns its error.
func (l *Limiter) Close() error {
	l.mu.Lock()
	now := !l.closed && l.running == 0
	l.closed = true
	l.mu.Unlock()
	if now && l.OnIdle != nil {
		return l.OnIdle()
	}
	return nil
}
