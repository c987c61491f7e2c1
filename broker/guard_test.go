package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"mcollective/connector"
	"mcollective/connector/nats"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// A stranger is a connection that does what it likes.
type stranger struct{ *net.TCPConn }

// An address is that of a broker in another process.
type address string

func (a address) Addr() string { return string(a) }

func connectStranger(t *testing.T, b interface{ Addr() string }, lines ...string) stranger {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := stranger{c.(*net.TCPConn)}
	if err := s.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := io.WriteString(s, line+"\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// answered returns once the broker has taken all lines.
func (s stranger) answered(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(s, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(s); in.Scan(); {
		if in.Text() == "PONG" {
			return
		}
	}
	t.Fatal("no PONG")
}

// ended reports whether the broker ends the connection.
func (s stranger) ended() error {
	_, err := io.Copy(io.Discard, s)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return nil
}

const hello = `CONNECT {"verbose":false,"protocol":1}`

// pings has a client ask a node something until ctx ends, and fails if an answer does
// not come.
func pings(t *testing.T, ctx context.Context, b *Broker) (answers func() int, wait func()) {
	t.Helper()
	open := func(name string) *nats.Conn {
		c, err := nats.Connect(t.Context(), nats.Options{Servers: []string{b.Addr()}, Identity: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	node, client := open("node1"), open("client1")
	here := connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node1"}
	if _, err := node.Subscribe(t.Context(), here, func(d connector.Delivery) {
		if err := node.Publish(t.Context(), connector.Target{Kind: connector.Reply, Address: d.ReplyTo}, connector.Message{Data: d.Data}); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	replies := make(chan struct{}, 1)
	sub, err := client.Subscribe(t.Context(), connector.Target{Kind: connector.Reply, Collective: "mcollective"}, func(connector.Delivery) { replies <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(node.Flush(t.Context()), client.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	n := 0
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if err := client.Publish(t.Context(), here, connector.Message{Data: []byte("ping"), ReplyTo: sub.Address()}); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-replies:
				n++
			case <-time.After(30 * time.Second):
				t.Error("a ping was not answered")
				return
			}
		}
		if node.Status().Reconnects+client.Status().Reconnects != 0 {
			t.Error("the node or the client was cut off")
		}
	})
	return func() int { return n }, done.Wait
}

// Connections that subscribe and do not read are cut when what waits for them all is
// too much, those that pretend to await replies, too. A client and a node notice
// nothing.
func TestWhatWaitsForAllIsBounded(t *testing.T) {
	for _, subject := range []string{"flood.>", "mcollective.reply.evil.ABCDEFGH"} {
		t.Run(subject, func(t *testing.T) {
			b := start(t, Options{Listen: "127.0.0.1:0", Memory: 2 * minMemory})
			ctx, cancel := context.WithCancel(t.Context())
			answers, wait := pings(t, ctx, b)
			var strangers []stranger
			for range 20 {
				s := connectStranger(t, b, hello, "SUB "+subject+" 1")
				s.answered(t)
				strangers = append(strangers, s)
			}
			to := strings.ReplaceAll(subject, ">", "x")
			flooder := func() stranger {
				p := connectStranger(t, b, hello, "SUB nothing 1")
				go io.Copy(io.Discard, p)
				return p
			}
			publisher := flooder()
			flood := fmt.Appendf(nil, "PUB %s %d\r\n%s\r\n", to, b.opts.MaxPayload, bytes.Repeat([]byte("x"), int(b.opts.MaxPayload)))
			deadline := time.Now().Add(50 * time.Second)
			// More than the kernel takes for them.
			for most := int64(0); ; {
				if _, err := publisher.Write(flood); err != nil {
					publisher = flooder() // it may be cut as well, and comes back as an attacker does
				}
				all, err := b.server.Connz(nil)
				if err != nil {
					t.Fatal(err)
				}
				sum := int64(0)
				for _, c := range all.Conns {
					sum += int64(c.Pending)
				}
				if most = max(most, sum); most > 4*b.plan.pending {
					t.Fatalf("%d bytes wait", most)
				}
				if b.server.NumClients() <= 14 { // with node, client, publisher, and the broker's own
					t.Logf("at most %d bytes waited", most)
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d connections are left", b.server.NumClients())
				}
			}
			cancel()
			wait()
			if answers() == 0 {
				t.Error("nothing was asked")
			}
			// Those that were cut are gone, and what waited for them with them, long before
			// the write deadline.
			all, err := b.server.Connz(nil)
			if err != nil {
				t.Fatal(err)
			}
			left := make(map[int]bool)
			for _, c := range all.Conns {
				left[c.Port] = true
			}
			began := time.Now()
			for _, s := range strangers {
				if left[s.LocalAddr().(*net.TCPAddr).Port] {
					continue
				}
				if err := s.ended(); err != nil {
					t.Errorf("not cut: %v", err)
				}
			}
			if took := time.Since(began); took > writeDeadline/2 {
				t.Errorf("cutting took %v", took)
			}
		})
	}
}

// A connection that says nothing is ended, on an open broker as well.
func TestSilentConnectionIsEnded(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "nats.conf")
	if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\nauthorization { timeout: 0.1 }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := connectStranger(t, start(t, Options{Config: file})).ended(); err != nil {
		t.Error(err)
	}
	opts, err := settings(Options{})
	if err != nil || opts.AuthTimeout != silentTimeout.Seconds() {
		t.Errorf("a silent connection has %v seconds, %v", opts.AuthTimeout, err)
	}
}

// Where all places are taken, those who listen to nothing make room.
func TestRoomForNodes(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0", MaxConnections: 10})
	node := connectStranger(t, b, hello, "SUB mcollective.node.n1 1")
	node.answered(t)
	var idle []stranger
	for range 8 { // and the broker's own
		s := connectStranger(t, b, hello)
		s.answered(t)
		idle = append(idle, s)
	}
	if refused := connectStranger(t, b, hello); refused.ended() != nil {
		t.Fatal("there is more room than there should be")
	}
	g := newGuard(b.server, b.log.log, b.plan, b.opts)
	g.own.Store(b.guard.own.Load())
	g.makeRoom(time.Now().Add(time.Minute))
	g.ending.Wait()
	for _, s := range idle {
		if err := s.ended(); err != nil {
			t.Errorf("not cut: %v", err)
		}
	}
	node.answered(t)
	connectStranger(t, b, hello).answered(t)
}

// Anyone who can make the broker cut connections cannot hide nodes by that.
func TestInterestAfterConnectionsWereCut(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	if _, err := ask(t, b, "discovery"); err != nil {
		t.Fatal(err)
	}
	b.guard.lost.Store(time.Now().UnixNano())
	if names, err := ask(t, b, "discovery"); err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("told of %v, %v", names, err)
	}
	b.guard.lost.Store(time.Now().Add(-2 * lostFor).UnixNano())
	if _, err := ask(t, b, "discovery"); err != nil {
		t.Error(err)
	}
}

// While memory is short nobody comes in, and then no more than there is room for.
func TestEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(nil, slog.New(slog.DiscardHandler), planMemory(1<<30), &server.Options{MaxPayload: 8 << 20})
		if began := time.Now(); g.enter(1, true) || time.Since(began) != admitWithin {
			t.Error("came in before the guard has looked")
		}
		if began := time.Now(); g.enter(1, false) || time.Since(began) != 0 {
			t.Error("waited without patience")
		}
		room := g.plan.hard / 4 * 3
		g.admit(heapSize{objects: room - 20<<20}, time.Now())
		came := 0
		for cid := range uint64(3) {
			if g.enter(cid, true) {
				came++
			}
		}
		if came != 2 {
			t.Errorf("%d came in, and there is room for 2", came)
		}
		for range 10 {
			if !g.enter(0, true) || !g.enter(1, false) {
				t.Error("who is in needs another place")
			}
		}
		if n := g.newcomers.count(); n != 2 {
			t.Errorf("%d have come in, and two did", n)
		}
		g.admit(heapSize{objects: room - 20<<20}, time.Now())
		if len(g.places) != 0 {
			t.Errorf("%d more may come in before the two have subscribed", len(g.places))
		}
		// Those with the numbers from 100 on are not in yet.
		list := []*server.ConnInfo{{Cid: 0}, {Cid: 1, NumSubs: 1}}
		for cid := range uint64(200) {
			list = append(list, &server.ConnInfo{Cid: 100 + cid})
		}
		g.newcomers.settle(list, 2, time.Now())
		g.admit(heapSize{objects: room - 20<<20}, time.Now())
		if len(g.places) != 1 {
			t.Errorf("%d more may come in when one of two has subscribed", len(g.places))
		}
		g.admit(heapSize{objects: room}, time.Now())
		in := make(chan bool)
		go func() { in <- g.enter(5, true) }()
		synctest.Wait()
		g.admit(heapSize{objects: room}, time.Now())
		synctest.Wait()
		g.admit(heapSize{objects: 0}, time.Now())
		if !<-in {
			t.Error("who waited did not come in")
		}
		g.admit(heapSize{objects: room}, time.Now())
		if len(g.places) != 0 {
			t.Errorf("%d places while memory is short", len(g.places))
		}
		g.ending.Wait()
	})
}

// A fleet that comes at once gets in through few places, as those before subscribe,
// and strangers that do not log in are not in its way.
func TestFleetEnters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fleet, strangers = 1000, 500
		g := newGuard(nil, slog.New(slog.DiscardHandler), planMemory(1<<30), &server.Options{MaxPayload: 8 << 20})
		var came, refused atomic.Int64
		for cid := range uint64(fleet) {
			go func() {
				for !g.enter(cid, true) {
					refused.Add(1)
				}
				came.Add(1)
			}()
		}
		synctest.Wait()
		began := time.Now()
		for came.Load() < fleet {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("%d of %d are in after %v", came.Load(), fleet, time.Since(began))
			}
			g.admit(heapSize{objects: g.plan.hard/4*3 - 10*g.largest}, time.Now())
			synctest.Wait()
			if n := g.newcomers.unsettled(); n > 10 {
				t.Fatalf("%d are in and have not subscribed, and there is room for 10", n)
			}
			// All are open, and those who are in have subscribed.
			var list []*server.ConnInfo
			for cid := range uint64(fleet + strangers) {
				c := &server.ConnInfo{Cid: cid}
				if g.newcomers.has(cid) {
					c.NumSubs = 1
				}
				list = append(list, c)
			}
			if idle := g.newcomers.settle(list, g.newcomers.count(), time.Now().Add(time.Hour)); len(idle) != 0 {
				t.Fatalf("%d connections would be cut", len(idle))
			}
			time.Sleep(guardEvery)
		}
		t.Logf("%d were in after %v, and refused %d times", fleet, time.Since(began), refused.Load())
		// Who has left is forgotten.
		g.newcomers.settle(nil, g.newcomers.count(), time.Now())
		if g.newcomers.has(1) || g.newcomers.unsettled() != 0 {
			t.Error("those who left are remembered")
		}
	})
}

