// Package creds is the security provider with signatures: each caller and each node has a key of its own, and a
// credential that says whose it is and what it may do.
//
// A message is one JSON document, with everything in it that matters. Beside it, in headers, travel an ed25519
// signature of the document and the credential of the key. A node believes a request if the credential was made
// for a caller, is in date and not revoked, the signature holds, and the document says that it is for this node
// and came in where it says that it goes to. A client believes a reply if the same holds for the credential of
// the node that the reply names, and the reply names the digest of the request. docs/security.md says what
// follows from that.
//
// Nothing here keeps a request from being delivered twice: a [Replay] does, which the node asks once it has
// checked everything else.
package creds

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"mcollective/internal/credential"
	"mcollective/message"
	"mcollective/security"
)

// What a signature is for. It is part of what is signed, so that none counts for anything else.
const (
	requestDomain = "mco-request-1"
	replyDomain   = "mco-reply-1"
)

// The headers beside a document.
const (
	signatureHeader  = "mco-signature"
	credentialHeader = "mco-credential"
)

// base64url is how signatures and digests are written. Without Strict several texts would stand for one value.
var base64url = base64.RawURLEncoding.Strict()

// signatureLength is that of a signature in base64.
const signatureLength = 86

// Options configure a Client or a Node.
type Options struct {
	// Dir is the directory of the identity, which `mco join` or `mco trust issue` has made. Required.
	Dir string

	// Now tells the time. Default time.Now.
	Now func() time.Time
}

// side is what both roles are made of.
type side struct {
	dir      string
	identity atomic.Pointer[credential.Identity]
	trust    *credential.Trust
	now      func() time.Time
}

func (s *side) open(o Options, kind credential.Kind) error {
	identity, trust, err := credential.Load(o.Dir)
	if err != nil {
		return fmt.Errorf("creds: %w", err)
	}
	if c := identity.Credential(); c.Kind != kind {
		return fmt.Errorf("creds: %s holds the credential of the %s %s, and this needs one of a %s", o.Dir, c.Kind, c.Name, kind)
	}
	s.dir, s.trust, s.now = o.Dir, trust, o.Now
	s.identity.Store(identity)
	if s.now == nil {
		s.now = time.Now
	}
	return nil
}

// Identity returns whose messages are made, and Trust who is believed: for who renews the one and updates the other
// while they are in use.
func (s *side) Identity() *credential.Identity { return s.identity.Load() }

// Trust returns who is believed.
func (s *side) Trust() *credential.Trust { return s.trust }

// Name returns the name in the credential.
func (s *side) Name() string { return s.identity.Load().Credential().Name }

// Reload reads the credential and the trust bundle again. A bundle that is older than the one in use, or the
// credential of another, is an error, and changes nothing.
func (s *side) Reload(context.Context) error {
	old := s.identity.Load().Credential()
	identity, _, err := credential.Load(s.dir)
	if err != nil {
		return fmt.Errorf("creds: %w", err)
	}
	if c := identity.Credential(); c.Kind != old.Kind || c.Name != old.Name {
		return fmt.Errorf("creds: %s holds the credential of the %s %s now; restart to go by that", s.dir, c.Kind, c.Name)
	}
	if _, err := s.trust.Reload(); err != nil {
		return fmt.Errorf("creds: %w", err)
	}
	s.identity.Store(identity)
	return nil
}

// soon is how long before its end a credential is warned of.
const soon = 7 * 24 * time.Hour

// Warnings returns what an operator should be told, one sentence each.
func (s *side) Warnings() []string {
	c := s.identity.Load().Credential()
	if err := s.trust.InForce(c, s.now()); err != nil {
		return []string{"security provider creds: " + err.Error()}
	}
	if left := c.Expires.Sub(s.now()); left < soon && c.Kind == credential.Node {
		return []string{fmt.Sprintf("security provider creds: the credential of the node %s ends in %v, at %s", c.Name, left.Round(time.Minute), c.Expires.UTC().Format(time.RFC3339))}
	}
	return nil
}

// seal signs a document.
func (s *side) seal(domain string, document []byte) security.Payload {
	identity := s.identity.Load()
	return security.Payload{Data: document, Headers: map[string]string{
		signatureHeader:  base64url.EncodeToString(identity.Sign(domain, document)),
		credentialHeader: identity.Token(),
	}}
}

