package tlsfiles

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mcollective/internal/dirtest"
)

// write makes a certificate with its key in a directory.
func write(t *testing.T, dir, name string, from, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	put(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert, key
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKeyOfEverybody has a key that everybody can read.
func TestKeyOfEverybody(t *testing.T) {
	now := time.Now()
	cert, key := write(t, dirtest.New(t), "open", now.Add(-time.Hour), now.Add(time.Hour))
	if _, err := KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := KeyPair(cert, key); err == nil || !strings.Contains(err.Error(), "run: chmod o-rwx "+key) {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	dir, now := dirtest.New(t), time.Now()
	cert, key := write(t, dir, "ours", now.Add(-time.Hour), now.Add(time.Hour))
	file := func(name, text string) string {
		put(t, filepath.Join(dir, name), text)
		return filepath.Join(dir, name)
	}
	damaged := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		c    Client
		want string
	}{
		{"nothing", Client{}, ""},
		{"all", Client{CA: []string{cert}, Cert: cert, Key: key}, ""},
		{"one of the authorities is damaged", Client{CA: []string{file("mixed.pem", damaged+string(good))}}, ""},
		{"all authorities are damaged", Client{CA: []string{file("damaged.pem", damaged)}}, "damaged.pem"},
		{"no authority", Client{CA: []string{key}}, "holds no PEM certificate"},
		{"one file of authorities is missing", Client{CA: []string{cert, filepath.Join(dir, "none.pem")}}, "none.pem"},
		{"a directory", Client{CA: []string{dir}}, "is a directory"},
		{"too large", Client{CA: []string{file("large.pem", strings.Repeat("x", maxFile+1))}}, "is larger than"},
		{"key missing", Client{Cert: cert}, "both a certificate and its key"},
		{"key of another", Client{Cert: cert, Key: func() string { _, k := write(t, dir, "theirs", now, now); return k }()}, "does not match"},
		{"key encrypted", Client{Cert: cert, Key: file("enc.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")}, "is encrypted with a passphrase"},
		{"key encrypted as of old", Client{Cert: cert, Key: file("old.key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")}, "openssl pkey -in"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, err := test.c.Config()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if err == nil && (cfg.RootCAs != nil) != (len(test.c.CA) > 0) {
				t.Error("the authorities are not those of the files")
			}
		})
	}
}

func TestOutdated(t *testing.T) {
	dir, now := dirtest.New(t), time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	valid, key := write(t, dir, "valid", now.Add(-time.Hour), now.Add(time.Hour))
	over, _ := write(t, dir, "over", now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	soon, _ := write(t, dir, "soon", now.Add(time.Hour), now.Add(48*time.Hour))
	both := filepath.Join(dir, "both.pem")
	for _, file := range []string{over, valid} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(both, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(text)
		f.Close()
	}
	for _, test := range []struct {
		name string
		c    Client
		want string
	}{
		{"nothing", Client{}, ""},
		{"valid", Client{CA: []string{valid}, Cert: valid, Key: key}, ""},
		{"expired", Client{Cert: over, Key: key}, "over.pem expired on 2026-05-03 12:00 UTC"},
		{"not yet", Client{Cert: soon, Key: key}, "soon.pem is not valid before 2026-05-04 13:00 UTC"},
		{"authority", Client{CA: []string{over}}, "over.pem expired"},
		{"one of two authorities", Client{CA: []string{both}}, ""},
		{"missing", Client{Cert: filepath.Join(dir, "none.pem"), Key: key}, "none.pem"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.c.Outdated(now)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: got %v, want %q", test.name, err, test.want)
			}
		})
	}
}

func TestFilesOfEverybody(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no permissions there that are judged")
	}
	dir := dirtest.New(t)
	now := time.Now()
	cert, _ := write(t, dir, "a", now.Add(-time.Hour), now.Add(time.Hour))
	if _, err := Authorities(cert); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cert, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Authorities(cert); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("authorities that everybody may write: %v", err)
	}
	if _, err := Certificates(cert); err == nil {
		t.Error("a certificate that everybody may write is read")
	}
}
