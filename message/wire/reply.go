package wire

import (
	"errors"
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/value"
)

// A Reply is a reply in its envelope.
type Reply struct {
	Header message.Reply // all of the reply but its body
	Body   string        // the serialized body: the very bytes that were, or will be, sent
	Hash   string        // the security provider's proof
	Key    string        // of a sealed reply, which has no Hash: the enciphered key that its body is enciphered with
}

// EncodeReply writes a reply as Ruby nodes do, keys in the same order and strings
// in the same encodings.
func (s Serializer) EncodeReply(r *Reply) ([]byte, error) {
	h := &r.Header
	if err := CheckReply(h); err != nil {
		return nil, fmt.Errorf("reply: %w", err)
	}
	var data []byte
	if s == Marshal && h.Reason == "" && r.Key == "" {
		data = appendReply(r)
	} else {
		var err error
		if data, err = s.encode(nil, s.replyTree(r)); err != nil {
			return nil, fmt.Errorf("reply: %w", err)
		}
	}
	if len(data) > MaxReply {
		return nil, fmt.Errorf("reply of %d bytes, clients take at most %d", len(data), MaxReply)
	}
	return data, nil
}

// replyTree returns a reply as it is written; appendReply knows what Marshal makes of
// it.
func (s Serializer) replyTree(r *Reply) *value.Map {
	h := &r.Header
	pairs := []value.Pair{
		{Key: value.Symbol("senderid"), Value: h.Sender},
		{Key: value.Symbol("requestid"), Value: usASCII(h.RequestID)},
		{Key: value.Symbol("senderagent"), Value: h.Agent},
		{Key: value.Symbol("msgtime"), Value: h.Time.Unix()},
	}
	// Before what has to be there, so that it is not lost when a reply is cut short.
	if h.Reason != "" {
		pairs = append(pairs, value.Pair{Key: value.Symbol("reason"), Value: string(h.Reason)})
	}
	body, proof := s.proven(r.Body, r.Hash, r.Key)
	return &value.Map{Pairs: append(pairs, value.Pair{Key: value.Symbol("body"), Value: body}, proof)}
}

// DecodeReply reads a reply's envelope and checks that it is a reply, and its
// names. It does not look at the body.
func (s Serializer) DecodeReply(data []byte) (*Reply, error) {
	return s.decodeReply(data, fieldHash)
}

// DecodeSealedReply is DecodeReply of a reply whose body is enciphered.
func (s Serializer) DecodeSealedReply(data []byte) (*Reply, error) {
	return s.decodeReply(data, fieldKey)
}

func (s Serializer) decodeReply(data []byte, proof field) (*Reply, error) {
	if len(data) > MaxReply {
		return nil, fmt.Errorf("reply: %w", s.wrongSerializer(string(data[:16]), errTooLarge(len(data), MaxReply)))
	}
	in := string(data)
	if s == Marshal && proof == fieldHash {
		if r, ok := directReply(in); ok {
			return r, nil
		}
	}
	var f fields
	if err := f.decode(s, in, replyEnvelope); err != nil {
		return nil, fmt.Errorf("reply: %w", err)
	}
	r, err := replyOf(&f, proof)
	if err != nil {
		return nil, fmt.Errorf("reply: %w", err)
	}
	return r, nil
}

func replyOf(f *fields, proof field) (*Reply, error) {
	for _, n := range [...]field{fieldAgent, fieldFilter, fieldCallerID, fieldTTL, fieldCollective} {
		if f.has(n) {
			return nil, fmt.Errorf("it has :%s, which only a request has", fieldNames[n])
		}
	}
	for _, n := range [...]field{fieldSenderID, fieldSenderAgent, fieldRequestID, fieldBody, proof} {
		if !f.has(n) {
			return nil, fmt.Errorf("it has no :%s", fieldNames[n])
		}
	}
	r := &Reply{Header: message.Reply{
		RequestID: f.text(fieldRequestID),
		Sender:    f.text(fieldSenderID),
		Agent:     f.text(fieldSenderAgent),
		Time:      time.Unix(f.integer(fieldMsgTime, maxTime), 0).UTC(),
		Reason:    message.Reason(f.text(fieldReason)),
	}}
	if proof == fieldKey {
		r.Key = f.text(fieldKey)
	} else {
		r.Hash = f.text(fieldHash)
	}
	r.Body = f.bytes(fieldBody)
	if f.err != nil {
		return nil, f.err
	}
	return r, CheckReply(&r.Header)
}

// CheckReply does that for a reply.
func CheckReply(h *message.Reply) error {
	if err := message.ValidRequestID(h.RequestID); err != nil {
		return err
	}
	if err := message.ValidIdentity(h.Sender); err != nil {
		return err
	}
	if s := h.Time.Unix(); s < 0 || s > maxTime {
		return errors.New("time out of range")
	}
	if err := message.ValidReason(h.Reason); err != nil {
		return err
	}
	return message.ValidAgent(h.Agent)
}
