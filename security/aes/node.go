package aes

import (
	"context"
	"errors"
	"fmt"
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

	// ClientKeys is the directory of the callers' public keys or certificates, NAME.pem
	// each (plugin.aes.client_cert_dir). Required.
	ClientKeys string

	// Authority is the file of certificates of who signs callers' certificates
	// (plugin.aes.ca_cert). With one, only callers count that have a certificate with
	// their own name in it; "" is none.
	Authority string

	// Learn puts the certificates that requests bring along into ClientKeys
	// (plugin.aes.learn_pubkeys). It needs an Authority.
	Learn bool

	// AnyTTL accepts what was enciphered without, or with another, time and TTL
	// (plugin.aes.enforce_ttl = 0).
	AnyTTL bool

	// Cipher is one of Ruby's ssl_cipher. Default aes-256-cbc; nodes and clients must
	// agree.
	Cipher string

	// Serializer is Marshal, the default, or YAML; nodes and clients must agree.
	Serializer wire.Serializer

	// MinKeyBits is the shortest key that is accepted. Default 2048, at least 1024.
	MinKeyBits int

	// TTL is assumed for requests that come without one, which only AnyTTL allows.
	// Default 60 s.
	TTL time.Duration

	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// A Node opens requests of many callers and makes replies. Its methods may be called
// from several goroutines.
type Node struct {
	o         NodeOptions
	cipher    cipherKind
	clients   *rsakey.Directory
	authority *authority // nil: none
	seen      *replay.Cache
}

var (
	_ security.Node     = (*Node)(nil)
	_ security.Reloader = (*Node)(nil)
)

// NewNode fails if the directory of the callers can be written by others, if the
// authority cannot be read, and on a Learn without one.
func NewNode(o NodeOptions) (*Node, error) {
	if err := checkCommon(o.Identity, o.Serializer); err != nil {
		return nil, err
	}
	k, err := cipherOf(o.Cipher)
	if err != nil {
		return nil, err
	}
	if o.Learn && o.Authority == "" {
		return nil, errors.New("aes: plugin.aes.learn_pubkeys needs plugin.aes.ca_cert: without an authority anybody could choose a name and call with it")
	}
	o.MinKeyBits, o.Now = orBits(o.MinKeyBits), orNow(o.Now)
	if o.TTL == 0 {
		o.TTL = 60 * time.Second
	}
	n := &Node{o: o, cipher: k, seen: replay.NewForever(o.Now)}
	if n.clients, err = rsakey.OpenDirectory(o.ClientKeys, o.MinKeyBits); err != nil {
		return nil, fmt.Errorf("aes: %w", err)
	}
	if o.Authority != "" {
		n.authority = &authority{file: o.Authority, now: o.Now}
	}
	return n, n.Reload(context.Background())
}

// Reload reads the authority again. The keys of callers are read anew when they change
// anyway.
func (n *Node) Reload(context.Context) error {
	if n.authority != nil {
		if err := n.authority.load(); err != nil {
			return fmt.Errorf("aes: %w", err)
		}
	}
	n.clients.Reload()
	return nil
}

// Warnings returns what an operator should be told of this configuration, one sentence each:
// a node logs them when it starts.
func (n *Node) Warnings() []string {
	w := warnings(n.o.MinKeyBits)
	if n.o.Learn {
		w = append(w, "security provider aes_security: with plugin.aes.learn_pubkeys everybody to whom the authority gave a certificate can call this node")
	}
	if n.o.AnyTTL {
		w = append(w, "security provider aes_security: plugin.aes.enforce_ttl = 0 lets requests say that they are new that are not; remove the setting")
	}
	return w
}

// DecodeRequest opens a request. Its principal is who the request says, which those
// who have that caller's public key could have made. Its errors wrap
// security.ErrMalformed or security.ErrUnverified.
func (n *Node) DecodeRequest(_ context.Context, payload security.Payload, _ message.Origin) (*message.Request, error) {
	w, err := n.o.Serializer.DecodeSealedRequest(payload.Data)
	if err != nil {
		return nil, malformed(err)
	}
	r := &w.Header
	key, learn, err := n.key(w)
	if err != nil {
		return nil, fmt.Errorf("aes: request %s of %s: %w: %w", r.ID, r.Caller, security.ErrUnverified, err)
	}
	block, err := n.open(w, key)
	if err != nil {
		return nil, fmt.Errorf("aes: request %s of %s: %w: %w", r.ID, r.Caller, security.ErrUnverified, err)
	}
	if learn {
		if err := n.clients.Add(r.Caller, key.Certificate); err != nil {
			return nil, fmt.Errorf("aes: request %s of %s: %w: learn its key: %w", r.ID, r.Caller, security.ErrUnverified, err)
		}
	}
	if w.NoTTL && r.TTL == 0 {
		r.TTL = n.o.TTL
	}
	r.ReadHeaders(payload.Headers)
	r.Principal = message.Principal{ID: r.Caller, Proof: message.SharedSecret, Permissions: message.Everything(), Token: block}
	return r, nil
}

// key returns the public key of a caller, and whether it is one that came with the
// request and is to be learned.
func (n *Node) key(w *wire.Request) (key *rsakey.Public, learn bool, err error) {
	caller := w.Header.Caller
	key, err = n.clients.Key(caller)
	if n.o.Learn && w.PublicKey != "" && errors.Is(err, rsakey.ErrUnknown) {
		learn = true
		key, err = rsakey.ParsePublic([]byte(w.PublicKey), n.o.MinKeyBits)
	}
	if err == nil && n.authority != nil {
		err = n.authority.vouches(key.Certificate, caller)
	}
	return key, learn, err
}

// open opens the body of a request and returns the block in which its key came.
func (n *Node) open(w *wire.Request, key *rsakey.Public) (block string, err error) {
	session, block, err := n.cipher.unseal(key.PublicKey, w.Key)
	if err != nil {
		return "", err
	}
	text, err := n.cipher.decipher(session, w.Body)
	if err != nil {
		return "", err
	}
	body, err := n.o.Serializer.DecodeRequestBody(text)
	if err != nil {
		return "", err // with a public key there is no secret to be learned from that
	}
	content, err := wrapped.AES.Unwrap(body, &w.Header, !n.o.AnyTTL)
	if err != nil {
		return "", err
	}
	w.Header.Body = content.Body
	return block, nil
}

// Check refuses a request whose key was there before, and remembers it: Ruby makes a new
// one for each, so that a second is a copy, or was made by somebody else out of the
// first. That may say that it was made at any time, so that no key is forgotten, unless
// there are too many.
func (n *Node) Check(r *message.Request) error {
	if err := n.seen.Seen(r.Principal.Token, r.ID, r.Time, r.Time); err != nil {
		return fmt.Errorf("aes: request %s of %s: %w", r.ID, r.Caller, err)
	}
	return nil
}

// EncodeReply makes the payload that answers req, which only its caller can open. The
// reply's RequestID and Agent, when empty, are those of req; its Sender is this node and
// its Time now when it has none. A request whose caller id is not one, or who has no key
// here, gets no answer.
func (n *Node) EncodeReply(_ context.Context, req *message.Request, reply *message.Reply) (security.Payload, error) {
	payload, err := n.encode(req, reply)
	if err != nil {
		return security.Payload{}, fmt.Errorf("aes: reply to request %s: %w", req.ID, err)
	}
	return payload, nil
}

func (n *Node) encode(req *message.Request, reply *message.Reply) (security.Payload, error) {
	key, err := n.clients.Key(req.Caller)
	if err != nil {
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
	session := n.cipher.newSession()
	if w.Body, err = n.cipher.encipher(session, body); err != nil {
		return security.Payload{}, err
	}
	if w.Key, err = sealFor(key.PublicKey, session); err != nil {
		return security.Payload{}, err
	}
	data, err := n.o.Serializer.EncodeReply(&w)
	return security.Payload{Data: data}, err
}
