package creds

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"mcollective/filter"
	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/value"
)

// How documents begin. What begins otherwise is not looked at.
const (
	requestForm = `{"version":1,"type":"request",`
	replyForm   = `{"version":1,"type":"reply",`
)

// toMember stands behind the beginning of a request to one node.
const toMember = `"to":"`

// Bounds.
const (
	maxReplyTo = 1024
	maxRequest = 1 << 20 // bytes
	digestSize = 43
	maxTTL     = 1<<31 - 1 // seconds
	maxTime    = 1 << 40   // seconds since 1970
)

// digest is SHA-256 of data.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return base64url.EncodeToString(sum[:])
}

// checkForm makes sure that a document is of the role that is expected.
func checkForm(data []byte, form string) error {
	other, name, most := replyForm, "a request", maxRequest
	if form == replyForm {
		other, name, most = requestForm, "a reply", wire.MaxReply
	}
	switch {
	case len(data) > most:
		return fmt.Errorf("%s of %d bytes, at most %d are allowed", name, len(data), most)
	case bytes.HasPrefix(data, []byte(form)):
		return nil
	case bytes.HasPrefix(data, []byte(other)):
		return fmt.Errorf("it is not %s", name)
	}
	return fmt.Errorf("it is not %s of the provider creds, version 1", name)
}

// direct makes the request to one node out of that to all. All but the name of the node is in the digest.
func direct(document []byte, identity string) []byte {
	b := make([]byte, 0, len(document)+len(toMember)+len(identity)+2)
	b = append(b, requestForm...)
	b = append(append(append(b, toMember...), identity...), `",`...)
	return append(b, document[len(requestForm):]...)
}

// commonDigest returns the digest of what a request to one node has in common with those to others, and the name
// of the node. A request to all is all common, and has no name.
func commonDigest(document []byte) (sum, identity string, err error) {
	rest, ok := bytes.CutPrefix(document[len(requestForm):], []byte(toMember))
	if !ok {
		return digest(document), "", nil
	}
	end := bytes.IndexByte(rest[:min(len(rest), 512)], '"')
	if end < 0 {
		return "", "", errors.New("the name of the node that it is for does not end")
	}
	identity = string(rest[:end])
	if err := message.ValidIdentity(identity); err != nil {
		return "", "", err
	}
	rest, ok = bytes.CutPrefix(rest[end:], []byte(`",`))
	if !ok {
		return "", "", errors.New("nothing follows the name of the node that it is for")
	}
	h := sha256.New()
	h.Write([]byte(requestForm))
	h.Write(rest)
	return base64url.EncodeToString(h.Sum(nil)), identity, nil
}

// A writer writes the members of a document. Its first error sticks.
type writer struct {
	data []byte
	err  error
}

func newWriter(form string, size int) *writer {
	return &writer{data: append(make([]byte, 0, size), form...)}
}

func (w *writer) member(name string, v any) {
	if w.err != nil {
		return
	}
	w.data = append(append(append(w.data, '"'), name...), `":`...)
	data, err := wire.JSON.AppendBody(w.data, v)
	if err != nil {
		w.err = fmt.Errorf("%s: %w", name, err)
		return
	}
	w.data = append(data, ',')
}

// end closes the document.
func (w *writer) end(most int) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	w.data[len(w.data)-1] = '}'
	if len(w.data) > most {
		return nil, fmt.Errorf("%d bytes, at most %d are allowed", len(w.data), most)
	}
	return w.data, nil
}

// checkRequest refuses what no request may say.
func checkRequest(r *message.Request) error {
	if err := wire.CheckRequest(r); err != nil {
		return err
	}
	switch {
	case r.Collective == "":
		return errors.New("it names no collective")
	case r.TTL < time.Second:
		return fmt.Errorf("TTL of %v", r.TTL)
	case r.Time.Unix() == 0:
		return errors.New("it has no time")
	case len(r.ReplyTo) > maxReplyTo:
		return fmt.Errorf("address for replies of %d bytes, at most %d are allowed", len(r.ReplyTo), maxReplyTo)
	case r.Definition != "":
		return message.ValidAgent(r.Definition)
	}
	return nil
}

// encodeRequest writes a request to all. held is the digest of the caller's credential.
func encodeRequest(r *message.Request, held string) ([]byte, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	w := newWriter(requestForm, 640)
	w.member("id", r.ID)
	w.member("time", r.Time.Unix())
	w.member("ttl", int64(r.TTL/time.Second))
	w.member("collective", r.Collective)
	w.member("agent", r.Agent)
	w.member("sender", r.Sender)
	w.member("reply_to", r.ReplyTo)
	w.member("credential", held)
	if f := &r.Filter; !f.Empty() || f.Collective != "" {
		tree, err := wire.FilterTree(f)
		if err != nil {
			return nil, err
		}
		w.member("filter", tree)
	}
	if r.AnswerAll {
		w.member("answer_all", true)
	}
	if r.Definition != "" {
		w.member("definition", r.Definition)
	}
	w.member("body", r.Body)
	return w.end(maxRequest)
}

