package stdio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"mcollective/internal/run"
	"mcollective/value"
)

const (
	mostGarbage = 100 // lines that are no message, until the program is ended
	queueSpare  = 8   // cancels and pings beside the requests
)

// A session is one life of a worker's program, from its hello to its end.
type session struct {
	w       *worker
	p       program
	kill    context.CancelCauseFunc
	out     chan []byte   // lines to write
	stopped chan struct{} // closed when the program is to end
	gone    chan struct{} // closed when it has, and all is tidied up
	hello   chan error
	log     *programLog

	users, served int // guarded by worker.mu

	mu      sync.Mutex
	pending map[string]chan *value.Map
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
func newSession(w *worker) (*session, error) {
	ctx, kill := context.WithCancelCause(context.Background())
	s := &session{
		w: w, kill: kill, out: make(chan []byte, w.s.concurrency+queueSpare), stopped: make(chan struct{}), gone: make(chan struct{}),
		hello: make(chan error, 1), pending: map[string]chan *value.Map{}, log: &programLog{log: w.log, level: slog.LevelInfo},
	}
	p, err := w.start(ctx, s.complain)
	if err != nil {
		kill(nil)
		return nil, err
	}
	s.p = p
	go s.write()
	go s.live()
	timer := time.NewTimer(w.s.start)
	defer timer.Stop()
	select {
	case err = <-s.hello:
	case <-timer.C:
		err = fmt.Errorf("it did not say hello within %v", w.s.start)
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
	s.log.line(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) == 10 {
		s.last = append(s.last[:0], s.last[1:]...)
	}
	s.last = append(s.last, clip(line, 400))
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
	timer := time.AfterFunc(s.w.s.hang, func() { s.kill(errors.New("it did not end when its input was closed")) })
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
// to give up, and if that has become deaf it ends it.
func (s *session) ask(ctx context.Context, d document) (*value.Map, error) {
	answer := make(chan *value.Map, 1)
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return nil, errNotSent
	}
	s.next++
	if _, taken := s.pending[d.ID]; taken || d.ID == "" {
		d.ID += "-" + strconv.FormatUint(s.next, 10)
	}
	s.pending[d.ID] = answer
	s.mu.Unlock()
	line, err := s.w.encode(d)
	if err != nil {
		return nil, err
	}
	if s.w.s.yaml {
		line = append(line, "...\n"...)
	}
	select {
	case s.out <- line:
	case <-ctx.Done():
		s.giveUp(d.ID)
		return nil, context.Cause(ctx)
	case <-s.stopped:
	}
	select {
	case h, ok := <-answer:
		if !ok {
			return nil, s.err // was set before the channel was closed
		}
		return h, nil
	case <-ctx.Done():
		s.giveUp(d.ID)
		return nil, context.Cause(ctx)
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
	s.tell(map[string]any{"type": "cancel", "id": id})
	s.tell(map[string]any{"type": "ping"})
	timer := time.NewTimer(s.w.s.hang)
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

// tell sends a line that need not arrive.
func (s *session) tell(v map[string]any) {
	line, err := toJSON(v)
	if err != nil {
		return
	}
	if s.w.s.yaml {
		line = append(line, "...\n"...)
	}
	select {
	case s.out <- line:
	default:
	}
}

// read handles what the program says, until its output ends or is none of ours.
func (s *session) read() error {
	r := bufio.NewReaderSize(s.p.Stdout(), 64<<10)
	var doc []byte
	for {
		line, err := readLine(r, s.w.s.most-len(doc))
		if err != nil {
			if errors.Is(err, errTooLong) {
				return fmt.Errorf("it said more than %d bytes at once", s.w.s.most)
			}
			return nil
		}
		if s.w.s.yaml {
			if text := bytes.TrimRight(line, "\r\n"); string(text) != "..." {
				doc = append(doc, line...)
				continue
			}
			line, doc = doc, nil
		}
		if err := s.handle(line); err != nil {
			return err
		}
	}
}

var errTooLong = errors.New("line too long")

// readLine reads a line of at most so many bytes, its end included.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(long)+len(part) > most {
			return nil, errTooLong
		}
		switch {
		case err == nil && long == nil:
			return part, nil
		case err == bufio.ErrBufferFull || err == nil:
			long = append(long, part...)
			if err == nil {
				return long, nil
			}
		case err == io.EOF && len(long)+len(part) > 0:
			return append(long, part...), nil
		default:
			return nil, err
		}
	}
}

// handle takes one message. An error means that the program is to be ended.
func (s *session) handle(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	m, err := parseMessage(line, s.w.s.yaml)
	if err != nil {
		if s.garbage++; s.garbage > mostGarbage {
			return fmt.Errorf("it said %d things that are no messages, the last: %w", s.garbage, err)
		}
		s.log.line("W! it said what is no message: " + err.Error())
		return nil
	}
	if !s.said && m.kind != "hello" && m.kind != "log" {
		return fmt.Errorf("its first message is of type %.40q and not hello", m.kind)
	}
	switch m.kind {
	case "hello":
		return s.greeted(m)
	case "reply":
		s.mu.Lock()
		answer, ok := s.pending[m.id]
		delete(s.pending, m.id)
		s.mu.Unlock()
		if !ok {
			s.w.log.Debug("worker answers what nobody waits for", "request", clip(m.id, 64))
			return nil
		}
		answer <- m.all
	case "pong":
		s.mu.Lock()
		for _, c := range s.pongs {
			close(c)
		}
		s.pongs = nil
		s.mu.Unlock()
	case "log":
		s.logged(m)
	case "progress":
		percent, _ := m.all.Get("percent")
		text, _ := m.all.Get("text")
		shown, _ := scalarText(text)
		number, _ := scalarText(percent)
		s.w.log.Debug("progress", "request", clip(m.id, 64), "percent", clip(number, 20), "text", clip(shown, 200))
	case "event":
		data, _ := m.all.Get("data")
		h, ok := data.(*value.Map)
		switch {
		case !ok:
			s.log.line("W! an event without data")
		case s.w.event != nil:
			s.w.event(s.w.name, h)
		default:
			text, _ := toJSON(plain(h, 0))
			s.log.line("I! event " + string(bytes.TrimSpace(text)))
		}
	default:
		s.w.log.Debug("worker says what is not known", "type", clip(m.kind, 40))
	}
	return nil
}

func (s *session) greeted(m incoming) error {
	if s.said {
		return errors.New("it said hello twice")
	}
	if v, _ := m.all.Get("protocol"); v != int64(1) {
		return fmt.Errorf("it speaks protocol %.40q, and this is 1", fmt.Sprint(plain(v, deepest)))
	}
	if v, ok := m.all.Get("agent"); ok && v != s.w.name {
		return fmt.Errorf("it says that it is agent %.40q", fmt.Sprint(plain(v, deepest)))
	}
	s.mu.Lock()
	s.said = true
	s.mu.Unlock()
	s.hello <- nil
	return nil
}

func (s *session) logged(m incoming) {
	level, _ := m.all.Get("level")
	text, _ := m.all.Get("text")
	if text == nil {
		text, _ = m.all.Get("message")
	}
	line, _ := scalarText(text)
	prefix := map[string]string{"debug": "D! ", "warn": "W! ", "warning": "W! ", "error": "E! ", "fatal": "E! "}[fmt.Sprint(plain(level, deepest))]
	if prefix == "" {
		prefix = "I! "
	}
	s.log.line(prefix + line)
}

// incoming is one thing that a worker says.
type incoming struct {
	kind, id string
	all      *value.Map
}

// parseMessage reads one message of a worker.
func parseMessage(line []byte, yamlSpoken bool) (incoming, error) {
	form := jsonForm
	if yamlSpoken {
		form = yamlForm
	}
	h, err := readObject(form, line)
	if err != nil {
		return incoming{}, err
	}
	m := incoming{all: h}
	kind, _ := h.Get("type")
	m.kind, _ = kind.(string)
	if m.kind == "" {
		return incoming{}, errors.New("it has no type")
	}
	id, _ := h.Get("id")
	m.id, _ = scalarText(id)
	return m, nil
}
