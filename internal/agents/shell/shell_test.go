package shell

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newAgent(t *testing.T, o Options) *Agent {
	t.Helper()
	o.Enabled = true
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Active(t.Context()); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestOffByDefault(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Active(t.Context()); err == nil || !strings.Contains(err.Error(), "plugin.shell.activate_agent") {
		t.Error(err)
	}
	for _, action := range []string{"run", "start"} {
		if reply := agenttest.Call(t, a, action, "command", "true"); reply.Status != rpc.Aborted {
			t.Errorf("%s: %+v", action, reply)
		}
	}
}

func TestRun(t *testing.T) {
	a := newAgent(t, Options{})
	reply := agenttest.OK(t, a, "run", "command", `echo "a b" | tr a c; echo wrong >&2; exit 3`)
	for name, want := range map[string]any{"stdout": "c b\n", "stderr": "wrong\n", "exitcode": int64(3), "success": true} {
		t.Run(name, func(t *testing.T) {
			if got, _ := reply.Output(name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		})
	}
	begin := time.Now()
	reply = agenttest.OK(t, a, "run", "command", "echo first; sleep 60", "timeout", 0.3)
	if agenttest.Output[bool](t, reply, "success") || agenttest.Output[string](t, reply, "stdout") != "first\n" || time.Since(begin) > 10*time.Second {
		t.Errorf("%+v", reply.Data)
	}
	if reply := agenttest.Call(t, a, "run", "command", "yes"); reply.Status != rpc.UnknownError || agenttest.Output[bool](t, reply, "success") {
		t.Errorf("%d %s", reply.Status, reply.Message)
	}
	if reply := agenttest.Call(t, a, "run", "command", "true", "user", "nobody-of-this-name"); reply.Status == rpc.OK {
		t.Error("it ran as nobody")
	}
	for _, action := range []string{"run", "start"} {
		if reply := agenttest.Call(t, a, action, "command", "true", "user", ""); reply.Status != rpc.InvalidData {
			t.Errorf("%s as nobody in particular: %d %s", action, reply.Status, reply.Message)
		}
	}
	for _, timeout := range []any{-1, -0.5, 1e-9, math.NaN()} {
		if reply := agenttest.Call(t, a, "run", "command", "true", "timeout", timeout); reply.Status != rpc.InvalidData {
			t.Errorf("timeout %v: %d %s", timeout, reply.Status, reply.Message)
		}
	}
	if reply := agenttest.Call(t, a, "run", "command", "a\x00b"); reply.Status != rpc.InvalidData {
		t.Errorf("%d %s", reply.Status, reply.Message)
	}
}

func TestUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs commands as others")
	}
	a := newAgent(t, Options{Users: []string{"nobody"}})
	if got := agenttest.Output[string](t, agenttest.OK(t, a, "run", "command", "id -un", "user", "nobody"), "stdout"); got != "nobody\n" {
		t.Error(got)
	}
	for _, inputs := range [][]any{{"user", "root"}, nil} {
		if reply := agenttest.Call(t, a, "run", append(inputs, "command", "id -un")...); reply.Status != rpc.Aborted {
			t.Errorf("%v: %+v", inputs, reply)
		}
	}
}

// follow asks for a job as a client does, until it has stopped.
func follow(t *testing.T, a *Agent, handle string) (stdout, stderr string, last *rpc.Reply) {
	t.Helper()
	waittest.Until(t, "the job to stop", func() bool {
		last = agenttest.OK(t, a, "status", "handle", handle, "stdout_offset", len(stdout), "stderr_offset", len(stderr))
		o, _ := last.Output("stdout")
		out, _ := rpc.Text(o)
		e, _ := last.Output("stderr")
		err, _ := rpc.Text(e)
		stdout, stderr = stdout+out, stderr+err
		state, _ := last.Output("status")
		return state != value.Symbol("running") && out == "" && err == ""
	})
	return stdout, stderr, last
}

func start(t *testing.T, a *Agent, command string) string {
	t.Helper()
	return agenttest.Output[string](t, agenttest.OK(t, a, "start", "command", command), "handle")
}

func TestJob(t *testing.T) {
	a := newAgent(t, Options{})
	stdout, stderr, last := follow(t, a, start(t, a, "echo å; echo oops >&2; seq 100000; exit 7"))
	if !strings.HasPrefix(stdout, "å\n1\n2\n") || !strings.HasSuffix(stdout, "\n100000\n") || stderr != "oops\n" {
		t.Errorf("%d bytes, %q", len(stdout), stderr)
	}
	if got := agenttest.Output[int64](t, last, "exitcode"); got != 7 {
		t.Error(got)
	}
	if reply := agenttest.Call(t, a, "status", "handle", "none"); reply.Status != rpc.Aborted {
		t.Error(reply)
	}
}

func TestOutputIsBounded(t *testing.T) {
	a := newAgent(t, Options{MaxOutput: 1000})
	stdout, stderr, _ := follow(t, a, start(t, a, "seq 100000; seq 100000 >&2"))
	if len(stdout) != 1000 || len(stderr) != 1000 {
		t.Error(len(stdout), len(stderr))
	}
}

func TestKillAndList(t *testing.T) {
	a := newAgent(t, Options{MaxJobs: 2})
	handle := start(t, a, "sleep 60 & sleep 60")
	ended := start(t, a, "true")
	follow(t, a, ended)
	other := start(t, a, "sleep 60") // in the place of the one that ended
	if reply := agenttest.Call(t, a, "start", "command", "true"); reply.Status != rpc.Aborted {
		t.Error("too many commands")
	}
	jobs := agenttest.Output[*value.Map](t, agenttest.OK(t, a, "list"), "jobs")
	if _, there := jobs.Get(ended); there || jobs.Len() != 2 {
		t.Errorf("%v", jobs.Pairs)
	}
	agenttest.OK(t, a, "kill", "handle", handle)
	_, _, last := follow(t, a, handle)
	if v, _ := last.Output("exitcode"); v != int64(-1) {
		t.Errorf("%v", v)
	}
	h, _ := agenttest.Output[*value.Map](t, agenttest.OK(t, a, "list"), "jobs").Get(handle)
	if signal, _ := h.(*value.Map).Get(value.Symbol("signal")); signal != "terminated" {
		t.Errorf("signal is %v", signal)
	}
	if err := a.Close(); err != nil { // ends the other one
		t.Fatal(err)
	}
	if reply := agenttest.Call(t, a, "status", "handle", other); reply.Status != rpc.Aborted {
		t.Error(reply)
	}
}
