package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"mcollective/agent/stdio"
	"mcollective/internal/run"
	"mcollective/value"
)

const (
	mostGarbage = 100 // lines that are no message, until the program is ended
	queueSpare  = 8   // cancels and pings beside the requests
)

// A session is one life of a worker's program, from its hello to its end.
type session struct {
	w       *Worker
	p       Process
	kill    context.CancelCauseFunc
	out     chan []byte   // lines to write
	stopped chan struct{} // closed when the program is to end
	gone    chan struct{} // closed when it has, and all is tidied up
	hello   chan error
	log     *stdio.Logger

	users, served int // guarded by worker.mu

	mu      sync.Mutex
	pending map[string]chan stdio.Message
	pongs   []chan struct{}
	last    []string // lines of standard error
	err     error    // why it ended
	stop1   sync.Once
	next    uint64
	garbage int
	said    bool
}

// newSession starts the program and waits for its hello. An error is a crash, of
// which nothing is left.
func newSession(w *Worker) (*session, error) {
	ctx, kill := context.WithCancelCause(context.Background())
	s := &session{
		w: w, kill: kill, out: make(chan []byte, w.Concurrency+queueSpare), stopped: make(chan struct{}), gone: make(chan struct{}),
		hello: make(chan error, 1), pending: map[string]chan stdio.Message{}, log: stdio.NewLogger(w.Log, slog.LevelInfo),
	}
	p, err := w.Run(ctx, s.complain)
	if err != nil {
		kill(nil)
		return nil, err
	}
	s.p = p
	go s.write()
	go s.live()
	timer := time.NewTimer(w.Start)
	defer timer.Stop()
	select {
	case err = <-s.hello:
	case <-timer.C:
		err = fmt.Errorf("it did not say hello within %v", w.Start)
		s.kill(err)
	}
	if err != nil {
		<-s.gone
		return nil, err
	}
	return s, nil
}

// over reports whether the program has ended.
func (s *session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// complain takes a line of standard error.
func (s *session) complain(line string) {
	s.log.Line(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) == 10 {
		s.last = append(s.last[:0], s.last[1:]...)
	}
	s.last = append(s.last, stdio.Clip(line, 400))
}

// live reads what the program says until it ends, and then tidies up.
func (s *session) live() {
	broken := s.read()
	if broken != nil {
		s.kill(broken)
	} else {
		s.stop() // it has closed its output, and cannot answer any more
	}
	res, err := s.p.Wait()
	s.kill(nil)
	s.mu.Lock()
	switch {
	case broken != nil:
		err = broken
	case err == nil:
		err = ended(res)
	}
	for _, line := range s.last {
		err = fmt.Errorf("%w; %s", err, line)
	}
	s.err = err
	for id, c := range s.pending {
		close(c)
		delete(s.pending, id)
	}
	said := s.said
	s.mu.Unlock()
	s.end()
	if !said {
		s.hello <- err
	} else {
		s.w.ended(s, err)
	}
	close(s.gone)
}

func ended(res *run.Result) error {
	switch {
	case res == nil:
		return errors.New("it ended")
	case res.Signal != "":
		return errors.New("it was ended by a signal: " + res.Signal)
	}
	return fmt.Errorf("it ended with exit status %d", res.Exit)
}

// end lets the writer stop, which closes the program's standard input.
func (s *session) end() { s.stop1.Do(func() { close(s.stopped) }) }

// stop asks the program to end by closing its standard input, and ends it if it
// has not in time.
func (s *session) stop() {
	s.end()
	timer := time.AfterFunc(s.w.Hang, func() { s.kill(errors.New("it did not end when its input was closed")) })
	go func() {
		<-s.gone
		timer.Stop()
	}()
}

// write sends lines, one after the other. A program that reads none holds it up,
// until it is ended.
func (s *session) write() {
	defer s.p.Stdin().Close()
	broken := make(chan struct{})
	lines := make(chan []byte)
	go func() {
		defer close(broken)
		for line := range lines {
			if _, err := s.p.Stdin().Write(line); err != nil {
				return
			}
		}
	}()
	defer close(lines)
	for {
		select {
		case line := <-s.out:
			select {
			case lines <- line:
			case <-s.stopped:
				return
			case <-broken:
				return
			}
		case <-s.stopped:
			return
		case <-broken:
			return
		}
	}
}

// errNotSent is for a request that a program never saw, because it had just ended.
var errNotSent = errors.New("it has just ended")

// ask sends a request and waits for its reply. When ctx ends it tells the program
// to give up, and if that does not react it ends it.
func (s *session) ask(ctx context.Context, r *stdio.Request) (stdio.Message, error) {
	answer := make(chan stdio.Message, 1)
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return stdio.Message{}, errNotSent
	}
	s.next++
	if _, taken := s.pending[r.ID]; taken || r.ID == "" {
		r.ID += "-" + strconv.FormatUint(s.next, 10)
	}
	s.pending[r.ID] = answer
	s.mu.Unlock()
	line, err := r.Encode(s.w.Form)
	if err != nil {
		s.mu.Lock()
		delete(s.pending, r.ID)
		s.mu.Unlock()
		return stdio.Message{}, err
	}
	select {
	case s.out <- stdio.EndMessage(line, s.w.Form):
	case <-ctx.Done():
		s.giveUp(r.ID)
		return stdio.Message{}, context.Cause(ctx)
	case <-s.stopped:
	}
	select {
	case m, ok := <-answer:
		if !ok {
			return m, s.err // was set before the channel was closed
		}
		return m, nil
	case <-ctx.Done():
		s.giveUp(r.ID)
		return stdio.Message{}, context.Cause(ctx)
	}
}

