// Package subject spells the destinations of a collective as NATS subjects, and reads them.
//
//	COLLECTIVE.broadcast.agent.AGENT     requests to all nodes that have an agent
//	COLLECTIVE.node.IDENTITY             requests to one node
//	COLLECTIVE.reply.IDENTITY.RANDOM     replies to a client
//
// The connector and the broker both import it: what the one listens to is what the
// other counts, protects and gives permissions for.
package subject

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Lengths of names and whole subjects, in bytes. A broker takes lines of 4,096.
const (
	MaxName    = 255
	MaxSubject = 1024
)

const (
	broadcast = ".broadcast.agent."
	node      = ".node."
	reply     = ".reply."
	inbox     = "_INBOX."
)

// Broadcast returns where requests to the nodes that have an agent go.
func Broadcast(collective, agent string) (string, error) {
	if err := CheckCollective(collective); err != nil {
		return "", err
	}
	if err := check("agent", agent, false); err != nil {
		return "", err
	}
	return collective + broadcast + agent, nil
}

// Node returns where requests to one node go.
func Node(collective, identity string) (string, error) {
	if err := CheckCollective(collective); err != nil {
		return "", err
	}
	if err := CheckIdentity(identity); err != nil {
		return "", err
	}
	return collective + node + identity, nil
}

// NewReply returns a new address for the replies to a client, which nobody can guess.
func NewReply(collective, identity string) (string, error) {
	if err := CheckCollective(collective); err != nil {
		return "", err
	}
	if err := CheckIdentity(identity); err != nil {
		return "", err
	}
	return collective + reply + identity + "." + rand.Text(), nil
}

// ParseBroadcast takes apart what Broadcast has made.
func ParseBroadcast(s string) (collective, agent string, ok bool) {
	collective, agent, ok = strings.Cut(s, broadcast)
	if made, err := Broadcast(collective, agent); !ok || err != nil || made != s {
		return "", "", false
	}
	return collective, agent, true
}

// ParseNode takes apart what Node has made.
func ParseNode(s string) (collective, identity string, ok bool) {
	collective, identity, ok = strings.Cut(s, node)
	if made, err := Node(collective, identity); !ok || err != nil || made != s {
		return "", "", false
	}
	return collective, identity, true
}

// ParseReply returns the collective of an address for replies, which is "" for one
// that NATS libraries make. Wildcards are no address.
func ParseReply(s string) (collective string, ok bool) {
	if ForbiddenAt(s, true) >= 0 {
		return "", false
	}
	if strings.HasPrefix(s, inbox) {
		return "", true
	}
	collective, rest, found := strings.Cut(s, reply)
	return collective, found && rest != "" && CheckCollective(collective) == nil
}

// ListensForReplies reports whether a subscription is one for the replies to a client.
// NATS libraries listen to all that is below an address of theirs.
func ListensForReplies(s string) bool {
	if random, ok := strings.CutPrefix(s, inbox); ok {
		first, _, _ := strings.Cut(random, ".")
		return ForbiddenAt(first, false) < 0 && first != ""
	}
	_, ok := ParseReply(s)
	return ok
}

// CheckCollective reports what keeps a collective from being part of a subject.
func CheckCollective(name string) error { return check("collective", name, false) }

// CheckIdentity reports what keeps the identity of a node or client from that.
func CheckIdentity(name string) error { return check("identity", name, true) }

// check makes sure that a name is one token of a subject or, with dots allowed,
// several; never a wildcard, never nothing.
func check(what, name string, dots bool) error {
	if name == "" {
		return fmt.Errorf("the %s is empty", what)
	}
	if len(name) > MaxName {
		return fmt.Errorf("the %s has %d bytes, more than %d", what, len(name), MaxName)
	}
	if i := ForbiddenAt(name, dots); i >= 0 {
		return fmt.Errorf("%s %q cannot be part of a subject: byte %d is not allowed there", what, name, i)
	}
	return nil
}

// ForbiddenAt finds the first byte that would give a subject, or one token of it if
// dots are not allowed, another meaning; -1 if there is none.
func ForbiddenAt(text string, dots bool) int {
	start := true // of a token
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b <= ' ', b == 0x7f, b == '*', b == '>':
			return i
		case b == '.':
			if !dots || start || i == len(text)-1 {
				return i
			}
			start = true
			continue
		}
		start = false
	}
	return -1
}
