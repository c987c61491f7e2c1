// Package stdio is the protocol by which a node and a program talk over standard input and output.
//
// docs/agents.md describes it for authors, who need no Go; this is for who calls such
// programs. One that is started for each call reads a [Request] and prints its outputs,
// which [ReadOutput] reads in the forms that programs use. One that stays, a worker,
// exchanges messages: it reads a Request for each call and writes messages, which a
// [Reader] cuts apart and [ParseMessage] reads.
//
// Nothing here ever starts a program; internal/agenthost does. Whatever a program
// writes is bounded and becomes values that a reply can hold, or an error.
package stdio

import (
	"strings"

	"mcollective/internal/plaintext"
)

// A Form is how a program writes or reads values.
type Form string

// The forms. A worker speaks JSON or YAML.
const (
	Guess Form = "" // what fits first
	JSON  Form = "json"
	YAML  Form = "yaml"
	Pairs Form = "kv"   // lines of key=value
	Plain Form = "text" // one output of text
)

const (
	deepest     = 40      // lists and maps within each other
	mostValues  = 200_000 // in one answer
	mostMessage = 4 << 10 // bytes of a status message

	// LongestArgument bounds the inputs that are also variables, in bytes.
	LongestArgument = 32 << 10
)

// IsWord reports whether s is a name of letters, digits and underscores, of at most
// 128 bytes.
func IsWord(s string) bool { return len(s) <= 128 && plaintext.IsWord(s) }

// Clip is text for people from a program: valid, without control characters, and
// of at most so many bytes.
func Clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	return plaintext.Clip(s, most)
}
