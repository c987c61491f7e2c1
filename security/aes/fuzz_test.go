package aes

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mcollective/message"
	"mcollective/security"
	"mcollective/security/securitytest"
)

func addCaptures(f *testing.F, kind string) {
	for which, ser := range both {
		files, _ := filepath.Glob("testdata/aes-" + ser.String() + "/*." + kind + ".bin")
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(which), data)
		}
	}
}

func typed(err error) bool {
	return errors.Is(err, security.ErrMalformed) || errors.Is(err, security.ErrUnverified) || errors.Is(err, security.ErrOtherRequest)
}

// FuzzDecodeRequest: a request that is taken is a sound one.
func FuzzDecodeRequest(f *testing.F) {
	s := goldenSite(f)
	var nodes []*Node
	addCaptures(f, "request")
	for i, ser := range both {
		nodes = append(nodes, s.node(func(o *NodeOptions) { o.Serializer = ser }))
		c := s.client("alice", func(o *ClientOptions) { o.Serializer, o.SendPublicKey = ser, true })
		for j, b := range securitytest.Bodies() {
			r := testRequest(b.Value)
			r.Filter = securitytest.Filters()[j%len(securitytest.Filters())].Filter
			payload, err := c.EncodeRequest(f.Context(), r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), payload.Data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		r, err := nodes[int(which)%len(nodes)].DecodeRequest(t.Context(), security.Payload{Data: data}, message.Origin{})
		if err != nil {
			if !typed(err) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if message.ValidCallerID(r.Caller) != nil || message.ValidAgent(r.Agent) != nil || message.ValidRequestID(r.ID) != nil || r.TTL < 0 || r.Principal.Token == "" {
			t.Fatalf("taken: %+v", r)
		}
	})
}

// FuzzDecodeReply: likewise for replies.
func FuzzDecodeReply(f *testing.F) {
	s := goldenSite(f)
	var clients []*Client
	addCaptures(f, "reply")
	req := testRequest("ping")
	req.Caller = "cert=alice"
	for i, ser := range both {
		clients = append(clients, s.client("alice", func(o *ClientOptions) { o.Serializer = ser }))
		n := s.node(func(o *NodeOptions) { o.Serializer = ser })
		for _, b := range securitytest.Bodies() {
			payload, err := n.EncodeReply(f.Context(), req, &message.Reply{Body: b.Value, Time: sent})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), payload.Data)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		r, err := clients[int(which)%len(clients)].DecodeReply(t.Context(), req, security.Payload{Data: data})
		if err != nil {
			if !typed(err) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if message.ValidIdentity(r.Sender) != nil || message.ValidAgent(r.Agent) != nil || r.RequestID != req.ID {
			t.Fatalf("taken: %+v", r)
		}
	})
}
