package server

import (
	"sync/atomic"
	"time"
)

// Stats are a node's counters since it started. The first nine are those of
// Ruby's daemon_stats, under the same names.
type Stats struct {
	Total       uint64 // messages received
	Validated   uint64 // of these, proven to be requests
	Unvalidated uint64 // of these, not
	Passed      uint64 // requests that were handed to an agent
	Filtered    uint64 // requests for other nodes
	TTLExpired  uint64 // requests that came too late
	Replies     uint64 // replies that the broker took
	StartTime   time.Time

	Skewed         uint64 // requests from too far in the future
	Unbound        uint64 // requests that came in where they do not belong
	Unknown        uint64 // requests for agents that the node does not have
	Replayed       uint64 // requests seen before
	Denied         uint64 // requests that the caller may not make
	Busy           uint64 // requests refused for want of a worker and of room to wait
	TimedOut       uint64 // requests whose agent did not answer in time
	Panics         uint64 // requests at which code broke
	Dropped        uint64 // replies that were lost: the broker did not take them
	Oversize       uint64 // replies too large for the broker, replaced by an error
	LogsSuppressed uint64 // log lines left out because too many of their kind came

	Running int // workers at work
	Waiting int // requests in the queue
}

type counters struct {
	start                                              time.Time
	total, validated, unvalidated                      atomic.Uint64
	passed, filtered, expired, skewed                  atomic.Uint64
	unbound, unknown, replayed, denied                 atomic.Uint64
	busy, timedOut, panics, replies, dropped, oversize atomic.Uint64
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	n := &s.count
	running, waiting := s.pool.load()
	return Stats{
		Total: n.total.Load(), Validated: n.validated.Load(), Unvalidated: n.unvalidated.Load(),
		Passed: n.passed.Load(), Filtered: n.filtered.Load(), TTLExpired: n.expired.Load(),
		Replies: n.replies.Load(), StartTime: n.start,
		Skewed: n.skewed.Load(), Unbound: n.unbound.Load(), Unknown: n.unknown.Load(),
		Replayed: n.replayed.Load(), Denied: n.denied.Load(), Busy: n.busy.Load(),
		TimedOut: n.timedOut.Load(), Panics: n.panics.Load(), Dropped: n.dropped.Load(),
		Oversize: n.oversize.Load(), LogsSuppressed: s.flood.total.Load(),
		Running: running, Waiting: waiting,
	}
}
