package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/agent"
	"mcollective/agent/stdio"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a program in this process: a function between two pipes.
type fake struct {
	in     *io.PipeWriter
	out    *io.PipeReader
	ended  chan struct{}
	result *run.Result
}

func (f *fake) Stdin() io.WriteCloser { return f.in }
func (f *fake) Stdout() io.Reader     { return f.out }
func (f *fake) Wait() (*run.Result, error) {
	<-f.ended
	return f.result, nil
}

// A body is what a fake program does; say writes a line. It ends when it returns
// or ctx ends, and its exit status is what it returns.
type body func(ctx context.Context, lines <-chan string, say func(string)) int

func startFake(do body) func(ctx context.Context, stderr func(string)) (Process, error) {
	return func(ctx context.Context, stderr func(string)) (Process, error) {
		r, in := io.Pipe()
		out, w := io.Pipe()
		f := &fake{in: in, out: out, ended: make(chan struct{})}
		lines := make(chan string)
		stop := context.AfterFunc(ctx, func() { r.CloseWithError(io.EOF); w.Close() })
		go func() {
			defer close(lines)
			scan := bufio.NewScanner(r)
			for scan.Scan() {
				select {
				case lines <- scan.Text():
				case <-f.ended:
					return
				}
			}
		}()
		go func() {
			exit := do(ctx, lines, func(s string) { io.WriteString(w, s+"\n") })
			f.result = &run.Result{Exit: exit}
			stop()
			close(f.ended)
			w.Close()
			r.Close()
		}()
		return f, nil
	}
}

const hello = `{"type":"hello","protocol":1,"agent":"x"}`

// each answers every request with what the function makes of it.
func each(answer func(req map[string]any) string) body {
	return func(ctx context.Context, lines <-chan string, say func(string)) int {
		say(hello)
		for line := range lines {
			var req map[string]any
			json.Unmarshal([]byte(line), &req)
			if text := answer(req); text != "" {
				say(text)
			}
		}
		return 0
	}
}

func replyTo(req map[string]any, members string) string {
	return fmt.Sprintf(`{"type":"reply","id":%q%s}`, req["id"], members)
}

// config is that of a worker of a descriptor that says nothing.
func config() Config {
	return Config{
		Agent: "x", Concurrency: 1, MaxMessage: 1 << 20, Start: 5 * time.Second, Idle: 10 * time.Minute, Hang: 2 * time.Second,
		Log: slog.New(slog.DiscardHandler),
	}
}

// fakeWorker is a worker whose program is a function.
func fakeWorker(c Config, do body) (w *Worker, starts *atomic.Int32) {
	starts = new(atomic.Int32)
	start := startFake(do)
	c.Run = func(ctx context.Context, stderr func(string)) (Process, error) {
		starts.Add(1)
		return start(ctx, stderr)
	}
	return New(c), starts
}

type sym = value.Symbol

func request(action string, inputs ...any) *agent.Request {
	return &agent.Request{
		Request: &rpc.Request{Agent: "x", Action: action, Data: value.NewMap(inputs...)},
		ID:      "0123456789abcdef0123456789abcdef", Sender: "client.example", CallerID: "uid=7", Collective: "mcollective",
		Time: time.Unix(1700000000, 0), TTL: time.Minute,
	}
}

func ask(ctx context.Context, w *Worker, inputs ...any) *rpc.Reply {
	reply := rpc.NewReply()
	if err := w.Call(ctx, request("go", inputs...), nil, reply); err != nil {
		reply.Fail(err)
	}
	return reply
}

// data are the outputs as JSON, which is easy to compare.
func data(r *rpc.Reply) string {
	b, _ := json.Marshal(value.ForJSON(r.Data))
	return string(b)
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestWorkerAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		w, starts := fakeWorker(config(), each(func(req map[string]any) string {
			seen = append(seen, fmt.Sprint(req["type"], req["action"], req["caller"], req["data"]))
			switch len(seen) {
			case 1:
				return "\n" + `{"type":"log","level":"warn","text":"hm"}` + "\n" + `{"type":"progress","id":"x","percent":50}` + "\n" +
					`{"type":"surprise"}` + "\n" + `{"type":"reply","id":"nobody"}` + "\n" + replyTo(req, `,"statuscode":0,"data":{"n":1}`)
			case 2:
				return replyTo(req, `,"statuscode":3,"statusmsg":"no name","data":{"n":2}`)
			case 3:
				return replyTo(req, `,"data":[1]`)
			}
			return replyTo(req, `,"statuscode":"x"`)
		}))
		for i, want := range []string{`0 OK {"n":1}`, `3 no name {"n":2}`, `5 the data of its reply is not an object {}`,
			`5 it answered with the statuscode "x", not a number from 0 to 255 {}`} {
			r := ask(within(t, time.Minute), w, sym("a"), int64(i))
			if got := fmt.Sprintf("%d %s %s", r.Status, r.Message, data(r)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if starts.Load() != 1 || len(seen) != 4 || seen[0] != "requestgouid=7map[a:0]" {
			t.Errorf("%d starts, %v", starts.Load(), seen)
		}
		w.Close()
		if r := ask(within(t, time.Minute), w); r.Status != 5 || !strings.Contains(r.Message, "being replaced") {
			t.Error(r.Message)
		}
	})
}