// decodeRequest reads a request whose signature holds, the node that it is for, and the digest of the credential
// that it was made with.
func decodeRequest(data []byte, caller string) (r *message.Request, to, held string, err error) {
	r = &message.Request{Caller: caller}
	if r.Digest, to, err = commonDigest(data); err != nil {
		return nil, "", "", err
	}
	tree, err := wire.JSON.DecodeRequestBody(string(data))
	if err != nil {
		return nil, "", "", err
	}
	m := membersOf(tree)
	if to != "" && m.text("to") != to {
		return nil, "", "", errors.New("it is for two nodes")
	}
	r.ID = m.text("id")
	r.Time = time.Unix(m.number("time", maxTime), 0).UTC()
	r.TTL = time.Duration(m.number("ttl", maxTTL)) * time.Second
	r.Collective = m.text("collective")
	r.Agent = m.text("agent")
	r.Sender = m.text("sender")
	r.ReplyTo = m.text("reply_to")
	held = m.text("credential")
	if m.has("filter") {
		if r.Filter, err = decodeFilter(m.value("filter")); err != nil {
			return nil, "", "", err
		}
	}
	if m.has("answer_all") {
		r.AnswerAll = m.yes("answer_all")
	}
	if m.has("definition") {
		if r.Definition = m.text("definition"); r.Definition == "" {
			return nil, "", "", errors.New("its definition is empty")
		}
	}
	r.Body = m.value("body")
	if err := m.end(); err != nil {
		return nil, "", "", err
	}
	return r, to, held, checkRequest(r)
}

// decodeFilter reads a filter that is written as encodeRequest writes it. What the decoder of filters would pass
// over, as Ruby does, is an error.
func decodeFilter(tree any) (filter.Filter, error) {
	f, err := wire.DecodeFilter(tree, false)
	if err != nil {
		return f, err
	}
	again, err := wire.FilterTree(&f)
	if err != nil {
		return f, err
	}
	want, err1 := wire.JSON.EncodeBody(again)
	got, err2 := wire.JSON.EncodeBody(tree)
	if err := errors.Join(err1, err2); err != nil {
		return f, err
	}
	if !bytes.Equal(got, want) || f.Empty() && f.Collective == "" {
		return f, errors.New("its filter is not written as a client writes it")
	}
	return f, nil
}

// encodeReply writes a reply to the request of a digest.
func encodeReply(r *message.Reply, answers string) ([]byte, error) {
	if err := wire.CheckReply(r); err != nil {
		return nil, err
	}
	if len(answers) != digestSize {
		return nil, errors.New("the request has no digest")
	}
	w := newWriter(replyForm, 320)
	w.member("id", r.RequestID)
	w.member("request", answers)
	w.member("node", r.Sender)
	w.member("agent", r.Agent)
	w.member("time", r.Time.Unix())
	if r.Reason != "" {
		w.member("reason", string(r.Reason))
	}
	w.member("body", r.Body)
	return w.end(wire.MaxReply)
}

// decodeReply reads a reply whose signature holds, and the digest of the request that it answers.
func decodeReply(data []byte) (r *message.Reply, answers string, err error) {
	tree, err := wire.JSON.DecodeReplyBody(string(data))
	if err != nil {
		return nil, "", err
	}
	m := membersOf(tree)
	r = &message.Reply{RequestID: m.text("id")}
	answers = m.text("request")
	r.Sender = m.text("node")
	r.Agent = m.text("agent")
	r.Time = time.Unix(m.number("time", maxTime), 0).UTC()
	if m.has("reason") {
		if r.Reason = message.Reason(m.text("reason")); r.Reason == "" {
			return nil, "", errors.New("its reason is empty")
		}
	}
	r.Body = m.value("body")
	if err := m.end(); err != nil {
		return nil, "", err
	}
	return r, answers, wire.CheckReply(r)
}

// members takes a document apart, in the one order that its members have. Its first error sticks.
type members struct {
	pairs []value.Pair
	err   error
}

// membersOf begins behind what the form of a document says.
func membersOf(tree any) *members {
	m := &members{}
	if h, ok := tree.(*value.Map); ok {
		m.pairs = h.Pairs
	}
	m.value("version")
	m.value("type")
	return m
}

// has reports whether a member is next.
func (m *members) has(name string) bool { return len(m.pairs) > 0 && m.pairs[0].Key == name }

func (m *members) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// value takes the next member.
func (m *members) value(name string) any {
	if m.err != nil {
		return nil
	}
	if !m.has(name) {
		if len(m.pairs) > 0 {
			m.fail("in the place of its %s stands %.40q", name, m.pairs[0].Key)
		} else {
			m.fail("it has no %s", name)
		}
		return nil
	}
	v := m.pairs[0].Value
	m.pairs = m.pairs[1:]
	return v
}

func (m *members) text(name string) string {
	s, ok := m.value(name).(string)
	if !ok {
		m.fail("its %s is not a text", name)
	}
	return s
}

func (m *members) number(name string, most int64) int64 {
	n, ok := m.value(name).(int64)
	if !ok || n < 0 || n > most {
		m.fail("its %s is not a number from 0 to %d", name, most)
		return 0
	}
	return n
}

// yes takes a member that is there if it is true.
func (m *members) yes(name string) bool {
	if m.value(name) != true {
		m.fail("its %s is not true", name)
	}
	return true
}

// end reports the first error, or what is left.
func (m *members) end() error {
	if m.err == nil && len(m.pairs) > 0 {
		m.fail("it has a member %.40q that is not known, or not in its place", m.pairs[0].Key)
	}
	return m.err
}
