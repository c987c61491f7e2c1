package server_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/server"
	"mcollective/message"
	"mcollective/security/psk"
)

// A loopback is a connector that gives its subscriptions to the test and counts
// what is published.
type loopback struct {
	receive map[connector.Target]func(connector.Delivery)
	sent    int
}

func (l *loopback) Subscribe(_ context.Context, from connector.Target, receive func(connector.Delivery)) (connector.Subscription, error) {
	l.receive[from] = receive
	return closer{}, nil
}
func (l *loopback) Publish(context.Context, connector.Target, connector.Message) error {
	l.sent++
	return nil
}
func (*loopback) Flush(context.Context) error { return nil }
func (*loopback) Status() connector.Status    { return connector.Status{Connected: true} }
func (*loopback) Close() error                { return nil }

type closer struct{}

func (closer) Address() string { return "" }
func (closer) Err() error      { return nil }
func (closer) Close() error    { return nil }

type osFacts map[string]any

func (f osFacts) Fact(name string) (any, bool) { v, ok := f[name]; return v, ok }

// BenchmarkPing is what a node does for one ping, sockets left out: PSK and
// Marshal both ways and the pipeline between them.
func BenchmarkPing(b *testing.B) {
	for name, value := range map[string]string{"matches": "CentOS", "filtered": "Debian"} {
		b.Run(name, func(b *testing.B) {
			sec, err := psk.New(psk.Options{Secret: "a secret for benchmarks only", Identity: self})
			if err != nil {
				b.Fatal(err)
			}
			wire := &loopback{receive: map[connector.Target]func(connector.Delivery){}}
			s, err := server.New(server.Options{
				Identity: self, Connector: wire, Security: sec, Facts: osFacts{"operatingsystem": "CentOS"},
				Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx) }()
			<-s.Ready()
			req := &message.Request{
				ID: message.NewID(), Collective: "mcollective", Agent: "discovery", Sender: "client.example.net",
				Time: time.Now().Add(time.Hour), TTL: time.Hour, Body: "ping",
				Filter: filter.Filter{Facts: []filter.Fact{{Name: "operatingsystem", Operator: "==", Value: value}}},
			}
			payload, err := sec.EncodeRequest(b.Context(), req)
			if err != nil {
				b.Fatal(err)
			}
			d := connector.Delivery{Message: connector.Message{Data: payload.Data, ReplyTo: "mcollective.reply.x"}, Target: broadcast("discovery")}
			receive := wire.receive[d.Target]
			b.ReportAllocs()
			for b.Loop() {
				receive(d)
			}
			b.StopTimer()
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
			if n := s.Stats(); (name == "matches") != (wire.sent > 0) || n.Unvalidated+n.TTLExpired > 0 {
				b.Errorf("%d replies, counters %+v", wire.sent, n)
			}
		})
	}
}