// Who was let in and has not subscribed counts as if it announced a largest message; that
// is seen anew while there are such, and those that had the time to subscribe make room.
// Who has not logged in does not count.
func TestNewcomersSettle(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0", User: "u", Password: "p"})
	login := strings.Replace(hello, "{", `{"user":"u","pass":"p",`, 1)
	var silent []stranger
	for range 20 {
		silent = append(silent, connectStranger(t, b))
	}
	before := b.guard.newcomers.count()
	for range 20 {
		if err := connectStranger(t, b, strings.Replace(login, `"p"`, `"q"`, 1)).ended(); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.guard.newcomers.count() - before; n != 0 {
		t.Errorf("%d came in with a wrong password", n)
	}
	mute := connectStranger(t, b, login, login, login)
	mute.answered(t)
	node := connectStranger(t, b, login, "SUB mcollective.node.n1 1")
	node.answered(t)
	if n := b.guard.newcomers.count() - before; n != 2 {
		t.Errorf("%d places taken, and 2 came in", n)
	}
	g := newGuard(b.server, b.log.log, b.plan, b.opts)
	g.own.Store(b.guard.own.Load())
	for _, c := range g.connections() {
		if b.guard.newcomers.has(c.Cid) {
			g.newcomers.add(c.Cid)
		}
	}
	g.settle(time.Now())
	if n := g.newcomers.unsettled(); n != 1 {
		t.Errorf("%d connections have not subscribed", n)
	}
	g.settle(time.Now().Add(time.Minute)) // nobody waits
	g.waiting.Store(1)
	g.room.Store(2)
	g.settle(time.Now().Add(2 * time.Minute)) // there is room for another
	g.ending.Wait()
	mute.answered(t)
	g.room.Store(1)
	g.settle(time.Now().Add(3 * time.Minute))
	g.ending.Wait()
	if err := mute.ended(); err != nil {
		t.Errorf("not cut: %v", err)
	}
	node.answered(t)
	for _, s := range silent {
		if _, err := io.WriteString(s, login+"\r\n"); err != nil {
			t.Fatal(err)
		}
		s.answered(t) // was not cut
	}
}

func TestWhoIsCutFirst(t *testing.T) {
	started := time.Now()
	conn := func(name, ip string, subs uint32, age time.Duration) *server.ConnInfo {
		return &server.ConnInfo{Name: name, IP: ip, NumSubs: subs, Start: started.Add(-age)}
	}
	all := []*server.ConnInfo{
		conn("node", "10.0.0.1", 5, time.Hour), conn("old", "10.6.6.6", 1, time.Hour), conn("new", "10.6.6.6", 1, time.Second),
		conn("nothing", "10.0.0.2", 0, time.Hour),
	}
	var names []string
	for _, h := range strangersFirst(all, 10) {
		names = append(names, h.info.Name)
	}
	if diff := cmp.Diff([]string{"nothing", "new", "old", "node"}, names); diff != "" {
		t.Error(diff)
	}
	p := planMemory(1 << 30)
	const much = 8 << 20
	for i, order := range [][2]held{
		{{pending: much}, {pending: 2 * much, caller: true, stuck: true}},
		{{pending: much, caller: true, stuck: true}, {pending: 2 * much, caller: true}},
		{{pending: 2 * much, caller: true}, {pending: much, caller: true}},
		{{pending: much, caller: true}, {pending: 100}},
	} {
		if p.worstFirst(order[0], order[1]) >= 0 {
			t.Errorf("%d: the wrong one is cut", i)
		}
	}
}

func TestReportsOfCutsAreFew(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(&buf, nil))
	var r report
	now := time.Now()
	r.flush(log, now)
	for range 1000 {
		r.cut(log, held{info: &server.ConnInfo{Name: "evil\x1b[2J\nname", IP: "10.0.0.1", Port: 1}}, "why", 1, 2)
	}
	r.turnAway()
	r.turnAway()
	r.flush(log, now.Add(reportEvery))
	r.flush(log, now.Add(2*reportEvery))
	if n := strings.Count(buf.String(), "\n"); n != reportLines+2 || !strings.Contains(buf.String(), "connections=990") || !strings.Contains(buf.String(), "refused\" reason=\"the broker is short of memory\" connections=2") {
		t.Errorf("%d lines:\n%s", n, buf.String())
	}
	if strings.ContainsRune(buf.String(), 0x1b) {
		t.Error("a name reaches the log raw")
	}
}

