//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mcollective/client"
	"mcollective/connector/nats"
	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/security/psk"
)

// hostile are agents that do what none should. SECONDS stands for a number by
// which the processes of this test are found again; the short sleep lets a program
// leave its session.
var hostile = map[string]struct {
	script string
	status rpc.Status // of the reply
	worker bool
}{
	"good":    {script: "echo '{\"n\": 1}'"},
	"wgood":   {script: hello + `while read -r x; do id=${x#*\"id\":\"}; echo "{\"type\":\"reply\",\"id\":\"${id%%\"*}\"}"; done`, worker: true},
	"fork":    {script: "setsid sleep SECONDS & (setsid sh -c 'sleep SECONDS & sleep SECONDS' &) & exit 0"},
	"hidden":  {script: "env -i setsid sleep SECONDS & sleep 0.01; exit 0"},
	"pipe":    {script: "sleep SECONDS & echo started"},
	"hang":    {script: "sleep SECONDS", status: rpc.UnknownError},
	"ignore":  {script: "trap '' TERM HUP INT; setsid sleep SECONDS & sleep SECONDS", status: rpc.UnknownError},
	"stopped": {script: "kill -STOP $$", status: rpc.UnknownError},
	"crash":   {script: "kill -SEGV $$", status: rpc.UnknownError},
	"exits":   {script: "echo unhappy >&2; exit 77", status: rpc.UnknownError},
	"flood":   {script: "exec yes", status: rpc.UnknownError},
	"moans":   {script: "yes >&2 & sleep SECONDS", status: rpc.UnknownError},
	"binary":  {script: "head -c 5000 /dev/urandom; printf '\\000'", status: rpc.UnknownError},
	"wnone":   {script: "sleep SECONDS", status: rpc.UnknownError, worker: true},
	"wgarb":   {script: "exec yes", status: rpc.UnknownError, worker: true},
	"wdeaf":   {script: hello + "exec sleep SECONDS", status: rpc.UnknownError, worker: true},
	"wdies":   {script: hello + "setsid sleep SECONDS & read x; exit 1", status: rpc.UnknownError, worker: true},
	"wbinary": {script: hello + "read x; exec cat /dev/urandom", status: rpc.UnknownError, worker: true},
}

const hello = "echo '{\"type\":\"hello\",\"protocol\":1}'\n"

// TestTorture has a node run hostile agents, MCO_TORTURE calls of them or 150, while
// it is pinged: it answers every call and within a second each ping, and nothing of
// any agent is left.
func TestTorture(t *testing.T) {
	calls := 150
	if n, err := strconv.Atoi(os.Getenv("MCO_TORTURE")); err == nil {
		calls = n
	}
	c := newCollective(t)
	mark := strconv.Itoa(1_000_000 + os.Getpid())
	agents := installHostile(t, mark)
	temp := dirtest.New(t)
	t.Setenv("TMPDIR", temp)
	node := c.node("n1", agents, "")
	asks := c.client(t, "asks")
	w := &witness{t: t, pid: node.cmd.Process.Pid, mark: mark, temp: temp, client: c.client(t, "looks")}

	for _, name := range []string{"good", "wgood", "exits"} { // what is made once is made
		torment(t, asks, name)
	}
	before := w.look()
	waittest.Until(t, "the worker to rest", func() bool {
		before = w.look()
		return before.children == 0
	})
	pinging, stop := context.WithCancel(t.Context())
	var pinged sync.WaitGroup
	pings := c.client(t, "pings")
	var times []time.Duration
	pinged.Go(func() { times = ping(pinging, t, pings) })
	began := time.Now()
	names := namesOfHostile()
	next := make(chan string)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for name := range next {
				torment(t, asks, name)
			}
		})
	}
	for i := range calls {
		if i < len(names) {
			next <- names[i]
		} else {
			next <- names[rand.IntN(len(names))]
		}
	}
	close(next)
	all.Wait() // every call has its limit
	took := time.Since(began)
	stop()
	waittest.Return(t, "the last ping", pinged.Wait)
	slices.Sort(times)
	if len(times) == 0 || times[len(times)-1] > time.Second {
		t.Errorf("%d pings, the slowest took %v", len(times), times[max(0, len(times)-3):])
	}
	after := w.settle(before)
	t.Logf("%d calls in %v; %d pings, median %v, the slowest %v\nbefore: %s\nafter:  %s", calls, took.Round(time.Millisecond),
		len(times), times[len(times)/2], times[len(times)-1], before, after)
	node.stop(t, "n1") // which ends the workers
	if left := w.processes(); len(left) > 0 {
		t.Errorf("left by the node when it ended: %v", left)
	}
	if names, _ := filepath.Glob(filepath.Join(temp, "*")); len(names) > 0 {
		t.Errorf("left by the node when it ended: %v", names)
	}
}

