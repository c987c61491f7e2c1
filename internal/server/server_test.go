package server_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mcollective/connector"
	"mcollective/internal/server"
	"mcollective/message"
)

// echo answers with the request's body.
var echo = server.HandlerFunc(func(_ context.Context, r *message.Request) (any, error) { return r.Body, nil })

func withEcho(_ *world, o *server.Options) { o.Handlers["echo"] = echo }

func TestPing(t *testing.T) {
	in(t, nil, func(w *world) {
		france := ask("discovery", "ping")
		france.Collective = "france"
		for _, c := range []struct {
			to  connector.Target
			req *message.Request
		}{
			{broadcast("discovery"), ask("discovery", "ping")},
			{directed, ask("discovery", "ping")},
			{connector.Target{Kind: connector.Broadcast, Collective: "france", Agent: "discovery"}, france},
			{connector.Target{Kind: connector.Directed, Collective: "france", Identity: self}, france},
		} {
			w.send(c.to, c.req)
			got := w.replies()
			if len(got) != 1 {
				t.Fatalf("%v: %d replies", c.to, len(got))
			}
			r := got[0]
			if r.Body != "pong" || r.RequestID != c.req.ID || r.Sender != self || r.Agent != "discovery" || !r.Time.Equal(time.Now()) {
				t.Errorf("%v: the reply is %+v", c.to, r)
			}
		}
		if n := w.srv.Stats(); n.Total != 4 || n.Validated != 4 || n.Passed != 4 || n.Replies != 4 {
			t.Errorf("counters: %+v", n)
		}
	})
}

func TestDiscoveryOfAnythingElse(t *testing.T) {
	in(t, nil, func(w *world) {
		for body, want := range map[any]string{"pang": "Unknown Request: pang", int64(4): "Unknown Request: int64", strings.Repeat("x", 1000): "Unknown Request: xxx"} {
			w.send(broadcast("discovery"), ask("discovery", body))
			if got, _ := w.one().(string); !strings.HasPrefix(got, want) || len(got) > 200 {
				t.Errorf("%v is answered with %q", body, got)
			}
		}
	})
}

func TestNoDirectAddressing(t *testing.T) {
	in(t, func(_ *world, o *server.Options) { o.DirectAddressing = false }, func(w *world) {
		w.send(directed, ask("discovery", "ping"))
		w.none()
		w.alive()
	})
}

func TestHandlerOutcomes(t *testing.T) {
	agents := func(_ *world, o *server.Options) {
		answer := func(body any, err error) server.Handler {
			return server.HandlerFunc(func(context.Context, *message.Request) (any, error) { return body, err })
		}
		o.Handlers["fine"] = answer("fine", nil)
		o.Handlers["mute"] = answer("not sent", server.ErrNoReply)
		o.Handlers["broken"] = answer(nil, errors.New("disk full"))
		o.Handlers["large"] = answer(strings.Repeat("x", 2<<20), nil)
		o.Handlers["odd"] = answer(errUnencodable, nil)
		o.Handlers["bug"] = server.HandlerFunc(func(context.Context, *message.Request) (any, error) { panic("out of range") })
	}
	in(t, agents, func(w *world) {
		call := func(agent string) { w.send(broadcast(agent), ask(agent, "go")) }
		fails := func(agent, why string) {
			t.Helper()
			call(agent)
			if code, text := status(t, w.one()); code != 5 || !strings.Contains(text, why) {
				t.Errorf("%s: status %d %q, want 5 and %q", agent, code, text, why)
			}
		}
		call("fine")
		if b := w.one(); b != "fine" {
			t.Errorf("the body is %v", b)
		}
		call("mute")
		w.none()
		fails("broken", "disk full")
		fails("large", "was not sent")
		fails("odd", "cannot be encoded")
		fails("bug", "the log of the node")
		if n := w.srv.Stats(); n.Panics != 1 || n.Oversize != 1 || n.Replies != 5 || n.Dropped != 0 {
			t.Errorf("counters: %+v", n)
		}
		w.alive()
	})
}