// Each part of a subject costs memory, and a line has room for 2,000.
func TestSubjectOfManyParts(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	for parts, want := range map[int]uint32{maxSubjectParts: 1, maxSubjectParts + 1: 0, 1900: 0} {
		t.Run(subtest.Name(parts), func(t *testing.T) {
			s := connectStranger(t, b, hello, "SUB "+strings.Repeat("x.", parts-1)+"y 1")
			if _, err := io.WriteString(s, "PING\r\n"); err != nil {
				t.Fatal(err)
			}
			said := ""
			for in := bufio.NewScanner(s); in.Scan() && in.Text() != "PONG"; {
				said += in.Text() + "\n"
			}
			if refused := strings.Contains(said, "-ERR"); refused != (want == 0) {
				t.Errorf("%d parts: the broker says %q", parts, said)
			}
			all, err := b.server.Connz(nil)
			if err != nil {
				t.Fatal(err)
			}
			var subs uint32
			for _, c := range all.Conns {
				if c.Cid != b.guard.own.Load() {
					subs += c.NumSubs
				}
			}
			if subs != want {
				t.Errorf("%d parts: there are %d subscriptions, want %d", parts, subs, want)
			}
			s.Close()
			for deadline := time.Now().Add(30 * time.Second); b.server.NumClients() > 1; {
				if time.Now().After(deadline) {
					t.Fatal("the stranger's connection does not end")
				}
				runtime.Gosched()
			}
		})
	}
}

