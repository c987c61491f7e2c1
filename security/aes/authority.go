package aes

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"mcollective/internal/tlsfiles"
	"mcollective/security/internal/rsakey"
)

// An authority says which certificates of callers count.
type authority struct {
	file  string
	now   func() time.Time
	roots atomic.Pointer[x509.CertPool]
}

func (a *authority) load() error {
	roots, err := tlsfiles.Authorities(a.file)
	if err != nil {
		return fmt.Errorf("authority of the callers: %w", err)
	}
	a.roots.Store(roots)
	return nil
}

// vouches returns why a certificate is not that of a caller, or nil.
func (a *authority) vouches(cert *x509.Certificate, caller string) error {
	if cert == nil {
		return errors.New("plugin.aes.ca_cert is set, and the caller's key is in no certificate")
	}
	if id, err := rsakey.CallerIDOf(commonName(cert)); err != nil || id != caller {
		return fmt.Errorf("the certificate is for %.60q, not for %s", cert.Subject.String(), caller)
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: a.roots.Load(), CurrentTime: a.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("the certificate of %s: %w", caller, err)
	}
	return nil
}

// commonName returns the name that Ruby reads from a certificate: the common name, if that is
// what its subject begins with; else "".
func commonName(cert *x509.Certificate) string {
	if cert == nil || len(cert.Subject.Names) == 0 {
		return ""
	}
	first := cert.Subject.Names[0]
	name, ok := first.Value.(string)
	if !ok || first.Type.String() != "2.5.4.3" {
		return ""
	}
	return name
}
