package ssl

import (
	"errors"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"mcollective/filter"
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

func newPeer(t *testing.T, s site, ser wire.Serializer, args ...string) *securitytest.RubyPeer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Ruby")
	}
	return securitytest.NewRubyPeer(t, exec.CommandContext(waittest.Within(t, 5*time.Minute), "ruby", append(args, "testdata/peer.rb", s.dir, ser.String())...))
}

// TestRubyUnderstandsUs sends requests to the real plugin: it has to verify them, and
// send a reply that we verify; and the other way round.
func TestRubyUnderstandsUs(t *testing.T) {
	for _, ser := range []wire.Serializer{wire.Marshal, wire.YAML} {
		t.Run(ser.String(), func(t *testing.T) {
			s := newSite(t)
			peer := newPeer(t, s, ser, shim)
			client, node := s.client("alice", ser), s.node(func(o *NodeOptions) { o.Serializer = ser })
			ask := func(t *testing.T, r *message.Request) {
				payload, err := client.EncodeRequest(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if words, ok := peer.Ask(t, "envelope", payload.Data); !ok {
					t.Errorf("Ruby has another :ssl_envelope than we: %s", words)
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
				for _, reason := range []message.Reason{"", message.TimedOut} { // which Ruby passes over
					body := (&rpc.Reply{Status: rpc.UnknownError, Message: "late"}).Body()
					payload, err := node.EncodeReply(t.Context(), r, &message.Reply{Body: body, Reason: reason})
					if err != nil {
						t.Fatal(err)
					}
					words, ok = peer.Ask(t, "client", payload.Data)
					if want := "n1.example.com " + r.ID + " late"; !ok || strings.Join(words, " ") != want {
						t.Errorf("Ruby reads %s, want %s", words, want)
					}
				}
			})
		})
	}
}

// TestYAMLOfRubyAlone: without the shim the YAML of Ruby MCollective cannot be read by
// Ruby itself where Psych is 4 or later, so that it is no fault of what we send.
func TestYAMLOfRubyAlone(t *testing.T) {
	s := newSite(t)
	peer := newPeer(t, s, wire.YAML)
	words, ok := peer.Ask(t, "ask", nil)
	if !ok {
		t.Fatalf("Ruby says: %s", words)
	}
	request := securitytest.Payload(t, words[0])
	node := s.node(func(o *NodeOptions) { o.Serializer = wire.YAML })
	if _, err := node.DecodeRequest(t.Context(), request, message.Origin{}); err != nil {
		t.Errorf("ours refuses what Ruby sends: %v", err)
	}
	words, ok = peer.Ask(t, "node", request.Data)
	old := exec.CommandContext(waittest.Within(t, waittest.Patience), "ruby", "-e", `require "yaml"; exit Psych::VERSION.to_i < 4`).Run() == nil
	if ok != old {
		t.Errorf("Ruby reads its own request: %v (%s), want %v", ok, words, old)
	}
}

// TestRubyTakesAttacks shows what the real plugin takes, and that ours does not.
func TestRubyTakesAttacks(t *testing.T) {
	s := newSite(t)
	s.write("clients/server-public.pem", rsakeytest.PublicPEM(t, testKey(t, "server", 2048)), 0o644)
	peer := newPeer(t, s, wire.Marshal)
	n := s.node(nil)
	capture := func(agent string, body any) security.Payload {
		r := testRequest(body)
		r.Agent = agent
		payload, err := s.client("alice", wire.Marshal).EncodeRequest(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	rubysCall := signed(t, "alice", func(w *wire.Request) { w.Header.Agent = "rpcutil" }, rubys(rpcBody()))
	reply, err := n.EncodeReply(t.Context(), testRequestOf("alice"), &message.Reply{Body: "ping", Time: sent})
	if err != nil {
		t.Fatal(err)
	}
	w, err := wire.Marshal.DecodeReply(reply.Data)
	if err != nil {
		t.Fatal(err)
	}
	forged, ok := peer.Ask(t, "forge", nil)
	if !ok {
		t.Fatalf("Ruby says: %s", forged)
	}
	attacks := []struct {
		name    string
		payload security.Payload
		taken   int // how often ours takes it
	}{
		{"T3: a captured request for other nodes", reaim(t, capture("rpcutil", rpcBody()), envelopeChanges["filter"]), 0},
		{"T3: the same for another agent", reaim(t, capture("rpcutil", rpcBody()), envelopeChanges["agent"]), 0},
		{"T7: a captured request again", rubysCall, 1},
		{"T7: the same under another id", reaim(t, rubysCall, envelopeChanges["id"]), 0},
		{"T4: what a node has signed as a reply", signed(t, "server", func(r *wire.Request) {
			r.Header.Caller, r.Body, r.Hash = "cert=server-public", w.Body, w.Hash
		}, nil), 0},
		{"T8: a TTL of sixty years", signed(t, "alice", func(r *wire.Request) { r.Header.TTL = 1893456000 * time.Second },
			yearsOf(1893456000)), 1}, // max_ttl of the node bounds it
		{"T10: a caller id of two lines", securitytest.Payload(t, forged[0]), 0},
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			taken := 0
			for range 2 {
				if words, ok := peer.Ask(t, "node", a.payload.Data); !ok {
					t.Errorf("Ruby refuses it (%s): it proves nothing", words)
				}
				r, err := n.DecodeRequest(t.Context(), a.payload, message.Origin{})
				if err == nil {
					err = n.Check(r)
				}
				if err == nil {
					taken++
				} else if errors.Is(err, security.ErrOtherRequest) {
					t.Error(err)
				}
			}
			if taken != a.taken {
				t.Errorf("ours takes it %d times, want %d", taken, a.taken)
			}
		})
	}
}

func testRequestOf(caller string) *message.Request {
	r := testRequest("ping")
	r.Caller, r.Filter = "cert="+caller, filter.Filter{}
	return r
}

func yearsOf(ttl int64) any {
	m := rubys("ping")
	for i := range m.Pairs {
		if m.Pairs[i].Value == int64(60) {
			m.Pairs[i].Value = ttl
		}
	}
	return m
}
