// Package rsakeytest makes the RSA keys of tests.
package rsakeytest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"
)

// Keys are made once for all tests: that takes the processor a while.
var made = struct {
	sync.Mutex
	keys map[string]*rsa.PrivateKey
}{keys: map[string]*rsa.PrivateKey{}}

// Key returns the key of this name.
func Key(t testing.TB, name string, bits int) *rsa.PrivateKey {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if k := made.keys[name]; k != nil {
		return k
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	made.keys[name] = k
	return k
}

// PrivatePEM returns a private key as OpenSSL writes it.
func PrivatePEM(k *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
}

// PublicPEM is its public half.
func PublicPEM(t testing.TB, k *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
