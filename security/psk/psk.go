// Package psk is the security provider of collectives that share one secret, as
// Ruby MCollective's psk plugin is.
//
// The proof of a message is the MD5 sum of its body followed by the secret. That
// keeps out who does not know the secret and nothing else: every node and every
// caller knows it and can make messages in anybody's name; filter, agent, caller,
// time and TTL are not covered; nothing is encrypted or bound to one delivery.
// docs/security.md says what follows from that. It is here because collectives
// use it.
//
// The messages are byte for byte those of Ruby. What is stricter than Ruby cannot
// be told by peers that mean well: a proof is compared in constant time, a caller
// id is checked as a whole, a message must have what its role needs and nothing of
// the other role, and secrets that everybody knows are refused.
//
//	p, err := psk.New(psk.Options{Secret: secret, Identity: "web1.example.com"})
//
// One Provider serves both roles; hand it out as the one that is meant.
package psk

import (
	"context"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
)

// Options configure a Provider.
type Options struct {
	// Secret is the pre-shared key (plugin.psk, or SecretFromEnv). Required;
	// empty and well-known ones are refused.
	Secret string

	// Identity is the name of this machine: the sender of its messages that have
	// none. Required.
	Identity string

	// CallerType is what callers are named after: uid (default), gid, group,
	// user or identity. Any other text means uid, as in Ruby.
	CallerType string

	// Serializer writes the messages. The default is Marshal, the only one that
	// Ruby peers speak under psk.
	Serializer wire.Serializer

	// TTL is assumed for requests that come without one. Default 60 s.
	TTL time.Duration

	// Now tells the time that messages without one are stamped with. Default
	// time.Now.
	Now func() time.Time
}

// A Provider makes and checks messages with one secret. Its methods may be called
// from several goroutines.
type Provider struct {
	secret     string
	caller     string
	identity   string
	serializer wire.Serializer
	ttl        time.Duration
	now        func() time.Time
	warnings   []string
}

var (
	_ security.Client = (*Provider)(nil)
	_ security.Node   = (*Provider)(nil)
)

