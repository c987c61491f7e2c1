package process

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newAgent(t *testing.T, o Options) *Agent {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// get is a value of a process in a list.
func get(p any, key string) any {
	v, _ := p.(*value.Map).Get(value.Symbol(key))
	return v
}

func pids(t *testing.T, reply *rpc.Reply) []int64 {
	t.Helper()
	list := []int64{}
	for _, p := range agenttest.Output[[]any](t, reply, "pslist") {
		list = append(list, get(p, "pid").(int64))
	}
	if n := agenttest.Output[int64](t, reply, "count"); n != int64(len(list)) {
		t.Errorf("count is %d, of %d", n, len(list))
	}
	return list
}

func TestList(t *testing.T) {
	a := newAgent(t, Options{Proc: fixture(t)})
	for _, test := range []struct {
		inputs []any
		want   []int64
	}{
		{nil, []int64{1, 2, 8, 70, 71}},
		{[]any{"pattern", "."}, []int64{1, 2, 8, 70, 71}},
		{[]any{"pattern", `^web --listen|^su `}, []int64{8, 70}},
		{[]any{"pattern", "."}, []int64{1, 2, 8, 70, 71}},
		{[]any{"just_zombies", true, "pattern", "."}, []int64{71}},
		{[]any{"just_zombies", false, "pattern", "init"}, []int64{1}},
		{[]any{"user", "4000000"}, []int64{8, 70, 71}},
		{[]any{"user", "root", "pattern", "init"}, []int64{1}},
		{[]any{"user", "nobody-has-this-name"}, []int64{}},
		{[]any{"state", "RZ"}, []int64{70, 71}},
	} {
		t.Run(subtest.Name(test.inputs), func(t *testing.T) {
			if diff := cmp.Diff(test.want, pids(t, agenttest.OK(t, a, "list", test.inputs...))); diff != "" {
				t.Errorf("%v: %s", test.inputs, diff)
			}
		})
	}
	for _, wrong := range [][]any{{"pattern", "("}, {"state", "Q"}, {"pattern", 5}} {
		if reply := agenttest.Call(t, a, "list", wrong...); reply.Status != rpc.InvalidData {
			t.Errorf("%v: status %d %s", wrong, reply.Status, reply.Message)
		}
	}
}

// The client published for Ruby reads these and breaks without one of them.
func TestWhatRubysClientReads(t *testing.T) {
	now := time.Unix(2_000_000, 0)
	a := newAgent(t, Options{Proc: fixture(t), Now: func() time.Time { return now }})
	p := agenttest.Output[[]any](t, agenttest.OK(t, a, "list", "pattern", "listen"), "pslist")[0]
	want := map[string]any{
		"pid": int64(70), "username": "4000000", "vsize": int64(1000000), "cmdline": "web --listen a b", "state": "R", "tty_nr": int64(34816),
		"rss": int64(20000 * os.Getpagesize() / 1024), "pctcpu": 18.0, "started": now.Unix() - 1000 + 500, "starttime": int64(50000),
	}
	for key, value := range want {
		t.Run(key, func(t *testing.T) {
			if got := get(p, key); got != value {
				t.Errorf("%s is %#v, want %#v", key, got, value)
			}
		})
	}
}

func TestZombies(t *testing.T) {
	reply := agenttest.OK(t, newAgent(t, Options{Proc: fixture(t)}), "zombies")
	if diff := cmp.Diff([]int64{71}, pids(t, reply)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"70 web --listen a b"}, agenttest.Output[[]any](t, reply, "parents")); diff != "" {
		t.Error(diff)
	}
}

func TestTree(t *testing.T) {
	a := newAgent(t, Options{Proc: fixture(t)})
	for _, test := range []struct {
		inputs []any
		want   string
	}{
		{nil, "1 root /sbin/init splash\n  8 4000000 su \uFFFD\n  70 4000000 web --listen a b\n    71 4000000 web\n2 root [kthreadd]\n"},
		{[]any{"pattern", "^web$"}, "1 root /sbin/init splash\n  70 4000000 web --listen a b\n    71 4000000 web\n"},
		{[]any{"pid", 70}, "70 4000000 web --listen a b\n  71 4000000 web\n"},
		{[]any{"pattern", "nothing"}, ""},
	} {
		t.Run(subtest.Name(test.inputs), func(t *testing.T) {
			reply := agenttest.OK(t, a, "tree", test.inputs...)
			if diff := cmp.Diff(test.want, agenttest.Output[string](t, reply, "tree")); diff != "" {
				t.Errorf("%v: %s", test.inputs, diff)
			}
			if n := agenttest.Output[int64](t, reply, "count"); int(n) != strings.Count(test.want, "\n") {
				t.Errorf("%v: count is %d", test.inputs, n)
			}
		})
	}
	if reply := agenttest.Call(t, a, "tree", "pid", 99); reply.Status != rpc.Aborted {
		t.Error(reply)
	}
}

// A process that is its own ancestor, because its parent's number was used again,
// does not hang the agent.
func TestTreeWithoutRoots(t *testing.T) {
	root := fixture(t)
	for pid, parent := range map[int]int{900: 901, 901: 900, 902: 902} {
		write(t, root, pid, map[string]string{"stat": stat(pid, "x", "S", parent, 0, 1, 1), "status": status(0, 0)})
	}
	a := newAgent(t, Options{Proc: root})
	agenttest.OK(t, a, "tree")
	agenttest.OK(t, a, "tree", "pid", 900)
}

