package server

import (
	"errors"
	"fmt"
	"log/slog"

	"mcollective/internal/plaintext"
	"mcollective/internal/timelimit"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/security"
)

// An outcome is one way in which a request ends here without having done what it asks
// for. This file has all of them; the code elsewhere only says which one it came to.
type outcome struct {
	step   string // that refuses, for the log; "" once the agent was asked
	count  counter
	level  slog.Level // of the line in the log
	heard  audience   // who gets a reply
	no     bool       // a discovery that counts on an answer of each node gets "no"
	status rpc.Status // of the reply
	reason message.Reason
	words  string // of the reply, a format
}

// An audience is who hears of an outcome: nobody who wants no reply, and nobody who is
// not proven.
type audience int

const (
	nobody    audience = iota
	matched            // whose whole filter matches this node, and who so waits for it
	named              // who called an action of this node by name, with a filter that would not have kept it silent
	addressed          // the same whatever the filter is: who may not learn what it matches
)

// What the steps refuse, in their order.
var (
	tooBig      = outcome{step: "size", count: countUnvalidated, level: slog.LevelWarn}
	undecodable = outcome{step: "decode", count: countUnvalidated, level: slog.LevelWarn}
	misdirected = outcome{step: "binding", count: countUnbound, level: slog.LevelWarn}

	skewed = outcome{step: "age", count: countSkewed, level: slog.LevelWarn, heard: named, status: rpc.UnknownError, reason: message.Expired,
		words: "expired: the request is from %d seconds in the future; check both clocks"}
	expired = outcome{step: "age", count: countExpired, level: slog.LevelWarn, heard: named, status: rpc.UnknownError, reason: message.Expired,
		words: "expired: the request came %d seconds after it was sent and was good for %d; if that is wrong, check both clocks"}

	// Of a security.Refusal, by its reason: that of the provider, then that of the replay guard.
	proofDenied = outcome{step: "proof", count: countDenied, level: slog.LevelWarn, heard: addressed, status: rpc.Aborted, reason: message.Denied, words: "%s"}
	proofEnded  = outcome{step: "proof", count: countExpired, level: slog.LevelWarn, heard: addressed, status: rpc.UnknownError, reason: message.Expired, words: "%s"}
	proofBusy   = outcome{step: "proof", count: countBusy, level: slog.LevelWarn, heard: addressed, status: rpc.UnknownError, reason: message.Busy, words: "%s"}
	replayed    = outcome{step: "replay", count: countReplayed, level: slog.LevelWarn}
	forgotten   = outcome{step: "replay", count: countExpired, level: slog.LevelWarn, heard: named, status: rpc.UnknownError, reason: message.Expired, words: "%s"}
	memoryFull  = outcome{step: "replay", count: countBusy, level: slog.LevelWarn, heard: named, status: rpc.UnknownError, reason: message.Busy, words: "%s"}

	unmatched    = outcome{step: "filter", count: countFiltered, level: slog.LevelDebug, no: true}
	unfilterable = outcome{step: "filter", count: countFiltered, level: slog.LevelWarn, no: true}
	agentless    = outcome{step: "filter", count: countFiltered, level: slog.LevelDebug, no: true, // the filter wants the agent, too
		heard: named, status: rpc.UnknownError, reason: message.NoAgent, words: "no agent %q on this node"}
	unknownAgent = outcome{step: "filter", count: countUnknown, level: slog.LevelWarn, no: true,
		heard: named, status: rpc.UnknownError, reason: message.NoAgent, words: "no agent %q on this node"}

	queueFull = outcome{step: "queue", count: countBusy, level: slog.LevelWarn, heard: matched, status: rpc.UnknownError, reason: message.Busy,
		words: "busy: too many requests are waiting on this node, try again later"}
	displaced = outcome{step: "queue", count: countBusy, level: slog.LevelWarn, heard: matched, status: rpc.UnknownError, reason: message.Busy,
		words: "busy: too many requests of this caller are waiting on this node, try again later"}
	notBegun = outcome{step: "queue", count: countBusy, level: slog.LevelWarn, heard: matched, status: rpc.UnknownError, reason: message.Stopping,
		words: "busy: the node is stopping"}

	// Ruby's nodes have one text for whom they do not let, and nothing else that callers could tell apart.
	denied    = outcome{step: "authorize", count: countDenied, level: slog.LevelWarn, heard: matched, status: rpc.Aborted, reason: message.Denied, words: rpc.TextDenied}
	unaudited = outcome{step: "audit", count: countDenied, level: slog.LevelError, heard: matched, status: rpc.Aborted, reason: message.Denied, words: rpc.TextDenied}
)

