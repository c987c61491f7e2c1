package nats

import (
	"fmt"

	"mcollective/connector"
	"mcollective/connector/nats/subject"
)

// subjectOf spells a target that is published or subscribed to.
func subjectOf(t connector.Target) (string, error) {
	switch t.Kind {
	case connector.Broadcast:
		return subject.Broadcast(t.Collective, t.Agent)
	case connector.Directed:
		return subject.Node(t.Collective, t.Identity)
	}
	return "", fmt.Errorf("there is no subject for target kind %s", t.Kind)
}

// CheckReply decides whether an address, which the sender of a request chose,
// may be answered to. A node that answers anywhere could be made to speak to
// other nodes, or to the broker itself, in its own name.
func (c *Conn) CheckReply(address string) error {
	switch {
	case address == "":
		return fmt.Errorf("the reply address is empty")
	case len(address) > subject.MaxSubject:
		return fmt.Errorf("the reply address has %d bytes, more than %d", len(address), subject.MaxSubject)
	case subject.ForbiddenAt(address, true) >= 0:
		return fmt.Errorf("the reply address %.100q is not a subject", address)
	case c.opts.AllowAnyReply:
		return nil
	}
	if collective, ok := subject.ParseReply(address); ok && (collective == "" || c.serves(collective)) {
		return nil
	}
	return fmt.Errorf("the reply address %.100q is not one of a client of this collective", address)
}

func (c *Conn) serves(collective string) bool {
	for _, name := range c.opts.Collectives {
		if name == collective {
			return true
		}
	}
	return len(c.opts.Collectives) == 0
}
