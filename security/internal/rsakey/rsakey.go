// Package rsakey reads the RSA keys of the security providers ssl and aes_security
// from files: private ones that nobody else may read, public ones that nobody else
// may write, and the directory of the callers' public keys.
//
// Whatever a name from the network leads to is decided before a file is opened: a name
// is what message.ValidCallerID takes, so that it is never a path.
package rsakey

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

// Bounds of keys. Shorter ones can be broken, or are no use to the library; longer
// ones only cost time.
const (
	LeastBits   = 1024
	MostBits    = 8192
	DefaultBits = 2048
)

// maxFile bounds a file with a key or a certificate.
const maxFile = 64 << 10

// Private reads a private key of at least so many bits from a file that only its owner
// may read.
func Private(file string, bits int) (*rsa.PrivateKey, error) {
	if err := trust.Secret(file); err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	key, err := parsePrivate(file)
	if err == nil {
		err = suitable(&key.PublicKey, bits)
	}
	if err != nil {
		return nil, fmt.Errorf("private key %s: %w", file, err)
	}
	return key, nil
}

func parsePrivate(file string) (*rsa.PrivateKey, error) {
	block, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	defer clear(block.Bytes)
	var key any
	switch _, encrypted := block.Headers["DEK-Info"]; {
	case encrypted, block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("it is encrypted, and nobody can be asked for its passphrase; keep it unencrypted, with mode 0600")
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("it holds a %.40q, not a private key", block.Type)
	}
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an RSA key")
	}
	return private, nil
}

// A Public is a public key and the certificate that it came in, if it came in one.
type Public struct {
	*rsa.PublicKey
	Certificate *x509.Certificate
	PEM         []byte // the content of its file
}

// PublicKey reads a public key of at least so many bits, or a certificate with one,
// from a file that nobody else may write.
func PublicKey(file string, bits int) (*Public, error) {
	if err := trust.Check(file); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	text, err := plainfile.Read(file, maxFile)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key, err := ParsePublic(text, bits)
	if err != nil {
		return nil, fmt.Errorf("public key %s: %w", file, err)
	}
	return key, nil
}

// ParsePublic reads a public key, or a certificate with one, from the content of a file.
func ParsePublic(text []byte, bits int) (*Public, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errNoPEM
	}
	p := &Public{PEM: text}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		if p.Certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = p.Certificate.PublicKey
		}
	case "RSA PRIVATE KEY", "PRIVATE KEY":
		return nil, errors.New("it holds a private key, which belongs to its owner alone; put the public key here, and make a new pair")
	default:
		return nil, fmt.Errorf("it holds a %.40q, not a public key or a certificate", block.Type)
	}
	if err != nil {
		return nil, err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("it is not an RSA key")
	}
	p.PublicKey = public
	return p, suitable(public, bits)
}

var errNoPEM = errors.New("there is no key in PEM form in it")

func readPEM(file string) (*pem.Block, error) {
	text, err := plainfile.Read(file, maxFile)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errNoPEM
	}
	return block, nil
}

// suitable refuses keys that are too short, and such as no program makes.
func suitable(key *rsa.PublicKey, bits int) error {
	switch n := key.N.BitLen(); {
	case n < bits:
		return fmt.Errorf("an RSA key of %d bits is too short, at least %d are required; make a longer one: openssl genrsa -out FILE 2048", n, bits)
	case n > MostBits:
		return fmt.Errorf("an RSA key of %d bits is too long, at most %d are allowed", n, MostBits)
	case key.E < 3 || key.E%2 == 0 || new(big.Int).And(key.N, big.NewInt(1)).Sign() == 0:
		return errors.New("it is not a sound RSA key")
	}
	return nil
}
