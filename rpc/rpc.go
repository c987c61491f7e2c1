// Package rpc is SimpleRPC inside the envelope: what the body of a request to an action, and that of its reply, hold.
//
// An agent parses the body of the request, and answers with a [Reply]:
//
//	req, err := rpc.Parse(m.Body)
//	if err != nil {
//		return nil, err // nobody hears of it, as in Ruby
//	}
//	reply := rpc.NewReply("pong") // every output that is declared, nil so far
//	reply.Set("pong", time.Now().Unix())
//	return reply.Body(), nil
//
// Ruby's clients read replies by symbols only, also inside of what an agent
// made, so Body and Set write symbols. Requests come with symbols or strings as
// keys, whichever the client's language has.
package rpc

import (
	"errors"
	"fmt"
	"time"
)

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

// Metadata is what an agent says of itself.
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
