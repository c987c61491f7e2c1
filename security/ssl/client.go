package ssl

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

	// PrivateKey is the file of the caller's key (plugin.ssl_client_private, or
	// EnvPrivate). Required.
	PrivateKey string

	// PublicKey is that of its public half (plugin.ssl_client_public, or EnvPublic).
	// Its name without ".pem" is who calls. Required.
	PublicKey string

	// ServerKey is the public key of all nodes (plugin.ssl_server_public). Required.
	ServerKey string

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
	caller string
	keys   atomic.Pointer[clientKeys]
}

type clientKeys struct {
	private *rsa.PrivateKey
	server  *rsa.PublicKey
}

var (
	_ security.Client   = (*Client)(nil)
	_ security.Reloader = (*Client)(nil)
)

// NewClient reads the keys. It fails if one of them can be read or written by others
// than it should, is too short, or if the caller's two are not halves of one.
func NewClient(o ClientOptions) (*Client, error) {
	if err := serializer(o.Serializer); err != nil {
		return nil, err
	}
	if err := message.ValidIdentity(o.Identity); err != nil {
		return nil, fmt.Errorf("ssl: %w", err)
	}
	caller, err := rsakey.CallerID(o.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("ssl: %w", err)
	}
	o.MinKeyBits, o.Now = orBits(o.MinKeyBits), orNow(o.Now)
	c := &Client{o: o, caller: caller}
	return c, c.Reload(context.Background())
}

// Reload reads the keys again.
func (c *Client) Reload(context.Context) error {
	var k clientKeys
	var err error
	if k.private, err = rsakey.Private(c.o.PrivateKey, c.o.MinKeyBits); err != nil {
		return fmt.Errorf("ssl: %w", err)
	}
	public, err := rsakey.PublicKey(c.o.PublicKey, c.o.MinKeyBits)
	if err != nil {
		return fmt.Errorf("ssl: %w", err)
	}
	if !k.private.PublicKey.Equal(public.PublicKey) {
		return fmt.Errorf("ssl: %s is not the public half of the key in %s", c.o.PublicKey, c.o.PrivateKey)
	}
	server, err := rsakey.PublicKey(c.o.ServerKey, c.o.MinKeyBits)
	if err != nil {
		return fmt.Errorf("ssl: key of the nodes: %w", err)
	}
	k.server = server.PublicKey
	c.keys.Store(&k)
	return nil
}

// Warnings returns what an operator should be told of this configuration, one sentence each.
func (c *Client) Warnings() []string { return weak(c.o.MinKeyBits) }

// CallerID returns who the requests say is calling, like "cert=alice".
func (c *Client) CallerID() string { return c.caller }

// EncodeRequest fills in the request's Caller, its Sender when it has none and its Time
// when it has none, and returns its payload.
func (c *Client) EncodeRequest(_ context.Context, r *message.Request) (security.Payload, error) {
	r.Caller = c.caller
	if r.Sender == "" {
		r.Sender = c.o.Identity
	}
	if r.Time.IsZero() {
		r.Time = c.o.Now().Truncate(time.Second)
	}
	payload, err := c.encode(r)
	if err != nil {
		return security.Payload{}, fmt.Errorf("ssl: request to agent %s: %w", r.Agent, err)
	}
	return payload, nil
}

func (c *Client) encode(r *message.Request) (security.Payload, error) {
	tree, err := wrapped.SSL.Wrap(r)
	if err != nil {
		return security.Payload{}, err
	}
	body, err := c.o.Serializer.EncodeBody(tree)
	if err != nil {
		return security.Payload{}, err
	}
	w := wire.Request{Header: *r, Body: string(body)}
	if w.Hash, err = sign(c.keys.Load().private, body); err != nil {
		return security.Payload{}, err
	}
	data, err := c.o.Serializer.EncodeRequest(&w)
	if err != nil {
		return security.Payload{}, err
	}
	return security.Payload{Data: data, Headers: r.Headers()}, nil
}

// DecodeReply checks and opens a reply to a request, which only the request's id ties it
// to: any node could have sent it. Its errors wrap security.ErrMalformed,
// security.ErrUnverified or security.ErrOtherRequest.
func (c *Client) DecodeReply(_ context.Context, req *message.Request, payload security.Payload) (*message.Reply, error) {
	w, err := c.o.Serializer.DecodeReply(payload.Data)
	if err != nil {
		return nil, malformed(err)
	}
	r := &w.Header
	if _, err := verify(c.keys.Load().server, w.Body, w.Hash); err != nil {
		return nil, fmt.Errorf("ssl: reply of %s to request %s: %w", r.Sender, r.RequestID, err)
	}
	if r.RequestID != req.ID {
		return nil, fmt.Errorf("ssl: reply of %s to request %s: %w", r.Sender, r.RequestID, security.ErrOtherRequest)
	}
	if r.Body, err = c.o.Serializer.DecodeReplyBody(w.Body); err != nil {
		return nil, malformed(fmt.Errorf("reply of %s to request %s: %w", r.Sender, r.RequestID, err))
	}
	return r, nil
}