// unseal checks that the document of a payload is signed with a credential of a kind, which may not be in force
// any more.
func (s *side) unseal(domain string, kind credential.Kind, p security.Payload) (*credential.Credential, error) {
	text, token := p.Headers[signatureHeader], p.Headers[credentialHeader]
	if text == "" || token == "" {
		return nil, malformed(errors.New("it has no signature or no credential"))
	}
	var sig [64]byte
	if len(text) != signatureLength {
		return nil, malformed(fmt.Errorf("its signature has %d characters, not %d", len(text), signatureLength))
	}
	if n, err := base64url.Decode(sig[:], []byte(text)); err != nil || n != len(sig) {
		return nil, malformed(errors.New("its signature is not in base64"))
	}
	c, err := s.trust.Signed(token, kind)
	if err != nil {
		return nil, unverified(err)
	}
	if !c.Verify(domain, p.Data, sig[:]) {
		return nil, unverified(fmt.Errorf("the signature of the %s %s does not hold: changed on the way, or forged", kind, c.Name))
	}
	return c, nil
}

// A Client makes requests as a caller. Its methods may be called from several goroutines.
type Client struct{ side }

var (
	_ security.Client   = (*Client)(nil)
	_ security.Director = (*Client)(nil)
	_ security.Reloader = (*Client)(nil)
	_ security.Node     = (*Node)(nil)
	_ security.Reloader = (*Node)(nil)
)

// NewClient returns a Client with the credential of a caller.
func NewClient(o Options) (*Client, error) {
	c := new(Client)
	if err := c.open(o, credential.Caller); err != nil {
		return nil, err
	}
	return c, nil
}

// CallerID returns "creds=" and the name of the caller.
func (c *Client) CallerID() string { return c.identity.Load().Credential().CallerID() }

// EncodeRequest fills in the request's Caller, its Time when it has none, and its Digest, and returns the payload
// of a broadcast.
func (c *Client) EncodeRequest(_ context.Context, r *message.Request) (security.Payload, error) {
	document, err := c.document(r)
	if err != nil {
		return security.Payload{}, err
	}
	return c.seal(requestDomain, document), nil
}

// EncodeDirected is EncodeRequest for nodes that are addressed by name. A node takes no request that is signed for
// another, nor one that is signed for all and came to its own address.
func (c *Client) EncodeDirected(_ context.Context, r *message.Request) (func(string) (security.Payload, error), error) {
	document, err := c.document(r)
	if err != nil {
		return nil, err
	}
	return func(identity string) (security.Payload, error) {
		if err := message.ValidIdentity(identity); err != nil {
			return security.Payload{}, fmt.Errorf("creds: %w", err)
		}
		return c.seal(requestDomain, direct(document, identity)), nil
	}, nil
}

func (c *Client) document(r *message.Request) ([]byte, error) {
	identity := c.identity.Load()
	r.Caller = identity.Credential().CallerID()
	if r.Time.IsZero() {
		r.Time = c.now().Truncate(time.Second)
	}
	document, err := encodeRequest(r, digest([]byte(identity.Token())))
	if err != nil {
		return nil, fmt.Errorf("creds: request to agent %s: %w", r.Agent, err)
	}
	r.Digest = digest(document)
	return document, nil
}

// DecodeReply checks and opens a reply to a request. Its errors wrap security.ErrMalformed,
// security.ErrUnverified or security.ErrOtherRequest.
func (c *Client) DecodeReply(_ context.Context, req *message.Request, p security.Payload) (*message.Reply, error) {
	if err := checkForm(p.Data, replyForm); err != nil {
		return nil, malformed(err)
	}
	node, err := c.unseal(replyDomain, credential.Node, p)
	if err != nil {
		return nil, err
	}
	if err := c.trust.InForce(node, c.now()); err != nil {
		return nil, unverified(err)
	}
	r, answers, err := decodeReply(p.Data)
	if err != nil {
		return nil, malformed(fmt.Errorf("reply of %s: %w", node.Name, err))
	}
	if r.Sender != node.Name {
		return nil, unverified(fmt.Errorf("the node %s signed a reply in the name of %s", node.Name, r.Sender))
	}
	if !slices.Contains(node.Collectives, req.Collective) {
		return nil, unverified(fmt.Errorf("the node %s is not of the collective %s", node.Name, req.Collective))
	}
	if r.RequestID != req.ID || answers != req.Digest || req.Digest == "" {
		return nil, fmt.Errorf("creds: reply of %s to request %s: %w", r.Sender, r.RequestID, security.ErrOtherRequest)
	}
	return r, nil
}

