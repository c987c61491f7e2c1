package security

import "errors"

// What a provider's decoding errors wrap, for those who count them.
var (
	// ErrMalformed is for a payload that is not what it should be: too large,
	// not readable, of the other role, with a caller id or a name that is not
	// allowed. Nothing can be said of who sent it.
	ErrMalformed = errors.New("malformed message")

	// ErrUnverified is for a payload that is well formed but not proven to come
	// from somebody who may send it.
	ErrUnverified = errors.New("message is not verified")

	// ErrOtherRequest is for a reply that is well formed and proven, and answers another
	// request. Over some brokers late replies arrive where those to the next
	// request do.
	ErrOtherRequest = errors.New("reply to another request")
)
