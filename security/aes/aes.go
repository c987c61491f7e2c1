// Package aes is the security provider of collectives whose messages are enciphered, as
// by Ruby MCollective's plugin aes_security.
//
// The body of a request is enciphered with a key of its own, which comes along, put
// through the caller's private key: all who have the public one can open it, and all
// nodes have. The body of a reply is enciphered likewise, with a key that only the caller
// can open. So replies are secret, and nothing else: anyone who has a caller's public key
// and has seen one of the caller's requests can make others with its key, and anybody
// can make replies. docs/security.md says what follows from that; it is here because
// collectives use it.
//
//	node, err := aes.NewNode(aes.NodeOptions{Identity: "web1.example.com", ClientKeys: directory})
//
// A node remembers the keys of requests that it has seen, which Ruby makes anew for
// each: it is a guard against replays, and against requests that others made with them.
package aes

import (
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/internal/rsakey"
)

// The environment variables that go before the configuration of clients, as with Ruby.
const (
	EnvPrivate = "MCOLLECTIVE_AES_PRIVATE"
	EnvPublic  = "MCOLLECTIVE_AES_PUBLIC"
)

func malformed(err error) error {
	return fmt.Errorf("aes: %w: %w", security.ErrMalformed, err)
}

// checkCommon judges what both halves have.
func checkCommon(identity string, s wire.Serializer) error {
	if s != wire.Marshal && s != wire.YAML {
		return fmt.Errorf("aes: there is no serializer %s: use marshal or yaml", s)
	}
	if err := message.ValidIdentity(identity); err != nil {
		return fmt.Errorf("aes: %w", err)
	}
	return nil
}

func orBits(bits int) int {
	if bits == 0 {
		return rsakey.DefaultBits
	}
	return bits
}

func orNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// warnings returns those of both halves.
func warnings(bits int) []string {
	w := []string{"security provider aes_security: messages are enciphered and not signed: who has a caller's public key, as every node does, " +
		"can make requests in that name out of one that was seen (see docs/security.md)"}
	if bits < rsakey.DefaultBits {
		w = append(w, fmt.Sprintf("security provider aes_security: RSA keys of %d bits are accepted (plugin.aes.min_key_bits), and those under %d can be broken by who has the means; "+
			"replace them and remove the setting", bits, rsakey.DefaultBits))
	}
	return w
}
