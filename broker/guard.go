package broker

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"mcollective/connector/nats/subject"
)

// A guard keeps a broker within its memory. nats-server bounds what waits for one
// connection, but not what waits for all of them, nor what they have begun to send:
// twenty connections that read nothing would take gigabytes.
//
// It looks at the size of the heap all the time, which is cheap, and inspects every
// connection when the heap has grown. That asks nats-server, which may take seconds to
// answer while it is busy, so it goes on beside. When too much is held for all connections it
// cuts those for which most is held, and those first that are certainly not a
// client in the middle of a run. Only that can be done: which bytes a connection may
// send is nats-server's to say.
type guard struct {
	server *server.Server
	log    *slog.Logger
	plan   memoryPlan
	max    int           // of connections
	own    atomic.Uint64 // the broker's own connection, which is never cut
	heap   func() heapSize

	largest   int64         // message
	places    chan struct{} // has a token for each connection that may come in
	waiting   atomic.Int64  // connections that want one
	room      atomic.Int64  // largest messages that there is memory for
	newcomers newcomers

	slow    atomic.Int64 // nats-server's own count of them
	lost    atomic.Int64 // when a connection was last lost for its pending data, in ns since 1970
	counted atomic.Int64 // subscriptions, at the last scan

	ending     sync.WaitGroup // of connections that are cut, a collection, and an inspection
	collecting atomic.Bool
	inspecting atomic.Bool
	collected  time.Time // of the goroutine that runs
	report     report

	// Of the inspection, or of the goroutine that runs while there is none.
	low     int64 // the smallest heap since the last scan
	full    bool  // the last scan found much
	next    time.Time
	pressed int64 // how many collections there had been
	crowded time.Time
	was     int             // subscriptions at the last look, of the goroutine that runs
	muted   time.Time       // when connections may be listed again to see which have subscribed
	before  map[uint64]held // at the last scan
	ledger  *subscriptionLedger
}

// held is what the broker holds for a connection, in bytes.
type held struct {
	info    *server.ConnInfo
	pending int64 // waits to be written
	subs    int64 // its subscriptions take, if that was asked
	caller  bool  // it awaits replies
	stuck   bool  // it has taken nothing since the last scan
}

const (
	guardEvery = 20 * time.Millisecond

	// How long after a connection was lost for its pending data the list of those who
	// listen may lack it: by then a node has come back, or tries again every 20 s.
	lostFor = time.Minute

	// How often garbage is collected while memory is short, and how long newcomers wait:
	// less than the 2 s for which nodes and clients do, so that they hear why.
	collectEvery = 200 * time.Millisecond
	admitWithin  = 1500 * time.Millisecond

	// When a connection that listens to nothing is neither a node's nor a client's.
	idleAfter = 2 * time.Second

	// What a connection may have sent that nats-server has not read yet, while
	// subscriptions come faster than they can be counted: some large replies of a node.
	maxUnread = 16 << 10

	// How long subscriptions may be read at a time, and if they may be too many.
	readFor  = 20 * time.Millisecond
	readLong = 200 * time.Millisecond
)

func newGuard(s *server.Server, log *slog.Logger, plan memoryPlan, opts *server.Options) *guard {
	return &guard{
		server: s, log: log, plan: plan, max: opts.MaxConn, heap: readHeap,
		largest: int64(max(opts.MaxPayload, 1)), places: make(chan struct{}, 1000), ledger: newSubscriptionLedger(),
	}
}

// run guards until done is closed.
func (g *guard) run(done <-chan struct{}) {
	t := time.NewTicker(guardEvery)
	defer t.Stop()
	defer g.ending.Wait()
	g.low = g.heap().objects
	for {
		select {
		case <-t.C:
			g.look(time.Now())
		case <-done:
			return
		}
	}
}

// cutLately reports whether a connection was lost a moment ago because too much
// waited for it.
func (g *guard) cutLately() bool {
	at := g.lost.Load()
	return at != 0 && time.Since(time.Unix(0, at)) < lostFor || g.server.NumSlowConsumers() != g.slow.Load()
}

func (g *guard) look(now time.Time) {
	if n := g.server.NumSlowConsumers(); n != g.slow.Load() {
		g.lost.Store(now.UnixNano())
		g.slow.Store(n)
	}
	m := g.heap()
	g.admit(m, now)
	g.stem(m)
	g.report.flush(g.log, now)
	if g.inspecting.CompareAndSwap(false, true) {
		g.ending.Go(func() {
			defer g.inspecting.Store(false)
			g.inspect(m, now)
		})
	}
}

