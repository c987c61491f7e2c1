package tlsfiles

import (
	"crypto/x509"
	"fmt"
	"time"
)

// A Validity is what a certificate's dates say at some time.
type Validity int

// The validities. EndsSoon is valid still.
const (
	Valid Validity = iota
	EndsSoon
	Ended
	NotYet
)

// soon is how long before its end a certificate should be renewed.
const soon = 30 * 24 * time.Hour

// Dates judges the dates of a certificate.
func Dates(cert *x509.Certificate, now time.Time) Validity {
	switch {
	case now.After(cert.NotAfter):
		return Ended
	case now.Before(cert.NotBefore):
		return NotYet
	case cert.NotAfter.Sub(now) < soon:
		return EndsSoon
	}
	return Valid
}

// outdated returns nil while a certificate is valid, else an error that says since
// when it is not.
func outdated(file string, cert *x509.Certificate, now time.Time) error {
	const day = "2006-01-02 15:04 MST"
	switch Dates(cert, now) {
	case Ended:
		return fmt.Errorf("the TLS certificate in %s expired on %s", file, cert.NotAfter.UTC().Format(day))
	case NotYet:
		return fmt.Errorf("the TLS certificate in %s is not valid before %s", file, cert.NotBefore.UTC().Format(day))
	}
	return nil
}
