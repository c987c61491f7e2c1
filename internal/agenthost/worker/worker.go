// Package worker supervises programs that stay: it starts one when the first call comes and again when it ended, and keeps many calls of one program apart.
//
// A program that ends unasked is started again after a pause that grows; one that
// does so too often is inactive for a while. A program that hangs is ended.
package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/agent/stdio"
	"mcollective/ddl"
	"mcollective/internal/run"
	"mcollective/rpc"
)

const (
	crashWindow  = time.Minute
	mostCrashes  = 5 // in the window, before the agent is inactive
	firstBackOff = 100 * time.Millisecond
	longBackOff  = 10 * time.Second
	probation    = 10 * time.Minute // that an agent stays inactive until a call may try again
)

// A Process is a program that runs, like a *run.Process.
type Process interface {
	Stdin() io.WriteCloser
	Stdout() io.Reader
	Wait() (*run.Result, error) // Stdout was read to its end
}

// A Config says how a program is run and spoken to. All is required but Form and
// MaxRequests.
type Config struct {
	Agent       string
	Form        stdio.Form    // JSON or YAML; default JSON
	Concurrency int           // requests that may be unanswered
	MaxRequests int           // after which it is started again; 0 is no limit
	MaxMessage  int           // bytes
	Start       time.Duration // until it says hello
	Idle        time.Duration // after which it is ended
	Hang        time.Duration // for it to answer a ping, or to end with its input
	Log         *slog.Logger

	// Run starts the program, whose lines of standard error it gives to stderr. The
	// program is ended when ctx ends.
	Run func(ctx context.Context, stderr func(string)) (Process, error)
}

// A Worker is one program.
type Worker struct {
	Config
	turns Turns // of requests that may be unanswered

	mu        sync.Mutex
	current   *session
	old       map[*session]bool // that answer what they have, and get nothing new
	starts    chan struct{}     // closed when the start that is under way has ended
	crashes   []time.Time
	failed    error // why it is inactive
	lastCrash error // until a start that goes well
	since     time.Time
	next      time.Time // before which it is not started
	backOff   time.Duration
	idle      *time.Timer
	closed    bool
}

// New makes a Worker. Nothing is started before it is called.
func New(c Config) *Worker {
	c.Form = cmp.Or(c.Form, stdio.JSON)
	return &Worker{Config: c, turns: NewTurns(c.Concurrency), old: map[*session]bool{}}
}

// NewRequest returns a call of an agent as a program reads it.
func NewRequest(ctx context.Context, name string, req *agent.Request) *stdio.Request {
	r := &stdio.Request{
		ID: req.ID, Agent: name, Action: req.Action, Caller: req.CallerID, Sender: req.Sender, Collective: req.Collective,
		Time: req.Time.Unix(), TTL: int64(req.TTL / time.Second),
	}
	if t, ok := ctx.Deadline(); ok {
		r.Deadline = float64(t.UnixMilli()) / 1000
	}
	r.SetInputs(req.Request)
	return r
}

// Call runs an action: it waits for its turn, starts the program if need be, and
// waits for the reply.
func (w *Worker) Call(ctx context.Context, req *agent.Request, action *ddl.Action, reply *rpc.Reply) error {
	if !w.turns.Take(ctx) {
		return w.overdue(ctx, "all that it may work on at once are under way")
	}
	defer w.turns.Release()
	r := NewRequest(ctx, w.Agent, req)
	r.Type = "request"
	var answer stdio.Message
	err := errNotSent
	for errors.Is(err, errNotSent) {
		s, starting := w.session(ctx)
		if starting != nil {
			if ctx.Err() != nil {
				return w.overdue(ctx, w.notReady())
			}
			return rpc.Errorf(rpc.UnknownError, "agent %s cannot work: %v", w.Agent, starting)
		}
		answer, err = s.ask(ctx, r)
		w.done(s)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return w.overdue(ctx, "it did not answer")
	case err != nil:
		return rpc.Errorf(rpc.UnknownError, "agent %s did not answer: %v", w.Agent, err)
	}
	return stdio.FillFrom(reply, answer.All, action.CoerceOutput)
}

func (w *Worker) overdue(ctx context.Context, why string) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return rpc.Errorf(rpc.UnknownError, "%s: worker %s: %s", rpc.TextTimedOut, w.Agent, why)
	}
	return rpc.Errorf(rpc.UnknownError, "the call of worker %s was broken off", w.Agent)
}

