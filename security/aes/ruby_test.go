package aes

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/rpc"
	"mcollective/security"
	"mcollective/security/internal/rsakey/rsakeytest"
	"mcollective/security/securitytest"
	"mcollective/value"
)

// shim puts back what Ruby 3.1 dropped and the YAML of MCollective needs; see its head.
const shim = "-r../../interop/compat.rb"

func newPeer(t *testing.T, args ...string) *securitytest.RubyPeer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Ruby")
	}
	return securitytest.NewRubyPeer(t, exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", args...))
}

// TestRubyUnderstandsUs sends requests to the real plugin: it has to open them, and send
// a reply that we open; and the other way round.
func TestRubyUnderstandsUs(t *testing.T) {
	for _, ser := range both {
		t.Run(ser.String(), func(t *testing.T) {
			s := newSite(t)
			peer := newPeer(t, shim, "testdata/peer.rb", s.dir, ser.String())
			client, node := s.client("alice", func(o *ClientOptions) { o.Serializer = ser }), s.node(func(o *NodeOptions) { o.Serializer = ser })
			ask := func(t *testing.T, r *message.Request) {
				payload, err := client.EncodeRequest(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				words, ok := peer.Ask(t, "node", payload.Data)
				if !ok {
					t.Fatalf("Ruby says: %s", words)
				}
				rep, err := client.DecodeReply(t.Context(), r, securitytest.Payload(t, words[0]))
				if err != nil {
					t.Fatal(err)
				}
				want := r.Body
				if want == "ping" {
					want = "pong"
				}
				if re, ok := want.(*value.Regexp); ok && ser == wire.YAML { // Psych writes a slash as \/, which means the same
					want = value.NewRegexp(strings.ReplaceAll(strings.ReplaceAll(re.Source, `\/`, "/"), "/", `\/`), re.Options)
				}
				if rep.RequestID != r.ID || rep.Agent != r.Agent || rep.Sender != "ruby-peer" || !reflect.DeepEqual(rep.Body, want) {
					t.Errorf("Ruby's reply %+v to %+v", rep, r)
				}
			}
			for _, f := range securitytest.Filters() {
				t.Run("filter "+f.Name, func(t *testing.T) {
					r := testRequest("ping")
					r.Filter = f.Filter
					ask(t, r)
				})
			}
			for _, b := range securitytest.Bodies() {
				t.Run("body "+b.Name, func(t *testing.T) { ask(t, testRequest(b.Value)) })
			}
			t.Run("the other way", func(t *testing.T) {
				words, ok := peer.Ask(t, "ask", nil)
				if !ok {
					t.Fatalf("Ruby says: %s", words)
				}
				r, err := node.DecodeRequest(t.Context(), securitytest.Payload(t, words[0]), message.Origin{})
				if err != nil || r.Body != "ping" || r.Principal.ID != "cert=alice" {
					t.Fatalf("Ruby's request %+v, %v", r, err)
				}
				body := (&rpc.Reply{Status: rpc.UnknownError, Message: "late"}).Body()
				payload, err := node.EncodeReply(t.Context(), r, &message.Reply{Body: body, Reason: message.TimedOut})
				if err != nil {
					t.Fatal(err)
				}
				words, ok = peer.Ask(t, "client", payload.Data)
				if want := "n1.example.com " + r.ID + " late"; !ok || strings.Join(words, " ") != want {
					t.Errorf("Ruby reads %s, want %s", words, want)
				}
			})
		})
	}
}

// TestRubyTakesAttacks shows what the real plugin takes; the tests in aes_test.go hold
// ours to refuse it.
func TestRubyTakesAttacks(t *testing.T) {
	s := newSite(t)
	peer := newPeer(t, "testdata/peer.rb", s.dir, "marshal")
	n := s.node(nil)
	payload, session, block := captured(t, s)
	take := func(payload security.Payload) bool {
		r, err := n.DecodeRequest(t.Context(), payload, message.Origin{})
		return err == nil && n.Check(r) == nil
	}
	steps := []struct {
		name    string
		payload security.Payload
		taken   bool
	}{
		{"a request", payload, true},
		{"T7: it again", payload, false},
		{"T5: another made of it with the public key", forged(t, session, block), false},
		{"T5: another, with a TTL of sixty years", sealed(t, session, block, func(w *wire.Request) { w.Header.TTL = 1893456000e9 },
			rubys("ping", int64(1893456000), sent.Unix())), false},
	}
	for _, a := range steps {
		if words, ok := peer.Ask(t, "node", a.payload.Data); !ok {
			t.Errorf("%s: Ruby refuses it (%s): it proves nothing", a.name, words)
		}
		if got := take(a.payload); got != a.taken {
			t.Errorf("%s: ours takes it: %v, want %v", a.name, got, a.taken)
		}
	}

	// T12: anybody writes replies who has the caller's public key; ours cannot tell either.
	stranger := s.node(func(o *NodeOptions) { o.Identity = "any.other.name" })
	r := testRequest("ping")
	r.Caller = "cert=alice"
	reply, err := stranger.EncodeReply(t.Context(), r, &message.Reply{Body: "pong", Time: sent})
	if err != nil {
		t.Fatal(err)
	}
	if words, ok := peer.Ask(t, "client", reply.Data); !ok || words[0] != "any.other.name" {
		t.Errorf("Ruby refuses a reply of a stranger (%s): it proves nothing", words)
	}
}

// TestRubyLearnsFromAnybody: T5b. The key is on disk before anything of the message was
// looked at. Ours has no such way to learn.
func TestRubyLearnsFromAnybody(t *testing.T) {
	s := newSite(t)
	s.write("clients/.keep", "", 0o644)
	peer := newPeer(t, "testdata/peer.rb", s.dir, "marshal", "aes.learn_pubkeys=1", "aes.insecure_learning=1")
	mallory := s.client("mallory", func(o *ClientOptions) { o.SendPublicKey = true })
	payload, err := mallory.EncodeRequest(t.Context(), testRequest("ping"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := wire.Marshal.DecodeSealedRequest(payload.Data)
	if err != nil {
		t.Fatal(err)
	}
	w.Header.Caller, w.Body = "cert=root", "AAAA\n" // a name of one's choice, and a body that is none
	if payload.Data, err = wire.Marshal.EncodeRequest(w); err != nil {
		t.Fatal(err)
	}
	peer.Ask(t, "node", payload.Data)
	if text, err := os.ReadFile(s.path("clients/root.pem")); err != nil || string(text) != rsakeytest.PublicPEM(t, testKey(t, "mallory")) {
		t.Errorf("Ruby learned nothing (%v): it proves nothing", err)
	}
	if err := os.Remove(s.path("clients/root.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.node(nil).DecodeRequest(t.Context(), payload, message.Origin{}); err == nil {
		t.Error("ours takes it")
	}
	if _, err := os.Stat(s.path("clients/root.pem")); err == nil {
		t.Error("ours learned it")
	}
}