// New returns a Provider. It fails on a secret that everybody knows, an identity
// that is not one, and a caller id that cannot be found out.
func New(o Options) (*Provider, error) {
	if err := checkSecret(o.Secret); err != nil {
		return nil, fmt.Errorf("psk: %w", err)
	}
	if err := message.ValidIdentity(o.Identity); err != nil {
		return nil, fmt.Errorf("psk: %w", err)
	}
	caller, err := callerID(o.CallerType, o.Identity)
	if err != nil {
		return nil, fmt.Errorf("psk: %w", err)
	}
	p := &Provider{secret: o.Secret, caller: caller, identity: o.Identity, serializer: o.Serializer,
		ttl: o.TTL, now: o.Now, warnings: warnings(o.Secret)}
	if p.ttl == 0 {
		p.ttl = 60 * time.Second
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p, nil
}

// Warnings returns what an operator should be told of this configuration, one
// sentence each: a node logs them when it starts.
func (p *Provider) Warnings() []string { return p.warnings }

// CallerID returns who the requests say is calling, like "uid=1000".
func (p *Provider) CallerID() string { return p.caller }

// EncodeRequest fills in the request's Caller, its Sender when it has none and its
// Time when it has none, and returns its payload.
func (p *Provider) EncodeRequest(_ context.Context, r *message.Request) (security.Payload, error) {
	r.Caller = p.caller
	if r.Sender == "" {
		r.Sender = p.identity
	}
	if r.Time.IsZero() {
		r.Time = p.now().Truncate(time.Second)
	}
	w := wire.Request{Header: *r}
	var err error
	if w.Body, w.Hash, err = p.prove(r.Body); err != nil {
		return security.Payload{}, fmt.Errorf("psk: request to agent %s: %w", r.Agent, err)
	}
	data, err := p.serializer.EncodeRequest(&w)
	if err != nil {
		return security.Payload{}, fmt.Errorf("psk: %w", err)
	}
	return security.Payload{Data: data, Headers: r.Headers()}, nil
}

// DecodeRequest checks and opens a request. Its principal is who the request
// says, which the secret allows everything. Its errors wrap security.ErrMalformed or
// security.ErrUnverified.
func (p *Provider) DecodeRequest(_ context.Context, payload security.Payload, _ message.Origin) (*message.Request, error) {
	w, err := p.serializer.DecodeRequest(payload.Data)
	if err != nil {
		return nil, malformed(err)
	}
	if !p.verify(w.Body, w.Hash) {
		return nil, fmt.Errorf("psk: request %s of %s: %w: its hash does not match: another secret, or changed on the way",
			w.Header.ID, w.Header.Caller, security.ErrUnverified)
	}
	r := &w.Header
	r.ReadHeaders(payload.Headers)
	if w.NoTTL {
		r.TTL = p.ttl
	}
	if r.Body, err = p.serializer.DecodeRequestBody(w.Body); err != nil {
		return nil, malformed(fmt.Errorf("request %s of %s: %w", r.ID, r.Caller, err))
	}
	r.Principal = message.Principal{ID: r.Caller, Proof: message.SharedSecret, Permissions: message.Everything()}
	return r, nil
}

// EncodeReply makes the payload that answers req. The reply's RequestID and Agent,
// when empty, are those of req; its Sender is this node and its Time now when it
// has none. A request whose caller id is not one gets no answer.
func (p *Provider) EncodeReply(_ context.Context, req *message.Request, reply *message.Reply) (security.Payload, error) {
	if err := message.ValidCallerID(req.Caller); err != nil {
		return security.Payload{}, fmt.Errorf("psk: no reply to request %s: %w", req.ID, err)
	}
	w := wire.Reply{Header: *reply}
	h := &w.Header
	if h.RequestID == "" {
		h.RequestID = req.ID
	}
	if h.Agent == "" {
		h.Agent = req.Agent
	}
	if h.Sender == "" {
		h.Sender = p.identity
	}
	if h.Time.IsZero() {
		h.Time = p.now()
	}
	var err error
	if w.Body, w.Hash, err = p.prove(h.Body); err != nil {
		return security.Payload{}, fmt.Errorf("psk: reply to request %s: %w", req.ID, err)
	}
	data, err := p.serializer.EncodeReply(&w)
	if err != nil {
		return security.Payload{}, fmt.Errorf("psk: %w", err)
	}
	return security.Payload{Data: data}, nil
}

// DecodeReply checks and opens a reply to a request, which only the request's id ties
// it to. Its errors wrap security.ErrMalformed, security.ErrUnverified or
// security.ErrOtherRequest.
func (p *Provider) DecodeReply(_ context.Context, req *message.Request, payload security.Payload) (*message.Reply, error) {
	w, err := p.serializer.DecodeReply(payload.Data)
	if err != nil {
		return nil, malformed(err)
	}
	if !p.verify(w.Body, w.Hash) {
		return nil, fmt.Errorf("psk: reply of %s to request %s: %w: its hash does not match: another secret, or changed on the way",
			w.Header.Sender, w.Header.RequestID, security.ErrUnverified)
	}
	r := &w.Header
	if r.RequestID != req.ID {
		return nil, fmt.Errorf("psk: reply of %s to request %s: %w", r.Sender, r.RequestID, security.ErrOtherRequest)
	}
	if r.Body, err = p.serializer.DecodeReplyBody(w.Body); err != nil {
		return nil, malformed(fmt.Errorf("reply of %s to request %s: %w", r.Sender, r.RequestID, err))
	}
	return r, nil
}

// scratch is where bodies are written and put before the secret.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// keepScratch is up to how many bytes of it are kept.
const keepScratch = 64 << 10

func giveBack(buf *[]byte, b []byte) {
	if cap(b) <= keepScratch {
		*buf = b[:0]
	}
	scratch.Put(buf)
}

// prove serializes a body and makes its proof.
func (p *Provider) prove(v any) (body, proof string, err error) {
	buf := scratch.Get().(*[]byte)
	b, err := p.serializer.AppendBody((*buf)[:0], v)
	if err != nil {
		scratch.Put(buf)
		return "", "", err
	}
	n := len(b)
	b = append(b, p.secret...)
	sum := hexSum(b)
	b = append(b[:n], sum[:]...)
	both := string(b)
	giveBack(buf, b)
	return both[:n], both[n:], nil
}

// verify reports whether hash proves body: the MD5 sum of it and the secret in
// lower-case hexadecimal digits.
func (p *Provider) verify(body, hash string) bool {
	buf := scratch.Get().(*[]byte)
	b := append(append((*buf)[:0], body...), p.secret...)
	want := hexSum(b)
	giveBack(buf, b)
	return subtle.ConstantTimeCompare(want[:], []byte(hash)) == 1
}

func hexSum(b []byte) (digits [2 * md5.Size]byte) {
	sum := md5.Sum(b)
	hex.Encode(digits[:], sum[:])
	return digits
}

func malformed(err error) error {
	return fmt.Errorf("psk: %w: %w", security.ErrMalformed, err)
}
