package psk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/securitytest"
)

// fuzzProviders are one of each serializer, with the secret of the captures.
func fuzzProviders(f *testing.F) []*Provider {
	var ps []*Provider
	for _, s := range []wire.Serializer{wire.Marshal, wire.YAML, wire.JSON} {
		p, err := New(Options{Secret: goldenSecret(f), Identity: "n1", Serializer: s})
		if err != nil {
			f.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func addCaptures(f *testing.F, kind string) {
	files, _ := filepath.Glob("testdata/psk/*." + kind + ".bin")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(wire.Marshal), data)
	}
}

func typed(err error) bool {
	return errors.Is(err, security.ErrMalformed) || errors.Is(err, security.ErrUnverified)
}

// FuzzDecodeRequest: a request that is taken is a sound one, and is taken again
// after it was encoded again.
func FuzzDecodeRequest(f *testing.F) {
	ps := fuzzProviders(f)
	addCaptures(f, "request")
	for i, p := range ps {
		for _, b := range securitytest.Bodies() {
			r := testRequest(b.Value)
			r.Filter = securitytest.Filters()[len(b.Name)%len(securitytest.Filters())].Filter
			payload, err := p.EncodeRequest(context.Background(), r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), payload.Data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		p := ps[int(which)%len(ps)]
		r, err := p.DecodeRequest(context.Background(), security.Payload{Data: data}, message.Origin{})
		if err != nil {
			if !typed(err) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if message.ValidCallerID(r.Caller) != nil || message.ValidAgent(r.Agent) != nil || message.ValidRequestID(r.ID) != nil || r.TTL < 0 {
			t.Fatalf("taken: %+v", r)
		}
		again, err := p.EncodeRequest(context.Background(), r)
		if err != nil {
			t.Fatalf("cannot be encoded again: %v", err)
		}
		if _, err := p.DecodeRequest(context.Background(), again, message.Origin{}); err != nil {
			t.Fatalf("encoded again, refused: %v", err)
		}
	})
}

// FuzzDecodeReply: likewise for replies; those may hold what cannot be encoded.
func FuzzDecodeReply(f *testing.F) {
	ps := fuzzProviders(f)
	addCaptures(f, "reply")
	for i, p := range ps {
		for _, b := range securitytest.Bodies() {
			r := testRequest("ping")
			r.Caller = "uid=0"
			payload, err := p.EncodeReply(context.Background(), r, &message.Reply{Body: b.Value})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), payload.Data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		p := ps[int(which)%len(ps)]
		r, err := p.DecodeReply(context.Background(), answered(p, data), security.Payload{Data: data})
		if err != nil {
			if !typed(err) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if message.ValidIdentity(r.Sender) != nil || message.ValidAgent(r.Agent) != nil || message.ValidRequestID(r.RequestID) != nil {
			t.Fatalf("taken: %+v", r)
		}
	})
}