func TestRequestWithoutReplyAddress(t *testing.T) {
	in(t, withEcho, func(w *world) {
		for _, agent := range []string{"echo", "discovery"} {
			data := w.sec.request(ask(agent, "ping"))
			if err := w.client.Publish(t.Context(), broadcast(agent), connector.Message{Data: data}); err != nil {
				t.Fatal(err)
			}
			w.none()
		}
		if n := w.srv.Stats(); n.Dropped != 0 || n.Passed != 2 {
			t.Errorf("counters: %+v", n)
		}
	})
}

func TestHostileBytes(t *testing.T) {
	in(t, nil, func(w *world) {
		w.sendBytes(broadcast("discovery"), []byte("nonsense"))
		w.sendBytes(directed, nil)
		w.sendBytes(broadcast("discovery"), []byte("panic now"))
		w.none()
		if n := w.srv.Stats(); n.Total != 3 || n.Unvalidated != 2 || n.Panics != 1 {
			t.Errorf("counters: %+v", n)
		}
		w.alive()
	})
}

func TestFloodIsRationedInTheLog(t *testing.T) {
	each := uint64(1000)
	if testing.Short() {
		each = 100
	}
	in(t, nil, func(w *world) {
		for range 10 {
			for range each {
				w.sendBytes(broadcast("discovery"), []byte("nonsense"))
			}
			w.none()
			time.Sleep(time.Second) // virtual, as all that runs within "in"
		}
		if n := len(w.log.take()); n == 0 || n > 30 {
			t.Errorf("%d log lines for %d bad messages in 10 s", n, 10*each)
		}
		n := w.srv.Stats()
		if n.Unvalidated != 10*each || n.LogsSuppressed < 9*each {
			t.Errorf("counters: %+v", n)
		}
		time.Sleep(time.Minute) // virtual
		w.sendBytes(broadcast("discovery"), []byte("nonsense"))
		w.none()
		found := false
		for _, r := range w.log.take() {
			found = found || strings.Contains(r.Message, "more requests were refused")
		}
		if !found {
			t.Error("the log does not tell how many lines were left out")
		}
		w.alive()
	})
}

func TestBodiesAreNotLogged(t *testing.T) {
	in(t, withEcho, func(w *world) {
		w.send(broadcast("echo"), ask("echo", "hunter2"))
		w.one()
		seen := false
		for _, r := range w.log.take() {
			seen = seen || r.Message == "request"
			if text := recordText(r); strings.Contains(text, "hunter2") {
				t.Errorf("the log holds a body: %s", text)
			}
		}
		if !seen {
			t.Error("the request is not in the log")
		}
	})
}

func TestNewRefusesBadOptions(t *testing.T) {
	good := func() server.Options {
		return server.Options{Identity: self, Connector: nowhere{}, Security: &clearnet{}}
	}
	for name, spoil := range map[string]func(*server.Options){
		"identity":   func(o *server.Options) { o.Identity = "a b" },
		"connector":  func(o *server.Options) { o.Connector = nil },
		"security":   func(o *server.Options) { o.Security = nil },
		"collective": func(o *server.Options) { o.Collectives = []string{"*"} },
		"agent name": func(o *server.Options) { o.Handlers = map[string]server.Handler{"a/b": echo} },
		"handler":    func(o *server.Options) { o.Handlers = map[string]server.Handler{"a": nil} },
	} {
		t.Run(name, func(t *testing.T) {
			o := good()
			if _, err := server.New(o); err != nil {
				t.Fatal(err)
			}
			spoil(&o)
			if _, err := server.New(o); err == nil {
				t.Errorf("a bad %s is taken", name)
			}
		})
	}
}

// TestLevelsOfRequests: what makes a node do something is seen at info, who only
// asks whether it is there at debug.
func TestLevelsOfRequests(t *testing.T) {
	for agent, want := range map[string]slog.Level{"echo": slog.LevelInfo, "discovery": slog.LevelDebug} {
		t.Run(agent, func(t *testing.T) {
			in(t, withEcho, func(w *world) {
				w.send(broadcast(agent), ask(agent, "ping"))
				w.one()
				var levels []slog.Level
				for _, r := range w.log.take() {
					if r.Message == "request" {
						levels = append(levels, r.Level)
					}
				}
				if len(levels) != 1 || levels[0] != want {
					t.Errorf("a request to %s is logged at %v, want %v", agent, levels, want)
				}
			})
		})
	}
}
