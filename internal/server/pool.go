package server

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// A pool runs calls on a bounded number of goroutines with a bounded queue
// before them. Goroutines exist only while there is work: an idle node has none.
//
// Workers are shared fairly. Agents take turns, and so do the callers of one
// agent, so that many slow calls delay others like them and nobody else. An agent
// of which nothing runs never waits: where all workers are taken it gets one
// beyond them, so that at most workers plus the number of agents run at a time.
// When the queue is full, the caller that has the most in it loses the newest of it.
type pool struct {
	workers, queue, bytes int
	run                   func(*call)
	now                   func() time.Time
	seed                  maphash.Seed

	mu       sync.Mutex
	lines    map[string]*line // by agent: those with calls that run or wait
	turns    []*line          // those with calls that wait, the next one first
	waiting  int              // calls
	held     int              // payload bytes of what waits
	running  int
	closed   bool
	idle     chan struct{} // closed when the last worker ends after close
	progress time.Time     // when a call was last begun or ended
}

// callerLines is how many lines the callers of one agent are spread over. Names of
// callers come from the network, so that they must not take a line each: a few
// callers share one by chance, which changes with each start.
const callerLines = 64

// callCost is counted for each waiting call beside its payload, so that many
// small calls weigh something, too.
const callCost = 1 << 10

// A line is the calls of one agent.
type line struct {
	agent   string
	running int
	waiting int
	weight  int
	callers []callerLine // made when the first call has to wait
	turn    int          // the caller line that is next
}

// A callerLine is the waiting calls of some callers of one agent, in order.
type callerLine struct {
	calls  []*call
	weight int
}

func newPool(workers, queue, bytes int, now func() time.Time, run func(*call)) *pool {
	return &pool{
		now: now, workers: workers, queue: max(queue, 0), bytes: bytes, run: run,
		seed: maphash.MakeSeed(), lines: map[string]*line{}, idle: make(chan struct{}),
	}
}

// submit runs c now or later; false means that there is no room. To make room it
// may displace calls that were waiting, which will not run.
func (p *pool) submit(c *call) (ok bool, displaced []*call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false, nil
	}
	l := p.lineOf(c)
	if p.running < p.workers || l.running == 0 {
		p.running++
		l.running++
		p.progress = c.arrived
		go p.work(l, c)
		return true, nil
	}
	if p.queue == 0 || c.size > p.bytes {
		return false, nil
	}
	if l.callers == nil {
		l.callers = make([]callerLine, callerLines)
	}
	q := &l.callers[maphash.String(p.seed, c.Caller)%callerLines]
	var taken []place
	for p.waiting >= p.queue || p.held+c.size > p.bytes {
		d, ok := p.displace(l, q, c)
		if !ok { // nobody loses a place to a call that gets none
			for _, t := range slices.Backward(taken) {
				p.put(t)
			}
			return false, nil
		}
		taken = append(taken, d)
	}
	p.put(place{l, q, c})
	for _, t := range taken {
		displaced = append(displaced, t.call)
	}
	return true, displaced
}

// A place is where a call waits.
type place struct {
	line   *line
	caller *callerLine
	call   *call
}

// put has a call wait at the end of its line.
func (p *pool) put(t place) {
	if t.line.waiting == 0 {
		p.turns = append(p.turns, t.line)
	}
	t.caller.calls = append(t.caller.calls, t.call)
	p.count(t.line, t.caller, t.call, +1)
}

// lineOf returns the line of the agent that c is for. Agents that this node does
// not have share one: their names are the caller's choice.
func (p *pool) lineOf(c *call) *line {
	var name string
	if c.agent != nil {
		name = c.agent.name
	}
	l := p.lines[name]
	if l == nil {
		l = &line{agent: name}
		p.lines[name] = l
	}
	return l
}

// count adds a call to what waits, or takes it off.
func (p *pool) count(l *line, q *callerLine, c *call, sign int) {
	p.waiting += sign
	p.held += sign * c.size
	l.waiting += sign
	l.weight += sign * (c.size + callCost)
	q.weight += sign * (c.size + callCost)
}

// displace takes the newest call of the caller that has the most waiting out of the
// queue, for c of caller line q of line l. It returns false if that is the sender
// of c.
func (p *pool) displace(l *line, q *callerLine, c *call) (place, bool) {
	cost := c.size + callCost
	most := l
	for _, other := range p.turns {
		if other.weight > most.weight && (most != l || other.weight > l.weight+cost) {
			most = other
		}
	}
	var from *callerLine
	for i := range most.callers {
		if b := &most.callers[i]; len(b.calls) > 0 && (from == nil || b.weight > from.weight) {
			from = b
		}
	}
	if from == nil || most == l && from.weight <= q.weight+cost {
		return place{}, false
	}
	last := len(from.calls) - 1
	d := from.calls[last]
	from.calls[last] = nil
	from.calls = from.calls[:last]
	p.count(most, from, d, -1)
	if most.waiting == 0 {
		p.endTurns(most)
	}
	return place{most, from, d}, true
}

func (p *pool) endTurns(l *line) {
	for i, t := range p.turns {
		if t == l {
			p.turns = append(p.turns[:i], p.turns[i+1:]...)
			return
		}
	}
}

func (p *pool) work(l *line, c *call) {
	growStack(-1)
	for c != nil {
		p.run(c)
		l, c = p.next(l)
	}
}

// next returns what a worker does after a call of line done; without a call it ends.
func (p *pool) next(done *line) (*line, *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress = p.now()
	done.running--
	switch {
	case done.running == 0 && done.waiting > 0:
		return done, p.take(done) // its last worker
	case p.running <= p.workers && len(p.turns) > 0:
		l := p.turns[0]
		if done.running == 0 {
			delete(p.lines, done.agent)
		}
		return l, p.take(l)
	}
	if done.running == 0 {
		delete(p.lines, done.agent)
	}
	p.running--
	if p.closed && p.running == 0 {
		close(p.idle)
	}
	return nil, nil
}

// take starts the next call that waits in l, whose turn is over with that.
func (p *pool) take(l *line) *call {
	var q *callerLine
	for q == nil {
		if b := &l.callers[l.turn]; len(b.calls) > 0 {
			q = b
		}
		l.turn = (l.turn + 1) % callerLines
	}
	c := q.calls[0]
	q.calls[0] = nil
	q.calls = q.calls[1:]
	if len(q.calls) == 0 {
		q.calls = nil // give the memory of a burst back
	}
	p.count(l, q, c, -1)
	l.running++
	p.endTurns(l)
	if l.waiting > 0 {
		p.turns = append(p.turns, l)
	} else {
		l.callers = nil
	}
	return c
}

// close takes no more calls and waits until ctx ends for those it has. It
// returns those that never began.
func (p *pool) close(ctx context.Context) []*call {
	p.mu.Lock()
	p.closed = true
	if p.running == 0 {
		close(p.idle)
	}
	p.mu.Unlock()
	select {
	case <-p.idle:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []*call
	for _, l := range p.turns {
		for _, q := range l.callers {
			left = append(left, q.calls...)
		}
		l.callers, l.waiting, l.weight = nil, 0, 0
	}
	p.turns, p.waiting, p.held = nil, 0, 0
	return left
}

func (p *pool) load() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, p.waiting
}

// stuck reports since when no call has begun or ended while others wait; the zero
// time if none waits.
func (p *pool) stuck() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == 0 {
		return time.Time{}
	}
	return p.progress
}