func TestTop(t *testing.T) {
	root, now := fixture(t), time.Unix(0, 0)
	a := newAgent(t, Options{Proc: root, Now: func() time.Time { return now }, Wait: func(_ context.Context, d time.Duration) error {
		now = now.Add(d)
		write(t, root, 1, map[string]string{"stat": stat(1, "init", "S", 0, 150, 5, 1000)})
		write(t, root, 70, map[string]string{"stat": stat(70, "web) S 1 (", "R", 1, 9010, 50000, 20000)})
		write(t, root, 8, map[string]string{"stat": stat(8, "new", "R", 1, 20, 99900, 3)}) // another of that number
		return nil
	}})
	reply := agenttest.OK(t, a, "top", "count", 3, "interval", 2.0)
	if diff := cmp.Diff([]int64{1, 8, 70}, pids(t, reply)); diff != "" {
		t.Error(diff)
	}
	var shares []any
	for _, p := range agenttest.Output[[]any](t, reply, "pslist") {
		shares = append(shares, get(p, "pctcpu"))
	}
	if diff := cmp.Diff([]any{25.0, 13.5, 5.0}, shares); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range [][]any{{"count", 0}, {"count", -3}, {"count", 1001}, {"interval", 0.0}, {"interval", -1.0}, {"interval", 1e300}, {"interval", math.NaN()}} {
		if reply := agenttest.Call(t, a, "top", wrong...); reply.Status != rpc.InvalidData {
			t.Errorf("%v: %d %s", wrong, reply.Status, reply.Message)
		}
	}
	if diff := cmp.Diff([]int64{70, 1}, pids(t, agenttest.OK(t, a, "top", "by", "memory", "count", 2))); diff != "" {
		t.Error(diff)
	}
}

func TestSignal(t *testing.T) {
	a := newAgent(t, Options{})
	if a.Active(t.Context()) != nil {
		t.Skip("no /proc")
	}
	mark := fmt.Sprintf("600.%d", os.Getpid())
	c := exec.Command("sleep", mark)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	defer c.Process.Kill()
	pattern := "^sleep " + mark + "$"
	waittest.Until(t, "the child to become sleep", func() bool {
		return len(pids(t, agenttest.OK(t, a, "list", "pattern", pattern))) > 0
	})
	if reply := agenttest.OK(t, a, "signal", "pattern", pattern, "noop", true); agenttest.Output[int64](t, reply, "count") != 1 {
		t.Error("it is not found for no-op")
	}
	select {
	case err := <-ended:
		t.Fatal("no-op ended it: ", err)
	default:
	}
	reply := agenttest.OK(t, a, "signal", "pattern", pattern)
	if got := get(agenttest.Output[[]any](t, reply, "signalled")[0], "pid"); got != int64(c.Process.Pid) {
		t.Errorf("signalled %v, not %d", got, c.Process.Pid)
	}
	if err := waittest.Receive(t, "sleep to end", ended); err == nil || err.Error() != "signal: terminated" {
		t.Error(err)
	}
}

func TestWhoGetsNoSignal(t *testing.T) {
	a := newAgent(t, Options{})
	if a.Active(t.Context()) != nil {
		t.Skip("no /proc")
	}
	for _, test := range []struct {
		inputs []any
		status rpc.Status
		text   string
	}{
		{[]any{"pid", 1}, rpc.Aborted, "process 1 gets no signal from here: it is the first process of the system"},
		{[]any{"pid", os.Getpid()}, rpc.Aborted, "this agent itself"},
		{[]any{"pid", 0}, rpc.Aborted, "there is no process 0"},
		{[]any{"pid", -1}, rpc.Aborted, "there is no process -1"},
		{[]any{}, rpc.MissingData, "which process?"},
		{[]any{"pid", 1, "user", "root"}, rpc.InvalidData, "either pid"},
		{[]any{"pattern", ".", "max", -1}, rpc.Aborted, "processes match, more than -1; nothing was done"},
		{[]any{"user", "root", "pattern", ""}, rpc.InvalidData, "pattern"},
		{[]any{"pattern", ".", "user", ""}, rpc.InvalidData, "user"},
		{[]any{"pid", 1, "signal", "NONE"}, rpc.InvalidData, "signal"},
	} {
		t.Run(subtest.Name(test.text), func(t *testing.T) {
			reply := agenttest.Call(t, a, "signal", test.inputs...)
			if reply.Status != test.status || !strings.Contains(reply.Message, test.text) {
				t.Errorf("%v: status %d, %s", test.inputs, reply.Status, reply.Message)
			}
		})
	}
	kernel := newAgent(t, Options{Proc: fixture(t)})
	for _, pid := range []int{1, 2} {
		if reply := agenttest.Call(t, kernel, "signal", "pid", pid, "noop", true); reply.Status != rpc.Aborted {
			t.Errorf("process %d: %+v", pid, reply)
		}
	}
	if reply := agenttest.OK(t, kernel, "signal", "user", "4000000", "noop", true); agenttest.Output[int64](t, reply, "count") != 2 {
		t.Error("a zombie is signalled")
	}
}

// A process that took the number of the one that was meant gets no signal.
func TestSignalMeansOneProcess(t *testing.T) {
	a := newAgent(t, Options{})
	self, ok := a.table.one(os.Getppid())
	if !ok {
		t.Skip("no /proc")
	}
	self.start++
	if err := a.send(&self, "WINCH"); err != errGone {
		t.Errorf("%v", err)
	}
}

func TestActive(t *testing.T) {
	if err := newAgent(t, Options{Proc: dirtest.New(t)}).Active(t.Context()); err == nil {
		t.Error("active without processes")
	}
}
