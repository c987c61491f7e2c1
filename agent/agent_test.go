package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/agent"
	"mcollective/internal/subtest"
	"mcollective/internal/timelimit"
	"mcollective/internal/timelimit/timelimittest"
	"mcollective/marshal"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type sym = value.Symbol

const definition = `
agent: tests
timeout: 4
actions:
  work:
    input:
      name: {type: string, max_length: 5, required: true}
      n: {type: integer}
      size: {type: integer, default: 3}
    output:
      message: {default: nothing yet}
      other: {}
  slow: {timeout: 2, output: {message: {}}}
  missing: {}
`

func handler(t testing.TB, opts agent.Options, work, slow agent.ActionFunc) *agent.Handler {
	t.Helper()
	m, err := agent.NewMux("tests.yaml", []byte(definition), map[string]agent.ActionFunc{"work": work, "slow": slow, "missing": nil})
	if err != nil {
		t.Fatal(err)
	}
	return agent.NewHandler(m, opts)
}

func body(action any, data ...any) *value.Map {
	return value.NewMap(sym("agent"), "tests", sym("action"), action, sym("data"), value.NewMap(data...))
}

// call is status, text and outputs of an answer.
func call(t testing.TB, h *agent.Handler, b any) (rpc.Status, string, *value.Map) {
	t.Helper()
	got, err := h.Handle(t.Context(), &message.Request{ID: "1", Caller: "uid=7", Sender: "client", Body: b})
	if got == nil {
		t.Fatal(err)
	}
	r, err := rpc.ParseReply(got)
	if err != nil {
		t.Fatal(err)
	}
	return r.Status, r.Message, r.Data
}

func TestOrderOfHandle(t *testing.T) {
	var ran atomic.Int32
	h := handler(t, agent.Options{}, func(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
		ran.Add(1)
		name, _ := req.String("name")
		reply.Set("message", req.CallerID+" "+name)
		switch name {
		case "plain":
			return errors.New("no disk")
		case "abort":
			return fmt.Errorf("giving up: %w", rpc.Errorf(rpc.Aborted, "enough"))
		case "exit":
			return &rpc.Error{Status: 77, Text: "exit 77"}
		case "panic":
			panic("oh")
		case "long":
			return errors.New(strings.Repeat("x", 10000))
		}
		return nil
	}, nil)
	defaults := value.NewMap(sym("message"), "nothing yet", sym("other"), nil)
	set := func(name string) *value.Map {
		return value.NewMap(sym("message"), "uid=7 "+name, sym("other"), nil)
	}
	for _, c := range []struct {
		body   any
		status rpc.Status
		text   string
		data   *value.Map
	}{
		{body("work", "name", "bob"), 0, "OK", set("bob")},
		{body("work", sym("name"), sym("bob")), 4, "Cannot validate input name: value should be a string", defaults},
		{body("work"), 4, "Action work needs a name argument", defaults},
		{body("work", "name", "robert"), 4, "Cannot validate input name: Input string is longer than 5 character(s)", defaults},
		{body("nosuch"), 4, "Attempted to call action nosuch for tests but it's not declared in the DDL", value.NewMap()},
		{body(nil), 4, "Attempted to call action  for tests but it's not declared in the DDL", value.NewMap()},
		{body("missing"), 2, "Unknown action 'missing' for agent 'tests'", value.NewMap()},
		{body("work", "name", "plain"), 5, "no disk", set("plain")},
		{body("work", "name", "abort"), 1, "giving up: enough", set("abort")},
		{body("work", "name", "exit"), 77, "exit 77", set("exit")},
		{body("work", "name", "panic"), 5, "action work of agent tests broke; the log of the node tells where", set("panic")},
		{body("work", "name", "long"), 5, strings.Repeat("x", 4096) + "...", set("long")},
	} {
		t.Run(subtest.Name(c.body), func(t *testing.T) {
			status, text, data := call(t, h, c.body)
			if status != c.status || text != c.text {
				t.Errorf("%v: status %d %q, want %d %q", c.body, status, text, c.status, c.text)
			}
			if diff := cmp.Diff(c.data.Pairs, data.Pairs); diff != "" && c.data.Len()+data.Len() > 0 {
				t.Errorf("%s: %s", c.text, diff)
			}
		})
	}
	before := ran.Load()
	_, err := h.Handle(t.Context(), &message.Request{Body: body("work", "name", "bob", "process_results", false)})
	if err != rpc.ErrNoReply || ran.Load() != before+1 {
		t.Errorf("who wants no reply: %v, ran %d times", err, ran.Load()-before)
	}
	if _, err := h.Handle(t.Context(), &message.Request{Body: "ping"}); !errors.Is(err, rpc.ErrNoReply) {
		t.Errorf("what is no request: %v", err)
	}
	if m := h.Metadata(); m.Agent != "tests" || m.Timeout != 4*time.Second {
		t.Errorf("%+v", m)
	}
}

