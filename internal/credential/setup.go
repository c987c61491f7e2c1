package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"mcollective/internal/tlsfiles"
)

// Files of the TLS of a broker, in its directory.
const (
	certName   = "tls.crt"
	tlsKeyName = "tls.key"
)

// CertFile returns the file of the broker's TLS certificate.
func (d *BrokerDir) CertFile() string { return filepath.Join(d.Dir, certName) }

// KeyFile returns the file of its key.
func (d *BrokerDir) KeyFile() string { return filepath.Join(d.Dir, tlsKeyName) }

// NewToken makes a join token for this broker and records what it allows.
func (d *BrokerDir) NewToken(o Offer) (JoinToken, error) {
	certs, err := tlsfiles.Certificates(d.CertFile())
	if err != nil {
		return JoinToken{}, err
	}
	authority := d.Kit.Trust.Authority()
	if AuthorityOf(certs[0]) != authority {
		return JoinToken{}, fmt.Errorf("%s does not name the authority %s; machines that join could not tell it from another", d.CertFile(), authority)
	}
	_ = d.Prune(o.Created) // those that stay count, and then there may be too many
	t := NewJoinToken(JoinPin(certs[0], authority))
	return t, d.Tokens.Add(t, o)
}

// Init makes an authority and a broker for it, each in a directory that has none. The broker's address is handed out
// to those who join.
func Init(dir, authorityDir, address string, now time.Time) (*Authority, *BrokerDir, error) {
	for _, name := range []string{trustName, certName, tlsKeyName, nodesKeyName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return nil, nil, fmt.Errorf("%s is the directory of a broker already: %w", dir, os.ErrExist)
		}
	}
	for _, name := range []string{trustName, operatorName, signingName, callersName} {
		if _, err := os.Lstat(filepath.Join(authorityDir, name)); err == nil {
			return nil, nil, fmt.Errorf("%s is the directory of an authority already: %w", authorityDir, os.ErrExist)
		}
	}
	if err := errors.Join(makeDir(dir), makeDir(authorityDir)); err != nil {
		return nil, nil, err
	}
	a, kit, err := CreateAuthority(authorityDir, now)
	if err != nil {
		return nil, nil, err
	}
	pin, err := makeCertificate(dir, a.trust.Authority(), now)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(a.SetBrokers([]Pin{pin}, address), CreateBrokerDir(dir, kit, []Pin{pin}, address)); err != nil {
		return nil, nil, err
	}
	d, err := OpenBrokerDir(dir)
	return a, d, err
}

// makeCertificate makes the TLS key of a broker, which is pinned, and a certificate that names its authority. P-256
// is what clients of NATS in all languages know.
func makeCertificate(dir, authority string, now time.Time) (Pin, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pin{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return Pin{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "mco broker"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.AddDate(10, 0, 0), URIs: []*url.URL{{Scheme: authorityScheme, Opaque: authority}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return Pin{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return Pin{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pin{}, err
	}
	return PinOf(cert), errors.Join(
		writeSecret(filepath.Join(dir, tlsKeyName), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		writeSecret(filepath.Join(dir, certName), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}
