package server

import (
	"context"
	"sync/atomic"
	"time"
)

// A sharedDeadline gives out contexts that end after a time. Those asked for within a quarter
// of that time are one: a context and a timer for each reply were a tenth of a ping.
type sharedDeadline struct {
	atLeast time.Duration
	shared  atomic.Pointer[withDeadline]
}

type withDeadline struct {
	context.Context
	until time.Time // too little is left after that
}

// context ends with its parent, or when at least p.atLeast and at most a quarter more has passed.
func (p *sharedDeadline) context(parent context.Context) context.Context {
	now := time.Now()
	if s := p.shared.Load(); s != nil && now.Before(s.until) && s.Err() == nil {
		return s
	}
	slack := p.atLeast / 4
	ctx, cancel := context.WithTimeout(parent, p.atLeast+slack)
	context.AfterFunc(ctx, cancel)
	s := &withDeadline{Context: ctx, until: now.Add(slack)}
	p.shared.Store(s)
	return s
}
