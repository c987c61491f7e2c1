package broker

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// What nats-server allocates for a subscription, in bytes; TestSubscriptionCost
// measures it. It keeps subjects in a tree with a level for each part between dots. Levels
// are shared by all subjects that begin alike, so nodes cost little beside each other,
// while subjects that share nothing cost hundreds of bytes for each part.
const (
	subscriptionCost = 320 // itself, and its places in the maps of its connection and its subject
	queueCost        = 240 // a queue group of its own
	levelCost        = 408 // a level of the tree, and its places in the ledger

	// The most that a subscription can take.
	worstSubscription = subscriptionCost + queueCost + maxSubjectParts*levelCost + 2*server.MAX_CONTROL_LINE_SIZE

	// A subscription that was not looked at counts as one of a node, if a connection has
	// no more of them than a node has.
	usualSubscription   = subscriptionCost + 80
	usualSubscriptions  = 256
	unknownSubscription = 4 << 10
)

// A subscriptionLedger knows what the subscriptions of all connections take. The
// server tells how many a connection has at little cost, but which they are only one
// connection at a time.
type subscriptionLedger struct {
	seed   maphash.Seed
	levels map[uint64]int32 // how many connections have subjects below a level
	of     map[uint64]*subscriptionEntry
	own    int64 // of all connections, without levels
	count  int64
}

// A subscriptionEntry is what a connection had when it was last read.
type subscriptionEntry struct {
	count  uint32
	active time.Time // the connection's last activity
	read   time.Time
	own    int64
	levels []uint64 // sorted, each once
}

func newSubscriptionLedger() *subscriptionLedger {
	return &subscriptionLedger{seed: maphash.MakeSeed(), levels: make(map[uint64]int32), of: make(map[uint64]*subscriptionEntry)}
}

// set records the subscriptions of a connection.
func (l *subscriptionLedger) set(c *server.ConnInfo, now time.Time) {
	l.forget(c.Cid)
	e := &subscriptionEntry{count: uint32(len(c.SubsDetail)), active: c.LastActivity, read: now}
	var hash maphash.Hash
	hash.SetSeed(l.seed)
	for _, s := range c.SubsDetail {
		e.own += int64(subscriptionCost + 2*len(s.Subject) + len(s.Sid) + 2*len(s.Queue))
		if s.Queue != "" {
			e.own += queueCost
		}
		hash.Reset()
		hash.WriteString(c.Account)
		for part := range strings.SplitSeq(s.Subject, ".") {
			hash.WriteByte('.')
			hash.WriteString(part)
			e.levels = append(e.levels, hash.Sum64())
		}
	}
	slices.Sort(e.levels)
	e.levels = slices.Clip(slices.Compact(e.levels))
	for _, level := range e.levels {
		l.levels[level]++
	}
	l.of[c.Cid] = e
	l.own += e.own
	l.count += int64(e.count)
}

func (l *subscriptionLedger) forget(cid uint64) {
	e := l.of[cid]
	if e == nil {
		return
	}
	for _, level := range e.levels {
		if l.levels[level]--; l.levels[level] <= 0 {
			delete(l.levels, level)
		}
	}
	delete(l.of, cid)
	l.own -= e.own
	l.count -= int64(e.count)
}

// total returns what all subscriptions that were read take together.
func (l *subscriptionLedger) total() int64 { return l.own + int64(len(l.levels))*levelCost }

// charge returns a connection's part of the total.
func (l *subscriptionLedger) charge(c *server.ConnInfo) int64 {
	e := l.of[c.Cid]
	sum := l.unread(c)
	if e == nil {
		return sum
	}
	sum += e.own
	for _, level := range e.levels {
		sum += levelCost / int64(max(1, l.levels[level]))
	}
	return sum
}

// unread estimates what the subscriptions take that were added since a connection was
// read.
func (l *subscriptionLedger) unread(c *server.ConnInfo) int64 {
	known := int64(0)
	if e := l.of[c.Cid]; e != nil {
		known = int64(e.count)
	}
	n := max(0, int64(c.NumSubs)-known)
	return min(n, usualSubscriptions)*usualSubscription + max(0, n-usualSubscriptions)*unknownSubscription
}

// A reading bounds how the ledger reads subscriptions.
type reading struct {
	of     func(cid uint64) *server.ConnInfo // a connection with its subscriptions, or nil if it has gone
	limit  int64                             // what all may take
	until  time.Time
	latest time.Time // if by what is known already, all could take more than the limit
}

const (
	readAtOnce   = 8 // connections: the server may keep us waiting for each
	readReplaced = 4 // connections at most that have as many subscriptions as before
)

// follow reads the connections whose subscriptions may have changed, as far as the
// time goes, and returns what all subscriptions take, and whether some were left
// unread: first where most were added or removed, then a few of those that may have
// replaced some by others.
func (l *subscriptionLedger) follow(all []*server.ConnInfo, r reading) (total int64, more bool) {
	there := make(map[uint64]struct{}, len(all))
	var changed, active []*server.ConnInfo
	for _, c := range all {
		there[c.Cid] = struct{}{}
		e := l.of[c.Cid]
		switch {
		case e == nil && c.NumSubs == 0:
		case e == nil || e.count != c.NumSubs:
			changed = append(changed, c)
		case !e.active.Equal(c.LastActivity):
			active = append(active, c)
		}
	}
	for cid := range l.of {
		if _, ok := there[cid]; !ok {
			l.forget(cid)
		}
	}
	difference := func(c *server.ConnInfo) int64 {
		if e := l.of[c.Cid]; e != nil {
			return max(int64(c.NumSubs)-int64(e.count), int64(e.count)-int64(c.NumSubs))
		}
		return int64(c.NumSubs)
	}
	slices.SortFunc(changed, func(a, b *server.ConnInfo) int { return cmp.Compare(difference(b), difference(a)) })
	now := time.Now()
	doubt := func(c *server.ConnInfo) float64 { return float64(c.NumSubs) * now.Sub(l.of[c.Cid].read).Seconds() }
	slices.SortFunc(active, func(a, b *server.ConnInfo) int { return cmp.Compare(doubt(b), doubt(a)) })
	for first := true; len(changed) > 0; first = false {
		if now := time.Now(); !first && now.After(r.until) && (now.After(r.latest) || l.supposed(changed) < r.limit) {
			break
		}
		n := min(readAtOnce, len(changed))
		l.read(changed[:n], r.of)
		changed = changed[n:]
	}
	l.read(active[:min(readReplaced, len(active))], r.of)
	total = l.total()
	for _, c := range changed {
		total += l.unread(c)
	}
	return total, len(changed) > 0
}

// supposed returns what all take if those that were not read are like the others.
func (l *subscriptionLedger) supposed(notRead []*server.ConnInfo) int64 {
	sum, each := l.total(), int64(usualSubscription)
	if l.count > 0 {
		each = max(each, sum/l.count)
	}
	for _, c := range notRead {
		sum += int64(c.NumSubs) * each
	}
	return sum
}

// read reads connections at the same time.
func (l *subscriptionLedger) read(list []*server.ConnInfo, of func(cid uint64) *server.ConnInfo) {
	detailed := make([]*server.ConnInfo, len(list))
	var all sync.WaitGroup
	for i, c := range list {
		all.Go(func() { detailed[i] = of(c.Cid) })
	}
	all.Wait()
	for i, c := range list {
		if detailed[i] != nil {
			l.set(detailed[i], time.Now())
		} else {
			l.forget(c.Cid)
		}
	}
}
