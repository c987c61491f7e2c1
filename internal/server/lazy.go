package server

import (
	"context"
	"sync"
	"time"
)

// A lazyTimeout is a context that ends after a time, like that of
// context.WithTimeout, but makes its timer only when somebody waits for it. A
// reply nearly always leaves at once, and then the timer would be a good part of
// its cost.
type lazyTimeout struct {
	context.Context // ends with it, too
	until           time.Time

	mu     sync.Mutex
	timed  context.Context // once somebody waits
	cancel context.CancelFunc
	over   bool
}

func withLazyTimeout(parent context.Context, d time.Duration) *lazyTimeout {
	return &lazyTimeout{Context: parent, until: time.Now().Add(d)}
}

// Deadline implements context.Context.
func (p *lazyTimeout) Deadline() (time.Time, bool) { return p.until, true }

// Done implements context.Context.
func (p *lazyTimeout) Done() <-chan struct{} { return p.wait().Done() }

// Err implements context.Context. It makes the timer once the context has ended, so that Done agrees and the
// error stays the same.
func (p *lazyTimeout) Err() error {
	p.mu.Lock()
	ended := p.timed != nil || p.over || p.Context.Err() != nil || !time.Now().Before(p.until)
	p.mu.Unlock()
	if !ended {
		return nil
	}
	return p.wait().Err()
}

func (p *lazyTimeout) wait() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed == nil {
		p.timed, p.cancel = context.WithDeadline(p.Context, p.until)
		if p.over {
			p.cancel()
		}
	}
	return p.timed
}

// end ends the context and frees what waiting has taken.
func (p *lazyTimeout) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.cancel != nil {
		p.cancel()
	}
}
