// Package interest is the protocol by which a client asks an embedded broker who
// listens to a broadcast. Both ends import it; docs/wire.md describes it.
//
// An answer decides whether a search counts as complete, so nobody but the broker
// may be able to give one. Three things see to that, all enforced by the broker:
//
//   - Nobody else may subscribe to Subject or anything beneath _MCO, so nobody
//     else sees a question or its reply address.
//   - Nobody else may publish to a reply address, so an answer can only be the
//     broker's.
//   - The name in the INFO of a connection says that the broker does both. Other
//     clients have no influence on that line. A broker that does not enforce this
//     does not carry the name, and is not asked.
//
// An answer repeats the subject in question: the broker answers anyone who asks, so
// somebody who learned a reply address could have the answer to another question
// sent there.
package interest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Subject is where a broker takes questions. The data of a question is the subject
// of a broadcast.
const Subject = "_MCO.interest"

const (
	replyPrefix = "_MCO_REPLY."
	namePrefix  = "mco-broker/"
)

// MaxQuestion bounds the data of a question, in bytes: a collective and an agent
// of 255 each, and what is between them.
const MaxQuestion = 1024

// An Answer is one message of a broker: a part of who listens to Subject.
type Answer struct {
	Subject string   `json:"subject"`           // as in the question
	Names   []string `json:"names,omitempty"`   // of connections, one for each subscription
	Unnamed int      `json:"unnamed,omitempty"` // subscriptions of connections that do not have the name of a node
	More    bool     `json:"more,omitempty"`    // another part follows
	Error   string   `json:"error,omitempty"`   // why the broker cannot tell
}

// NewReply returns a new address for the answer to one question.
func NewReply() string { return replyPrefix + rand.Text() }

// IsReply reports whether an address is one of NewReply's. A broker answers no
// other: it would speak in its own name wherever a stranger wants it to.
func IsReply(address string) bool {
	id, ok := strings.CutPrefix(address, replyPrefix)
	return ok && len(id) >= 16 && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// DenySubscribe returns the subjects that nobody but the broker may subscribe to.
func DenySubscribe() []string { return []string{"_MCO.>"} }

// DenyPublish returns the subjects that nobody but the broker may publish to.
func DenyPublish() []string { return []string{replyPrefix + ">"} }

// ServerName returns the name of a broker that answers questions and keeps others
// from doing so.
func ServerName(name string) string {
	if name = strings.TrimPrefix(name, namePrefix); name == "" {
		name = "embedded"
	}
	return namePrefix + name
}

// Offered reports whether the broker of this name, which has to come from the INFO
// of the connection, answers questions and keeps others from doing so.
func Offered(serverName string) bool { return strings.HasPrefix(serverName, namePrefix) }

// maxNames bounds how many names are taken from a broker.
const maxNames = 1 << 18

// Names collects the parts of the answer about one subject.
type Names struct {
	Subject string
	All     []string
}

// Add adds the data of one message and reports whether another has to follow.
func (n *Names) Add(data []byte) (more bool, err error) {
	var a Answer
	if err := json.Unmarshal(data, &a); err != nil {
		return false, fmt.Errorf("the answer of the broker is not valid: %w", err)
	}
	switch {
	case a.Subject != n.Subject:
		return false, fmt.Errorf("the answer of the broker is about %.100q, not %.100q", a.Subject, n.Subject)
	case a.Error != "":
		return false, fmt.Errorf("the broker cannot tell who listens: %.200q", a.Error)
	case a.Unnamed != 0:
		return false, errors.New("somebody listens whose connection does not have the name of a node")
	case len(n.All)+len(a.Names) > maxNames:
		return false, fmt.Errorf("the broker names more than %d listeners", maxNames)
	case a.More && len(a.Names) == 0:
		return false, errors.New("the broker sends parts without names")
	}
	n.All = append(n.All, a.Names...)
	return a.More, nil
}