func TestWorkerSpeaksYAML(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := config()
		s.Form = stdio.YAML
		w, _ := fakeWorker(s, func(_ context.Context, lines <-chan string, say func(string)) int {
			say("type: hello\nprotocol: 1\n...")
			id := ""
			for line := range lines {
				if rest, ok := strings.CutPrefix(line, "id: "); ok {
					id = strings.Trim(rest, `"'`)
				}
				if line == "..." {
					say("---\ntype: reply\nid: \"" + id + "\"\ndata:\n  list:\n    - 1\n    - two\n...")
				}
			}
			return 0
		})
		if r := ask(within(t, time.Minute), w); r.Status != 0 || data(r) != `{"list":[1,"two"]}` {
			t.Errorf("%d %s %s", r.Status, r.Message, data(r))
		}
		w.Close()
	})
}

// TestWorkerIsBad has the programs that do not keep to the protocol.
func TestWorkerIsBad(t *testing.T) {
	for want, do := range map[string]body{
		"it did not say hello within 5s": func(ctx context.Context, _ <-chan string, _ func(string)) int { <-ctx.Done(); return -1 },
		"it ended with exit status 3":    func(context.Context, <-chan string, func(string)) int { return 3 },
		"it speaks protocol \"2\", and this is 1": func(ctx context.Context, _ <-chan string, say func(string)) int {
			say(`{"type":"hello","protocol":2}`)
			<-ctx.Done()
			return 0
		},
		"it says that it is agent \"y\"": func(ctx context.Context, _ <-chan string, say func(string)) int {
			say(`{"type":"hello","protocol":1,"agent":"y"}`)
			<-ctx.Done()
			return 0
		},
		"its first message is of type \"reply\" and not hello": func(ctx context.Context, _ <-chan string, say func(string)) int {
			say(`{"type":"reply","id":"1"}`)
			<-ctx.Done()
			return 0
		},
		"it said hello twice": func(ctx context.Context, _ <-chan string, say func(string)) int {
			say(hello)
			say(hello)
			<-ctx.Done()
			return 0
		},
		"it said more than 1048576 bytes at once": func(ctx context.Context, _ <-chan string, say func(string)) int {
			say(hello)
			for ctx.Err() == nil {
				say(strings.Repeat("x", 2<<20))
			}
			return 0
		},
		"it said 101 things that are not messages": func(ctx context.Context, _ <-chan string, say func(string)) int {
			say(hello)
			for ctx.Err() == nil {
				say("debug")
			}
			return 0
		},
		"it ended with exit status 0": func(ctx context.Context, lines <-chan string, say func(string)) int {
			say(hello)
			<-lines
			return 0
		},
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := fakeWorker(config(), do)
				r := ask(within(t, 8*time.Second), w)
				if r.Status != 5 || !strings.Contains(r.Message, want) {
					t.Errorf("%d %s", r.Status, r.Message)
				}
				w.Close()
				synctest.Wait()
			})
		})
	}
}

func TestWorkerCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, starts := fakeWorker(config(), func(ctx context.Context, lines <-chan string, say func(string)) int {
			say(hello)
			<-lines
			return 1
		})
		for i := range mostCrashes {
			if r := ask(within(t, time.Minute), w); r.Status != 5 || !strings.Contains(r.Message, "it ended with exit status 1") {
				t.Errorf("%d: %s", i, r.Message)
			}
		}
		if starts.Load() != mostCrashes {
			t.Errorf("%d starts", starts.Load())
		}
		r := ask(within(t, time.Minute), w)
		if want := "agent x cannot work: inactive after 5 crashes in a minute, the last: it ended with exit status 1"; r.Message != want || w.Inactive() == nil {
			t.Error(r.Message)
		}
		if starts.Load() != mostCrashes {
			t.Error("an inactive worker was started")
		}
		time.Sleep(probation)
		if ask(within(t, time.Minute), w); starts.Load() != mostCrashes+1 {
			t.Error("it got no second chance")
		}
		w.Close()
	})
}

func TestWorkerBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		s := config()
		w, _ := fakeWorker(s, func(context.Context, <-chan string, func(string)) int {
			at = append(at, time.Since(began))
			return 1
		})
		r := ask(within(t, 30*time.Second), w)
		if !strings.Contains(r.Message, "inactive after 5 crashes") {
			t.Error(r.Message)
		}
		if got := fmt.Sprint(at); got != "[0s 100ms 300ms 700ms 1.5s]" {
			t.Error(got)
		}
		w.Close()
	})
}

func TestWorkerIdleAndRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := config()
		s.Idle, s.MaxRequests = time.Minute, 3
		var alive atomic.Int32
		answer := each(func(req map[string]any) string { return replyTo(req, "") })
		w, starts := fakeWorker(s, func(ctx context.Context, lines <-chan string, say func(string)) int {
			alive.Add(1)
			defer alive.Add(-1)
			return answer(ctx, lines, say)
		})
		for range 7 {
			if r := ask(within(t, time.Minute), w); r.Status != 0 {
				t.Error(r.Message)
			}
		}
		synctest.Wait()
		if starts.Load() != 3 || alive.Load() != 1 {
			t.Errorf("%d starts, %d alive", starts.Load(), alive.Load())
		}
		time.Sleep(59 * time.Second)
		if alive.Load() != 1 {
			t.Error("it rested too soon")
		}
		time.Sleep(2 * time.Second)
		if alive.Load() != 0 {
			t.Error("it does not rest")
		}
		if r := ask(within(t, time.Minute), w); r.Status != 0 || starts.Load() != 4 {
			t.Error("it does not come back", r.Message)
		}
		if w.Inactive() != nil {
			t.Error(w.Inactive())
		}
		w.Close()
	})
}

func TestWorkerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, starts := fakeWorker(config(), func(ctx context.Context, lines <-chan string, say func(string)) int {
			say(hello)
			<-lines
			<-ctx.Done()
			return -1
		})
		began := time.Now()
		r := ask(within(t, time.Second), w)
		if took := time.Since(began); r.Status != 5 || r.Message != "timed out: worker x: it did not answer" || took != 3*time.Second {
			t.Errorf("%s after %v", r.Message, took)
		}
		synctest.Wait()
		if w.current != nil || starts.Load() != 1 {
			t.Error("the program that hangs is still there")
		}
		w.Close()
	})
}

func TestWorkerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := config()
		s.Concurrency = 2
		var cancelled []any
		w, starts := fakeWorker(s, each(func(req map[string]any) string {
			switch req["type"] {
			case "cancel":
				cancelled = append(cancelled, req["id"])
			case "ping":
				return `{"type":"pong"}`
			}
			if data, _ := req["data"].(map[string]any); data["quick"] == true {
				return replyTo(req, "")
			}
			return ""
		}))
		began := time.Now()
		r := ask(within(t, time.Second), w)
		if r.Message != "timed out: worker x: it did not answer" || time.Since(began) != time.Second {
			t.Error(r.Message, time.Since(began))
		}
		if r := ask(within(t, time.Second), w, sym("quick"), true); r.Status != 0 || starts.Load() != 1 {
			t.Error("a program that heeds a cancel was ended:", r.Message)
		}
		if len(cancelled) != 1 || cancelled[0] != "0123456789abcdef0123456789abcdef" {
			t.Error(cancelled)
		}
		w.Close()
	})
}

func TestWorkerConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := config()
		s.Concurrency = 3
		var now, most atomic.Int32
		w, starts := fakeWorker(s, func(ctx context.Context, lines <-chan string, say func(string)) int {
			say(hello)
			var mu sync.Mutex
			var all sync.WaitGroup
			defer all.Wait()
			for line := range lines {
				most.Store(max(most.Load(), now.Add(1)))
				all.Go(func() {
					time.Sleep(time.Second)
					now.Add(-1)
					var req map[string]any
					json.Unmarshal([]byte(line), &req)
					mu.Lock()
					defer mu.Unlock()
					say(replyTo(req, ""))
				})
			}
			return 0
		})
		began := time.Now()
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() {
				if r := ask(within(t, time.Minute), w); r.Status != 0 {
					t.Error(r.Message)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != 3*time.Second || most.Load() != 3 || starts.Load() != 1 {
			t.Errorf("%v, %d at once, %d starts", took, most.Load(), starts.Load())
		}
		for range 3 {
			all.Go(func() { ask(within(t, time.Minute), w) })
		}
		synctest.Wait()
		if r := ask(within(t, 100*time.Millisecond), w); r.Message != "timed out: worker x: all that it may work on at once are under way" {
			t.Error(r.Message)
		}
		all.Wait()
		w.Close()
	})
}

func TestWorkerEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := config()
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		w, _ := fakeWorker(c, each(func(req map[string]any) string {
			return `{"type":"event","data":{"disk":"full"}}` + "\n" + replyTo(req, "")
		}))
		ask(within(t, time.Minute), w)
		w.Close()
		if want := `level=INFO msg="event {\"disk\":\"full\"}"`; !strings.Contains(log.String(), want) {
			t.Errorf("log has no %s: %s", want, log.String())
		}
	})
}

func TestWorkerCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := fakeWorker(config(), nil)
		w.Run = func(context.Context, func(string)) (Process, error) { return nil, errors.New("no such file") }
		if r := ask(within(t, time.Minute), w); !strings.Contains(r.Message, "inactive after 5 crashes in a minute, the last: no such file") {
			t.Error(r.Message)
		}
		w.Close()
	})
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1)
		if !turns.Take(t.Context()) {
			t.Error("the first has no turn")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		if turns.Take(ctx) || time.Since(began) != 4*time.Second {
			t.Errorf("the second waited %v", time.Since(began))
		}
		turns.Release()
		if !turns.Take(t.Context()) {
			t.Error("a turn that was given back is not there")
		}
		if none := NewTurns(0); !none.Take(t.Context()) {
			t.Error("no limit is one")
		}
	})
}