// session returns the running program, which it starts if there is none. The caller
// must call done.
func (w *Worker) session(ctx context.Context) (*session, error) {
	for {
		w.mu.Lock()
		if err := w.stopped(); err != nil {
			w.mu.Unlock()
			return nil, err
		}
		if s := w.current; s != nil && !s.over() {
			s.users++
			s.served++
			if w.idle != nil {
				w.idle.Stop()
			}
			if w.MaxRequests > 0 && s.served >= w.MaxRequests {
				w.retire(s)
			}
			w.mu.Unlock()
			return s, nil
		}
		w.current = nil
		wait := w.starts
		pause := time.Until(w.next)
		if wait == nil && pause <= 0 {
			w.starts = make(chan struct{})
			go w.begin() // not this call's own, which may end sooner
			wait = w.starts
		}
		w.mu.Unlock()
		if wait == nil {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
		} else {
			select {
			case <-wait:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// stopped tells why no program is to be started. The lock is held.
func (w *Worker) stopped() error {
	if w.closed {
		return errors.New("it is being replaced, try again")
	}
	if w.failed != nil && time.Since(w.since) >= probation {
		w.failed, w.crashes, w.next = nil, nil, time.Time{}
	}
	return w.failed
}

// notReady tells why there is no program to give a request to.
func (w *Worker) notReady() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lastCrash != nil {
		return "it is not ready: " + w.lastCrash.Error()
	}
	return "it is not ready"
}

// Inactive tells why the program is not started any more, or nil.
func (w *Worker) Inactive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// begin starts the program and waits for its hello.
func (w *Worker) begin() {
	s, err := newSession(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.starts)
	w.starts = nil
	switch {
	case err != nil:
		w.crashed(err)
	case w.closed:
		w.old[s] = true
		s.stop()
	case s.over(): // and has told, or will
	default:
		w.current = s
		w.backOff, w.lastCrash = 0, nil
		if w.Idle > 0 {
			w.rest(s)
		}
	}
}

// ended is told by a session that its program is gone; err is nil if it was meant
// to end.
func (w *Worker) ended(s *session, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	meant := w.old[s]
	delete(w.old, s)
	if w.current == s {
		w.current = nil
	}
	if err != nil && !meant {
		w.crashed(err)
	}
}

// crashed counts an end that was not meant. The lock is held.
func (w *Worker) crashed(err error) {
	if w.closed {
		return
	}
	now := time.Now()
	recent := w.crashes[:0]
	for _, t := range w.crashes {
		if now.Sub(t) < crashWindow {
			recent = append(recent, t)
		}
	}
	w.crashes = append(recent, now)
	w.lastCrash = err
	w.backOff = min(max(firstBackOff, 2*w.backOff), longBackOff)
	w.next = now.Add(w.backOff)
	w.Log.Warn("worker ended", "error", err, "next_start_in", w.backOff)
	if len(w.crashes) >= mostCrashes {
		w.failed = fmt.Errorf("inactive after %d crashes in a minute, the last: %w", len(w.crashes), err)
		w.since = now
		w.Log.Error("worker is inactive", "error", err)
	}
}

// done says that a caller of session needs it no more.
func (w *Worker) done(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.users--
	switch {
	case s.users > 0:
	case w.old[s]:
		s.stop()
	case w.current == s && w.Idle > 0:
		w.rest(s)
	}
}

// rest ends the program when nobody calls it for the idle time. The lock is held.
func (w *Worker) rest(s *session) {
	if w.idle != nil {
		w.idle.Stop()
	}
	w.idle = time.AfterFunc(w.Idle, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.current == s && s.users == 0 {
			w.retire(s)
		}
	})
}

// retire gives a session no more requests, and ends it once it has answered those
// that it has. The lock is held.
func (w *Worker) retire(s *session) {
	if w.current == s {
		w.current = nil
	}
	w.old[s] = true
	if s.users == 0 {
		s.stop()
	}
}

// Close ends the program, and fails the calls that are under way.
func (w *Worker) Close() {
	w.mu.Lock()
	w.closed = true
	if w.idle != nil {
		w.idle.Stop()
	}
	if w.current != nil {
		w.old[w.current] = true
		w.current = nil
	}
	var all []*session
	for s := range w.old {
		s.stop()
		all = append(all, s)
	}
	starts := w.starts
	w.mu.Unlock()
	if starts != nil {
		<-starts
		w.mu.Lock()
		for s := range w.old {
			all = append(all, s)
		}
		w.mu.Unlock()
	}
	for _, s := range all {
		<-s.gone
	}
}
