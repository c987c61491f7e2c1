// Package ssl is the security provider of collectives whose callers each have an RSA
// key, as Ruby MCollective's ssl plugin is.
//
// A request is signed with the key of its caller, whose public half every node has in a
// directory; a reply with one key that all nodes share. A signature covers what is
// asked, the time and the TTL. Requests of ours say besides, where Ruby does not look,
// which id, agent, collective, caller and filter they were made for, and our nodes hold
// them to that. docs/security.md says what that leaves open.
//
//	node, err := ssl.NewNode(ssl.NodeOptions{Identity: "web1.example.com", PrivateKey: file, ClientKeys: directory})
//
// A node also remembers the signatures that it has seen: it is a guard against
// replays, which the node asks after it has looked at the age of a request.
package ssl

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"fmt"
	"time"

	"mcollective/message"
	"mcollective/message/wire"
	"mcollective/security"
	"mcollective/security/internal/armor"
	"mcollective/security/internal/rsakey"
)

// The environment variables that go before the configuration, as with Ruby: the first
// names the private key of a client or node, the second a client's public key.
const (
	EnvPrivate = "MCOLLECTIVE_SSL_PRIVATE"
	EnvPublic  = "MCOLLECTIVE_SSL_PUBLIC"
)

// sign proves a serialized body. Ruby signs SHA-1 sums: anyone who can make two bodies of
// one sum can have one signed and send the other, but needs the key's owner to sign what
// they made.
func sign(key *rsa.PrivateKey, body []byte) (string, error) {
	sum := sha1.Sum(body)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return armor.Encode(signature), nil
}

// verify returns the signature that proves a body, or why it does not.
func verify(key *rsa.PublicKey, body, proof string) (string, error) {
	signature, err := armor.Decode(proof)
	if err != nil {
		return "", fmt.Errorf("%w: the signature: %w", security.ErrUnverified, err)
	}
	sum := sha1.Sum([]byte(body))
	if rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature) != nil {
		return "", fmt.Errorf("%w: the signature does not match: another key, or changed on the way", security.ErrUnverified)
	}
	return string(signature), nil
}

func malformed(err error) error {
	return fmt.Errorf("ssl: %w: %w", security.ErrMalformed, err)
}

// serializer refuses what Ruby's plugin does not have.
func serializer(s wire.Serializer) error {
	if s != wire.Marshal && s != wire.YAML {
		return fmt.Errorf("ssl: there is no serializer %s: use marshal or yaml", s)
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

// common warnings.
func weak(bits int) []string {
	if bits >= rsakey.DefaultBits {
		return nil
	}
	return []string{fmt.Sprintf("security provider ssl: RSA keys of %d bits are accepted (plugin.ssl.min_key_bits), and those under %d can be broken by who has the means; "+
		"replace them and remove the setting", bits, rsakey.DefaultBits)}
}

var everything = message.Everything()