// Garbage is collected early where it may be all that keeps newcomers out, and not more
// often than it can help.
func TestGarbageIsCollectedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const largest = 8 << 20
		g := newGuard(nil, slog.New(slog.DiscardHandler), planMemory(1<<30), &server.Options{MaxPayload: largest})
		room := g.plan.hard / 4 * 3
		steps := []struct {
			name    string
			m       heapSize
			waiting int64
			later   time.Duration // than the one before
			want    bool
		}{
			{name: "there is room", m: heapSize{objects: room - 3*largest}, waiting: 1},
			{name: "nobody waits", m: heapSize{objects: room - largest/2}},
			{name: "what is held is no garbage", m: heapSize{objects: room - largest/2, live: room - largest}, waiting: 1},
			{name: "garbage keeps somebody out", m: heapSize{objects: room - largest/2}, waiting: 1, want: true},
			{name: "again at once", m: heapSize{objects: room - largest/2}, waiting: 1, later: guardEvery},
			{name: "again after a while", m: heapSize{objects: room - largest/2}, waiting: 1, later: collectEvery, want: true},
			{name: "memory is short", m: heapSize{objects: room + 1, live: room}, later: collectEvery + 1, want: true},
			{name: "memory is still short", m: heapSize{objects: room + 1, live: room}, later: 1},
		}
		for _, tc := range steps {
			time.Sleep(tc.later) // virtual
			before := g.collected
			g.waiting.Store(tc.waiting)
			g.admit(tc.m, time.Now())
			if got := !g.collected.Equal(before); got != tc.want {
				t.Errorf("%s: collected %t", tc.name, got)
			}
			g.ending.Wait()
			if g.collecting.Load() {
				t.Errorf("%s: the collection does not end", tc.name)
			}
		}
	})
}