// A required input that was not sent has its default; one that was, or that may be
// left out, has not. The request stays as it came.
func TestDefaultsAreFilledIn(t *testing.T) {
	var got any
	h := handler(t, agent.Options{}, func(_ context.Context, req *agent.Request, _ *rpc.Reply) error {
		got, _ = req.Input("size")
		return nil
	}, nil)
	for want, b := range map[int64]*value.Map{
		3: body("work", sym("name"), "x"), 7: body("work", sym("name"), "x", sym("size"), int64(7)), 8: body("work", "name", "x", "size", int64(8)),
	} {
		t.Run(subtest.Name(want), func(t *testing.T) {
			before := fmt.Sprint(b)
			if code, text, _ := call(t, h, b); code != rpc.OK || got != want {
				t.Errorf("size is %v, want %d; %d %s", got, want, code, text)
			}
			if fmt.Sprint(b) != before {
				t.Errorf("the request became %v", b)
			}
		})
	}
	if code, text, _ := call(t, h, body("work", sym("name"), "x", sym("size"), "big")); code != rpc.InvalidData {
		t.Errorf("%d %s", code, text)
	}
}

func TestTimeLimit(t *testing.T) {
	timelimittest.Run(t, 16, func(t *testing.T, code timelimittest.Code) func(context.Context) string {
		slow := func(ctx context.Context, _ *agent.Request, _ *rpc.Reply) error { return code(ctx) }
		h := handler(t, agent.Options{}, nil, slow)
		return func(ctx context.Context) string {
			got, err := h.Handle(ctx, &message.Request{Body: body("slow")})
			r, _ := rpc.ParseReply(got)
			if r == nil {
				t.Fatal(err)
			}
			over := strings.HasPrefix(r.Message, rpc.TextTimedOut) || strings.Contains(r.Message, "broken off")
			busy := strings.HasPrefix(r.Message, "busy")
			broke := strings.Contains(r.Message, " broke;")
			if errors.As(err, new(*timelimit.Overrun)) != over || errors.As(err, new(timelimit.Busy)) != busy ||
				errors.As(err, new(*timelimit.Panic)) != broke || err != nil && !over && !busy && !broke {
				t.Errorf("error %v beside the reply %q", err, r.Message)
			}
			if r.Status == rpc.OK {
				return ""
			}
			return r.Message
		}
	})
}

// TestReplyOfOverrun has actions that set an output and do not end in time.
func TestReplyOfOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		runsOn := func(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
			<-release
			reply.Set("message", "too late")
			return nil
		}
		heeds := func(ctx context.Context, _ *agent.Request, reply *rpc.Reply) error {
			reply.Set("message", "half of it")
			<-ctx.Done()
			return ctx.Err()
		}
		h := handler(t, agent.Options{MaxOverdue: 1}, runsOn, heeds)
		for _, c := range []struct {
			body  any
			text  string
			found any
			limit time.Duration
		}{
			{body("slow"), "timed out: action slow of agent tests may take 2s", "half of it", 2 * time.Second},
			{body("work", "name", "x"), "timed out: action work of agent tests may take 4s", "nothing yet", 4 * time.Second},
			{body("work", "name", "x"), "busy: 1 earlier calls of agent tests are over their time limit and do not end", "nothing yet", 0},
		} {
			began := time.Now()
			status, text, data := call(t, h, c.body)
			found, _ := data.Get(sym("message"))
			if took := time.Since(began); status != 5 || text != c.text || found != c.found || took < c.limit || took > c.limit+timelimit.Grace || took > h.Timeout() {
				t.Errorf("status %d %q %v after %v", status, text, found, took)
			}
		}
		close(release)
	})
}

