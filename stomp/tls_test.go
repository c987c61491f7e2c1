package stomp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert, a.key = a.issue(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, Subject: pkix.Name{CommonName: "ca"}, KeyUsage: x509.KeyUsageCertSign})
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pair(usage x509.ExtKeyUsage) tls.Certificate {
	cert, key := a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "peer"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, KeyUsage: x509.KeyUsageDigitalSignature,
	})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	b := stomptest.New(stomptest.Options{TLS: &tls.Config{
		Certificates: []tls.Certificate{ca.pair(x509.ExtKeyUsageServerAuth)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.pool,
	}})
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	host, port, _ := net.SplitHostPort(b.Addr())
	number, _ := strconv.Atoi(port)
	dial := func(host string, cfg *tls.Config) error {
		ctx := t.Context()
		var current func() (*tls.Config, error)
		if cfg != nil {
			current = func() (*tls.Config, error) { return cfg, nil }
		}
		c, err := stomp.Dial(ctx, stomp.Options{Servers: []stomp.Server{{Host: host, Port: number, TLS: current}}, MaxAttempts: 1})
		if err != nil {
			return err
		}
		if err := c.Flush(ctx); err != nil {
			t.Error(err)
		}
		return c.Close()
	}
	mine := []tls.Certificate{ca.pair(x509.ExtKeyUsageClientAuth)}
	if err := dial(host, &tls.Config{RootCAs: ca.pool, Certificates: mine}); err != nil {
		t.Errorf("with client certificate: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if err := dial(host, &tls.Config{Certificates: mine}); !errors.As(err, &unknown) {
		t.Errorf("a broker of an unknown authority: %v", err)
	}
	var other x509.HostnameError
	if err := dial(host, &tls.Config{RootCAs: ca.pool, Certificates: mine, ServerName: "elsewhere.test"}); !errors.As(err, &other) {
		t.Errorf("a broker of another name: %v", err)
	}
	if err := dial(host, &tls.Config{RootCAs: ca.pool}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without a client certificate: %v", err)
	}
	if err := dial(host, nil); err == nil {
		t.Error("connected without TLS")
	}
}
