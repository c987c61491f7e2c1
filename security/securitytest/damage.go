package securitytest

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"mcollective/message"
	"mcollective/security"
)

// sample is a request or reply and how it is opened.
type sample struct {
	name    string
	payload security.Payload
	body    any
	open    func(security.Payload) (body any, err error)
}

func (s Suite) samples(t *testing.T) []sample {
	p := s.pair(t)
	openRequest := func(payload security.Payload) (any, error) {
		r, err := p.open(payload)
		if err != nil {
			return nil, err
		}
		return r.Body, nil
	}
	openReply := func(payload security.Payload) (any, error) {
		r, err := p.openReply(payload)
		if err != nil {
			return nil, err
		}
		return r.Body, nil
	}
	full := request(rpcBody())
	full.Filter = fullFilter()
	refusal := reply("no")
	refusal.Reason = message.Denied
	return []sample{
		{"request", encodeRequest(t, p.client, request("ping")), "ping", openRequest},
		{"full request", encodeRequest(t, p.client, full), rpcBody(), openRequest},
		{"reply", p.encode(reply("pong")), "pong", openReply},
		{"refusal", p.encode(refusal), "no", openReply},
	}
}

// damage flips each bit, cuts at each byte, drops and doubles each byte. A
// provider need not notice all of that, but never opens another body than was
// sent.
func (s Suite) damage(t *testing.T) {
	for _, m := range s.samples(t) {
		want, err := m.open(m.payload)
		if err != nil {
			t.Fatalf("%s is refused: %v", m.name, err)
		}
		try := func(what string, at int, data []byte) {
			got, err := m.open(security.Payload{Data: data, Headers: m.payload.Headers})
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s at byte %d: body %#v is taken for proven", m.name, what, at, got)
			}
		}
		data := m.payload.Data
		step, bits := 1, 8
		if s.Slow && len(data) > 500 {
			step, bits = 5, 1
		}
		if testing.Short() {
			step = 1 + len(data)/50
		}
		for i := 0; i < len(data); i += step {
			changed := bytes.Clone(data)
			for bit := range bits {
				mask := byte(1) << ((i + bit) % 8)
				changed[i] ^= mask
				try("bit flipped", i, changed)
				changed[i] ^= mask
			}
			// A last newline may be missed without harm, nothing else.
			got, err := m.open(security.Payload{Data: data[:i], Headers: m.payload.Headers})
			if err == nil && (i < len(data)-1 || data[i] != '\n' || !reflect.DeepEqual(got, want)) {
				t.Errorf("%s cut to %d of %d bytes is taken", m.name, i, len(data))
			}
			try("byte dropped", i, append(bytes.Clone(data[:i]), data[i+1:]...))
			try("byte doubled", i, append(bytes.Clone(data[:i+1]), data[i:]...))
		}
	}
}

func (s Suite) junk(t *testing.T) {
	p := s.pair(t)
	rng := rand.New(rand.NewPCG(1, 2))
	inputs := [][]byte{nil, {}, {0}, {4}, {4, 8}, []byte("\x04\b0"), []byte("\x04\b{\x04\xff\xff\xff\x3f"), []byte("\x04\b[\x04\xff\xff\xff\x3f"),
		[]byte("\x04\b\"\x04\xff\xff\xff\x3f"), []byte("---"), []byte("--- &a [*a]"), []byte("{}"), []byte("[]"), []byte("null"), []byte("{"),
		bytes.Repeat([]byte("["), 100000), bytes.Repeat([]byte("\x04\b["), 1000), append([]byte("\x04\b"), bytes.Repeat([]byte("[\x06"), 100000)...),
		[]byte("--- " + strings.Repeat("[", 50000)), []byte("---\n" + strings.Repeat("- ", 50000)), []byte(strings.Repeat(`{"a":`, 50000))}
	for range 200 {
		b := make([]byte, rng.IntN(200))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		inputs = append(inputs, b, append([]byte("\x04\b"), b...), append([]byte("--- "), b...))
	}
	for _, in := range inputs {
		if _, err := p.open(security.Payload{Data: in}); err == nil {
			t.Errorf("request of %.40q is taken", in)
		}
		if _, err := p.openReply(security.Payload{Data: in}); err == nil {
			t.Errorf("reply of %.40q is taken", in)
		}
	}
}

func (s Suite) size(t *testing.T) {
	p := s.pair(t)
	large := strings.Repeat("x", s.TooLarge)
	if payload, err := p.client.EncodeRequest(t.Context(), request(large)); err == nil {
		if _, err := p.open(payload); err == nil {
			t.Errorf("a request with a body of %d bytes is taken", s.TooLarge)
		}
	}
	for _, size := range []int{1000, 200_000} {
		body := strings.Repeat("ü", size)
		if r, err := p.request(request(body)); err != nil || r.Body != body {
			t.Errorf("a request with a body of %d bytes: %v", 2*size, err)
		}
	}
	body := strings.Repeat("x", 4<<20)
	if r, err := p.openReply(p.encode(reply(body))); err != nil || r.Body != body {
		t.Errorf("a reply with a body of 4 MiB: %v", err)
	}
	var deep any = "x"
	for range 10_000 {
		deep = []any{deep}
	}
	if payload, err := p.client.EncodeRequest(t.Context(), request(deep)); err == nil {
		if _, err := p.open(payload); err == nil {
			t.Error("a request with a body 10,000 deep is taken")
		}
	}
	if payload, err := p.node.EncodeReply(t.Context(), p.received, &message.Reply{Body: deep}); err == nil {
		if _, err := p.openReply(payload); err == nil {
			t.Error("a reply with a body 10,000 deep is taken")
		}
	}
}
