package broker

import (
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// newcomers knows which open connections were let in, and how many of these have not
// subscribed yet. What they announce shows on the heap only once they had the
// processor, which on a busy machine may be after hundreds of others came in. Nodes and
// clients subscribe at once. Who was not let in yet counts for nothing: nats-server
// takes no message from it.
type newcomers struct {
	mu      sync.Mutex
	open    map[uint64]newcomer // by nats-server's number of the connection
	entered int64               // connections that came in, ever
	listed  int64               // how many had come in when connections were last listed
	mute    int64               // of those, how many were open and had no subscription
}

type newcomer struct {
	place int64 // how many had come in with it
	at    time.Time
}

func (n *newcomers) add(cid uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		n.open = make(map[uint64]newcomer)
	}
	n.entered++
	n.open[cid] = newcomer{n.entered, time.Now()}
}

// has reports whether a connection has come in.
func (n *newcomers) has(cid uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.open[cid]
	return ok
}

// count returns how many connections have come in, ever.
func (n *newcomers) count() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.entered
}

// unsettled returns how many have not subscribed, as far as is known.
func (n *newcomers) unsettled() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mute + n.entered - n.listed
}

// settle takes over a list of all connections, which was made when so many had come in,
// and returns those that came in and have no subscription, but had the time to.
func (n *newcomers) settle(all []*server.ConnInfo, entered int64, now time.Time) (idle []*server.ConnInfo) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mute, n.listed = 0, entered
	listed := make(map[uint64]bool, len(all))
	for _, c := range all {
		listed[c.Cid] = true
		who, in := n.open[c.Cid]
		if !in || c.NumSubs > 0 || who.place > entered {
			continue
		}
		n.mute++
		if now.Sub(who.at) >= idleAfter {
			idle = append(idle, c)
		}
	}
	for cid, who := range n.open {
		if who.place <= entered && !listed[cid] {
			delete(n.open, cid)
		}
	}
	return idle
}