// A Node answers requests as a node. Its methods may be called from several goroutines.
type Node struct{ side }

// NewNode returns a Node with the credential of a node.
func NewNode(o Options) (*Node, error) {
	n := new(Node)
	if err := n.open(o, credential.Node); err != nil {
		return nil, err
	}
	return n, nil
}

// DecodeRequest checks and opens a request. Its principal is the caller that the credential names, with what the
// credential allows. Its errors wrap security.ErrMalformed or security.ErrUnverified, or are a security.Refusal of a
// caller whose credential is not in force, or not for the collective.
func (n *Node) DecodeRequest(_ context.Context, p security.Payload, origin message.Origin) (*message.Request, error) {
	if err := checkForm(p.Data, requestForm); err != nil {
		return nil, malformed(err)
	}
	caller, err := n.unseal(requestDomain, credential.Caller, p)
	if err != nil {
		return nil, err
	}
	r, to, held, err := decodeRequest(p.Data, caller.CallerID())
	if err != nil {
		return nil, malformed(fmt.Errorf("request of %s: %w", caller.CallerID(), err))
	}
	r.Principal = message.Principal{
		ID: r.Caller, Proof: message.Signature, Roles: caller.Roles, Permissions: caller.Permissions, Until: caller.Expires,
	}
	if err := n.concerns(r, to, origin); err != nil {
		return nil, unverified(fmt.Errorf("request %s of %s: %w", r.ID, r.Caller, err))
	}
	if held != digest([]byte(p.Headers[credentialHeader])) {
		return nil, unverified(fmt.Errorf("request %s of %s came with another credential than it was made with", r.ID, r.Caller))
	}
	// From here on it is proven who asks, and that he asks this node.
	if err := n.trust.InForce(caller, n.now()); err != nil {
		reason := message.Expired
		if credential.CodeOf(err) == credential.CodeRevoked {
			reason = message.Denied
		}
		return nil, &security.Refusal{Request: r, Reason: reason, Err: err}
	}
	if !slices.Contains(caller.Collectives, r.Collective) {
		return nil, &security.Refusal{Request: r, Reason: message.Denied, Err: fmt.Errorf("the credential of %s is not for collective %s", r.Caller, r.Collective)}
	}
	return r, nil
}

// concerns returns why a request was not made to come in where it did, or nil.
func (n *Node) concerns(r *message.Request, to string, origin message.Origin) error {
	switch {
	case !origin.Direct && to != "":
		return fmt.Errorf("it is for node %s and was broadcast", to)
	case origin.Direct && to == "":
		return errors.New("it is for all and was sent to this node alone")
	case origin.Direct && (to != origin.Identity || to != n.Name()):
		return fmt.Errorf("it is for node %s", to)
	case r.ReplyTo != origin.ReplyTo:
		return fmt.Errorf("its replies are to go to %.128q, and it was delivered with %.128q", r.ReplyTo, origin.ReplyTo)
	}
	return nil
}

// EncodeReply makes the payload that answers req. The reply's RequestID and Agent, when empty, are those of req;
// its Sender is this node, and its Time now when it has none.
func (n *Node) EncodeReply(_ context.Context, req *message.Request, reply *message.Reply) (security.Payload, error) {
	if err := message.ValidCallerID(req.Caller); err != nil {
		return security.Payload{}, fmt.Errorf("creds: no reply to request %s: %w", req.ID, err)
	}
	r := *reply
	if r.RequestID == "" {
		r.RequestID = req.ID
	}
	if r.Agent == "" {
		r.Agent = req.Agent
	}
	if r.Sender == "" {
		r.Sender = n.Name()
	}
	if r.Time.IsZero() {
		r.Time = n.now()
	}
	if r.Sender != n.Name() {
		return security.Payload{}, fmt.Errorf("creds: reply to request %s: the node %s cannot reply as %s", req.ID, n.Name(), r.Sender)
	}
	document, err := encodeReply(&r, req.Digest)
	if err != nil {
		return security.Payload{}, fmt.Errorf("creds: reply to request %s: %w", req.ID, err)
	}
	return n.seal(replyDomain, document), nil
}

func malformed(err error) error  { return fmt.Errorf("creds: %w: %w", security.ErrMalformed, err) }
func unverified(err error) error { return fmt.Errorf("creds: %w: %w", security.ErrUnverified, err) }
