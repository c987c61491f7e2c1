package psk

import (
	"context"
	"os"
	"testing"

	"mcollective/message"
	"mcollective/security"
)

func read(b *testing.B, file string) security.Payload {
	data, err := os.ReadFile("testdata/psk/" + file)
	if err != nil {
		b.Fatal(err)
	}
	return security.Payload{Data: data}
}

// BenchmarkNodePing is what a node spends on a ping: Ruby's request is checked and
// opened, and a reply made.
func BenchmarkNodePing(b *testing.B) {
	p := goldenProvider(b)
	payload := read(b, "ping.request.bin")
	b.ReportAllocs()
	for b.Loop() {
		r, err := p.DecodeRequest(context.Background(), payload, message.Origin{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.EncodeReply(context.Background(), r, &message.Reply{Body: "pong", Time: r.Time}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkDecode(b *testing.B, file string, decode func(*Provider, *message.Request, security.Payload) error) {
	p := goldenProvider(b)
	payload := read(b, file)
	req := answered(p, payload.Data)
	b.SetBytes(int64(len(payload.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := decode(p, req, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func decodeRequest(p *Provider, _ *message.Request, payload security.Payload) error {
	_, err := p.DecodeRequest(context.Background(), payload, message.Origin{})
	return err
}

func decodeReply(p *Provider, req *message.Request, payload security.Payload) error {
	_, err := p.DecodeReply(context.Background(), req, payload)
	return err
}

func BenchmarkDecodeRequestPing(b *testing.B) { benchmarkDecode(b, "ping.request.bin", decodeRequest) }
func BenchmarkDecodeRequestCombined(b *testing.B) {
	benchmarkDecode(b, "combined.request.bin", decodeRequest)
}
func BenchmarkDecodeReplyPing(b *testing.B) { benchmarkDecode(b, "ping.reply.bin", decodeReply) }
func BenchmarkDecodeReplyInventory(b *testing.B) {
	benchmarkDecode(b, "inventory.reply.bin", decodeReply)
}

func BenchmarkEncodeRequestPing(b *testing.B) {
	p := goldenProvider(b)
	r := testRequest("ping")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.EncodeRequest(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPingsTakeLittleMemory: nodes and clients do these for each other's every
// ping, thousands at a time.
func TestPingsTakeLittleMemory(t *testing.T) {
	p := goldenProvider(t)
	request, err := os.ReadFile("testdata/psk/ping.request.bin")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := os.ReadFile("testdata/psk/ping.reply.bin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.DecodeRequest(context.Background(), security.Payload{Data: request}, message.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		most float64
		do   func() error
	}{
		"DecodeRequest": {4, func() error { return decodeRequest(p, nil, security.Payload{Data: request}) }},
		"DecodeReply":   {3, func() error { return decodeReply(p, r, security.Payload{Data: answer}) }},
		"EncodeReply": {4, func() error {
			_, err := p.EncodeReply(context.Background(), r, &message.Reply{Body: "pong", Time: r.Time})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, func() {
				if err := c.do(); err != nil {
					t.Fatal(err)
				}
			}); n > c.most {
				t.Errorf("%s takes %v allocations, at most %v are allowed", name, n, c.most)
			}
		})
	}
}
