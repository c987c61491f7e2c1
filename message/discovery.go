package message

import "strings"

// The agent discovery: the body of a request to it, and those of its replies.
const (
	Ping = "ping"
	Pong = "pong" // the node matches the filter
	No   = "no"   // it does not; said only to a request with AnswerHeader
)

// Headers of a request to the agent discovery. They are the connector's, so that
// nothing proves them, and a node that does not know them takes no notice.
const (
	// AnswerHeader with the value AnswerAll asks nodes that do not match for a No.
	AnswerHeader = "mco-answer"
	AnswerAll    = "all"

	// DefinitionHeader names an agent. A node that has it and that matches states
	// the hash of the agent's definition in its reply, see StateDefinition.
	DefinitionHeader = "mco-definition"
)

// hashDigits is how much of a hash is stated: 128 bits, of which nobody makes a
// second definition to a given one.
const hashDigits = 32

// StateDefinition returns the body of a reply by which a node says that it matches
// and which definition it has, by the hexadecimal digits of a hash. Of a hash that
// is too short nothing is stated.
func StateDefinition(hash string) string {
	if len(hash) < hashDigits {
		return Pong
	}
	return Pong + " " + hash[:hashDigits]
}

// StatedDefinition returns the beginning of the hash that the body of a reply
// states, or "" if it states none.
func StatedDefinition(body any) string {
	text, _ := body.(string)
	hash, ok := strings.CutPrefix(text, Pong+" ")
	if !ok || len(hash) != hashDigits || strings.Trim(hash, "0123456789abcdef") != "" {
		return ""
	}
	return hash
}
