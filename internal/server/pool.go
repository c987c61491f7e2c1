package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A pool runs calls on a bounded number of goroutines with a bounded queue
// before them. Goroutines exist only while there is work: an idle node has none.
type pool struct {
	workers, queue, bytes int
	run                   func(*call)
	now                   func() time.Time

	mu       sync.Mutex
	waiting  []*call
	head     int // of waiting: what lies before it was taken
	held     int // payload bytes of what waits
	running  int
	closed   bool
	idle     chan struct{} // closed when the last worker ends after close
	progress time.Time     // when a call was last begun or ended
}

func newPool(workers, queue, bytes int, now func() time.Time, run func(*call)) *pool {
	return &pool{now: now, workers: workers, queue: max(queue, 0), bytes: bytes, run: run, idle: make(chan struct{})}
}

// submit runs c now or later; false means that there is no room.
func (p *pool) submit(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return false
	case p.running < p.workers:
		p.running++
		p.progress = c.arrived
		go p.work(c)
		return true
	case len(p.waiting)-p.head >= p.queue, p.held+c.size > p.bytes:
		return false
	}
	if p.head > 0 && len(p.waiting) == cap(p.waiting) {
		p.waiting = slices.Delete(p.waiting, 0, p.head)
		p.head = 0
	}
	p.waiting = append(p.waiting, c)
	p.held += c.size
	return true
}

func (p *pool) work(c *call) {
	growStack(-1)
	for c != nil {
		p.run(c)
		c = p.next()
	}
}

// next is what a worker does after a call; nil ends it.
func (p *pool) next() *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress = p.now()
	if p.head == len(p.waiting) {
		p.waiting, p.head = nil, 0 // give the memory of a burst back
		p.running--
		if p.closed && p.running == 0 {
			close(p.idle)
		}
		return nil
	}
	c := p.waiting[p.head]
	p.waiting[p.head] = nil
	p.head++
	p.held -= c.size
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
	left := p.waiting[p.head:]
	p.waiting, p.head, p.held = nil, 0, 0
	return left
}

func (p *pool) load() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, len(p.waiting) - p.head
}

// stuck tells since when every worker has been on the same calls while others
// wait; the zero time if that is not so.
func (p *pool) stuck() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running < p.workers || p.head == len(p.waiting) {
		return time.Time{}
	}
	return p.progress
}
