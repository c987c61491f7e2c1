package ssl

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/internal/replay"
	"mcollective/security/internal/rsakey"
	"mcollective/security/internal/wrapped"
)

// NodeOptions configure a Node.
type NodeOptions struct {
	// Identity is the name of the node: the sender of its replies. Required.
	Identity string

	// PrivateKey is the file of the key that all nodes share
	// (plugin.ssl_server_private, or EnvPrivate). Required.
	PrivateKey string

	// PublicKey is that of its public half (plugin.ssl_server_public). A node needs it
	// only to know that both belong together; "" is none.
	PublicKey string

	// ClientKeys is the directory of the callers' public keys, NAME.pem each
	// (plugin.ssl_client_cert_dir). Required.
	ClientKeys string

	// AnyTTL accepts what was signed without, or with another, time and TTL
	// (plugin.ssl.enforce_ttl = 0).
	AnyTTL bool

	// Serializer is Marshal, the default, or YAML; nodes and clients must agree.
	Serializer wire.Serializer

	// MinKeyBits is the shortest key that is accepted. Default 2048, at least 1024.
	MinKeyBits int

	// TTL is assumed for requests that come without one, which only AnyTTL allows.
	// Default 60 s. MaxTTL is what the node lets requests be good for at most; 0 is no
	// limit.
	TTL, MaxTTL time.Duration

	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// A Node checks requests of many callers and makes replies. Its methods may be called
// from several goroutines.
type Node struct {
	o       NodeOptions
	clients *rsakey.Directory
	key     atomic.Pointer[rsa.PrivateKey]
	seen    *replay.Cache
}

var (
	_ security.Node     = (*Node)(nil)
	_ security.Reloader = (*Node)(nil)
)

// NewNode reads the keys. It fails if the private key can be read, or the directory
// written, by others than it should, and if the key is too short.
func NewNode(o NodeOptions) (*Node, error) {
	if err := serializer(o.Serializer); err != nil {
		return nil, err
	}
	if err := message.ValidIdentity(o.Identity); err != nil {
		return nil, fmt.Errorf("ssl: %w", err)
	}
	o.MinKeyBits, o.Now = orBits(o.MinKeyBits), orNow(o.Now)
	if o.TTL == 0 {
		o.TTL = 60 * time.Second
	}
	n := &Node{o: o, seen: replay.New(o.Now)}
	var err error
	if n.clients, err = rsakey.OpenDirectory(o.ClientKeys, o.MinKeyBits); err != nil {
		return nil, fmt.Errorf("ssl: %w", err)
	}
	return n, n.Reload(context.Background())
}

// Reload reads the keys again. Those of callers it reads anew when they change anyway.
func (n *Node) Reload(context.Context) error {
	key, err := rsakey.Private(n.o.PrivateKey, n.o.MinKeyBits)
	if err != nil {
		return fmt.Errorf("ssl: %w", err)
	}
	if n.o.PublicKey != "" {
		public, err := rsakey.PublicKey(n.o.PublicKey, n.o.MinKeyBits)
		if err != nil {
			return fmt.Errorf("ssl: %w", err)
		}
		if !key.PublicKey.Equal(public.PublicKey) {
			return fmt.Errorf("ssl: %s is not the public half of the key in %s", n.o.PublicKey, n.o.PrivateKey)
		}
	}
	n.key.Store(key)
	n.clients.Reload()
	return nil
}

// Warnings returns what an operator should be told of this configuration, one sentence each:
// a node logs them when it starts.
func (n *Node) Warnings() []string {
	w := append([]string{"security provider ssl: all nodes sign with one key, so that whoever has root on one can reply as any other; " +
		"nothing is encrypted (see docs/security.md)"}, weak(n.o.MinKeyBits)...)
	if n.o.AnyTTL {
		w = append(w, "security provider ssl: with plugin.ssl.enforce_ttl = 0 a captured request of an old client can be sent again at any time, "+
			"since nothing proves when it was made; remove the setting")
	}
	return w
}

// registering is what may be done with the key that all nodes have. The manuals of Ruby
// put its public half among the callers' so that nodes can register; anyone who has root on
// one of them is no caller for that.
var registering = []message.Permission{{Collectives: []string{"*"}, Agents: []string{"registration"}, Actions: []string{"*"}}}

// DecodeRequest checks and opens a request. Its errors wrap security.ErrMalformed or
// security.ErrUnverified.
func (n *Node) DecodeRequest(_ context.Context, payload security.Payload, _ message.Origin) (*message.Request, error) {
	w, err := n.o.Serializer.DecodeRequest(payload.Data)
	if err != nil {
		return nil, malformed(err)
	}
	r := &w.Header
	signature, permissions, err := n.verify(w)
	if err != nil {
		return nil, fmt.Errorf("ssl: request %s of %s: %w", r.ID, r.Caller, err)
	}
	body, err := n.o.Serializer.DecodeRequestBody(w.Body)
	if err != nil {
		return nil, malformed(fmt.Errorf("request %s of %s: %w", r.ID, r.Caller, err))
	}
	content, err := wrapped.SSL.Unwrap(body, r, !n.o.AnyTTL)
	if err != nil {
		return nil, fmt.Errorf("ssl: request %s of %s: %w: %w", r.ID, r.Caller, security.ErrUnverified, err)
	}
	if w.NoTTL && r.TTL == 0 {
		r.TTL = n.o.TTL
	}
	r.ReadHeaders(payload.Headers)
	r.Body = content.Body
	r.Principal = message.Principal{ID: r.Caller, Proof: message.Signature, Permissions: permissions, Token: signature}
	return r, nil
}

// verify returns the signature of a request and what its key allows.
func (n *Node) verify(w *wire.Request) (string, []message.Permission, error) {
	key, err := n.clients.Key(w.Header.Caller)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", security.ErrUnverified, err)
	}
	signature, err := verify(key.PublicKey, w.Body, w.Hash)
	if err != nil {
		return "", nil, err
	}
	if n.key.Load().PublicKey.Equal(key.PublicKey) {
		return signature, registering, nil
	}
	return signature, everything, nil
}

