package broker

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// The ledger counts what nats-server really allocates: neither much less, nor so much
// more that nodes were cut for nothing.
func TestSubscriptionCost(t *testing.T) {
	const conns, each = 2, 1000
	live := func() int64 {
		runtime.GC()
		runtime.GC() // the first may have been under way
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for name, subject := range map[string]func(i int) string{
		"one subject":    func(int) string { return "a.b" },
		"wildcard":       func(int) string { return ">" },
		"node":           func(i int) string { return fmt.Sprintf("mcollective.broadcast.agent.agent%d", i%50) },
		"reply address":  func(i int) string { return fmt.Sprintf("mcollective.reply.client.%026d", i) },
		"one part":       func(i int) string { return strconv.Itoa(i) },
		"five parts":     func(i int) string { return strconv.Itoa(i) + ".x.x.x.x" },
		"all parts":      func(i int) string { return strconv.Itoa(i) + strings.Repeat(".x", maxSubjectParts-1) },
		"long part":      func(i int) string { return strconv.Itoa(i) + strings.Repeat("x", 2000) },
		"queue":          func(i int) string { return "a.b group" + strconv.Itoa(i) },
		"long queue":     func(i int) string { return "a.b " + strings.Repeat("x", 1000) + strconv.Itoa(i) },
		"shared by many": func(i int) string { return "x.y.z." + strconv.Itoa(i) + ".x" },
	} {
		t.Run(name, func(t *testing.T) {
			if !alone(t) { // what earlier tests leave is freed at any time, and would be counted
				return
			}
			b := start(t, Options{Listen: "127.0.0.1:0", Memory: 8 << 30})
			connectStranger(t, b, hello).answered(t) // what the first connection makes for all
			before := live()
			for c := range conns {
				s := connectStranger(t, b, hello)
				w := bufio.NewWriter(s)
				for i := range each {
					fmt.Fprintf(w, "SUB %s %d\r\n", subject(c*each+i), i)
				}
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				s.answered(t)
			}
			took := live() - before
			g := newGuard(b.server, b.log.log, b.plan, b.opts)
			g.own.Store(b.guard.own.Load())
			counted, _ := g.ledger.follow(g.connections(), reading{of: g.subscriptions, until: time.Now().Add(time.Minute)})
			t.Logf("a subscription takes %d bytes, and counts %d", took/conns/each, counted/conns/each)
			if counted < took*8/10 || counted > took*3/2 {
				t.Errorf("%d bytes are counted for what takes %d", counted, took)
			}
			runtime.KeepAlive(b)
		})
	}
}

// aloneVariable names the test that this process is for.
const aloneVariable = "MCO_BROKER_TEST_ALONE"

// alone reports whether the test has this process for itself. If not, it runs the test in
// a process of its own first, whose failure is this test's.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), aloneVariable+"="+t.Name())
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in a process of its own: %v", err)
	} else if !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("the process did not run it")
	}
	return false
}

func TestSubscriptionLedger(t *testing.T) {
	conns := make(map[uint64]*server.ConnInfo)
	began := time.Now()
	have := func(cid uint64, active int, subjects ...string) {
		c := &server.ConnInfo{Cid: cid, NumSubs: uint32(len(subjects)), LastActivity: began.Add(time.Duration(active) * time.Second)}
		for _, s := range subjects {
			c.SubsDetail = append(c.SubsDetail, server.SubDetail{Subject: s})
		}
		conns[cid] = c
	}
	var mu sync.Mutex
	var asked []uint64
	read := func(cid uint64) *server.ConnInfo {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, cid)
		return conns[cid]
	}
	l := newSubscriptionLedger()
	later := began.Add(time.Hour)
	r := reading{of: read, limit: 1 << 30, until: later}
	more := false
	follow := func(r reading) (sum int64) {
		var all []*server.ConnInfo
		for cid := uint64(1); cid < 100; cid++ {
			if c := conns[cid]; c != nil {
				all = append(all, c)
			}
		}
		sum, more = l.follow(all, r)
		slices.Sort(asked)
		return sum
	}
	check := func(what string, got, want int64, reads ...uint64) {
		t.Helper()
		if got != want || fmt.Sprint(asked) != fmt.Sprint(reads) {
			t.Errorf("%s: %d, want %d; read %v, want %v", what, got, want, asked, reads)
		}
		asked = nil
	}
	own := func(subjects ...string) (sum int64) {
		for _, s := range subjects {
			sum += int64(subscriptionCost + 2*len(s))
		}
		return sum
	}
	have(1, 0, "c.agent.a", "c.agent.b")
	have(2, 0, "c.agent.a", "c.agent.b", "c.node.n2")
	have(3, 0)
	usual := own("c.agent.a", "c.agent.b")*2 + own("c.node.n2")
	check("levels count once", follow(r), usual+6*levelCost, 1, 2)
	check("and are charged in parts", l.charge(conns[1]), own("c.agent.a", "c.agent.b")+4*(levelCost/2))
	check("nothing is read twice", follow(r), usual+6*levelCost)
	have(2, 1, "c.agent.a", "c.agent.b", "x.x.x.x.x.x")
	check("a subscription was replaced", follow(r), own("c.agent.a", "c.agent.b")*2+own("x.x.x.x.x.x")+10*levelCost, 2)
	have(2, 2, "c.agent.a")
	check("some ended", follow(r), own("c.agent.a", "c.agent.b", "c.agent.a")+4*levelCost, 2)
	delete(conns, 1)
	check("a connection ended", follow(r), own("c.agent.a")+3*levelCost)
	var many []string
	for i := range 2 * usualSubscriptions {
		many = append(many, strconv.Itoa(i))
	}
	const others = 3 * readAtOnce
	for i := range uint64(others) {
		have(10+i, 3, "c.agent.a")
	}
	have(50, 3, many...)
	known := own("c.agent.a") + 3*levelCost // of 2
	r.until = began
	l.follow([]*server.ConnInfo{conns[50], conns[2]}, r)
	check("what was read stays", l.charge(conns[50]), own(many...)+int64(len(many))*levelCost, 50)
	known += l.charge(conns[50])
	check("there is no time for all", follow(r), known+readAtOnce*own("c.agent.a")+(others-readAtOnce)*usualSubscription,
		10, 11, 12, 13, 14, 15, 16, 17)
	if !more {
		t.Error("nobody says that some were not read")
	}
	r.limit, r.latest = known+others*own("c.agent.a"), later
	check("there is if it could be too much", follow(r), known+others*own("c.agent.a"),
		18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33)
	have(60, 3, append(many, "a.a", "b.b")...)
	check("many that were not read count as more than a node's", l.charge(conns[60]),
		usualSubscriptions*usualSubscription+(usualSubscriptions+2)*unknownSubscription)
	clear(conns)
	check("nothing is left", follow(r), 0)
	if l.own != 0 || len(l.levels)+len(l.of) != 0 {
		t.Errorf("left in the ledger: %+v", l)
	}
}

