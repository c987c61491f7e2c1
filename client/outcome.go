package client

import (
	"strings"

	"mcollective/rpc"
)

// An Outcome is how a request ended for one node.
type Outcome int

// The outcomes. Every node that was asked has exactly one.
const (
	Unknown     Outcome = iota // nothing was heard, and nobody can tell why
	OK                         // the action answered with status 0
	Failed                     // the action answered with another status
	Denied                     // the node does not let this caller
	TimedOut                   // the node has the request, and took longer than the agent or we allow; or it went down
	Expired                    // the request reached the node too late, or the clocks differ
	Unreachable                // the broker knows that nobody listens under this name
	NotSent                    // the request did not leave: the broker did not take it, or the call was broken off
	Declined                   // the node said that the request does not concern it; of an exact call only
)

// String is the outcome in words, as in "timed out".
func (o Outcome) String() string {
	return [...]string{"unknown", "ok", "failed", "denied", "timed out", "expired", "unreachable", "not sent", "declined"}[o]
}

// judgeRPC reads an answer as that of an action.
func judgeRPC(a *Answer) {
	a.RPC, a.Err = rpc.ParseReply(a.Body)
	a.Outcome = outcomeOf(a.RPC, a.Err)
}

// outcomeOf is what an answer says of how the request ended.
func outcomeOf(r *rpc.Reply, err error) Outcome {
	switch {
	case err != nil:
		return Failed
	case r.Status == rpc.OK:
		return OK
	case r.Status == rpc.Aborted && r.Message == rpc.TextDenied:
		return Denied
	case r.Status == rpc.UnknownError && strings.HasPrefix(r.Message, rpc.TextTimedOut):
		return TimedOut
	case r.Status == rpc.UnknownError && strings.HasPrefix(r.Message, rpc.TextExpired):
		return Expired
	}
	return Failed
}
