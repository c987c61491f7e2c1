package nats

import (
	"crypto/rand"
	"fmt"
	"strings"

	"mcollective/connector"
)

// Lengths of names and addresses, in bytes. A broker takes lines of 4,096.
const (
	maxName    = 255
	maxAddress = 1024
)

// checkName makes sure that a name is one token of a subject or, with dots
// allowed, several; never a wildcard, never nothing.
func checkName(what, name string, dots bool) error {
	if name == "" {
		return fmt.Errorf("the %s is empty", what)
	}
	if len(name) > maxName {
		return fmt.Errorf("the %s has %d bytes, more than %d", what, len(name), maxName)
	}
	if i := forbiddenAt(name, dots); i >= 0 {
		return fmt.Errorf("%s %q cannot be part of a subject: byte %d is not allowed there", what, name, i)
	}
	return nil
}

// forbiddenAt finds the first byte that would give a subject another meaning,
// or -1.
func forbiddenAt(text string, dots bool) int {
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

// subject spells a target that is published or subscribed to.
func subject(t connector.Target) (string, error) {
	if err := checkName("collective", t.Collective, false); err != nil {
		return "", err
	}
	switch t.Kind {
	case connector.Broadcast:
		if err := checkName("agent", t.Agent, false); err != nil {
			return "", err
		}
		return t.Collective + ".broadcast.agent." + t.Agent, nil
	case connector.Directed:
		if err := checkName("identity", t.Identity, true); err != nil {
			return "", err
		}
		return t.Collective + ".node." + t.Identity, nil
	}
	return "", fmt.Errorf("there is no subject for target kind %s", t.Kind)
}

// replySubject makes an address that nobody can guess.
func (c *Conn) replySubject(t connector.Target) (string, error) {
	if err := checkName("collective", t.Collective, false); err != nil {
		return "", err
	}
	return t.Collective + ".reply." + c.opts.Identity + "." + rand.Text(), nil
}

// CheckReply decides whether an address, which the sender of a request chose,
// may be answered to. A node that answers anywhere could be made to speak to
// other nodes, or to the broker itself, in its own name.
func (c *Conn) CheckReply(address string) error {
	switch {
	case address == "":
		return fmt.Errorf("the reply address is empty")
	case len(address) > maxAddress:
		return fmt.Errorf("the reply address has %d bytes, more than %d", len(address), maxAddress)
	case forbiddenAt(address, true) >= 0:
		return fmt.Errorf("the reply address %.100q is not a subject", address)
	case c.opts.AllowAnyReply, strings.HasPrefix(address, "_INBOX."):
		return nil
	}
	collective, rest, _ := strings.Cut(address, ".")
	if strings.HasPrefix(rest, "reply.") && c.serves(collective) {
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
