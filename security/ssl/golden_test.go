package ssl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/securitytest"
)

// The captures under testdata are what Ruby MCollective 2.12.5 sent; keys has the public
// halves of the keys that signed them.

var serializers = map[string]wire.Serializer{"ssl-marshal": wire.Marshal, "ssl-yaml": wire.YAML}

// goldenSite has the keys of the captures in place of its own public ones.
func goldenSite(t testing.TB) site {
	s := newSite(t)
	for from, to := range map[string]string{"tester": "clients/tester.pem", "server-public": "nodes.pem", "other": "clients/other.pem"} {
		text, err := os.ReadFile("testdata/keys/" + from + ".pem")
		if err != nil {
			t.Fatal(err)
		}
		s.write(to, string(text), 0o644)
		if from == "server-public" {
			s.write("clients/server-public.pem", string(text), 0o644) // who registers
		}
	}
	return s
}

func (s site) goldenClient(ser wire.Serializer) *Client {
	s.t.Helper()
	o := s.clientOptions("alice")
	o.ServerKey, o.Serializer = s.path("nodes.pem"), ser
	c, err := NewClient(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func TestGoldenRequestsAreUnderstood(t *testing.T) {
	s := goldenSite(t)
	for dir, ser := range serializers {
		t.Run(dir, func(t *testing.T) {
			n := s.node(func(o *NodeOptions) { o.Serializer = ser })
			securitytest.Captures(t, dir, "request", func(t *testing.T, data []byte, c securitytest.Capture) {
				r, err := n.DecodeRequest(t.Context(), security.Payload{Data: data}, message.Origin{})
				if err != nil {
					t.Fatal(err)
				}
				tree, err := wire.FilterTree(&r.Filter)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]any{
					":body": c.Envelope[":body"], ":hash": c.Envelope[":hash"], ":senderid": r.Sender, ":requestid": r.ID, ":filter": securitytest.View(tree),
					":collective": r.Collective, ":agent": r.Agent, ":callerid": r.Caller,
					":ttl": json.Number(fmt.Sprint(int(r.TTL / time.Second))), ":msgtime": json.Number(fmt.Sprint(r.Time.Unix())),
				}
				if !reflect.DeepEqual(got, c.Envelope) {
					t.Errorf("envelope\n%v\nwant\n%v", got, c.Envelope)
				}
				want := c.Inner.(map[string]any)[":ssl_msg"]
				if body := securitytest.View(r.Body); !reflect.DeepEqual(body, want) {
					t.Errorf("body\n%v\nwant\n%v", body, want)
				}
				if err := n.Check(r); err != nil {
					t.Errorf("the first time: %v", err)
				}
				if n.Check(r) == nil {
					t.Error("it counts twice")
				}
			})
		})
	}
}

func TestGoldenRepliesAreUnderstood(t *testing.T) {
	s := goldenSite(t)
	for dir, ser := range serializers {
		t.Run(dir, func(t *testing.T) {
			client := s.goldenClient(ser)
			securitytest.Captures(t, dir, "reply", func(t *testing.T, data []byte, c securitytest.Capture) {
				id := c.Envelope[":requestid"].(string)
				r, err := client.DecodeReply(t.Context(), &message.Request{ID: id}, security.Payload{Data: data})
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]any{
					":body": c.Envelope[":body"], ":hash": c.Envelope[":hash"], ":senderid": r.Sender, ":requestid": r.RequestID,
					":senderagent": r.Agent, ":msgtime": json.Number(fmt.Sprint(r.Time.Unix())),
				}
				if !reflect.DeepEqual(got, c.Envelope) {
					t.Errorf("envelope\n%v\nwant\n%v", got, c.Envelope)
				}
				if body := securitytest.View(r.Body); !reflect.DeepEqual(body, c.Inner) {
					t.Errorf("body\n%v\nwant\n%v", body, c.Inner)
				}
				if _, err := client.DecodeReply(t.Context(), testRequest(nil), security.Payload{Data: data}); !errors.Is(err, security.ErrOtherRequest) {
					t.Errorf("as a reply to another request: error %v, want ErrOtherRequest", err)
				}
			})
		})
	}
}

// TestGoldenKeysDiffer: a capture is taken for no other caller's.
func TestGoldenKeysDiffer(t *testing.T) {
	s := goldenSite(t)
	text, err := os.ReadFile("testdata/keys/other.pem")
	if err != nil {
		t.Fatal(err)
	}
	s.write("clients/tester.pem", string(text), 0o644)
	n := s.node(nil)
	data, err := os.ReadFile("testdata/ssl-marshal/ping.request.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.DecodeRequest(t.Context(), security.Payload{Data: data}, message.Origin{}); !errors.Is(err, security.ErrUnverified) {
		t.Errorf("error %v, want ErrUnverified", err)
	}
}

// TestGoldenBytesAreOurs encodes captured envelopes again. Links, which Ruby makes of
// what happens to be one object there, are resolved first. What Psych writes has other
// quotes than ours, so that YAML is not compared.
func TestGoldenBytesAreOurs(t *testing.T) {
	compare := func(t *testing.T, ours, data []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if ours, data = securitytest.Unlinked(t, ours), securitytest.Unlinked(t, data); !bytes.Equal(ours, data) {
			t.Errorf("ours\n%q\nRuby's\n%q", ours, data)
		}
	}
	securitytest.Captures(t, "ssl-marshal", "request", func(t *testing.T, data []byte, _ securitytest.Capture) {
		w, err := wire.Marshal.DecodeRequest(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeRequest(w)
		compare(t, ours, data, err)
	})
	securitytest.Captures(t, "ssl-marshal", "reply", func(t *testing.T, data []byte, _ securitytest.Capture) {
		w, err := wire.Marshal.DecodeReply(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeReply(w)
		compare(t, ours, data, err)
	})
}
