package broker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

// selfSigned writes a certificate for 127.0.0.1 that is its own authority.
func selfSigned(t *testing.T, dir string, serial int64, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: until.Add(-1000 * time.Hour), NotAfter: until,
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

// presented is the serial number of the certificate that a client with these files
// gets to see, or 0 if it does not get in.
func presented(t *testing.T, b *Broker, cert, key string) (serial int64) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{
		InsecureSkipVerify: true, // the test looks at it
		Certificates:       []tls.Certificate{pair},
		VerifyConnection:   func(s tls.ConnectionState) error { serial = s.PeerCertificates[0].SerialNumber.Int64(); return nil },
	}
	nc, err := gonats.Connect(b.ClientURL(), gonats.Secure(config), gonats.NoReconnect(), gonats.Timeout(30*time.Second))
	if err != nil {
		return 0
	}
	nc.Close()
	return serial
}

// Certificate, key and authority are renewed under a running broker. Files that are
// not usable leave those of before in place.
func TestCertificatesAreReadAgain(t *testing.T) {
	later := time.Now().Add(500 * time.Hour)
	dir, other := dirtest.New(t), dirtest.New(t)
	cert, key := selfSigned(t, dir, 1, later)
	var logged bytes.Buffer
	o := Options{Listen: "127.0.0.1:0", Cert: cert, Key: key, CA: cert, Logger: slog.New(slog.NewTextHandler(&logged, nil))}
	b := start(t, o)
	cert2, key2 := selfSigned(t, other, 2, later)
	if presented(t, b, cert, key) != 1 || presented(t, b, cert2, key2) != 0 {
		t.Fatal("the broker does not use its files")
	}
	replace := func() {
		t.Helper()
		for from, to := range map[string]string{cert2: cert, key2: key} {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace()
	b.certs.renew()
	if got := presented(t, b, cert, key); got != 2 {
		t.Errorf("presents %d after both were replaced", got)
	}
	if err := os.WriteFile(cert, []byte("half of a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.certs.renew()
	b.certs.renew()
	if err := b.Reload(); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("reload: %v", err)
	}
	if n := strings.Count(logged.String(), "not usable"); n != 1 {
		t.Errorf("said %d times: %s", n, logged.String())
	}
	cert2, key2 = selfSigned(t, other, 3, later)
	if got := presented(t, b, cert2, key2); got != 0 {
		t.Errorf("presents %d to a stranger", got)
	}
	replace()
	if err := b.Reload(); err != nil {
		t.Error(err)
	}
	if got := presented(t, b, cert, key); got != 3 {
		t.Errorf("presents %d after a reload", got)
	}
}

func TestDatesOfCertificatesAreSaid(t *testing.T) {
	for want, until := range map[string]time.Time{
		"has expired":   time.Now().Add(-time.Hour),
		"expires soon":  time.Now().Add(time.Hour),
		"not valid yet": time.Now().Add(2000 * time.Hour),
		"":              time.Now().Add(900 * time.Hour),
	} {
		t.Run(subtest.Name(want), func(t *testing.T) {
			dir := dirtest.New(t)
			cert, key := selfSigned(t, dir, 1, until)
			file := filepath.Join(dir, "nats.conf")
			if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\ntls { cert_file: \""+cert+"\", key_file: \""+key+"\" }\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{Cert: cert, Key: key}, {Config: file}} {
				var logged bytes.Buffer
				o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
				if _, err := New(o); err != nil {
					t.Fatal(err)
				}
				if got := logged.String(); want == "" && got != "" || !strings.Contains(got, want) || want != "" && !strings.Contains(got, dir) {
					t.Errorf("%q is not said: %s", want, got)
				}
			}
		})
	}
}

// A key that the broker cannot use is said at the start, with what mends it.
func TestUnusableKeys(t *testing.T) {
	cert, key := selfSigned(t, dirtest.New(t), 1, time.Now().Add(1000*time.Hour))
	for text, want := range map[string]string{
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n": "encrypted with a passphrase",
		"no key": key,
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := New(Options{Listen: "127.0.0.1:0", Cert: cert, Key: key}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", text, err)
			}
		})
	}
}
