package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"mcollective/connector"
)

const (
	// retryFirst and retryMost bound the pause before a missing subscription is
	// asked for again, and refusedMost where all that is missing was refused:
	// permissions are given by people, and to ask costs some brokers a connection.
	retryFirst  = time.Second
	retryMost   = 30 * time.Second
	refusedMost = 5 * time.Minute

	// confirmPatience bounds how long a broker may take to confirm subscriptions.
	confirmPatience = 30 * time.Second

	// checkEvery is how soon a subscription that the broker takes away is missed.
	checkEvery = 5 * time.Second
)

// Run serves until ctx ends; then no new request is taken, and those that were
// accepted have Options.Grace to finish. A broker that is away or refuses a
// subscription is no reason to return: the connector reconnects, and Run asks
// again. What stands is served meanwhile. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return errors.New("a node runs only once")
	}
	answers, silence := context.WithCancel(context.WithoutCancel(ctx))
	defer silence()
	work, abandon := context.WithCancel(answers)
	defer abandon()
	s.work, s.answers = work, answers
	s.running.Store(true)
	for first := true; s.subscribeAll(ctx); first = false {
		if first {
			close(s.ready)
		}
		s.watch(ctx)
	}
	return s.drain(abandon, silence)
}

// watch returns when subscriptions are missing, or ctx ends.
func (s *Server) watch(ctx context.Context) {
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	connections := s.opts.Connector.Status().Reconnects
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.again:
			return
		case <-check.C:
		}
		if st := s.opts.Connector.Status(); st.Connected && st.Reconnects != connections {
			// Restored on a new connection: hear what the broker says to that.
			if s.confirm(ctx) == nil {
				connections = st.Reconnects
			}
		}
		if len(s.rejected()) > 0 {
			return
		}
	}
}

// subscribeAll returns true once everything is subscribed, and false when ctx
// ends before.
func (s *Server) subscribeAll(ctx context.Context) bool {
	said := ""
	for pause := retryFirst; ctx.Err() == nil; pause *= 2 {
		err := s.subscribe(ctx)
		if err == nil {
			if said != "" {
				s.log.Info("every subscription stands")
			}
			return true
		}
		if ctx.Err() != nil {
			break
		}
		most := retryMost
		if l := (*Lack)(nil); errors.As(err, &l) && l.refused() {
			most = refusedMost
		}
		pause = min(pause, most)
		wait := pause/2 + rand.N(pause) // a fleet must not come back in step
		level := slog.LevelDebug
		if text := err.Error(); text != said {
			said, level = text, slog.LevelError
		}
		s.log.Log(ctx, level, "not every subscription stands", "error", err, "retry_in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
		case <-s.again:
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
	for _, name := range s.agentSet.Load().names {
		for _, c := range s.opts.Collectives {
			all = append(all, connector.Target{Kind: connector.Broadcast, Collective: c, Agent: name})
		}
	}
	return all
}

// subscribe makes the subscriptions those that are wanted. What cannot be had does
// not keep it from the others.
func (s *Server) subscribe(ctx context.Context) (err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	lack := &Lack{}
	defer func() {
		if err != nil && len(lack.missing) == 0 {
			return // nothing new is known of what was missing
		}
		if len(lack.missing) > 0 {
			err = lack
		}
		s.lack.Store(lack)
	}()
	for t := range s.rejected() {
		s.remove(t)
	}
	gone := s.targets()
	type exchange struct {
		kind       connector.Kind
		collective string
	}
	refused := map[exchange]error{} // some brokers answer for all of a kind, and hang up each time
	var silent error
	wanted := s.wanted()
	for _, t := range wanted {
		if gone[t] {
			delete(gone, t)
			continue
		}
		err := cmp.Or(silent, refused[exchange{t.Kind, t.Collective}])
		if err == nil {
			err = s.add(ctx, t)
		}
		switch {
		case errors.Is(err, connector.ErrRefused):
			refused[exchange{t.Kind, t.Collective}] = err
		case errors.Is(err, context.DeadlineExceeded):
			silent = err
		}
		lack.add(t, err)
	}
	for t := range gone {
		s.remove(t)
	}
	if silent != nil {
		return nil // lack has it
	}
	if err := s.confirm(ctx); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	rejected := s.rejected()
	for _, t := range wanted {
		if err := rejected[t]; err != nil {
			s.remove(t)
			lack.add(t, err)
		}
	}
	return nil
}

// confirm returns once the broker has spoken of all that was subscribed.
func (s *Server) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confirmPatience, fmt.Errorf("the broker did not confirm within %v: %w", confirmPatience, context.DeadlineExceeded))
	defer cancel()
	err := s.opts.Connector.Flush(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// rejected returns the subscriptions that the broker refused since they were made.
func (s *Server) rejected() map[connector.Target]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[connector.Target]error{}
	for t, l := range s.listen {
		if err := l.sub.Err(); err != nil {
			all[t] = err
		}
	}
	return all
}

// targets returns the subscriptions that stand.
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
	ctx, cancel := context.WithTimeout(ctx, confirmPatience)
	defer cancel()
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
// accepted, then what they published. A request that is not done after the grace is
// abandoned: its handler is told to stop, and then has a moment to answer its caller
// that it was broken off.
func (s *Server) drain(abandon, silence func()) error {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	for t := range s.targets() {
		s.remove(t)
	}
	grace, cancel := context.WithTimeout(s.answers, s.opts.Grace)
	defer cancel()
	left := s.pool.close(grace)
	running, _ := s.pool.load()
	abandon()
	// Without a broker the answers would each wait in vain.
	defer time.AfterFunc(receivePatience, silence).Stop()
	for _, c := range left {
		s.refused(c, notBegun.refuse(nil))
		c.agentSet.release()
	}
	select {
	case <-s.pool.idle:
	case <-s.answers.Done():
	}

	flush, cancel := context.WithTimeout(context.WithoutCancel(s.answers), time.Second)
	defer cancel()
	if err := s.opts.Connector.Flush(flush); err != nil && !errors.Is(err, connector.ErrClosed) {
		s.log.Warn("the last replies may be lost", "error", err)
	}
	if running > 0 {
		return fmt.Errorf("%d requests were still running after %v and were broken off", running, s.opts.Grace)
	}
	return nil
}