// What asking the agent, and sending its reply, came to.
var (
	failed    = outcome{status: rpc.UnknownError, words: "%s"} // of what went wrong inside the agent nobody knows more than its text says
	timedOut  = outcome{status: rpc.UnknownError, reason: message.TimedOut, count: countTimedOut, words: "%s"}
	brokenOff = outcome{status: rpc.UnknownError, reason: message.Stopping, count: countTimedOut, words: "%s"}
	occupied  = outcome{status: rpc.UnknownError, reason: message.Busy, words: "%s"}
	broken    = outcome{status: rpc.UnknownError, reason: message.Broken, words: "%s"}
	panicked  = outcome{status: rpc.UnknownError, reason: message.Broken, count: countPanics, words: "the agent broke; the log of the node tells where"}
	unsent    = outcome{status: rpc.UnknownError, reason: message.TooLarge, count: countOversize, words: "the reply was not sent: %s"}
	unmade    = outcome{status: rpc.UnknownError, reason: message.Broken, words: "the reply of agent %s cannot be encoded; the log of the node tells why"}
)

// outcomeOf returns what an agent that returned this error came to; nil is that it did its work.
func outcomeOf(err error) *outcome {
	if err == nil {
		return nil // the ordinary case, which costs nothing
	}
	var over *timelimit.Overrun
	switch {
	case errors.As(err, &over) && over.Stopping:
		return &brokenOff
	case over != nil:
		return &timedOut
	case errors.As(err, new(timelimit.Busy)), errors.Is(err, timelimit.ErrClosed):
		return &occupied
	case errors.As(err, new(*timelimit.Panic)):
		return &broken
	}
	return &failed
}

// ofProof returns what the refusal of a security provider comes to.
func ofProof(r *security.Refusal) *refusal {
	switch r.Reason {
	case message.Expired:
		return proofEnded.refuse(r, r)
	case message.Busy:
		return proofBusy.refuse(r, r)
	}
	return proofDenied.refuse(r, r)
}

// ofReplay returns what the refusal of a replay guard comes to. One without a reason is
// heard by nobody.
func ofReplay(err error) *refusal {
	var r *security.Refusal
	if errors.As(err, &r) {
		switch r.Reason {
		case message.Expired:
			return forgotten.refuse(err, r)
		case message.Busy:
			return memoryFull.refuse(err, r)
		}
	}
	return replayed.refuse(err)
}

// reply returns the body that says so, which every client of any agent understands;
// args are for its words.
func (o *outcome) reply(args ...any) any { return o.body(o.say(args...)) }

func (o *outcome) say(args ...any) string {
	if len(args) == 0 {
		return o.words
	}
	return fmt.Sprintf(o.words, args...)
}

func (o *outcome) body(text string) any {
	// An error that an agent made may hold anything.
	return (&rpc.Reply{Status: o.status, Message: plaintext.Clip(text, 4<<10)}).Body()
}

// A refusal is the outcome that one step came to for one request.
type refusal struct {
	*outcome
	why  error  // for the log
	said string // what who may hear of it hears; "" is silence
}

// refuse makes a refusal; args are for the words that the caller hears. With a nil
// error the log says what the caller hears.
func (o *outcome) refuse(why error, args ...any) *refusal {
	r := &refusal{outcome: o, why: why, said: o.say(args...)}
	if why == nil {
		r.why = errors.New(r.said)
	}
	return r
}

// filtered is the ordinary no: most nodes of a collective say it to most requests, so
// it is made once.
var filtered = unmatched.refuse(errors.New("the filter does not match this node"))
