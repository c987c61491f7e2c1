package overstomp

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"mcollective/connector"
)

// CheckName accepts what can stand in a destination and in a selector as itself:
// letters, digits, underscore, hyphen, and dots between them, as MCollective
// allows for identities. what says whose name it is.
func CheckName(what, name string) error {
	if name == "" {
		return fmt.Errorf("%s has no name", what)
	}
	if len(name) > 255 || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return fmt.Errorf("%s %.80q is not a name", what, name)
	}
	for _, c := range []byte(name) {
		if !wordByte(c) && c != '-' && c != '.' {
			return fmt.Errorf("%s %.80q: %q is not allowed in names", what, name, c)
		}
	}
	return nil
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// CheckTarget checks the names in a target that is published or subscribed to,
// and that its collective is among those known, when these are given.
func CheckTarget(t connector.Target, publish bool, collectives []string) error {
	switch {
	case t.Kind == connector.Reply && publish:
		if t.Address == "" {
			return errors.New("reply without an address")
		}
		return nil
	case t.Kind == connector.Broadcast || t.Kind == connector.Reply:
		if err := CheckName("agent", t.Agent); err != nil {
			return err
		}
	case t.Kind == connector.Directed:
		if err := CheckName("identity", t.Identity); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no target: %v", t.Kind)
	}
	if err := CheckName("collective", t.Collective); err != nil {
		return err
	}
	if len(collectives) > 0 && !slices.Contains(collectives, t.Collective) {
		return fmt.Errorf("collective %q is not one of ours: %s", t.Collective, strings.Join(collectives, ", "))
	}
	return nil
}

// ErrReply is returned (wrapped) for a reply to a destination that is not one
// for replies.
var ErrReply = errors.New("not a destination for replies of MCollective; the request may be an attempt to reach another service")

// ReplyName accepts the part of a reply address that its owner chose: names, and
// what brokers put into theirs. It keeps out what ActiveMQ would take for
// several destinations, a wildcard or options.
func ReplyName(name string) bool {
	if name == "" || len(name) > 400 {
		return false
	}
	for _, c := range []byte(name) {
		if !wordByte(c) && !strings.ContainsRune("-.:@+=", rune(c)) {
			return false
		}
	}
	return true
}

// Addresses makes the part of our own reply addresses that nobody can guess.
type Addresses struct {
	identity, nonce string
	count           atomic.Uint64
}

// NewAddresses returns addresses of a client.
func NewAddresses(identity string) *Addresses {
	var b [16]byte
	rand.Read(b[:])
	return &Addresses{identity: identity, nonce: hex.EncodeToString(b[:])}
}

// Next returns IDENTITY_PID_RANDOM and the number of the request, from 1.
func (a *Addresses) Next() (owner string, seq uint64) {
	return fmt.Sprintf("%s_%d_%s", a.identity, os.Getpid(), a.nonce), a.count.Add(1)
}
