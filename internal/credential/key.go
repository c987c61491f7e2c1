package credential

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nkeys"
)

// base64url is how parts of credentials are written. Without Strict several texts would stand for one value.
var base64url = base64.RawURLEncoding.Strict()

// A Key is a private key. It does not show in logs or messages.
type Key struct {
	private ed25519.PrivateKey
	prefix  nkeys.PrefixByte
	public  string
}

// String returns the public key.
func (k *Key) String() string { return k.public }

// GoString is String.
func (k *Key) GoString() string { return k.public }

// Public returns the public key as it is written in credentials.
func (k *Key) Public() string { return k.public }

// NewKey makes the key of a node or a caller.
func NewKey() (*Key, error) { return newKey(nkeys.PrefixByteUser) }

func newKey(prefix nkeys.PrefixByte) (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return fromPrivate(prefix, private)
}

func fromPrivate(prefix nkeys.PrefixByte, private ed25519.PrivateKey) (*Key, error) {
	public, err := nkeys.Encode(prefix, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &Key{private, prefix, string(public)}, nil
}

// seed writes the private key as nkeys write it, on a line.
func (k *Key) seed() ([]byte, error) {
	text, err := nkeys.EncodeSeed(k.prefix, k.private.Seed())
	return append(text, '\n'), err
}

// parseSeed reads what seed wrote. Errors do not quote it.
func parseSeed(prefix nkeys.PrefixByte, text []byte) (*Key, error) {
	got, raw, err := nkeys.DecodeSeed(bytes.TrimSpace(text))
	switch {
	case err != nil:
		return nil, errors.New("it holds no key")
	case got != prefix || len(raw) != ed25519.SeedSize:
		return nil, errors.New("it holds a key for something else")
	}
	return fromPrivate(prefix, ed25519.NewKeyFromSeed(raw))
}

// parsePublic reads the public key of a node or a caller.
func parsePublic(text string) (ed25519.PublicKey, error) {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(text))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%.64q is not the public key of a node or caller", text)
	}
	if again, err := nkeys.Encode(nkeys.PrefixByteUser, raw); err != nil || string(again) != text {
		return nil, fmt.Errorf("%.64q is not the public key of a node or caller", text)
	}
	if weak(raw) {
		return nil, errors.New("the public key is one for which anybody can make signatures")
	}
	return raw, nil
}

// publicOf returns the bytes of the public key of any kind.
func publicOf(text string, prefix nkeys.PrefixByte) (ed25519.PublicKey, error) {
	raw, err := nkeys.Decode(prefix, []byte(text))
	if err != nil || len(raw) != ed25519.PublicKeySize || weak(raw) {
		return nil, fmt.Errorf("%.64q is not a public key", text)
	}
	return raw, nil
}

// smallOrder are the points of small order by their y coordinate. For them there are signatures that hold for
// any message, or for one in eight.
var smallOrder = [][]byte{
	unhex("0000000000000000000000000000000000000000000000000000000000000000"),
	unhex("0100000000000000000000000000000000000000000000000000000000000000"),
	unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
	unhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
}

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // a constant
	}
	return b
}

// weak reports whether a public key is of small order, or not written in its one canonical form.
func weak(key []byte) bool {
	y := bytes.Clone(key)
	y[31] &= 0x7f
	// The prime is 2^255-19: of what is not below it, all bytes but the first are set.
	if y[31] == 0x7f && y[0] >= 0xed && bytes.Count(y[1:31], []byte{0xff}) == 30 {
		return true
	}
	for _, p := range smallOrder {
		if bytes.Equal(y, p) {
			return true
		}
	}
	return false
}

// Sign signs a payload in a domain. What is signed begins with a byte that occurs in neither JSON nor a login of
// NATS, so that a signature for one use is of no use for another: at its login a client signs what the broker
// chose.
func (k *Key) Sign(domain string, payload []byte) []byte {
	return ed25519.Sign(k.private, inDomain(domain, payload))
}

func verify(key ed25519.PublicKey, domain string, payload, sig []byte) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, inDomain(domain, payload), sig)
}

// VerifyKey reports whether sig is the signature of a payload in a domain by a public key as credentials write it.
func VerifyKey(public, domain string, payload, sig []byte) bool {
	key, err := parsePublic(public)
	return err == nil && verify(key, domain, payload, sig)
}

func inDomain(domain string, payload []byte) []byte {
	if domain == "" || strings.ContainsRune(domain, 0) {
		panic("credential: a domain is empty or has a zero byte")
	}
	b := make([]byte, 0, len(domain)+len(payload)+2)
	b = append(b, 0xff)
	b = append(b, domain...)
	b = append(b, 0)
	return append(b, payload...)
}

// SignNonce signs the nonce of a NATS login, and nothing that could be anything else.
func (k *Key) SignNonce(nonce []byte) ([]byte, error) {
	if len(nonce) < 8 || len(nonce) > 64 {
		return nil, fmt.Errorf("the broker asks to sign %d bytes, which is no login", len(nonce))
	}
	for _, b := range nonce {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_':
		default:
			return nil, errors.New("the broker asks to sign something that is no login")
		}
	}
	return ed25519.Sign(k.private, nonce), nil
}

// signToken makes a JWT of claims in JSON.
func signToken(data []byte, issuer *Key) string {
	signed := header + "." + base64url.EncodeToString(data)
	return signed + "." + base64url.EncodeToString(ed25519.Sign(issuer.private, []byte(signed)))
}

// splitToken takes a JWT apart.
func splitToken(token string) (data, signed, sig []byte, err error) {
	rest, ok := strings.CutPrefix(token, header+".")
	body, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 {
		return nil, nil, nil, errors.New("it is not of the form of a credential")
	}
	data, err1 := base64url.DecodeString(body)
	sig, err2 := base64url.DecodeString(signature)
	// The decoder would skip line breaks.
	if err1 != nil || err2 != nil || strings.ContainsAny(token, "\r\n") || len(sig) != ed25519.SignatureSize {
		return nil, nil, nil, errors.New("it is not written as an issuer writes it")
	}
	return data, []byte(token[:len(header)+1+len(body)]), sig, nil
}

// ValidKey reports whether a text is the public key of a node or a caller.
func ValidKey(text string) bool {
	_, err := parsePublic(text)
	return err == nil
}