func namesOfHostile() []string {
	var names []string
	for name := range hostile {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// installHostile makes the agents, and returns their directory.
func installHostile(t *testing.T, mark string) string {
	t.Helper()
	dir := dirtest.New(t)
	for name, h := range hostile {
		put(t, filepath.Join(dir, name+".sh"), "#!/bin/sh\n"+strings.ReplaceAll(h.script, "SECONDS", mark)+"\n", 0o755)
		limit := "500ms"
		if h.status == 0 {
			limit = "60"
		}
		text := "agent: " + name + "\ntimeout: " + limit + "\ngrace: 100ms\nlimits: {output: 20000}\n"
		if h.worker {
			// One that took longer to start than its caller waited stays for the next.
			text += "mode: worker\nconcurrency: 4\nstart_timeout: 300ms\nidle: 2s\n"
		}
		put(t, filepath.Join(dir, name+".yaml"), text+"actions:\n  run: {}\n", 0o644)
	}
	return dir
}

// client is a client with a connection of its own.
func (c *collective) client(t *testing.T, identity string) *client.Client {
	t.Helper()
	conn, err := nats.Connect(waittest.Within(t, waittest.Patience), nats.Options{Servers: []string{c.broker}, Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	sec, err := psk.New(psk.Options{Secret: secretOfTests, Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	return client.New(conn, sec, client.Options{Identity: identity})
}

// call runs an action of n1.
func call(ctx context.Context, c *client.Client, agent, action string, limit time.Duration) (*rpc.Reply, error) {
	var reply *rpc.Reply
	var bad error
	_, err := c.Run(ctx, client.Run{Agent: agent, Action: action, Nodes: []string{"n1"}, Direct: true, Timeout: limit}, func(a client.Answer) {
		reply, bad = a.RPC, a.Err
	})
	switch {
	case err != nil:
		return nil, err
	case bad != nil:
		return nil, bad
	case reply == nil:
		return nil, fmt.Errorf("no answer within %v", limit)
	}
	return reply, nil
}

// torment calls a hostile agent, which has to end as it is meant to.
func torment(t *testing.T, c *client.Client, name string) {
	r, err := call(context.Background(), c, name, "run", time.Minute)
	switch {
	case err != nil:
		t.Errorf("%s: %v", name, err)
	case r.Status != hostile[name].status:
		t.Errorf("%s: status %d, %s", name, r.Status, r.Message)
	case r.Status != rpc.OK && r.Message == "":
		t.Errorf("%s: no reason", name)
	}
}

// ping asks for a sign of life again and again, and returns how long each took.
func ping(ctx context.Context, t *testing.T, c *client.Client) []time.Duration {
	var times []time.Duration
	for ctx.Err() == nil {
		began := time.Now()
		_, err := c.Call(context.Background(), client.Call{Agent: "discovery", Body: "ping", Timeout: 10 * time.Second, Limit: 1}, func(client.Answer) {})
		if err != nil {
			t.Errorf("ping: %v", err)
			return times
		}
		times = append(times, time.Since(began))
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return times
}

// A witness sees what a node has.
type witness struct {
	t          *testing.T
	pid        int
	mark, temp string
	client     *client.Client
}

// A sight is what a node has at a moment.
type sight struct {
	files, goroutines, children, resident int
	processes                             []string // of agents that answered
	temporary                             []string // files
}

func (s sight) String() string {
	return fmt.Sprintf("%d files, %d goroutines, %d child processes, %d KiB resident", s.files, s.goroutines, s.children, s.resident)
}

func (w *witness) look() sight {
	w.t.Helper()
	var s sight
	proc := "/proc/" + strconv.Itoa(w.pid)
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		w.t.Fatal(err)
	}
	s.files = len(files)
	r, err := call(context.Background(), w.client, "rpcutil", "daemon_stats", 10*time.Second)
	if err != nil {
		w.t.Fatal(err)
	}
	threads, _ := r.Output("threads")
	list, _ := threads.([]any)
	s.goroutines = len(list)
	status, _ := os.ReadFile(proc + "/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			s.resident, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	s.processes = w.processes()
	s.children = w.children()
	s.temporary, _ = filepath.Glob(filepath.Join(w.temp, "*"))
	return s
}

// settle waits until the node has no more than before.
func (w *witness) settle(before sight) sight {
	w.t.Helper()
	var now sight
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Millisecond) { // what ends has no event
		now = w.look()
		if now.files <= before.files && now.goroutines <= before.goroutines && now.children <= before.children &&
			len(now.processes) == 0 && len(now.temporary) <= len(before.temporary) {
			return now
		}
	}
	w.t.Errorf("something is left: %s; before: %s; processes %q; files %q", now, before, now.processes, now.temporary)
	return now
}

// processes are those of the test's agents that run, and dead ones of the node.
func (w *witness) processes() []string {
	var left []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if state, parent := processOf(path); state == "Z" && parent == w.pid {
			left = append(left, path+" is a zombie")
		}
		args, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if bytes.Contains(args, []byte("sleep\x00"+w.mark)) {
			left = append(left, fmt.Sprintf("%s %q", path, args))
		}
	}
	return left
}

// children counts the processes whose parent is the node.
func (w *witness) children() int {
	n := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if _, parent := processOf(path); parent == w.pid {
			n++
		}
	}
	return n
}

// processOf reads the state of a process, and who its parent is.
func processOf(path string) (state string, parent int) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(f[1])
	return f[0], parent
}
