package message

import "strings"

// The agent discovery: the body of a request to it, and those of its replies.
const (
	Ping = "ping"
	Pong = "pong" // the node matches the filter
	No   = "no"   // it does not; said only to a request with AnswerAll
)

// The headers in which AnswerAll and Definition travel beside messages that have no
// place for them. Nothing proves them.
const (
	answerHeader     = "mco-answer"
	answerAll        = "all"
	definitionHeader = "mco-definition"
)

// Headers returns AnswerAll and Definition as headers, for security providers whose
// messages have no place for them; nil if the request has neither.
func (r *Request) Headers() map[string]string {
	if !r.AnswerAll && r.Definition == "" {
		return nil
	}
	h := make(map[string]string, 2)
	if r.AnswerAll {
		h[answerHeader] = answerAll
	}
	if r.Definition != "" {
		h[definitionHeader] = r.Definition
	}
	return h
}

// ReadHeaders sets AnswerAll and Definition as headers say.
func (r *Request) ReadHeaders(h map[string]string) {
	r.AnswerAll = h[answerHeader] == answerAll
	r.Definition = h[definitionHeader]
}

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
