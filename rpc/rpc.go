// Package rpc is SimpleRPC inside the envelope: what the body of a request to an action, and that of its reply, hold.
//
// A client's program seldom needs it, for client.Run makes the request and reads the
// replies: the [Reply] is in each client.Answer. Nor does an agent in Go that is an
// agent.Mux, whose functions get the Reply to fill in. What is beneath both is this:
//
//	req, err := rpc.Parse(m.Body)
//	if err != nil {
//		return nil, err // nobody hears of it, as in Ruby
//	}
//	reply := rpc.NewReply("pong") // every output that is declared, nil so far
//	reply.Set("pong", time.Now().Unix())
//	return reply.Body(), nil
//
// Ruby's clients and nodes read symbols only, also inside of what an agent made, so
// Body and Set write symbols. What arrives may have symbols or strings as keys,
// whichever the language of the other end has.
//
// The package never judges inputs, which is ddl's, and never decides who may call,
// which is the node's. A body that is no request or no reply is an error, never an
// empty one.
package rpc

import (
	"errors"
	"fmt"
	"time"
)

// UtilAgent is the agent that every node has, by which clients learn what a node is.
const UtilAgent = "rpcutil"

// A Status is how an action ended. Agents that run external programs may send
// others, up to 255.
type Status int

// The statuses that mean the same to every agent.
const (
	OK            Status = iota // the action did its work
	Aborted                     // the action gave up, or the caller may not call it
	UnknownAction               // the agent declares the action and does not have it
	MissingData                 // an input is missing that the action asked for itself
	InvalidData                 // the action or its inputs are not as the agent declares them
	UnknownError                // anything else
)

// TextDenied is what nodes of Ruby say, with Aborted, to a caller whom they do not
// let. They give no message.Reason, so that ours say the same, and clients know it.
const TextDenied = "You are not authorized to call this agent or action."

// TextTimedOut begins the text of a reply, with UnknownError, of an action that took
// longer than it may. It is for people; programs go by message.TimedOut.
const TextTimedOut = "timed out"

// ErrNoReply marks a request that is not to be answered.
var ErrNoReply = errors.New("no reply")

// An Error is a failure whose status the caller is to see.
type Error struct {
	Status Status
	Text   string
}

// Errorf makes an Error.
func Errorf(status Status, format string, args ...any) error {
	return &Error{Status: status, Text: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string { return e.Text }

// Metadata describes an agent.
type Metadata struct {
	Agent       string // the name that requests are sent to
	Name        string // for people
	Description string
	Author      string
	License     string
	Version     string
	URL         string
	Timeout     time.Duration // of one request
}
