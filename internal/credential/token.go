package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// A JoinToken lets machines join: the pin of the broker and its authority, and a secret. It is 64 characters as text.
type JoinToken struct {
	Pin    Pin
	Secret [16]byte
}

// NewJoinToken makes a token for a broker.
func NewJoinToken(pin Pin) JoinToken {
	t := JoinToken{Pin: pin}
	rand.Read(t.Secret[:]) // it never fails
	return t
}

// Text returns the token as it is given to machines. Anyone who has it can join.
func (t JoinToken) Text() string { return base64url.EncodeToString(append(t.Pin[:], t.Secret[:]...)) }

// String hides the secret.
func (t JoinToken) String() string { return "token " + t.ID() }

// GoString is String.
func (t JoinToken) GoString() string { return t.String() }

// ID returns what the token is called in lists and logs. Nothing follows from it.
func (t JoinToken) ID() string {
	sum := sha256.Sum256(append([]byte("mco-token-id\x00"), t.Secret[:]...))
	return base64url.EncodeToString(sum[:6])
}

// hash returns what a broker keeps of the secret.
func (t JoinToken) hash() [sha256.Size]byte {
	return sha256.Sum256(append([]byte("mco-token-secret\x00"), t.Secret[:]...))
}

// Line returns the argument of mco join for a broker's address.
func (t JoinToken) Line(address string) string { return address + "#" + t.Text() }

// ParseJoinLine reads HOST:PORT#TOKEN. Errors do not quote the token.
func ParseJoinLine(line string) (address string, t JoinToken, err error) {
	address, text, found := strings.Cut(line, "#")
	if !found {
		return "", t, errors.New("it is not of the form HOST:PORT#TOKEN; copy the whole line that the broker printed, in quotes if the shell takes # for a comment")
	}
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		return "", t, fmt.Errorf("%.100q is not HOST:PORT", address)
	}
	b, err := base64url.DecodeString(text)
	if err != nil || len(b) != len(t.Pin)+len(t.Secret) || strings.ContainsAny(text, "\r\n") {
		return "", t, fmt.Errorf("the token has %d characters or some that no token has; it is 64 letters, digits, - and _", len(text))
	}
	copy(t.Pin[:], b)
	copy(t.Secret[:], b[len(t.Pin):])
	return address, t, nil
}

// authorityURL is how the certificate of a broker names the authority: mco-authority:KEY.
const authorityScheme = "mco-authority"

// AuthorityOf returns the authority that a broker's certificate names, or "".
func AuthorityOf(cert *x509.Certificate) string {
	for _, u := range cert.URIs {
		if u.Scheme == authorityScheme {
			return u.Opaque
		}
	}
	return ""
}

// TLS returns the configuration for the connection over which a machine joins. The broker that answers has the key
// of the token, and names the authority of the token.
func (t JoinToken) TLS() *tls.Config {
	return pinned(func(cert *x509.Certificate) bool {
		got := JoinPin(cert, AuthorityOf(cert))
		return subtle.ConstantTimeCompare(got[:], t.Pin[:]) == 1
	})
}
