package stomp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// TLSFiles says in files and names what a Server's TLS shall be.
type TLSFiles struct {
	CA        []string // files of PEM certificates to trust. Default those of the system
	Cert, Key string   // PEM files to prove who we are; both or none
	// Ciphers are names of TLS 1.2 cipher suites as OpenSSL or IANA spell them,
	// separated by colons or commas. Words for groups of ciphers are passed over.
	// Default Go's choice.
	Ciphers string
	// Fallback with Unverified connects to whoever answers when the files cannot
	// be used. Fallback alone is an error then: without verification TLS protects
	// from nobody who can come between.
	Fallback, Unverified bool
}

// Config reads the files.
func (f TLSFiles) Config() (*tls.Config, error) {
	cfg, err := f.load()
	switch {
	case err == nil:
		return cfg, nil
	case f.Fallback && f.Unverified:
		return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}, nil
	case f.Fallback:
		return nil, fmt.Errorf("%w; falling back to an unverified connection has to be allowed in so many words", err)
	}
	return nil, err
}

func (f TLSFiles) load() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(f.CA) > 0 {
		cfg.RootCAs = x509.NewCertPool()
	}
	for _, name := range f.CA {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("TLS authorities: %w", err)
		}
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("TLS authorities: %s holds no PEM certificate", name)
		}
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, errors.New("TLS: a certificate needs its key and a key its certificate")
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("TLS certificate %s with key %s: %w", f.Cert, f.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	var err error
	cfg.CipherSuites, err = cipherSuites(f.Ciphers)
	return cfg, err
}

// cipherSuites finds the suites of an OpenSSL cipher list.
func cipherSuites(list string) (ids []uint16, err error) {
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		if strings.ContainsAny(word, "!+@=") || !strings.ContainsAny(word, "-_") {
			continue // HIGH, !aNULL, @STRENGTH: Go has no weak ones to take out
		}
		id, ok := cipherSuite(word)
		if !ok {
			return nil, fmt.Errorf("TLS: cipher %.60q is unknown or not safe", word)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func cipherSuite(name string) (uint16, bool) {
	for _, s := range tls.CipherSuites() {
		if name == s.Name || name == opensslName(s.Name) {
			return s.ID, true
		}
	}
	return 0, false
}

// opensslName spells an IANA name as OpenSSL does:
// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256.
func opensslName(iana string) string {
	return strings.NewReplacer("TLS_", "", "_WITH_", "-", "AES_", "AES", "CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305",
		"CBC_", "", "_", "-").Replace(iana)
}
