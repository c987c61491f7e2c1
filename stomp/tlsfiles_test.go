package stomp_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mcollective/stomp"
)

func TestTLSFiles(t *testing.T) {
	ca := newAuthority(t)
	pair := ca.pair(x509.ExtKeyUsageClientAuth)
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caFile := file("ca.pem", "CERTIFICATE", ca.cert.Raw)
	cert, private := file("cert.pem", "CERTIFICATE", pair.Certificate[0]), file("key.pem", "PRIVATE KEY", key)

	cfg, err := stomp.TLSFiles{CA: []string{caFile}, Cert: cert, Key: private,
		Ciphers: "HIGH:!aNULL:ECDHE-RSA-AES128-GCM-SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:ECDHE-RSA-CHACHA20-POLY1305:@STRENGTH"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	want := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}
	if cfg.RootCAs == nil || len(cfg.Certificates) != 1 || cfg.InsecureSkipVerify || !slices.Equal(cfg.CipherSuites, want) {
		t.Errorf("configuration %+v", cfg)
	}
	if cfg, err := (stomp.TLSFiles{}).Config(); err != nil || cfg.RootCAs != nil || cfg.InsecureSkipVerify {
		t.Errorf("without files: %+v, %v", cfg, err)
	}
	for name, f := range map[string]stomp.TLSFiles{
		"missing CA":     {CA: []string{"/nonexistent"}},
		"CA without PEM": {CA: []string{private}},
		"missing key":    {Cert: cert, Key: "/nonexistent"},
		"half a pair":    {Cert: cert},
		"fallback alone": {CA: []string{"/nonexistent"}, Fallback: true},
		"weak cipher":    {Ciphers: "RC4-SHA"},
	} {
		if _, err := f.Config(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	cfg, err = stomp.TLSFiles{CA: []string{"/nonexistent"}, Fallback: true, Unverified: true}.Config()
	if err != nil || !cfg.InsecureSkipVerify {
		t.Errorf("fallback that is allowed: %+v, %v", cfg, err)
	}
}
