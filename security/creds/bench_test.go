package creds

import (
	"context"
	"testing"

	"mcollective/internal/credential/credentialtest"
	"mcollective/internal/dirtest"
	"mcollective/message"
	"mcollective/security"
	"mcollective/security/psk"
)

// The same steps with psk, for what signatures cost.
var kinds = []struct {
	name string
	make func(*testing.B) (security.Client, security.Node)
}{
	{"creds", func(b *testing.B) (security.Client, security.Node) {
		s := credentialtest.New(b, then)
		return newClient(b, s.Caller(credentialtest.CallerOf("jane"))), newNode(b, s.Node("web1"))
	}},
	{"psk", func(b *testing.B) (security.Client, security.Node) {
		p, err := psk.New(psk.Options{Secret: "a secret of twenty bytes and more", Identity: "web1"})
		if err != nil {
			b.Fatal(err)
		}
		return p, p
	}},
}

func benchmark(b *testing.B, do func(c security.Client, n security.Node) func() error) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			step := do(k.make(b))
			b.ReportAllocs()
			for b.Loop() {
				if err := step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeRequest(b *testing.B) {
	benchmark(b, func(c security.Client, _ security.Node) func() error {
		r := ask("discovery", "ping")
		return func() error {
			_, err := c.EncodeRequest(context.Background(), r)
			return err
		}
	})
}

// BenchmarkEncodeDirected is one of the nodes that are asked by name.
func BenchmarkEncodeDirected(b *testing.B) {
	c, _ := kinds[0].make(b)
	make, err := c.(security.Director).EncodeDirected(context.Background(), ask("discovery", "ping"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := make("web1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	benchmark(b, func(c security.Client, n security.Node) func() error {
		p, err := c.EncodeRequest(context.Background(), ask("discovery", "ping"))
		if err != nil {
			b.Fatal(err)
		}
		return func() error {
			_, err := n.DecodeRequest(context.Background(), p, broadcast("discovery"))
			return err
		}
	})
}

func replyFor(b *testing.B, c security.Client, n security.Node) (*message.Request, *message.Request, security.Payload) {
	r := ask("discovery", "ping")
	p, err := c.EncodeRequest(context.Background(), r)
	if err != nil {
		b.Fatal(err)
	}
	got, err := n.DecodeRequest(context.Background(), p, broadcast("discovery"))
	if err != nil {
		b.Fatal(err)
	}
	answer, err := n.EncodeReply(context.Background(), got, &message.Reply{Body: "pong"})
	if err != nil {
		b.Fatal(err)
	}
	return r, got, answer
}

func BenchmarkEncodeReply(b *testing.B) {
	benchmark(b, func(c security.Client, n security.Node) func() error {
		_, got, _ := replyFor(b, c, n)
		return func() error {
			_, err := n.EncodeReply(context.Background(), got, &message.Reply{Body: "pong"})
			return err
		}
	})
}

// BenchmarkDecodeReply is of a node that the client knows.
func BenchmarkDecodeReply(b *testing.B) {
	benchmark(b, func(c security.Client, n security.Node) func() error {
		r, _, p := replyFor(b, c, n)
		b.ReportMetric(float64(size(p)), "bytes")
		return func() error {
			_, err := c.DecodeReply(context.Background(), r, p)
			return err
		}
	})
}

func size(p security.Payload) int {
	n := len(p.Data)
	for k, v := range p.Headers {
		n += len(k) + len(v) + len(": \r\n")
	}
	return n
}

// BenchmarkDecodeFirstReply is of a node that the client does not know.
func BenchmarkDecodeFirstReply(b *testing.B) {
	s := credentialtest.New(b, then)
	c, n := newClient(b, s.Caller(credentialtest.CallerOf("jane"))), newNode(b, s.Node("web1"))
	r, _, p := replyFor(b, c, n)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		fresh := newClient(b, c.dir)
		b.StartTimer()
		if _, err := fresh.DecodeReply(context.Background(), r, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	r, err := OpenReplay(ReplayOptions{Dir: dirtest.New(b), MaxTTL: 600e9, MaxSkew: 30e9, Most: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	req := &message.Request{Time: r.now().Add(60e9), Principal: message.Principal{ID: "creds=jane"}}
	b.ReportAllocs()
	for b.Loop() {
		req.ID = message.NewID()
		if err := r.Check(req); err != nil {
			b.Fatal(err)
		}
	}
}