// A resource is an agent that is closed.
type resource struct {
	*agent.Mux
	closed atomic.Int32
}

// TestTimeLimitSaysMore has actions say in their last moment how things stand.
func TestTimeLimitSaysMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		says := func(err error) agent.ActionFunc {
			return func(ctx context.Context, _ *agent.Request, _ *rpc.Reply) error {
				<-ctx.Done()
				return err
			}
		}
		for said, want := range map[string]string{
			"apt-get is not done yet and goes on":             "timed out: action slow of agent tests may take 2s: apt-get is not done yet and goes on",
			"timed out: agent x was ended after 2s; stderr: ": "timed out: agent x was ended after 2s; stderr: ",
		} {
			h := handler(t, agent.Options{}, nil, says(errors.New(said)))
			if status, text, _ := call(t, h, body("slow")); status != 5 || text != want {
				t.Errorf("status %d %q", status, text)
			}
		}
	})
}

func (r *resource) Close() error { r.closed.Add(1); return io.ErrClosedPipe }

func TestCloseWaitsForCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		wait := func(context.Context, *agent.Request, *rpc.Reply) error { <-release; return nil }
		m, err := agent.NewMux("tests.yaml", []byte(definition), map[string]agent.ActionFunc{"work": wait, "slow": wait, "missing": nil})
		if err != nil {
			t.Fatal(err)
		}
		r := &resource{Mux: m}
		h := agent.NewHandler(r, agent.Options{})
		done := make(chan rpc.Status)
		go func() {
			status, _, _ := call(t, h, body("work", "name", "x"))
			done <- status
		}()
		synctest.Wait()
		if err := h.Close(); err != nil || r.closed.Load() != 0 {
			t.Errorf("closed under a call: %v", err)
		}
		if status, text, _ := call(t, h, body("work", "name", "x")); status != 5 || text != "agent tests is being replaced, try again" {
			t.Errorf("status %d %q", status, text)
		}
		close(release)
		if status := <-done; status != 0 {
			t.Errorf("status %d", status)
		}
		h.Close()
		synctest.Wait() // the agent is closed after the reply
		if n := r.closed.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}
		idle := &resource{Mux: m}
		if err := agent.NewHandler(idle, agent.Options{}).Close(); err != io.ErrClosedPipe || idle.closed.Load() != 1 {
			t.Errorf("an idle agent: %v", err)
		}
	})
}

func TestMuxNeedsAllFunctions(t *testing.T) {
	nothing := func(context.Context, *agent.Request, *rpc.Reply) error { return nil }
	_, err := agent.NewMux("tests.yaml", []byte(definition), map[string]agent.ActionFunc{"work": nothing, "other": nothing})
	want := "agent tests: action slow is declared and has no function\nagent tests: action missing is declared and has no function\nagent tests: action other has a function and is not declared"
	if fmt.Sprint(err) != want {
		t.Errorf("%v", err)
	}
	if _, err := agent.NewMux("tests.yaml", []byte("agent: ["), nil); err == nil || !strings.Contains(err.Error(), "tests.yaml") {
		t.Errorf("%v", err)
	}
}