// giveUp cancels a request. A program that answers neither that nor a ping in time
// hangs, and is ended. The call is kept waiting meanwhile, so that its
// slot is not given to another.
func (s *session) giveUp(id string) {
	s.mu.Lock()
	answer, waiting := s.pending[id]
	pong := make(chan struct{})
	s.pongs = append(s.pongs, pong)
	s.mu.Unlock()
	if !waiting {
		return
	}
	s.tell(stdio.CancelMessage(id, s.w.Form))
	s.tell(stdio.PingMessage(s.w.Form))
	timer := time.NewTimer(s.w.Hang)
	defer timer.Stop()
	select {
	case <-answer:
	case <-pong:
	case <-s.gone:
	case <-timer.C:
		s.kill(errors.New("it hung: it answered neither a request in time nor a ping"))
		<-s.gone
	}
	s.mu.Lock()
	delete(s.pending, id)
	s.mu.Unlock()
}

// tell sends a message that need not arrive.
func (s *session) tell(message []byte) {
	select {
	case s.out <- message:
	default:
	}
}

// read handles what the program says, until its output ends or is none of ours.
func (s *session) read() error {
	r := stdio.NewReader(s.p.Stdout(), s.w.Form, s.w.MaxMessage)
	for {
		message, err := r.Next()
		switch {
		case errors.Is(err, stdio.ErrTooLong):
			return fmt.Errorf("it said more than %d bytes at once", s.w.MaxMessage)
		case err != nil:
			return nil
		}
		if err := s.handle(message); err != nil {
			return err
		}
	}
}

// handle takes one message. An error means that the program is to be ended.
func (s *session) handle(message []byte) error {
	m, err := stdio.ParseMessage(message, s.w.Form)
	if err != nil {
		if s.garbage++; s.garbage > mostGarbage {
			return fmt.Errorf("it said %d things that are not messages, the last: %w", s.garbage, err)
		}
		s.log.Log(slog.LevelWarn, err.Error())
		return nil
	}
	if !s.said && m.Type != stdio.Hello && m.Type != stdio.Log {
		return fmt.Errorf("its first message is of type %.40q and not hello", m.Type)
	}
	switch m.Type {
	case stdio.Hello:
		return s.greeted(m)
	case stdio.Reply:
		s.mu.Lock()
		answer, ok := s.pending[m.ID]
		delete(s.pending, m.ID)
		s.mu.Unlock()
		if !ok {
			s.w.Log.Debug("worker replied to an unknown request", "request", stdio.Clip(m.ID, 64))
			return nil
		}
		answer <- m
	case stdio.Pong:
		s.mu.Lock()
		for _, c := range s.pongs {
			close(c)
		}
		s.pongs = nil
		s.mu.Unlock()
	case stdio.Log:
		s.log.Message(m)
	case stdio.Progress:
		s.w.Log.Debug("progress", "request", stdio.Clip(m.ID, 64), "percent", stdio.Clip(m.Text("percent"), 20), "text", stdio.Clip(m.Text("text"), 200))
	case stdio.Event:
		data, _ := m.All.Get("data")
		text, _ := stdio.ToJSON(value.ForJSON(data))
		s.log.Log(slog.LevelInfo, "event "+string(bytes.TrimSpace(text)))
	default:
		s.w.Log.Debug("message of unknown type", "type", stdio.Clip(m.Type, 40))
	}
	return nil
}

func (s *session) greeted(m stdio.Message) error {
	if s.said {
		return errors.New("it said hello twice")
	}
	if err := m.CheckHello(s.w.Agent); err != nil {
		return err
	}
	s.mu.Lock()
	s.said = true
	s.mu.Unlock()
	s.hello <- nil
	return nil
}
