// Package wire turns the envelopes, filters and bodies of messages into bytes and
// back, in each of the serializers that MCollective knows.
//
// It is for those who write a security provider. An envelope is what a request or
// reply is wrapped in; its body is a value that was serialized on its own, since
// providers sign or encrypt exactly those bytes. They therefore work in two steps:
//
//	body, err := wire.Marshal.EncodeBody(request.Body)
//	data, err := wire.Marshal.EncodeRequest(&wire.Request{Header: *request, Body: string(body), Hash: sign(body)})
//
//	r, err := wire.Marshal.DecodeRequest(data) // checks role, caller id and names
//	verify(r.Body, r.Hash)
//	value, err := wire.Marshal.DecodeRequestBody(r.Body)
//
// Whatever comes from outside is bounded in size, depth and count, never panics
// and never becomes more than data. Nothing decoded keeps the bytes it came from.
// The package never proves anything: what it decodes is what somebody sent.
package wire

import (
	"fmt"

	"mcollective/marshal"
)

// A Serializer is a way to write values as bytes. The zero value is Marshal.
type Serializer uint8

// The serializers. Ruby peers speak Marshal with any security provider and YAML
// with the ssl and aes ones; JSON is for peers of our kind.
const (
	Marshal Serializer = iota
	YAML
	JSON
)

var names = [...]string{Marshal: "marshal", YAML: "yaml", JSON: "json"}

// String returns the name of the serializer in configurations.
func (s Serializer) String() string {
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("serializer %d", uint8(s))
}

// ParseSerializer finds a serializer by its name; "" is Marshal.
func ParseSerializer(name string) (Serializer, error) {
	for s, n := range names {
		if n == name {
			return Serializer(s), nil
		}
	}
	if name == "" {
		return Marshal, nil
	}
	return 0, fmt.Errorf("no serializer %q: use marshal, yaml or json", name)
}

// Detect guesses from its first bytes what data was written with.
func Detect(data []byte) (Serializer, bool) {
	switch {
	case len(data) >= 2 && data[0] == 4 && data[1] <= 8:
		return Marshal, true
	case len(data) >= 3 && string(data[:3]) == "---":
		return YAML, true
	case len(data) >= 1 && (data[0] == '{' || data[0] == '['):
		return JSON, true
	}
	return 0, false
}

// Bounds of the three things that are decoded. A reply's envelope is as simple as
// a request's but may hold a much larger body, and the body may hold what an
// agent's author put in.
var (
	requestEnvelope = &marshal.EnvelopePolicy
	requestBody     = &marshal.BodyPolicy
	replyBody       = &marshal.ReplyPolicy
	replyEnvelope   = func() *marshal.Policy {
		p := marshal.EnvelopePolicy
		p.MaxBytes = marshal.ReplyPolicy.MaxBytes
		return &p
	}()
)

// MaxRequest and MaxReply are the sizes in bytes of the largest payloads that
// decoding takes.
var (
	MaxRequest = requestEnvelope.MaxBytes
	MaxReply   = replyEnvelope.MaxBytes
)

// EncodeBody writes a body value. YAML and JSON refuse the inert objects of
// package marshal; JSON writes symbols as strings.
func (s Serializer) EncodeBody(v any) ([]byte, error) {
	return s.AppendBody(nil, v)
}

// AppendBody appends to dst what EncodeBody writes.
func (s Serializer) AppendBody(dst []byte, v any) ([]byte, error) {
	b, err := s.encode(dst, v)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return b, nil
}

// DecodeRequestBody reads the body of a request. A hash that has one name both as
// a symbol and as a string is refused: who looks at the one could be shown
// something else than who looks at the other.
func (s Serializer) DecodeRequestBody(data string) (any, error) {
	if s == Marshal {
		if v, ok := directBody(data, requestBody); ok {
			return v, nil
		}
	}
	v, err := s.decode(data, requestBody)
	if err == nil && s != JSON {
		err = refuseTwins(v)
	}
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return v, nil
}

// DecodeReplyBody reads the body of a reply.
func (s Serializer) DecodeReplyBody(data string) (any, error) {
	if s == Marshal {
		if v, ok := directBody(data, replyBody); ok {
			return v, nil
		}
	}
	v, err := s.decode(data, replyBody)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return v, nil
}

func (s Serializer) encode(dst []byte, v any) ([]byte, error) {
	switch s {
	case YAML:
		return appendYAML(dst, v)
	case JSON:
		return appendJSON(dst, v, 0)
	}
	if dst == nil {
		dst = make([]byte, 0, 512)
	}
	return marshal.AppendMarshal(dst, v)
}

func (s Serializer) decode(data string, p *marshal.Policy) (any, error) {
	if len(data) > p.MaxBytes {
		return nil, errTooLarge(len(data), p.MaxBytes)
	}
	switch s {
	case YAML:
		return decodeYAML([]byte(data), limitsOf(p))
	case JSON:
		return decodeJSON(data, limitsOf(p))
	}
	return p.UnmarshalString(data)
}

func errTooLarge(size, most int) error {
	return fmt.Errorf("%d bytes, at most %d are allowed", size, most)
}

// wrongSerializer makes err clearer when data was written by another serializer.
func (s Serializer) wrongSerializer(data string, err error) error {
	if other, ok := Detect([]byte(data[:min(len(data), 4)])); ok && other != s {
		return fmt.Errorf("written by serializer %s, this side is set to %s (plugin.*.serializer)", other, s)
	} else if !ok {
		return fmt.Errorf("not a message of serializer %s: %w", s, err)
	}
	return err
}