// discovery is the agent whose requests run nothing, unless their filters do.
const discovery = "discovery"

// Check refuses a request whose signature was there before, and remembers it. Ruby's
// clients sign neither the id nor the agent, so that two equal requests within a second
// have one signature: that is accepted of searches, which change nothing, and else
// somebody may have sent a captured request to other nodes.
func (n *Node) Check(r *message.Request) error {
	ttl := r.TTL
	if n.o.MaxTTL > 0 {
		ttl = min(ttl, n.o.MaxTTL)
	}
	err := n.seen.Seen(r.Principal.Token, r.ID, r.Time, r.Time.Add(ttl))
	if err == nil || errors.Is(err, replay.ErrOther) && r.Agent == discovery && !r.Filter.NeedsData() {
		return nil
	}
	err = fmt.Errorf("ssl: request %s of %s: %w", r.ID, r.Caller, err)
	switch { // what is no fault of the caller, who may hear of it
	case errors.Is(err, replay.ErrTooOld):
		return &security.Refusal{Reason: message.Expired, Err: err}
	case errors.Is(err, replay.ErrFull):
		return &security.Refusal{Reason: message.Busy, Err: err}
	}
	return err
}

// EncodeReply makes the payload that answers req. The reply's RequestID and Agent, when
// empty, are those of req; its Sender is this node and its Time now when it has none. A
// request whose caller id is not one gets no answer.
func (n *Node) EncodeReply(_ context.Context, req *message.Request, reply *message.Reply) (security.Payload, error) {
	payload, err := n.encode(req, reply)
	if err != nil {
		return security.Payload{}, fmt.Errorf("ssl: reply to request %s: %w", req.ID, err)
	}
	return payload, nil
}

func (n *Node) encode(req *message.Request, reply *message.Reply) (security.Payload, error) {
	if err := message.ValidCallerID(req.Caller); err != nil {
		return security.Payload{}, err
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
		h.Sender = n.o.Identity
	}
	if h.Time.IsZero() {
		h.Time = n.o.Now()
	}
	body, err := n.o.Serializer.EncodeBody(h.Body)
	if err != nil {
		return security.Payload{}, err
	}
	w.Body = string(body)
	if w.Hash, err = sign(n.key.Load(), body); err != nil {
		return security.Payload{}, err
	}
	data, err := n.o.Serializer.EncodeReply(&w)
	return security.Payload{Data: data}, err
}