// inspect does what nats-server has to be asked for.
func (g *guard) inspect(m heapSize, now time.Time) {
	g.settle(now)
	g.low = min(g.low, m.objects)
	grown := m.objects > g.low+min(g.plan.pending, g.plan.subs)/8
	if !now.Before(g.next) && (g.full || grown || g.uncounted(g.server.NumSubscriptions()) >= g.plan.subs/2) {
		g.scan(now)
	}
	if m.live > g.plan.hard/8*7 && m.collections > g.pressed+1 { // one may be under way that began before
		g.pressed = m.collections
		g.press(m.live)
	}
	if now.Sub(g.crowded) > time.Second {
		g.crowded = now
		g.makeRoom(now)
	}
}

// settle sees which newcomers have subscribed, and cuts those that had the time to if
// there is no room but theirs for those that wait.
func (g *guard) settle(now time.Time) {
	if now.Before(g.muted) || g.newcomers.unsettled() == 0 && g.waiting.Load() == 0 {
		return
	}
	began := time.Now()
	entered := g.newcomers.count()
	idle := g.newcomers.settle(g.connections(), entered, now)
	if room := g.room.Load(); g.waiting.Load() > 0 && room <= g.newcomers.unsettled() {
		g.cut(strangersFirst(idle, math.MaxInt), "others wait for memory", g.plan.hard/4*3-room*g.largest, g.plan.hard/4*3)
	}
	g.muted = time.Now().Add(4 * time.Since(began))
}

// admit lets newcomers in: as many as there is memory for if each of them announces
// the largest message, and each that has not subscribed yet. If memory is short nobody comes in: those
// who were cut are back at once, and before what they held is collected.
func (g *guard) admit(m heapSize, now time.Time) {
	free := g.plan.hard/4*3 - m.objects
	g.room.Store(max(0, free/g.largest))
	places := min(max(0, g.room.Load()-g.newcomers.unsettled()), int64(cap(g.places)))
	for len(g.places) > int(places) {
		select {
		case <-g.places:
		default:
		}
	}
	// Counted before, since those who wait take them at once.
	for range int(places) - len(g.places) {
		g.places <- struct{}{}
	}
	// Garbage may be all that keeps them out.
	short := free < 0 || places == 0 && g.waiting.Load() > 0 && m.objects > m.live+g.largest
	if short && now.Sub(g.collected) > collectEvery && g.collecting.CompareAndSwap(false, true) {
		g.collected = now
		g.ending.Go(func() {
			runtime.GC()
			g.collecting.Store(false)
		})
	}
}

// enter lets a connection in, once, when there is room for it, and reports whether there
// is. With patience it waits a while for that.
func (g *guard) enter(cid uint64, patient bool) bool {
	if g.newcomers.has(cid) {
		return true
	}
	select {
	case <-g.places:
		g.newcomers.add(cid)
		return true
	default:
	}
	if !patient {
		g.report.turnAway()
		return false
	}
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	t := time.NewTimer(admitWithin)
	defer t.Stop()
	select {
	case <-g.places:
		g.newcomers.add(cid)
		return true
	case <-t.C:
		g.report.turnAway()
		return false
	}
}

// connections returns all connections of clients but the broker's own.
func (g *guard) connections() []*server.ConnInfo {
	all, err := g.server.Connz(&server.ConnzOptions{Limit: 1 << 30})
	if err != nil {
		g.log.Error("connections not listed", "error", err)
		return nil
	}
	own := g.own.Load()
	return slices.DeleteFunc(all.Conns, func(c *server.ConnInfo) bool { return c.Cid == own })
}

// uncounted returns the most that subscriptions take which came since the last scan.
func (g *guard) uncounted(subscriptions uint32) int64 {
	return (int64(subscriptions) - g.counted.Load()) * worstSubscription
}

// stem is for subscriptions that come faster than they can be counted: while hundreds
// of connections subscribe as fast as they can, nats-server answers no question about
// them for seconds. It ends those that have sent so much that it waits to be read, which
// asks only the system.
func (g *guard) stem(m heapSize) {
	if m.objects < g.plan.hard/4 {
		g.was = math.MaxInt
		return
	}
	n, counted, was := g.server.NumSubscriptions(), g.counted.Load(), g.was
	g.was = int(n)
	if int64(n) < counted {
		g.counted.CompareAndSwap(counted, int64(n))
	}
	if int(n) <= was || g.uncounted(n) < g.plan.subs {
		return
	}
	hasty := make(map[netip.AddrPort]bool)
	eachSocket(func(fd int, peer netip.AddrPort) {
		if unread(fd) > maxUnread {
			hasty[peer] = true
		}
	})
	if len(hasty) == 0 {
		return
	}
	g.lost.Store(time.Now().UnixNano())
	reset(hasty)
	for peer := range hasty {
		g.report.write(g.log, "it subscribes faster than can be counted", "address", peer.String())
	}
}

