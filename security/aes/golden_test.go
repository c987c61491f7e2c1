package aes

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

// The captures under testdata are what Ruby MCollective 2.12.5 sent. Requests can be
// opened with the public key in keys; who could open the replies is gone, so that these
// show only the form.

var serializers = map[string]wire.Serializer{"aes-marshal": wire.Marshal, "aes-yaml": wire.YAML}

func goldenSite(t testing.TB) site {
	s := newSite(t)
	text, err := os.ReadFile("testdata/keys/tester.pem")
	if err != nil {
		t.Fatal(err)
	}
	s.write("clients/tester.pem", string(text), 0o644)
	return s
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
					":body": c.Envelope[":body"], ":sslkey": c.Envelope[":sslkey"], ":senderid": r.Sender, ":requestid": r.ID, ":filter": securitytest.View(tree),
					":collective": r.Collective, ":agent": r.Agent, ":callerid": r.Caller,
					":ttl": json.Number(fmt.Sprint(int(r.TTL / time.Second))), ":msgtime": json.Number(fmt.Sprint(r.Time.Unix())),
				}
				if key, ok := c.Envelope[":sslpubkey"]; ok {
					got[":sslpubkey"] = key
				}
				if !reflect.DeepEqual(got, c.Envelope) {
					t.Errorf("envelope\n%v\nwant\n%v", got, c.Envelope)
				}
				want := c.Inner.(map[string]any)[":aes_msg"]
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

func TestGoldenRepliesAreForOthers(t *testing.T) {
	s := goldenSite(t)
	for dir, ser := range serializers {
		t.Run(dir, func(t *testing.T) {
			client := s.client("alice", func(o *ClientOptions) { o.Serializer = ser })
			securitytest.Captures(t, dir, "reply", func(t *testing.T, data []byte, c securitytest.Capture) {
				w, err := ser.DecodeSealedReply(data)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]any{":body": w.Body, ":sslkey": w.Key, ":senderid": w.Header.Sender, ":requestid": w.Header.RequestID,
					":senderagent": w.Header.Agent, ":msgtime": json.Number(fmt.Sprint(w.Header.Time.Unix()))}
				if !reflect.DeepEqual(got, c.Envelope) {
					t.Errorf("envelope\n%v\nwant\n%v", got, c.Envelope)
				}
				if _, err := client.DecodeReply(t.Context(), &message.Request{ID: w.Header.RequestID}, security.Payload{Data: data}); !errors.Is(err, security.ErrUnverified) {
					t.Errorf("a reply for another caller: error %v, want ErrUnverified", err)
				}
			})
		})
	}
}

// TestGoldenBytesAreOurs encodes captured envelopes again. Links, which Ruby makes of
// what happens to be one object there, are resolved first.
func TestGoldenBytesAreOurs(t *testing.T) {
	compare := func(t *testing.T, ours, data []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if ours, data = securitytest.Unlinked(t, ours), securitytest.Unlinked(t, data); !bytes.Equal(ours, data) {
			t.Errorf("ours\n%q\nRuby's\n%q", ours, data)
		}
	}
	securitytest.Captures(t, "aes-marshal", "request", func(t *testing.T, data []byte, _ securitytest.Capture) {
		w, err := wire.Marshal.DecodeSealedRequest(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeRequest(w)
		compare(t, ours, data, err)
	})
	securitytest.Captures(t, "aes-marshal", "reply", func(t *testing.T, data []byte, _ securitytest.Capture) {
		w, err := wire.Marshal.DecodeSealedReply(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeReply(w)
		compare(t, ours, data, err)
	})
}
