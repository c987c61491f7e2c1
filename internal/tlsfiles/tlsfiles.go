// Package tlsfiles reads the files of TLS: authorities, certificates and keys.
//
// Anyone who makes a connection asks for a configuration of its own, so that files
// which were renewed count from the next connection on.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"mcollective/internal/trust"
)

// maxFile bounds what is read of one file; the authorities of all the world are a
// quarter of a megabyte.
const maxFile = 4 << 20

// A Client names what a client needs to connect over TLS.
type Client struct {
	CA        []string // files of the authorities that the server's certificate must come from; default the system's
	Cert, Key string   // files of our certificate and its key, for servers that ask for one
	Ciphers   []uint16 // for TLS 1.2; default the library's
}

// Config reads the files and returns the configuration of one connection, without
// the server's name.
func (c Client) Config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: c.Ciphers}
	if len(c.CA) > 0 {
		var err error
		if cfg.RootCAs, err = Authorities(c.CA...); err != nil {
			return nil, err
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("TLS needs both a certificate and its key")
	}
	if c.Cert != "" {
		pair, err := KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// Outdated returns nil while our certificate and each authority is valid, else an
// error that names the first file whose time has not come or is over. With one a
// connection can still be made to servers that do not mind.
func (c Client) Outdated(now time.Time) error {
	for _, file := range c.CA {
		certs, err := Certificates(file)
		if err != nil {
			return err
		}
		var first error
		if !slices.ContainsFunc(certs, func(cert *x509.Certificate) bool {
			err := outdated(file, cert, now)
			if first == nil {
				first = err
			}
			return err == nil
		}) {
			return first // not one is left
		}
	}
	if c.Cert == "" {
		return nil
	}
	certs, err := Certificates(c.Cert)
	if err != nil {
		return err
	}
	return outdated(c.Cert, certs[0], now)
}

// Authorities reads PEM files into one pool.
func Authorities(files ...string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, file := range files {
		certs, err := Certificates(file)
		if err != nil {
			return nil, fmt.Errorf("TLS authorities: %w", err)
		}
		for _, cert := range certs {
			pool.AddCert(cert)
		}
	}
	return pool, nil
}

// Certificates reads those in a PEM file, at least one. One that cannot be read is
// left out: nobody is trusted for it.
func Certificates(file string) ([]*x509.Certificate, error) {
	text, err := read(file)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, bad := x509.ParseCertificate(block.Bytes)
		if bad == nil {
			certs = append(certs, cert)
		} else if err == nil {
			err = fmt.Errorf("%s: %w", file, bad)
		}
	}
	switch {
	case len(certs) > 0:
		return certs, nil
	case err == nil:
		err = fmt.Errorf("%s holds no PEM certificate", file)
	}
	return nil, err
}

// KeyPair reads a certificate and its key.
func KeyPair(cert, key string) (tls.Certificate, error) {
	none := tls.Certificate{}
	certText, err := read(cert)
	if err != nil {
		return none, fmt.Errorf("TLS certificate: %w", err)
	}
	keyText, err := read(key)
	if err != nil {
		return none, fmt.Errorf("TLS key: %w", err)
	}
	if err := trust.Secret(key); err != nil {
		return none, fmt.Errorf("TLS key: %w", err)
	}
	if encrypted(keyText) {
		return none, fmt.Errorf("TLS key: the key in %[1]s is encrypted with a passphrase, which nobody can be asked for; "+
			"write it decrypted to a file that only its user can read (umask 077; openssl pkey -in %[1]s -out NEWFILE) and name that", key)
	}
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return none, fmt.Errorf("TLS certificate %s with key %s: %w", cert, key, err)
	}
	return pair, nil
}

// encrypted reports whether a PEM text holds an encrypted key and no other.
func encrypted(text []byte) bool {
	found := false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			found = true
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return false
		}
	}
	return found
}

func read(file string) ([]byte, error) {
	// Who may write it decides who is believed. What is not there is said by Open.
	if err := trust.Check(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxFile)
	}
	return text, err
}
