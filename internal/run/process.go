package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	defaultGrace  = 2 * time.Second
	protectGrace  = time.Minute
	protectTime   = time.Hour
	defaultStdout = 1 << 20
	defaultStderr = 4 << 10

	linger = 200 * time.Millisecond // that others may outlive the program which started them
	stuck  = 5 * time.Second        // after KILL, until a process counts as one that cannot be ended
)

// A Process is a program that runs.
type Process struct {
	c      Command
	ctx    context.Context
	stop   context.CancelCauseFunc
	path   string
	proc   *os.Process
	tree   *tree
	began  time.Time
	pipes  *pipes
	exited chan struct{} // closed once the program itself has ended, and state is set
	done   chan struct{}
	state  *os.ProcessState
	res    *Result
	err    error
}

// Start starts the command, with pipes for its standard input and output that
// are the caller's to write and read. Once ctx ends, or Timeout has passed, the
// program is ended as by Run. The caller must call Wait.
func Start(ctx context.Context, c Command) (*Process, error) {
	c.Protected = false // who talks to it ends it
	p, err := start(ctx, c, true)
	if err == nil {
		go p.supervise()
	}
	return p, err
}

// Stdin returns the program's standard input. Closing it tells the program that no
// more will come.
func (p *Process) Stdin() io.WriteCloser { return p.pipes.stdin }

// Stdout returns the program's standard output. It must be read, or the program stops
// at a full pipe; it ends once the program and what it started have ended.
func (p *Process) Stdout() io.Reader { return p.pipes.stdout }

// PID returns the number of the program's process, which is also that of its session.
func (p *Process) PID() int { return p.proc.Pid }

// Done is closed once the program and what it started have ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the program has ended and says how, as Run does. It closes
// what Stdout has not read.
func (p *Process) Wait() (*Result, error) {
	<-p.done
	p.pipes.close()
	return p.res, p.err
}

func start(ctx context.Context, c Command, talk bool) (*Process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	path, err := Look(c.Path)
	if err != nil {
		return nil, err
	}
	if c.Protected {
		ctx = context.WithoutCancel(ctx)
		c.Timeout, c.Grace = or(c.Timeout, protectTime), or(c.Grace, protectGrace)
	}
	p := &Process{c: c, path: path, exited: make(chan struct{}), done: make(chan struct{})}
	if p.pipes, err = newPipes(&c, talk); err == nil {
		p.began = time.Now()
		p.proc, p.tree, err = launch(path, &c, p.pipes.child[:])
		p.pipes.started()
	}
	if err != nil {
		p.pipes.close()
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err // the path is said already
		}
		return nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	p.ctx, p.stop = context.WithCancelCause(ctx)
	running.add(p)
	p.pipes.copy()
	go func() {
		p.state, _ = p.proc.Wait()
		close(p.exited)
	}()
	return p, nil
}

// supervise waits for the end of the program, or brings it about, ends what it
// left, and fills in the result.
func (p *Process) supervise() {
	defer p.stop(nil)
	defer running.remove(p)
	defer close(p.done)
	why := p.waitForEnd()
	ended := true
	if why != nil {
		ended = p.end(errors.Is(why, ErrOutput))
	}
	if why == nil && p.c.Background {
		p.tree.keep()
	} else if left := p.tree.finish(linger); left > 0 && why == nil {
		why = fmt.Errorf("%s: process %d, which it started, cannot be ended", p.path, left)
	}
	if !ended {
		p.err = fmt.Errorf("%s: process %d cannot be ended, the kernel holds it: %w", p.path, p.proc.Pid, why)
		p.pipes.close()
		return
	}
	p.pipes.drain()
	p.err = why
	if p.err == nil && p.pipes.tooMuch() {
		p.err = p.overflow()
	}
	p.res = &Result{Exit: -1, Took: time.Since(p.began)}
	p.res.Stdout, p.res.Stderr = p.pipes.printed()
	if p.state != nil {
		p.res.Exit, p.res.Signal = p.state.ExitCode(), signalOf(p.state)
	}
}

// waitForEnd returns nil when the program has ended of itself, else why it must.
func (p *Process) waitForEnd() error {
	var deadline <-chan time.Time
	if p.c.Timeout > 0 {
		t := time.NewTimer(p.c.Timeout - time.Since(p.began))
		defer t.Stop()
		deadline = t.C
	}
	var look <-chan time.Time // at output that nobody copies
	if p.pipes.memory[0] != nil {
		t := time.NewTicker(50 * time.Millisecond)
		defer t.Stop()
		look = t.C
	}
	for {
		select {
		case <-p.exited:
			return nil
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		case <-deadline:
			return fmt.Errorf("%s %w: it was stopped after %v", filepath.Base(p.path), ErrTimeout, p.c.Timeout)
		case <-p.pipes.over:
			return p.overflow()
		case <-look:
			if p.pipes.tooMuch() {
				return p.overflow()
			}
		}
	}
}

func (p *Process) overflow() error {
	return fmt.Errorf("%s %w: more than %d bytes", filepath.Base(p.path), ErrOutput, p.pipes.limit)
}

// end ends the program and all that it started, at once or after the grace, and
// reports whether the program is gone.
func (p *Process) end(atOnce bool) bool {
	if !atOnce && p.tree.terminate() {
		grace := time.NewTimer(or(p.c.Grace, defaultGrace))
		defer grace.Stop()
		poll := time.NewTicker(10 * time.Millisecond)
		defer poll.Stop()
		for waiting := true; waiting; {
			select {
			case <-poll.C:
				select {
				case <-p.exited:
					waiting = p.tree.alive()
				default:
				}
			case <-grace.C:
				waiting = false
			}
		}
	}
	p.tree.kill()
	select {
	case <-p.exited:
		return true
	case <-time.After(stuck):
		return false
	}
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// running are the programs that this process started and that have not ended.
var running processSet

type processSet struct {
	mu  sync.Mutex
	all map[*Process]bool
}

func (s *processSet) add(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*Process]bool{}
	}
	s.all[p] = true
}

func (s *processSet) remove(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, p)
}

// errEnding is why programs are ended by EndAll.
var errEnding = errors.New("the process that started it ends")

// EndAll ends the programs that run, but for those that are Protected. It is for the
// end of this process, which may not leave the others behind. It returns when they
// have ended, or ctx ends: then they have got TERM at least, and the error says how
// many there are.
func EndAll(ctx context.Context) error {
	running.mu.Lock()
	var all []*Process
	for p := range running.all {
		if !p.c.Protected {
			all = append(all, p)
		}
	}
	running.mu.Unlock()
	for _, p := range all {
		p.stop(errEnding)
	}
	for i, p := range all {
		select {
		case <-p.done:
		case <-ctx.Done():
			return fmt.Errorf("%d programs have not ended yet, among them %s, process %d", len(all)-i, p.path, p.PID())
		}
	}
	return nil
}
