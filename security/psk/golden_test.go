package psk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/securitytest"
)

// The captures under testdata are what Ruby MCollective 2.12.5 sent, and beside
// each what an independent Ruby script found in it.

func goldenSecret(t testing.TB) string {
	b, err := os.ReadFile("testdata/psk.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

func goldenProvider(t testing.TB) *Provider {
	p, err := New(Options{Secret: goldenSecret(t), Identity: "golden-node"})
	if err != nil {
		t.Fatal(err)
	}
	p.caller = "uid=0" // who made the captures
	return p
}

func golden(t *testing.T, kind string, f func(t *testing.T, data []byte, c securitytest.Capture)) {
	securitytest.Captures(t, "psk*", kind, f)
}

func TestGoldenRequestsAreUnderstood(t *testing.T) {
	p := goldenProvider(t)
	golden(t, "request", func(t *testing.T, data []byte, c securitytest.Capture) {
		r, err := p.DecodeRequest(context.Background(), security.Payload{Data: data}, message.Origin{})
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
		if body := securitytest.View(r.Body); !reflect.DeepEqual(body, c.Inner) {
			t.Errorf("body\n%v\nwant\n%v", body, c.Inner)
		}
		if regular := len(r.Filter.Collective) == 0; r.Filter.Irregular == regular {
			t.Errorf("Irregular is %v", r.Filter.Irregular)
		}
	})
}

func TestGoldenRepliesAreUnderstood(t *testing.T) {
	p := goldenProvider(t)
	golden(t, "reply", func(t *testing.T, data []byte, c securitytest.Capture) {
		r, err := p.DecodeReply(context.Background(), answered(p, data), security.Payload{Data: data})
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
	})
}

// TestGoldenBytesAreOurs encodes what was captured again. Where Ruby happens to
// use one object twice it sends a link for the second; which objects those are
// depends on the command, not on the values, so captures with links are compared
// after these were resolved.
func TestGoldenBytesAreOurs(t *testing.T) {
	linked := map[string]bool{}
	golden(t, "request", func(t *testing.T, data []byte, _ securitytest.Capture) {
		r, err := wire.Marshal.DecodeRequest(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		linked[t.Name()] = !bytes.Equal(securitytest.Unlinked(t, data), data)
		if linked[t.Name()] {
			ours, data = securitytest.Unlinked(t, ours), securitytest.Unlinked(t, data)
		}
		if !bytes.Equal(ours, data) {
			t.Errorf("ours\n%q\nRuby's\n%q", ours, data)
		}
	})
	golden(t, "reply", func(t *testing.T, data []byte, _ securitytest.Capture) {
		r, err := wire.Marshal.DecodeReply(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wire.Marshal.EncodeReply(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, data) {
			t.Errorf("ours\n%q\nRuby's\n%q", ours, data)
		}
	})
	for _, name := range []string{"psk/ping", "psk/combined", "psk/identity-regex", "psk/filter-none", "psk/registration", "psk-rabbitmq/ping"} {
		if was, ok := linked[t.Name()+"/"+name]; !ok || was {
			t.Errorf("%s should be there and have no link, so that it is compared as it was captured", name)
		}
	}
}

// TestGoldenPingIsOurs goes the whole way, from the values to Ruby's bytes.
func TestGoldenPingIsOurs(t *testing.T) {
	p := goldenProvider(t)
	data, err := os.ReadFile("testdata/psk/ping.request.bin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.DecodeRequest(context.Background(), security.Payload{Data: data}, message.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.EncodeRequest(context.Background(), r)
	if err != nil || !bytes.Equal(again.Data, data) {
		t.Errorf("request (%v)\n%q\nRuby's\n%q", err, again.Data, data)
	}
	if data, err = os.ReadFile("testdata/psk/ping.reply.bin"); err != nil {
		t.Fatal(err)
	}
	reply, err := p.DecodeReply(context.Background(), answered(p, data), security.Payload{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	again, err = p.EncodeReply(context.Background(), r, reply)
	if err != nil || !bytes.Equal(again.Data, data) {
		t.Errorf("reply (%v)\n%q\nRuby's\n%q", err, again.Data, data)
	}
}