// Connections are listed when the heap has grown since they were last, or much was found
// then, or subscriptions came that nobody has counted, and otherwise nats-server is left alone.
func TestOnlyAHeapThatGrewIsScanned(t *testing.T) {
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	g := newGuard(s, slog.New(slog.DiscardHandler), planMemory(1<<30), &server.Options{MaxPayload: 8 << 20})
	const low = 10 << 20
	g.heap = func() heapSize { return heapSize{objects: low} }
	grown := low + min(g.plan.pending, g.plan.subs)/8 + 1
	now := time.Now()
	steps := []struct {
		name string
		m    heapSize
		set  func()
		want bool
	}{
		{"as it was", heapSize{objects: low}, func() {}, false},
		{"grown a little", heapSize{objects: grown - 1}, func() {}, false},
		{"grown", heapSize{objects: grown}, func() {}, true},
		{"grown, and scanned a moment ago", heapSize{objects: grown}, func() { g.next = now.Add(guardEvery) }, false},
		{"much was found", heapSize{objects: low}, func() { g.full = true }, true},
		{"subscriptions not counted", heapSize{objects: low}, func() { g.counted.Store(-g.plan.subs / worstSubscription) }, true},
	}
	for _, tc := range steps {
		g.low, g.full, g.next = low, false, time.Time{}
		g.counted.Store(0)
		tc.set()
		next := g.next
		g.inspect(tc.m, now)
		if got := !g.next.Equal(next); got != tc.want {
			t.Errorf("%s: scanned %t", tc.name, got)
		}
	}
	// A heap that has shrunk is what growth is counted from.
	g.low, g.full, g.next = grown, false, time.Time{}
	g.inspect(heapSize{objects: low}, now)
	g.inspect(heapSize{objects: grown}, now)
	if g.next.IsZero() {
		t.Error("growth from a smaller heap is not noticed")
	}
}