// childVariable has a test binary be the broker that is attacked.
const childVariable = "BROKER_TEST_CHILD_MEMORY"

// Connections that subscribe as fast as they can to subjects that share nothing could
// take several times what the broker may use. It cuts some of them before it takes
// more than that, says why, and spares a node.
func TestSubscriptionsStayWithinMemory(t *testing.T) {
	const limit = 256 << 20
	if text := os.Getenv(childVariable); text != "" {
		serveAttacked(t, text)
		return
	}
	addr, finish := startAttacked(t, limit)
	node := connectStranger(t, addr, hello)
	for i := range 40 {
		if _, err := fmt.Fprintf(node, "SUB mcollective.broadcast.agent.agent%d %d\r\n", i, i); err != nil {
			t.Fatal(err)
		}
	}
	node.answered(t)
	const attackers = 50
	each := planMemory(limit).subscriptions()
	t.Logf("%d MiB would be taken", attackers*each*(subscriptionCost+maxSubjectParts*levelCost)>>20)
	var all sync.WaitGroup
	for i := range attackers {
		s := connectStranger(t, addr, hello)
		all.Go(func() {
			var lines bytes.Buffer
			for n := range each {
				fmt.Fprintf(&lines, "SUB %d-%d%s %d\r\n", i, n, strings.Repeat(".x", maxSubjectParts-1), n)
			}
			lines.WriteString("PING\r\n")
			go s.Write(lines.Bytes()) // it may be cut meanwhile
			for in := bufio.NewScanner(s); in.Scan() && in.Text() != "PONG"; {
			}
		})
	}
	all.Wait()
	node.answered(t)
	peak, log := finish()
	t.Logf("at most %d MiB were taken", peak>>20)
	if peak > limit {
		t.Errorf("%d bytes were taken, and %d is the limit", peak, int64(limit))
	}
	if !strings.Contains(log, "connection cut") || !strings.Contains(log, "subscri") {
		t.Errorf("nothing was cut, or nobody said why:\n%s", log)
	}
}

// startAttacked starts a broker in a process of its own, which has this memory. At the
// end that tells what it has taken at most, and logged.
func startAttacked(t *testing.T, memory int) (addr address, finish func() (peak int64, log string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childVariable+"="+strconv.Itoa(memory))
	var log bytes.Buffer
	cmd.Stderr = &log
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	said := bufio.NewScanner(out)
	hear := func(what string) string {
		for said.Scan() {
			if rest, ok := strings.CutPrefix(said.Text(), what+" "); ok {
				return rest
			}
		}
		t.Fatalf("the broker's process does not say %q:\n%s", what, log.String())
		return ""
	}
	addr = address(hear("listening"))
	return addr, func() (int64, string) {
		stop.Close()
		peak, err := strconv.ParseInt(hear("peak"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		ended = true
		if err := cmd.Wait(); err != nil {
			t.Errorf("the broker's process: %v\n%s", err, log.String())
		}
		return peak, log.String()
	}
}

// serveAttacked is the other process.
func serveAttacked(t *testing.T, memory string) {
	limit, err := strconv.ParseInt(memory, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	debug.SetGCPercent(50) // as mco broker does
	b := start(t, Options{Listen: "127.0.0.1:0", Memory: limit, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	fmt.Printf("listening %s\n", b.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("peak %d\n", m.Sys) // the runtime counts what it gave back, too
}

// The system tells what was sent and not read yet.
func TestUnread(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux is asked")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	from, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := from.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(to, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	found := -1
	eachSocket(func(fd int, peer netip.AddrPort) {
		if peer.String() == from.LocalAddr().String() {
			found = unread(fd)
		}
	})
	if found != 999 {
		t.Errorf("%d bytes are unread", found)
	}
}