// scan looks at every connection, and cuts some if too much is held.
func (g *guard) scan(now time.Time) {
	conns := g.connections()
	n := int64(0)
	for _, c := range conns {
		n += int64(c.NumSubs)
	}
	g.counted.Store(n)
	more := g.boundSubscriptions(conns)
	g.full = g.boundPending(conns) || more
	g.low = g.heap().objects
	// At most a fifth of the time is spent on this. What takes longer was kept waiting.
	g.next = time.Now().Add(min(4*time.Since(now), 5*guardEvery))
}

// boundSubscriptions cuts the connections whose subscriptions take most, if all
// together take too much. It reports whether some are not known yet.
func (g *guard) boundSubscriptions(conns []*server.ConnInfo) (more bool) {
	now := time.Now()
	sum, more := g.ledger.follow(conns, reading{g.subscriptions, g.plan.subs, now.Add(readFor), now.Add(readLong)})
	if sum <= g.plan.subs {
		return more
	}
	all := make([]held, 0, len(conns))
	for _, c := range conns {
		all = append(all, held{info: c, pending: int64(c.Pending), subs: g.ledger.charge(c)})
	}
	slices.SortStableFunc(all, func(a, b held) int { return cmp.Compare(b.subs, a.subs) })
	n := 0
	for left := sum; n < len(all) && left > g.plan.subs/4*3; n++ {
		left -= all[n].subs
	}
	g.cut(all[:n], "subscriptions take too much memory", sum, g.plan.subs)
	for _, h := range all[:n] {
		g.ledger.forget(h.info.Cid)
	}
	return more
}

// subscriptions returns a connection with its subscriptions, or nil if it has gone.
func (g *guard) subscriptions(cid uint64) *server.ConnInfo {
	c, err := g.server.Connz(&server.ConnzOptions{CID: cid, Subscriptions: true, SubscriptionsDetail: true, Username: true})
	if err != nil || len(c.Conns) == 0 {
		return nil
	}
	return c.Conns[0]
}

// boundPending cuts connections for which much waits, if too much waits for one or for
// all together. It reports whether much waits.
func (g *guard) boundPending(conns []*server.ConnInfo) bool {
	all, sum := g.weigh(conns)
	var cut []held
	for i := range all {
		h := &all[i]
		if h.pending < g.plan.idle/8 {
			continue
		}
		if h.caller = g.awaitsReplies(h.info.Cid); !h.caller && h.pending > g.plan.idle {
			cut = append(cut, *h)
		}
	}
	sum -= g.cut(cut, "too much waits for a connection that awaits no replies", sum, g.plan.pending)
	if sum > g.plan.pending {
		all = slices.DeleteFunc(all, func(h held) bool { return h.pending > g.plan.idle && !h.caller })
		slices.SortStableFunc(all, g.plan.worstFirst)
		cut = nil
		for left := sum; len(cut) < len(all) && left > g.plan.pending/4*3; {
			h := all[len(cut)]
			cut = append(cut, h)
			left -= h.pending
		}
		sum -= g.cut(cut, "too much waits for all connections", sum, g.plan.pending)
	}
	return sum > g.plan.pending/4 || len(g.before) > 0
}

// weigh returns what waits for each connection for which anything does, and the sum.
func (g *guard) weigh(conns []*server.ConnInfo) (all []held, sum int64) {
	there := make(map[uint64]bool)
	for _, c := range conns {
		there[c.Cid] = true
		h := held{info: c, pending: int64(c.Pending)}
		if h.pending == 0 {
			continue
		}
		if b, ok := g.before[c.Cid]; ok {
			h.stuck = (c.OutBytes-b.info.OutBytes)-(h.pending-b.pending) <= 0
		}
		all = append(all, h)
		sum += h.pending
	}
	// What nats-server has cut itself is not in the list any more, but is held for as
	// long as the write that is under way.
	gone := make(map[netip.AddrPort]bool)
	for cid, h := range g.before {
		if !there[cid] {
			gone[addrOf(h.info)] = true
		}
	}
	if len(gone) > 0 {
		reset(gone)
	}
	g.before = make(map[uint64]held, len(all))
	for _, h := range all {
		if h.pending >= g.plan.idle/8 {
			g.before[h.info.Cid] = h
		}
	}
	return all, sum
}

// worstFirst puts those first that can be cut with the least harm: of those for which
// much is held, those that await no replies, then those that take nothing; and those
// first for which most is held.
func (p memoryPlan) worstFirst(a, b held) int {
	rank := func(h held) int {
		switch {
		case h.pending < p.idle/8:
			return 3
		case h.caller && !h.stuck:
			return 2
		case h.caller:
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.pending, a.pending))
}

// awaitsReplies reports whether a connection listens to an address for replies, as
// clients do.
func (g *guard) awaitsReplies(cid uint64) bool {
	c := g.subscriptions(cid)
	return c != nil && slices.ContainsFunc(c.SubsDetail, func(s server.SubDetail) bool { return subject.ListensForReplies(s.Subject) })
}

