package server

import (
	"fmt"
	"sync/atomic"
	"time"

	"mcollective/connector"
)

// patience is how long something may stand still before the node is called
// unhealthy. It is above every time limit that the engine keeps itself.
const patience = time.Minute

// A listener is one subscription and whether its receive path is occupied.
type listener struct {
	sub   connector.Subscription
	since atomic.Int64 // nanoseconds after the start at which the call under way began; 0: none is
}

// Health returns nil while the engine makes progress, else what stands still. A
// broker that is away is not a reason: waiting for it is what a node does. It is
// meant for a watchdog that restarts the process.
func (s *Server) Health() error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, l := range s.listen {
		if since := l.since.Load(); since != 0 {
			if d := now.Sub(s.count.start) - time.Duration(since); d > patience {
				return fmt.Errorf("the receive path of %s %s has stood still for %v", t.Kind, t.Agent+t.Identity, d.Round(time.Second))
			}
		}
	}
	limit := patience
	for _, a := range s.agentSet.Load().agents {
		if t, ok := a.handler.(Timed); ok {
			limit = max(limit, t.Timeout()+patience)
		}
	}
	if since := s.pool.stuck(); !since.IsZero() {
		if d := now.Sub(since); d > limit {
			return fmt.Errorf("no request was begun or ended for %v while others wait", d.Round(time.Second))
		}
	}
	return nil
}
