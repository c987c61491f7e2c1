package client

import (
	"errors"
	"fmt"

	"mcollective/message"
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

// String returns the outcome in words, as in "timed out".
func (o Outcome) String() string {
	return [...]string{"unknown", "ok", "failed", "denied", "timed out", "expired", "unreachable", "not sent", "declined"}[o]
}

// Failure returns why an answer is no success, in the words of the node; nil if it is one.
func (a *Answer) Failure() error {
	switch {
	case a.RPC == nil && a.Reason != "":
		return fmt.Errorf("the node gives a reason for a failure: %s", a.Reason)
	case a.Err != nil:
		return a.Err
	case a.Outcome == OK:
		return nil
	case a.RPC == nil || a.RPC.Message == "":
		return fmt.Errorf("the node gives no reason (%s)", a.Outcome)
	}
	return errors.New(a.RPC.Message)
}

// judge reads an answer to a plain call: any is good that does not say otherwise.
func judge(a *Answer) {
	a.Outcome = OK
	if a.Reason != "" {
		a.Outcome = outcomeOf(a.Reason)
	}
}

// judgeRPC reads an answer as that of an action.
func judgeRPC(a *Answer) {
	a.RPC, a.Err = rpc.ParseReply(a.Body)
	switch {
	case a.Reason != "":
		a.Outcome = outcomeOf(a.Reason)
		if a.Err == nil && a.RPC.Status == rpc.OK {
			// A failure must not look like a success to anyone who reads the status alone.
			a.RPC.Status = rpc.UnknownError
			if a.RPC.Message == "" || a.RPC.Message == "OK" {
				a.RPC.Message = (&Answer{Reply: a.Reply, Outcome: a.Outcome}).Failure().Error()
			}
		}
	case a.Err == nil && a.RPC.Status == rpc.OK:
		a.Outcome = OK
	case a.Err == nil && a.RPC.Status == rpc.Aborted && a.RPC.Message == rpc.TextDenied:
		// Nodes of Ruby give no reasons, and this text is all that they say. In all
		// other cases that have a reason they are silent.
		a.Outcome = Denied
	default:
		a.Outcome = Failed
	}
}

// outcomeOf returns what a reason means for the caller. What a later version says, and
// we do not know, is no success.
func outcomeOf(r message.Reason) Outcome {
	switch r {
	case message.Denied:
		return Denied
	case message.Expired:
		return Expired
	case message.TimedOut:
		return TimedOut
	}
	return Failed
}