// cut ends connections and returns what waited for them. It says what all together
// take of which limit.
func (g *guard) cut(list []held, why string, all, limit int64) (sum int64) {
	if len(list) == 0 {
		return 0
	}
	g.lost.Store(time.Now().UnixNano())
	gone := make(map[netip.AddrPort]bool, len(list))
	for _, h := range list {
		sum += h.pending
		gone[addrOf(h.info)] = true
	}
	// First, since nats-server gives back what waits for a connection when the write
	// that is under way ends, which may take the whole write deadline.
	reset(gone)
	g.ending.Go(func() {
		for _, h := range list {
			_ = g.server.DisconnectClientByID(h.info.Cid) // it may have left
		}
	})
	for _, h := range list {
		g.report.cut(g.log, h, why, all, limit)
	}
	return sum
}

// press is for what cannot be attributed to a connection, such as the buffers of
// messages that were announced. If the heap is too large, not counting garbage, all
// connections are cut that listen to nothing, which neither nodes nor clients do, or
// a quarter of the others. What that came to is known after the next collection.
func (g *guard) press(live int64) {
	// Those who have not come in yet could not announce anything.
	all := slices.DeleteFunc(g.connections(), func(c *server.ConnInfo) bool { return g.newcomers.count() > 0 && !g.newcomers.has(c.Cid) })
	n := 0
	for _, c := range all {
		if c.NumSubs == 0 {
			n++
		}
	}
	if n == 0 {
		n = len(all)/4 + 1
	}
	g.cut(strangersFirst(all, n), "the broker is short of memory", live, g.plan.hard)
}

// idle returns the connections that listen to nothing and have had the time to.
func (g *guard) idle(now time.Time) []*server.ConnInfo {
	return slices.DeleteFunc(g.connections(), func(c *server.ConnInfo) bool {
		return c.NumSubs > 0 || now.Sub(c.Start) < idleAfter
	})
}

// makeRoom keeps places for nodes where strangers take them all.
func (g *guard) makeRoom(now time.Time) {
	n := g.server.NumClients()
	if n < g.max/10*9 {
		return
	}
	cut := strangersFirst(g.idle(now), n)
	if n >= g.max && len(cut) < g.max/50 {
		cut = strangersFirst(g.connections(), max(1, g.max/50))
	}
	g.cut(cut, fmt.Sprintf("%d of %d connections are taken", n, g.max), 0, 0)
}

// strangersFirst returns n connections, or all if there are fewer: those first that
// listen to nothing, then those of the address that has the most, the newest first.
func strangersFirst(all []*server.ConnInfo, n int) []held {
	of := make(map[string]int)
	for _, c := range all {
		of[c.IP]++
	}
	listens := func(c *server.ConnInfo) int { return int(min(c.NumSubs, 1)) }
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b *server.ConnInfo) int {
		return cmp.Or(cmp.Compare(listens(a), listens(b)), cmp.Compare(of[b.IP], of[a.IP]), b.Start.Compare(a.Start))
	})
	var list []held
	for _, c := range all[:min(n, len(all))] {
		list = append(list, held{info: c, pending: int64(c.Pending)})
	}
	return list
}

func addrOf(c *server.ConnInfo) netip.AddrPort {
	ip, err := netip.ParseAddr(c.IP)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(c.Port))
}

// A report writes a line for each connection that was cut, but not for thousands.
type report struct {
	mu      sync.Mutex
	since   time.Time
	written int
	left    int
	refused int // newcomers
}

const (
	reportEvery = 10 * time.Second
	reportLines = 10
)

func (r *report) cut(log *slog.Logger, h held, why string, all, limit int64) {
	r.write(log, why, "name", fmt.Sprintf("%.64q", h.info.Name), "address", addrOf(h.info).String(),
		"pending_bytes", h.pending, "subscriptions", h.info.NumSubs, "subscription_bytes", h.subs, "held_for_all", all, "limit", limit)
}

func (r *report) write(log *slog.Logger, why string, details ...any) {
	r.mu.Lock()
	r.written++
	left := r.written > reportLines
	if left {
		r.left++
	}
	r.mu.Unlock()
	if left {
		return
	}
	log.Warn("connection cut", append([]any{"reason", why}, details...)...)
}

func (r *report) turnAway() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused++
}

func (r *report) flush(log *slog.Logger, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) < reportEvery {
		return
	}
	if r.left > 0 {
		log.Warn("more connections cut", "connections", r.left)
	}
	if r.refused > 0 {
		log.Warn("new connections refused", "reason", "the broker is short of memory", "connections", r.refused)
	}
	r.since, r.written, r.left, r.refused = now, 0, 0, 0
}
