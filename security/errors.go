package security

import (
	"errors"

	"mcollective/message"
)

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

// A Refusal is the error for a request of which it is proven who made it, and which is
// refused all the same: his credential has ended or was revoked, or what would be needed
// to decide is not there. Its caller may be told, so that a provider makes one only of a
// request whose signature holds and that came in where it was made for. A node answers
// it with EncodeReply, if it is not too old and was addressed to this node by name. An
// error of DecodeRequest that is no Refusal is never answered.
type Refusal struct {
	Request *message.Request // with its Principal and Caller; of an error of DecodeRequest only
	Reason  message.Reason   // Denied, Expired or Busy; others count as Denied
	Err     error            // why; the caller reads it
}

// Error says why.
func (r *Refusal) Error() string {
	if r.Err == nil {
		return "refused: " + string(r.Reason)
	}
	return r.Err.Error()
}

// Unwrap returns why.
func (r *Refusal) Unwrap() error { return r.Err }
