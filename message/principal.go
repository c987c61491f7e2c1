package message

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Proof is how a security provider knows who asks.
type Proof int

// The proofs, from the weakest to the strongest.
const (
	Unproven     Proof = iota // nobody knows; such a request is refused
	SharedSecret              // the sender knows a secret that many share, and can ask in anybody's name
	Signature                 // the sender has a key that is its own
)

// String names the proof for messages to people.
func (p Proof) String() string {
	switch p {
	case SharedSecret:
		return "shared secret"
	case Signature:
		return "signature"
	}
	return "unproven"
}

// A Principal says who asks, how sure that is, and what the proof itself allows. The
// zero value is nobody, and may do nothing. A node's own policy may allow less, and
// never more.
type Principal struct {
	ID          string // the caller id, like "uid=1000"
	Proof       Proof
	Roles       []string
	Permissions []Permission // with none nothing is allowed
	Until       time.Time    // when the proof ends; zero if it has no end
	Token       string       // the proof itself, for guards against replays: who does not have the key makes no second one; "" from providers that have none
}

// A Permission allows actions of agents in collectives. Each list holds names, or
// "*" for all; an empty list allows nothing.
type Permission struct {
	Collectives []string
	Agents      []string
	Actions     []string
}

var everything = []Permission{{Collectives: []string{"*"}, Agents: []string{"*"}, Actions: []string{"*"}}}

// Everything returns the permissions of a proof that limits nothing. The result is
// shared and not to be changed.
func Everything() []Permission { return everything }

// Proven returns why it is not known who asks, or nil, also if the proof has ended.
func (p *Principal) Proven() error {
	if !p.proven() {
		return errors.New("nothing proves who asks")
	}
	return ValidCallerID(p.ID)
}

// proven reports whether the proof is one of those that are known.
func (p *Principal) proven() bool { return p.Proof == SharedSecret || p.Proof == Signature }

// Check returns why a principal is not to be listened to at a time, or nil.
func (p *Principal) Check(now time.Time) error {
	if err := p.Proven(); err != nil {
		return err
	}
	if !p.Until.IsZero() && !now.Before(p.Until) {
		return fmt.Errorf("the proof of %s ended at %s", p.ID, p.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// Allows returns why the proof does not allow an action, or nil. A request that
// names no action needs permission for all of them.
func (p *Principal) Allows(collective, agent, action string) error {
	if !p.proven() {
		return fmt.Errorf("nobody is proven to have asked for action %q of agent %q in collective %q", clip(action), clip(agent), clip(collective))
	}
	for i := range p.Permissions {
		m := &p.Permissions[i]
		if covers(m.Collectives, collective) && covers(m.Agents, agent) && covers(m.Actions, action) {
			return nil
		}
	}
	return fmt.Errorf("the %s of %s does not allow action %q of agent %q in collective %q", p.Proof, p.ID, clip(action), clip(agent), clip(collective))
}

func covers(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return n == "*" || n == name && name != "" })
}

// An Origin is where a node received a request: the subscription, for which the
// broker's access rules vouch, and the address for replies as it was delivered.
type Origin struct {
	Collective string
	Direct     bool   // it was addressed to one node by name; else it is a broadcast
	Identity   string // that node
	Agent      string // of a broadcast; "" for one that came in on a subscription for all agents
	ReplyTo    string // nothing proves it; "" is none
}