func TestInputs(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	r := &agent.Request{Request: &rpc.Request{Data: value.NewMap(
		"text", "a", sym("binary"), value.Binary("b"), "latin", &value.String{Bytes: "c", Encoding: "ISO-8859-1"}, "symbol", sym("d"),
		"int", int64(7), "big", big.NewInt(8), "huge", huge, "float", 1.5, "true", true, "nil", nil,
		"list", []any{"a", sym("b"), value.Binary("c")}, "mixed", []any{"a", int64(1)}, "array", &value.Array{Items: []any{"x"}},
	)}}
	for name, want := range map[string]string{"text": "a true", "binary": "b true", "latin": "c true", "symbol": "d true", "int": " false", "nil": " false", "nosuch": " false"} {
		t.Run(name, func(t *testing.T) {
			s, ok := r.String(name)
			if got := fmt.Sprint(s, " ", ok); got != want {
				t.Errorf("String(%s): %s", name, got)
			}
		})
	}
	for name, want := range map[string]string{"int": "7 true", "big": "8 true", "huge": "0 false", "float": "0 false", "text": "0 false"} {
		t.Run(name, func(t *testing.T) {
			n, ok := r.Int(name)
			if got := fmt.Sprint(n, " ", ok); got != want {
				t.Errorf("Int(%s): %s", name, got)
			}
		})
	}
	for name, want := range map[string]string{"int": "7 true", "big": "8 true", "huge": "1.2345678901234568e+29 true", "float": "1.5 true", "text": "0 false"} {
		t.Run(name, func(t *testing.T) {
			f, ok := r.Float(name)
			if got := fmt.Sprint(f, " ", ok); got != want {
				t.Errorf("Float(%s): %s", name, got)
			}
		})
	}
	if b, ok := r.Bool("true"); !b || !ok {
		t.Error("Bool(true)")
	}
	if _, ok := r.Bool("text"); ok {
		t.Error("Bool(text)")
	}
	for name, want := range map[string]string{"list": "[a b c] true", "array": "[x] true", "mixed": "[] false", "text": "[] false", "nosuch": "[] false"} {
		t.Run(name, func(t *testing.T) {
			l, ok := r.Strings(name)
			if got := fmt.Sprint(l, " ", ok); got != want {
				t.Errorf("Strings(%s): %s", name, got)
			}
		})
	}
}

// A candidate is an agent that reports whether it can work.
type candidate struct {
	agent.Agent
	active func(context.Context) error
}

func (c candidate) Active(ctx context.Context) error { return c.active(ctx) }

func TestActivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain := &agent.Mux{}
		can := func(err error) candidate {
			return candidate{plain, func(context.Context) error { return err }}
		}
		start := time.Now()
		active, inactive := agent.Activate(t.Context(), map[string]agent.Agent{
			"plain": plain, "willing": can(nil), "useless": can(errors.New("no such program")), "off": plain, "badly written": plain,
			"slow":  candidate{plain, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			"stuck": candidate{plain, func(context.Context) error { time.Sleep(time.Minute); return nil }},
			"panic": candidate{plain, func(context.Context) error { panic("oh") }},
		}, func(name string) (bool, error) {
			if name == "badly written" {
				return false, errors.New("server.cfg:3: not a boolean")
			}
			return name != "off", nil
		})
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("it took %v", d)
		}
		if len(active) != 2 || active["plain"] == nil || active["willing"] == nil {
			t.Errorf("active: %v", active)
		}
		for name, want := range map[string]string{
			"useless": "no such program", "off": "disabled by the configuration", "badly written": "server.cfg:3: not a boolean",
			"panic": "broke when it was asked whether it can work here: oh", "stuck": "did not tell within 2s whether it can work here",
		} {
			if fmt.Sprint(inactive[name]) != want {
				t.Errorf("%s: %v", name, inactive[name])
			}
		}
		if inactive["slow"] == nil || len(inactive) != 6 {
			t.Errorf("inactive: %v", inactive)
		}
		time.Sleep(time.Minute) // for the one that is stuck
	})
}

// FuzzHandle sends what the wire may hold.
func FuzzHandle(f *testing.F) {
	for _, b := range []any{body("work", "name", "x"), body("work", sym("name"), "x", "n", int64(1), "process_results", nil), body("slow"), "ping"} {
		data, err := marshal.Marshal(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	echo := func(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
		for k, v := range req.Data.All() {
			if s, ok := rpc.Text(k); ok {
				reply.Set(s, v)
			}
		}
		return nil
	}
	h := handler(f, agent.Options{}, echo, echo)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := marshal.BodyPolicy.Unmarshal(data)
		if err != nil {
			return
		}
		got, err := h.Handle(t.Context(), &message.Request{Body: b})
		if err != nil {
			if !errors.Is(err, rpc.ErrNoReply) {
				t.Fatal(err)
			}
			return
		}
		r, err := rpc.ParseReply(got)
		if err != nil {
			t.Fatal(err)
		}
		if req, _ := rpc.Parse(b); req.Action != "work" && req.Action != "slow" && r.Status != rpc.InvalidData && r.Status != rpc.UnknownAction {
			t.Fatalf("action %q: status %d", req.Action, r.Status)
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	h := handler(b, agent.Options{}, func(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
		reply.Set("message", "x")
		return nil
	}, nil)
	m := &message.Request{Body: body("work", sym("name"), "bob", sym("process_results"), true)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Handle(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
