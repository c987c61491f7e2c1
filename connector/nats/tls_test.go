package nats

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/broker"
)

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	_, err := broker.New(broker.Options{Cert: cert})
	if err == nil {
		t.Error("a certificate without key was taken")
	}
	r := startBroker(t, broker.Options{Cert: cert, Key: key, CA: cert})
	ok := TLS{CA: cert, Cert: cert, Key: key}
	c := connect(t, Options{Servers: []string{r.b.ClientURL()}, Identity: "node", TLS: ok, ConnectTimeout: 30 * time.Second})
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	plain := startBroker(t, broker.Options{})
	for _, test := range []struct {
		name, server string
		tls          TLS
		want         string
	}{
		{"unknown authority", r.opts.Listen, TLS{Cert: cert, Key: key}, "certificate signed by unknown authority"},
		{"no client certificate", r.opts.Listen, TLS{CA: cert}, "certificate"},
		{"broker without TLS", plain.opts.Listen, ok, "does not speak TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			c, err := Connect(ctx, Options{Servers: []string{test.server}, Identity: "node", TLS: test.tls, ConnectTimeout: 30 * time.Second})
			if err == nil {
				c.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
