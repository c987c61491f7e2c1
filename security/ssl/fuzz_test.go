package ssl

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/securitytest"
)

var both = []wire.Serializer{wire.Marshal, wire.YAML}

func addCaptures(f *testing.F, kind string) {
	for which, ser := range both {
		files, _ := filepath.Glob("testdata/ssl-" + ser.String() + "/*." + kind + ".bin")
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

// FuzzDecodeRequest: a request that is taken is a sound one, and its body is one that
// somebody has signed.
func FuzzDecodeRequest(f *testing.F) {
	s := goldenSite(f)
	var nodes []*Node
	known := map[string]bool{} // signatures
	addCaptures(f, "request")
	for i, ser := range both {
		n := s.node(func(o *NodeOptions) { o.Serializer = ser })
		nodes = append(nodes, n)
		c := s.client("alice", ser)
		for j, b := range securitytest.Bodies() {
			r := testRequest(b.Value)
			r.Filter = securitytest.Filters()[j%len(securitytest.Filters())].Filter
			payload, err := c.EncodeRequest(f.Context(), r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), payload.Data)
			if r, err := n.DecodeRequest(f.Context(), payload, message.Origin{}); err == nil {
				known[r.Principal.Token] = true
			}
		}
		files, _ := filepath.Glob("testdata/ssl-" + ser.String() + "/*.request.bin")
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if r, err := n.DecodeRequest(f.Context(), security.Payload{Data: data}, message.Origin{}); err == nil {
				known[r.Principal.Token] = true
			}
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
		if !known[r.Principal.Token] {
			t.Fatal("a signature that nobody has made")
		}
		if message.ValidCallerID(r.Caller) != nil || message.ValidAgent(r.Agent) != nil || message.ValidRequestID(r.ID) != nil || r.TTL < 0 {
			t.Fatalf("taken: %+v", r)
		}
	})
}

// FuzzDecodeReply: likewise for replies.
func FuzzDecodeReply(f *testing.F) {
	s := goldenSite(f)
	var clients []*Client
	addCaptures(f, "reply")
	for i, ser := range both {
		c := s.client("alice", ser)
		clients = append(clients, c)
		n := s.node(func(o *NodeOptions) { o.Serializer = ser })
		for _, b := range securitytest.Bodies() {
			payload, err := n.EncodeReply(f.Context(), testRequestOf("alice"), &message.Reply{Body: b.Value, Time: sent})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), payload.Data)
		}
	}
	req := testRequest(nil)
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
