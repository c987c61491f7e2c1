// Command siege attacks a broker in a memory limit while a client pings a node
// through it, and reports what the attack did: how much memory the broker took,
// whether it lives, how many pings were answered and how late.
//
//	go build -o mco ./cmd/mco && go run ./bench/siege -mco ./mco -limit 1024 unread replies partial announce silent subs
//
// The broker is a child in a control group of its own where that may be made (as
// root, version 1 or 2), else only its memory is measured.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"mcollective/connector"
	"mcollective/connector/nats"
)

var (
	mco     = flag.String("mco", "mco", "the program to attack")
	limit   = flag.Int("limit", 1024, "memory of the broker in MiB")
	connect = flag.Int("connections", 20, "connections of the attacks that hold data")
	crowdOf = flag.Int("crowd", 5000, "connections of the attacks that hold connections")
	rate    = flag.Int("rate", 125, "what the attackers can send in all, in MiB/s")
	during  = flag.Duration("for", 12*time.Second, "how long each attack lasts")
)

func main() {
	flag.Parse()
	failed := false
	for _, name := range flag.Args() {
		attack, ok := attacks[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "siege: no attack %q\n", name)
			os.Exit(2)
		}
		r, err := besiege(attack)
		if err != nil {
			fmt.Fprintf(os.Stderr, "siege: %s: %v\n", name, err)
			os.Exit(1)
		}
		fmt.Printf("%-9s %s\n", name, r)
		failed = failed || r.died
	}
	if failed {
		os.Exit(1)
	}
}

// A result is what an attack came to.
type result struct {
	limited     bool
	died        bool
	resident    int // at most, in MiB
	pings       int
	answered    int
	worst       time.Duration
	reconnects  uint64
	came, tried int // new nodes
	left        int // connections at the end, as the kernel counts them
	log         []string
}

func (r result) String() string {
	state := "lives"
	if r.died {
		state = "DIED"
	}
	where := "without a limit"
	if r.limited {
		where = fmt.Sprintf("of %d MiB", *limit)
	}
	return fmt.Sprintf("%s, at most %d MiB %s; %d of %d pings answered, the slowest in %v; %d reconnects; %d of %d new nodes got in; %d of its descriptors are open at the end",
		state, r.resident, where, r.answered, r.pings, r.worst.Round(time.Millisecond), r.reconnects, r.came, r.tried, r.left)
}

func besiege(attack func(ctx context.Context, addr string)) (result, error) {
	var r result
	group, err := newGroup()
	if err == nil {
		r.limited = true
		defer os.Remove(group)
	}
	script := `exec "$0" broker --listen 127.0.0.1:0`
	if r.limited {
		// Attackers are elsewhere: they must not take the broker's processors.
		script = `renice -n -10 $$ >/dev/null 2>&1; echo $$ >` + group + `/cgroup.procs && ` + script
	}
	cmd := exec.Command("sh", "-c", script, *mco)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return r, err
	}
	if err := cmd.Start(); err != nil {
		return r, err
	}
	addr, lines := make(chan string, 1), make(chan []string, 1)
	go func() { lines <- follow(bufio.NewScanner(stderr), addr) }()
	ended := make(chan error, 1)
	defer func() {
		_ = cmd.Process.Kill()
		r.log = <-lines
		<-ended
		for _, line := range r.log {
			fmt.Fprintln(os.Stderr, "    "+line)
		}
	}()
	var broker string
	select {
	case broker = <-addr:
		go func() { ended <- cmd.Wait() }()
	case <-time.After(20 * time.Second):
		go func() { ended <- cmd.Wait() }()
		return r, errors.New("the broker does not start")
	}
	ctx, cancel := context.WithTimeout(context.Background(), *during)
	defer cancel()
	p, err := newPinger(ctx, broker)
	if err != nil {
		return r, err
	}
	defer p.close()
	var both sync.WaitGroup
	both.Go(func() { attack(ctx, broker) })
	both.Go(func() { p.run(ctx) })
	both.Go(func() { r.came, r.tried = newcomers(ctx, broker) })
	for t := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil && !r.died; {
		select {
		case err := <-ended:
			r.died = true
			ended <- err
			cancel()
		case <-t.C:
			r.resident = max(r.resident, resident(cmd.Process.Pid))
			if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid)); err == nil {
				r.left = len(fds)
			}
		}
	}
	both.Wait()
	r.pings, r.answered, r.worst, r.reconnects = p.sent, p.answered, p.worst, p.reconnects()
	return r, nil
}

