package wire

import (
	"errors"
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/value"
)

// A Request is a request in its envelope.
type Request struct {
	Header message.Request // all of the request but its body
	Body   string          // the serialized body: the very bytes that were, or will be, sent
	Hash   string          // the security provider's proof
	NoTTL  bool            // no :ttl came with it; Header.TTL is 0

	// Of a sealed request, which has no Hash.
	Key       string // the enciphered key that its body is enciphered with
	PublicKey string // the caller's, in PEM form; "" if it does not come along
}

// EncodeRequest writes a request as Ruby clients do, keys in the same order and
// strings in the same encodings.
func (s Serializer) EncodeRequest(r *Request) ([]byte, error) {
	h := &r.Header
	if err := CheckRequest(h); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	filter, err := FilterTree(&h.Filter)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	body, proof := s.proven(r.Body, r.Hash, r.Key)
	tree := &value.Map{Pairs: []value.Pair{
		{Key: value.Symbol("body"), Value: body},
		{Key: value.Symbol("senderid"), Value: h.Sender},
		{Key: value.Symbol("requestid"), Value: usASCII(h.ID)},
		{Key: value.Symbol("filter"), Value: filter},
		{Key: value.Symbol("collective"), Value: h.Collective},
		{Key: value.Symbol("agent"), Value: h.Agent},
		{Key: value.Symbol("callerid"), Value: h.Caller},
		{Key: value.Symbol("ttl"), Value: int64(h.TTL / time.Second)},
		{Key: value.Symbol("msgtime"), Value: h.Time.Unix()},
		proof,
	}}
	if r.PublicKey != "" {
		tree.Pairs = append(tree.Pairs, value.Pair{Key: value.Symbol("sslpubkey"), Value: r.PublicKey})
	}
	data, err := s.encode(nil, tree)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if len(data) > MaxRequest {
		return nil, fmt.Errorf("request of %d bytes, nodes take at most %d", len(data), MaxRequest)
	}
	return data, nil
}

// DecodeRequest reads a request's envelope and checks that it is a request, its
// caller id, and its names. It does not look at the body.
//
// Like Ruby nodes it takes a request without a sender or collective, which are ""
// then, without a time, which is the start of 1970 then, and without a TTL.
func (s Serializer) DecodeRequest(data []byte) (*Request, error) {
	return s.decodeRequest(data, fieldHash)
}

// DecodeSealedRequest is DecodeRequest of a request whose body is enciphered.
func (s Serializer) DecodeSealedRequest(data []byte) (*Request, error) {
	return s.decodeRequest(data, fieldKey)
}

func (s Serializer) decodeRequest(data []byte, proof field) (*Request, error) {
	if len(data) > MaxRequest {
		return nil, fmt.Errorf("request: %w", s.wrongSerializer(string(data[:16]), errTooLarge(len(data), MaxRequest)))
	}
	in := string(data)
	if s == Marshal && proof == fieldHash {
		if r, ok := directRequest(in); ok {
			return r, nil
		}
	}
	var f fields
	if err := f.decode(s, in, requestEnvelope); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	r, err := s.requestOf(&f, proof)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return r, nil
}

func (s Serializer) requestOf(f *fields, proof field) (*Request, error) {
	if f.has(fieldSenderAgent) {
		return nil, errors.New("it is a reply, which has :senderagent")
	}
	for _, n := range [...]field{fieldAgent, fieldFilter, fieldCallerID, fieldRequestID, fieldBody, proof} {
		if !f.has(n) {
			return nil, fmt.Errorf("it has no :%s", fieldNames[n])
		}
	}
	r := &Request{NoTTL: !f.has(fieldTTL)}
	h := &r.Header
	h.Caller = f.text(fieldCallerID)
	if f.err == nil {
		f.err = message.ValidCallerID(h.Caller)
	}
	h.Agent = f.text(fieldAgent)
	h.ID = f.text(fieldRequestID)
	h.Sender = f.text(fieldSenderID)
	h.Collective = f.text(fieldCollective)
	h.TTL = time.Duration(f.integer(fieldTTL, maxTTL)) * time.Second
	h.Time = time.Unix(f.integer(fieldMsgTime, maxTime), 0).UTC()
	if proof == fieldKey {
		r.Key, r.PublicKey = f.text(fieldKey), f.text(fieldPublicKey)
	} else {
		r.Hash = f.text(fieldHash)
	}
	r.Body = f.bytes(fieldBody)
	if f.err != nil {
		return nil, f.err
	}
	if err := CheckRequest(h); err != nil {
		return nil, err
	}
	var err error
	h.Filter, err = DecodeFilter(f.values[fieldFilter], s != JSON)
	return r, err
}

// CheckRequest refuses names that could not be told from something else in a
// topic, a path or a log.
func CheckRequest(h *message.Request) error {
	err := message.ValidCallerID(h.Caller)
	if err == nil {
		err = message.ValidRequestID(h.ID)
	}
	if err == nil {
		err = message.ValidAgent(h.Agent)
	}
	if err == nil && h.Sender != "" {
		err = message.ValidIdentity(h.Sender)
	}
	if err == nil && h.Collective != "" {
		err = message.ValidCollective(h.Collective)
	}
	if s := int64(h.TTL / time.Second); err == nil && (s < 0 || s > maxTTL) {
		err = fmt.Errorf("TTL of %v", h.TTL)
	}
	if s := h.Time.Unix(); err == nil && (s < 0 || s > maxTime) {
		err = fmt.Errorf("time %v", h.Time)
	}
	return err
}
