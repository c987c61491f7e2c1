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
	Denied         uint64 // requests that the caller may not make, or not any more
	Busy           uint64 // requests refused for want of a worker and of room to wait
	TimedOut       uint64 // requests whose agent did not answer in time
	Panics         uint64 // requests at which code broke
	Dropped        uint64 // replies that were lost: the broker did not take them
	Oversize       uint64 // replies too large for the broker, replaced by an error
	LogsSuppressed uint64 // log lines left out because too many of their kind came

	Running int // workers at work
	Waiting int // requests in the queue
}

// A counter is the place of a figure in counters.
type counter int

const (
	countNothing counter = iota
	countTotal
	countValidated
	countUnvalidated
	countPassed
	countFiltered
	countExpired
	countReplies
	countSkewed
	countUnbound
	countUnknown
	countReplayed
	countDenied
	countBusy
	countTimedOut
	countPanics
	countDropped
	countOversize
	numCounters
)

type counters struct {
	start time.Time
	n     [numCounters]atomic.Uint64
}

func (n *counters) add(c counter) { n.n[c].Add(1) }

func (n *counters) get(c counter) uint64 { return n.n[c].Load() }

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	n := &s.count
	running, waiting := s.pool.load()
	return Stats{
		Total: n.get(countTotal), Validated: n.get(countValidated), Unvalidated: n.get(countUnvalidated),
		Passed: n.get(countPassed), Filtered: n.get(countFiltered), TTLExpired: n.get(countExpired),
		Replies: n.get(countReplies), StartTime: n.start,
		Skewed: n.get(countSkewed), Unbound: n.get(countUnbound), Unknown: n.get(countUnknown),
		Replayed: n.get(countReplayed), Denied: n.get(countDenied), Busy: n.get(countBusy),
		TimedOut: n.get(countTimedOut), Panics: n.get(countPanics), Dropped: n.get(countDropped),
		Oversize: n.get(countOversize), LogsSuppressed: s.flood.total.Load(),
		Running: running, Waiting: waiting,
	}
}
