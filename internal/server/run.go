package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"mcollective/connector"
)

// retryFirst and retryMost bound the pause before a refused subscription is
// asked for again.
const (
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// Run serves until ctx ends; then no new request is taken, and those that were
// accepted have Options.Grace to finish. A broker that is away or refuses a
// subscription is no reason to return: the connector reconnects, and Run asks
// again. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return errors.New("a node runs only once")
	}
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	s.work = work
	s.running.Store(true)
	for first := true; s.subscribeAll(ctx); first = false {
		if first {
			close(s.ready)
		}
		select {
		case <-ctx.Done():
		case <-s.again:
		}
	}
	return s.drain(abandon)
}

// subscribeAll returns true once everything is subscribed, and false when ctx
// ends before.
func (s *Server) subscribeAll(ctx context.Context) bool {
	for pause := retryFirst; ctx.Err() == nil; pause = min(2*pause, retryMost) {
		err := s.subscribe(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			break
		}
		wait := pause/2 + rand.N(pause) // a fleet must not come back in step
		s.log.Error("not every subscription stands", "error", err, "retry in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return false
}

// wanted lists what the node listens to, in the order in which it subscribes:
// its own name first, so that who can reach an agent can reach it directly too.
func (s *Server) wanted() []connector.Target {
	var all []connector.Target
	if s.opts.DirectAddressing {
		for _, c := range s.opts.Collectives {
			all = append(all, connector.Target{Kind: connector.Directed, Collective: c, Identity: s.opts.Identity})
		}
	}
	for _, name := range s.roster.Load().names {
		for _, c := range s.opts.Collectives {
			all = append(all, connector.Target{Kind: connector.Broadcast, Collective: c, Agent: name})
		}
	}
	return all
}

// subscribe makes the subscriptions those that are wanted.
func (s *Server) subscribe(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	var errs []error
	gone := s.targets()
	for _, t := range s.wanted() {
		if gone[t] {
			delete(gone, t)
			continue
		}
		if err := s.add(ctx, t); err != nil {
			errs = append(errs, fmt.Errorf("subscribe %s of %s: %w", t.Kind, t.Collective+"/"+t.Agent+t.Identity, err))
		}
	}
	for t := range gone {
		s.remove(t)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if err := s.opts.Connector.Flush(ctx); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// targets are the subscriptions that stand.
func (s *Server) targets() map[connector.Target]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[connector.Target]bool, len(s.listen))
	for t := range s.listen {
		all[t] = true
	}
	return all
}

func (s *Server) add(ctx context.Context, t connector.Target) error {
	l := &listener{}
	sub, err := s.opts.Connector.Subscribe(ctx, t, func(d connector.Delivery) {
		now := s.now()
		l.since.Store(int64(now.Sub(s.count.start)) + 1)
		s.receive(d, now)
		l.since.Store(0)
	})
	if err != nil {
		return err
	}
	l.sub = sub
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		sub.Close()
		return errors.New("the node is stopping")
	}
	s.listen[t] = l
	return nil
}

func (s *Server) remove(t connector.Target) {
	s.mu.Lock()
	l := s.listen[t]
	delete(s.listen, t)
	s.mu.Unlock()
	if l == nil {
		return // drain was faster
	}
	if err := l.sub.Close(); err != nil && !errors.Is(err, connector.ErrClosed) {
		s.log.Warn("unsubscribe", "agent", t.Agent, "error", err)
	}
}

// drain ends in the order that loses nothing: first no new requests, then those
// accepted, then what they published.
func (s *Server) drain(abandon func()) error {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	for t := range s.targets() {
		s.remove(t)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(s.work), s.opts.Grace)
	defer cancel()
	left := s.pool.close(grace)
	// Without a broker these would each wait in vain.
	defer time.AfterFunc(receivePatience, abandon).Stop()
	for _, c := range left {
		s.refused(c, busy("the node is stopping"))
		c.roster.release()
	}
	running, _ := s.pool.load()
	abandon()

	flush, cancel := context.WithTimeout(context.WithoutCancel(s.work), time.Second)
	defer cancel()
	if err := s.opts.Connector.Flush(flush); err != nil && !errors.Is(err, connector.ErrClosed) {
		s.log.Warn("the last replies may be lost", "error", err)
	}
	if running > 0 {
		return fmt.Errorf("%d requests were still running after %v and were abandoned", running, s.opts.Grace)
	}
	return nil
}