var listening = regexp.MustCompile(`^Broker nats://([^,]+),`)

// follow reads what the broker logs and returns its last lines.
func follow(s *bufio.Scanner, addr chan<- string) (last []string) {
	for s.Scan() {
		if m := listening.FindStringSubmatch(s.Text()); m != nil {
			addr <- m[1]
			continue
		}
		if last = append(last, s.Text()); len(last) > 5 {
			last = last[1:]
		}
	}
	return last
}

// newGroup makes a control group with the limit.
func newGroup() (string, error) {
	megabytes := []byte(strconv.Itoa(*limit << 20))
	for _, v := range []struct{ top, file string }{{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}} {
		dir, err := os.MkdirTemp(v.top, "siege")
		if err != nil {
			continue
		}
		if err := os.WriteFile(dir+"/"+v.file, megabytes, 0o600); err == nil {
			_ = os.WriteFile(dir+"/memory.swap.max", []byte("0"), 0o600)
			return dir, nil
		}
		os.Remove(dir)
	}
	return "", errors.New("no control group can be made")
}

// resident is what a process has in memory, in MiB.
func resident(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, _ := strconv.Atoi(f[1])
			return kb >> 10
		}
	}
	return 0
}

// A pinger is a node and a client that asks it something ten times a second.
type pinger struct {
	node, client   *nats.Conn
	sub            connector.Subscription
	answers        chan string
	sent, answered int
	worst          time.Duration
}

var here = connector.Target{Kind: connector.Directed, Collective: "mcollective", Identity: "node1"}

func newPinger(ctx context.Context, addr string) (*pinger, error) {
	p := &pinger{answers: make(chan string, 1000)}
	var err error
	if p.node, err = nats.Connect(ctx, nats.Options{Servers: []string{addr}, Identity: "node1"}); err != nil {
		return nil, err
	}
	if p.client, err = nats.Connect(ctx, nats.Options{Servers: []string{addr}, Identity: "client1"}); err != nil {
		return nil, err
	}
	if _, err := p.node.Subscribe(ctx, here, func(d connector.Delivery) {
		_ = p.node.Publish(ctx, connector.Target{Kind: connector.Reply, Address: d.ReplyTo}, connector.Message{Data: d.Data})
	}); err != nil {
		return nil, err
	}
	p.sub, err = p.client.Subscribe(ctx, connector.Target{Kind: connector.Reply, Collective: "mcollective"}, func(d connector.Delivery) { p.answers <- string(d.Data) })
	if err != nil {
		return nil, err
	}
	return p, errors.Join(p.node.Flush(ctx), p.client.Flush(ctx))
}

func (p *pinger) run(ctx context.Context) {
	sent := make(map[string]time.Time)
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.sent++
			id := strconv.Itoa(p.sent)
			sent[id] = time.Now()
			_ = p.client.Publish(ctx, here, connector.Message{Data: []byte(id), ReplyTo: p.sub.Address()})
		case id := <-p.answers:
			p.answered++
			p.worst = max(p.worst, time.Since(sent[id]))
		case <-ctx.Done():
			return
		}
	}
}

// newcomers connects a new node each second, which has two seconds for it.
func newcomers(ctx context.Context, addr string) (came, tried int) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return came, tried
		}
		connecting, cancel := context.WithTimeout(ctx, 2*time.Second)
		node, err := nats.Connect(connecting, nats.Options{Servers: []string{addr}, Identity: "newcomer"})
		cancel()
		if ctx.Err() != nil {
			continue
		}
		if tried++; err == nil {
			came++
			_ = node.Close()
		}
	}
}

func (p *pinger) reconnects() uint64 {
	return p.node.Status().Reconnects + p.client.Status().Reconnects
}

func (p *pinger) close() {
	_ = p.client.Close()
	_ = p.node.Close()
}
