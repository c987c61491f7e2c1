package server_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"mcollective/agent"
	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/server"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security/psk"
)

// A wire is a loopback that tells of each reply.
type wire struct {
	loopback
	replied chan struct{}
}

func (w *wire) Publish(context.Context, connector.Target, connector.Message) error {
	w.replied <- struct{}{}
	return nil
}

// An inline agent answers from memory.
type inline struct{ *agent.Mux }

func (inline) RunsInline(string) bool { return true }

// BenchmarkAction is what a node does for one call of an action that costs nothing,
// sockets left out. Between two calls it is idle, as in a collective: every call
// finds it without a worker.
func BenchmarkAction(b *testing.B) {
	b.Run("any", func(b *testing.B) { benchmarkAction(b, func(m *agent.Mux) agent.Agent { return m }) })
	b.Run("inline", func(b *testing.B) { benchmarkAction(b, func(m *agent.Mux) agent.Agent { return inline{m} }) })
}

func benchmarkAction(b *testing.B, as func(*agent.Mux) agent.Agent) {
	sec, err := psk.New(psk.Options{Secret: "a secret for benchmarks only", Identity: self})
	if err != nil {
		b.Fatal(err)
	}
	mux, err := agent.NewMux("echo.yaml", []byte("agent: echo\nactions: {ping: {output: {pong: }}}"), map[string]agent.ActionFunc{
		"ping": func(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
			reply.Set("pong", int64(1795336394))
			return nil
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	w := &wire{loopback{receive: map[connector.Target]func(connector.Delivery){}}, make(chan struct{})}
	s, err := server.New(server.Options{
		Identity: self, Connector: w, Security: sec, Facts: osFacts{"operatingsystem": "CentOS"},
		Handlers: map[string]server.Handler{"echo": agent.NewHandler(as(mux), agent.Options{})}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	body := rpc.Request{Agent: "echo", Action: "ping", Caller: sec.CallerID()}
	payload, err := sec.EncodeRequest(b.Context(), &message.Request{
		ID: message.NewID(), Collective: "mcollective", Agent: "echo", Sender: "client.example.net",
		Time: time.Now().Add(time.Hour), TTL: time.Hour, Body: body.Body(),
		Filter: filter.Filter{Agents: []filter.Pattern{{Text: "echo"}}, Facts: []filter.Fact{{Name: "operatingsystem", Operator: "==", Value: "CentOS"}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	d := connector.Delivery{Message: connector.Message{Data: payload.Data, ReplyTo: "mcollective.reply.x"}, Target: broadcast("echo")}
	receive := w.receive[d.Target]
	b.ReportAllocs()
	for b.Loop() {
		receive(d)
		<-w.replied
	}
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if n := s.Stats(); n.Replies != n.Total || n.Panics+n.TimedOut > 0 {
		b.Errorf("counters %+v", n)
	}
}
