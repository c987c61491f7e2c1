// Package security is the contract for turning messages into payloads one can
// trust, and back.
//
// A provider plays one of two roles: a client encodes requests and decodes
// replies, a node the reverse. A provider refuses a payload of the other role.
// It never sees a broker. securitytest holds the suite that each provider passes.
package security

import "mcollective/message"

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
	// EncodeRequest fills in the request's Caller and returns its payload.
	EncodeRequest(*message.Request) (Payload, error)
	// DecodeReply checks and opens a reply. The payload's bytes are not kept.
	DecodeReply(Payload) (*message.Reply, error)
}

// A Node checks requests and makes replies.
type Node interface {
	// DecodeRequest checks and opens a request: size, envelope, role, caller id
	// and signature, in this order, and only then the body. The payload's bytes
	// are not kept.
	DecodeRequest(Payload) (*message.Request, error)
	// EncodeReply makes the payload that answers req.
	EncodeReply(req *message.Request, reply *message.Reply) (Payload, error)
}
