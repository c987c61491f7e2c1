package aes

import (
	"context"
	"crypto/rsa"
	"fmt"
	"sync/atomic"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/internal/rsakey"
	"mcollective/security/internal/wrapped"
)

// ClientOptions configure a Client.
type ClientOptions struct {
	// Identity is the name of this machine: the sender of requests that have none.
	// Required.
	Identity string

	// PrivateKey is the file of the caller's key (plugin.aes.client_private, or
	// EnvPrivate). Required.
	PrivateKey string

	// PublicKey is that of its public half or certificate (plugin.aes.client_public, or
	// EnvPublic). The certificate's common name, or else the file's name without ".pem",
	// is who calls. Required.
	PublicKey string

	// SendPublicKey sends the public key along, for nodes that learn keys
	// (plugin.aes.send_pubkey).
	SendPublicKey bool

	// Cipher is one of Ruby's ssl_cipher. Default aes-256-cbc; nodes and clients must
	// agree.
	Cipher string

	// Serializer is Marshal, the default, or YAML; nodes and clients must agree.
	Serializer wire.Serializer

	// MinKeyBits is the shortest key that is accepted. Default 2048, at least 1024.
	MinKeyBits int

	// Now tells the time that requests without one are stamped with. Default time.Now.
	Now func() time.Time
}

// A Client makes requests of one caller. Its methods may be called from several
// goroutines.
type Client struct {
	o      ClientOptions
	cipher cipherKind
	keys   atomic.Pointer[clientKeys]
}

type clientKeys struct {
	private *rsa.PrivateKey
	public  *rsakey.Public
	caller  string
}

var (
	_ security.Client   = (*Client)(nil)
	_ security.Reloader = (*Client)(nil)
)

// NewClient reads the keys. It fails if one of them can be read or written by others
// than it should, is too short, or if both are not halves of one.
func NewClient(o ClientOptions) (*Client, error) {
	if err := checkCommon(o.Identity, o.Serializer); err != nil {
		return nil, err
	}
	k, err := cipherOf(o.Cipher)
	if err != nil {
		return nil, err
	}
	o.MinKeyBits, o.Now = orBits(o.MinKeyBits), orNow(o.Now)
	c := &Client{o: o, cipher: k}
	return c, c.Reload(context.Background())
}

// Reload reads the keys again.
func (c *Client) Reload(context.Context) error {
	var k clientKeys
	var err error
	if k.private, err = rsakey.Private(c.o.PrivateKey, c.o.MinKeyBits); err != nil {
		return fmt.Errorf("aes: %w", err)
	}
	if k.public, err = rsakey.PublicKey(c.o.PublicKey, c.o.MinKeyBits); err != nil {
		return fmt.Errorf("aes: %w", err)
	}
	if !k.private.PublicKey.Equal(k.public.PublicKey) {
		return fmt.Errorf("aes: %s is not the public half of the key in %s", c.o.PublicKey, c.o.PrivateKey)
	}
	if name := commonName(k.public.Certificate); name != "" {
		k.caller, err = rsakey.CallerIDOf(name)
	} else {
		k.caller, err = rsakey.CallerID(c.o.PublicKey)
	}
	if err != nil {
		return fmt.Errorf("aes: %w", err)
	}
	c.keys.Store(&k)
	return nil
}

// Warnings returns what an operator should be told of this configuration, one sentence each.
func (c *Client) Warnings() []string { return warnings(c.o.MinKeyBits)[1:] }

// CallerID returns who the requests say is calling, like "cert=alice".
func (c *Client) CallerID() string { return c.keys.Load().caller }

// EncodeRequest fills in the request's Caller, its Sender when it has none and its Time
// when it has none, and returns its payload.
func (c *Client) EncodeRequest(_ context.Context, r *message.Request) (security.Payload, error) {
	k := c.keys.Load()
	r.Caller = k.caller
	if r.Sender == "" {
		r.Sender = c.o.Identity
	}
	if r.Time.IsZero() {
		r.Time = c.o.Now().Truncate(time.Second)
	}
	payload, err := c.encode(k, r)
	if err != nil {
		return security.Payload{}, fmt.Errorf("aes: request to agent %s: %w", r.Agent, err)
	}
	return payload, nil
}

func (c *Client) encode(k *clientKeys, r *message.Request) (security.Payload, error) {
	tree, err := wrapped.AES.Wrap(r)
	if err != nil {
		return security.Payload{}, err
	}
	body, err := c.o.Serializer.EncodeBody(tree)
	if err != nil {
		return security.Payload{}, err
	}
	w := wire.Request{Header: *r}
	session := c.cipher.newSession()
	if w.Body, err = c.cipher.encipher(session, body); err != nil {
		return security.Payload{}, err
	}
	if w.Key, err = seal(k.private, session); err != nil {
		return security.Payload{}, err
	}
	if c.o.SendPublicKey {
		w.PublicKey = string(k.public.PEM)
	}
	data, err := c.o.Serializer.EncodeRequest(&w)
	if err != nil {
		return security.Payload{}, err
	}
	return security.Payload{Data: data, Headers: r.Headers()}, nil
}

// DecodeReply opens a reply to a request, which the request's id ties to it and nothing
// proves: anybody could have made it. Of what cannot be opened it says only that. Its
// errors wrap security.ErrMalformed, security.ErrUnverified or security.ErrOtherRequest.
func (c *Client) DecodeReply(_ context.Context, req *message.Request, payload security.Payload) (*message.Reply, error) {
	w, err := c.o.Serializer.DecodeSealedReply(payload.Data)
	if err != nil {
		return nil, malformed(err)
	}
	r := &w.Header
	if r.Body, err = c.open(w); err != nil {
		return nil, fmt.Errorf("aes: reply of %s to request %s: %w: %w", r.Sender, r.RequestID, security.ErrUnverified, err)
	}
	if r.RequestID != req.ID {
		return nil, fmt.Errorf("aes: reply of %s to request %s: %w", r.Sender, r.RequestID, security.ErrOtherRequest)
	}
	return r, nil
}

func (c *Client) open(w *wire.Reply) (any, error) {
	session, err := c.cipher.unsealOurs(c.keys.Load().private, w.Key)
	if err != nil {
		return nil, err
	}
	body, err := c.cipher.decipher(session, w.Body)
	if err != nil {
		return nil, err
	}
	v, err := c.o.Serializer.DecodeReplyBody(body)
	if err != nil {
		return nil, errSealed
	}
	return v, nil
}
