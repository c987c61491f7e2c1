package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

const (
	crashWindow  = time.Minute
	mostCrashes  = 5 // in the window, before the agent is inactive
	firstBackOff = 100 * time.Millisecond
	longBackOff  = 10 * time.Second
	probation    = 10 * time.Minute // that an agent stays inactive until a call may try again
)

// A program is a process that a session talks to.
type program interface {
	Stdin() io.WriteCloser
	Stdout() io.Reader
	Wait() (*run.Result, error) // Stdout was read to its end
}

// A worker is a program that stays: it is started when the first call comes, and
// again when it ended.
type worker struct {
	name  string
	s     settings
	log   *slog.Logger
	event func(agent string, data *value.Map)
	start func(ctx context.Context, stderr func(string)) (program, error) // ctx ends the program
	turns turns                                                           // of requests that may be unanswered

	document func(context.Context, *agent.Request) document
	encode   func(document) ([]byte, error)

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

func newWorker(a *Agent) *worker {
	w := &worker{
		name: a.name, s: a.settings, log: a.log, event: a.opts.Event, turns: newTurns(a.settings.concurrency),
		document: a.document, encode: a.encode, old: map[*session]bool{},
	}
	w.start = func(ctx context.Context, stderr func(string)) (program, error) {
		if err := a.trusted(); err != nil {
			return nil, err
		}
		c := run.Command{Env: append([]string{"MCO_AGENT=" + a.name, "MCO_CONFIG_FILE=" + a.opts.Config}, a.settings.env...), Stderr: stderr}
		if path := a.facts.path(a); path != "" {
			c.Env = append(c.Env, "MCO_FACTS_FILE="+path)
		}
		c.Dir = a.settings.dir
		a.limit(&c)
		c.Background = false
		p, err := run.Start(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, a.startHint(err))
		}
		return p, nil
	}
	return w
}

// call runs an action: it waits for its turn, starts the program if need be, and
// waits for the reply.
func (w *worker) call(ctx context.Context, req *agent.Request, action *ddl.Action, reply *rpc.Reply) error {
	if !w.turns.take(ctx) {
		return w.overdue(ctx, "all that it may work on at once are under way")
	}
	defer w.turns.release()
	d := w.document(ctx, req)
	d.Type = "request"
	var answer *value.Map
	err := errNotSent
	for errors.Is(err, errNotSent) {
		s, starting := w.session(ctx)
		if starting != nil {
			if ctx.Err() != nil {
				return w.overdue(ctx, w.notReady())
			}
			return rpc.Errorf(rpc.UnknownError, "agent %s cannot work: %v", w.name, starting)
		}
		answer, err = s.ask(ctx, d)
		w.done(s)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return w.overdue(ctx, "it did not answer")
	case err != nil:
		return rpc.Errorf(rpc.UnknownError, "agent %s did not answer: %v", w.name, err)
	}
	return readReply(reply, action, answer)
}

func (w *worker) overdue(ctx context.Context, why string) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return rpc.Errorf(rpc.UnknownError, "%s: worker %s: %s", rpc.TextTimedOut, w.name, why)
	}
	return rpc.Errorf(rpc.UnknownError, "the call of worker %s was broken off", w.name)
}

// readReply fills a reply from the line of a worker.
func readReply(reply *rpc.Reply, action *ddl.Action, answer *value.Map) error {
	switch data, _ := answer.Get("data"); data := data.(type) {
	case nil:
	case *value.Map:
		for k, v := range data.All() {
			name := keyText(k)
			if action != nil {
				v = asDeclared(action.Output(name), v)
			}
			reply.Set(name, v)
		}
	default:
		return rpc.Errorf(rpc.UnknownError, "the data of the worker's reply is no object")
	}
	if err := setStatus(reply, answer); err != nil {
		return rpc.Errorf(rpc.UnknownError, "%v", err)
	}
	return nil
}

// session is the running program, which it starts if there is none. The caller
// must call done.
func (w *worker) session(ctx context.Context) (*session, error) {
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
			if w.s.maxRequests > 0 && s.served >= w.s.maxRequests {
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
func (w *worker) stopped() error {
	if w.closed {
		return errors.New("it is being replaced, try again")
	}
	if w.failed != nil && time.Since(w.since) >= probation {
		w.failed, w.crashes, w.next = nil, nil, time.Time{}
	}
	return w.failed
}

// notReady tells why there is no program to give a request to.
func (w *worker) notReady() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lastCrash != nil {
		return "it is not ready: " + w.lastCrash.Error()
	}
	return "it is not ready"
}

func (w *worker) inactive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// begin starts the program and waits for its hello.
func (w *worker) begin() {
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
		if w.s.idle > 0 {
			w.rest(s)
		}
	}
}

// ended is told by a session that its program is gone; err is nil if it was meant
// to end.
func (w *worker) ended(s *session, err error) {
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
func (w *worker) crashed(err error) {
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
	w.log.Warn("worker ended", "error", err, "next start in", w.backOff)
	if len(w.crashes) >= mostCrashes {
		w.failed = fmt.Errorf("inactive after %d crashes in a minute, the last: %w", len(w.crashes), err)
		w.since = now
		w.log.Error("worker is inactive", "error", err)
	}
}

// done says that a caller of session needs it no more.
func (w *worker) done(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.users--
	switch {
	case s.users > 0:
	case w.old[s]:
		s.stop()
	case w.current == s && w.s.idle > 0:
		w.rest(s)
	}
}

// rest ends the program when nobody calls it for the idle time. The lock is held.
func (w *worker) rest(s *session) {
	if w.idle != nil {
		w.idle.Stop()
	}
	w.idle = time.AfterFunc(w.s.idle, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.current == s && s.users == 0 {
			w.retire(s)
		}
	})
}

// retire gives a session no more requests, and ends it once it has answered those
// that it has. The lock is held.
func (w *worker) retire(s *session) {
	if w.current == s {
		w.current = nil
	}
	w.old[s] = true
	if s.users == 0 {
		s.stop()
	}
}

// close ends the program, and fails the calls that are under way.
func (w *worker) close() {
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
