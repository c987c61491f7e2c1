// Package security is the contract for turning messages into payloads one can
// trust, and back.
//
// Begin with the New function of a provider in the directories below and hand what
// it returns to client.New, which needs a [Client]; a node needs a [Node]. A provider
// that holds keys or other state may be a [Reloader] and an io.Closer besides. Anyone who
// writes one more runs the suite in securitytest.
//
// A provider never sees a broker, never opens a payload of the other role, and never
// returns a body that it has not proven: a payload is a message or an error that wraps
// [ErrMalformed], [ErrUnverified] or [ErrOtherRequest]. It says who asks and what the
// proof allows; whether a node lets that caller is the node's to decide.
//
// The context of each method bounds whatever the provider may have to wait for,
// such as a key that it does not have. What it needs for an answer it has to know
// by then: a node calls it where messages arrive.
package security

import (
	"context"

	"mcollective/message"
)

// A Payload is what a connector carries: bytes, and headers beside them for
// providers that keep a signature apart from what is signed.
type Payload struct {
	Data    []byte
	Headers map[string]string
}

// A Client makes requests and checks replies.
type Client interface {
	// CallerID is who the requests will say is calling, like "uid=1000".
	CallerID() string
	// EncodeRequest fills in the request's Caller, and its Digest if replies are bound
	// to that, and returns its payload. The request has all else, its ReplyTo too.
	EncodeRequest(context.Context, *message.Request) (Payload, error)
	// DecodeReply checks and opens a reply to a request that EncodeRequest has made.
	// One that is proven, and answers another request, is ErrOtherRequest. The
	// payload's bytes are not kept.
	DecodeReply(context.Context, *message.Request, Payload) (*message.Reply, error)
}

// A Director is a Client that proves to which node a request goes that is addressed to
// nodes by name. It takes the place of EncodeRequest for such requests: what it returns
// makes the payload for one node, and may be called from several goroutines. Replies of
// all nodes are to the one request.
type Director interface {
	EncodeDirected(context.Context, *message.Request) (func(identity string) (Payload, error), error)
}

// A Node checks requests and makes replies.
type Node interface {
	// DecodeRequest checks and opens a request: size, envelope, role, caller id
	// and signature, in this order, and only then the body. It sets the request's
	// Principal, whose ID is its Caller. The origin is what the node knows of where the
	// request came in; that both agree is checked by the node. The payload's bytes
	// are not kept. An error that is a *Refusal may be answered.
	DecodeRequest(context.Context, Payload, message.Origin) (*message.Request, error)
	// EncodeReply makes the payload that answers req, a refusal too.
	EncodeReply(ctx context.Context, req *message.Request, reply *message.Reply) (Payload, error)
}

// A Reloader is a provider that can read its keys and lists again while it is in
// use. With an error it goes on with what it has.
type Reloader interface {
	Reload(context.Context) error
}
