package server

import (
	"errors"

	"mcollective/internal/plaintext"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
)

// reasonOf is why an agent that returned this error did not do its work. Of what
// went wrong inside the agent nobody knows more than its text says: that is "".
func reasonOf(err error) message.Reason {
	if err == nil {
		return "" // the ordinary case, which costs nothing
	}
	var over *timelimit.Overrun
	switch {
	case errors.As(err, &over) && over.Stopping:
		return message.Stopping
	case over != nil:
		return message.TimedOut
	case errors.As(err, new(timelimit.Busy)), errors.Is(err, timelimit.ErrClosed):
		return message.Busy
	case errors.As(err, new(*timelimit.Panic)):
		return message.Broken
	}
	return ""
}

// failure is the body of a reply that says why a request did nothing, so that every
// client of any agent understands it. Ruby's have one status and one text for whom
// a node does not let, and nothing else that they could tell apart.
func failure(reason message.Reason, why string) any {
	if reason == message.Denied {
		return (&rpc.Reply{Status: rpc.Aborted, Message: rpc.TextDenied}).Body()
	}
	why = plaintext.Clip(why, 4<<10) // an error that an agent made may hold anything
	return (&rpc.Reply{Status: rpc.UnknownError, Message: why}).Body()
}
