package plugins

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/internal/config"
	"mcollective/internal/dirtest"
)

// keyPair writes a key and its public half, and returns where.
func keyPair(t *testing.T, dir, name string) (private, public string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return dirtest.Write(t, filepath.Join(dir, name+"-private.pem"), text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k)), 0o600),
		dirtest.Write(t, filepath.Join(dir, name+".pem"), text("PUBLIC KEY", der), 0o644)
}

// TestKeysFromFiles: providers with keys in files say which setting is missing, and take
// the variables of the environment as Ruby does.
func TestKeysFromFiles(t *testing.T) {
	dir := dirtest.New(t)
	private, public := keyPair(t, dir, "alice")
	_, other := keyPair(t, dir, "other")
	set := func(kv ...string) (lines []string) {
		for i := 0; i < len(kv); i += 2 {
			lines = append(lines, "plugin."+kv[i]+" = "+kv[i+1])
		}
		return lines
	}
	client := func(t *testing.T, provider string, lines ...string) (string, error) {
		sec, _, err := ClientSecurity(load(t, config.Client, append(lines, "securityprovider = "+provider)...))
		if err != nil {
			return "", err
		}
		return sec.CallerID(), nil
	}
	node := func(provider string, lines ...string) error {
		_, _, err := NodeSecurity(load(t, config.Server, append(lines, "securityprovider = "+provider)...))
		return err
	}
	ssl := set("ssl_client_private", private, "ssl_client_public", public, "ssl_server_public", other)
	aes := set("aes.client_private", private, "aes.client_public", public)
	for provider, lines := range map[string][]string{"Ssl": ssl, "Aes_security": aes} {
		if id, err := client(t, provider, lines...); err != nil || id != "cert=alice" {
			t.Errorf("%s: caller %q, %v", provider, id, err)
		}
		for i := range lines {
			name, _, _ := strings.Cut(lines[i], " ")
			without := append(append([]string{}, lines[:i]...), lines[i+1:]...)
			if _, err := client(t, provider, without...); err == nil || !strings.Contains(err.Error(), "needs "+name) {
				t.Errorf("%s without %s: %v", provider, name, err)
			}
		}
	}
	if err := node("ssl", set("ssl_server_private", private, "ssl_client_cert_dir", dir)...); err != nil {
		t.Errorf("a node with ssl: %v", err)
	}
	if err := node("ssl", set("ssl_server_private", private)...); err == nil || !strings.Contains(err.Error(), "needs plugin.ssl_client_cert_dir") {
		t.Errorf("a node without keys of callers: %v", err)
	}
	if err := node("aes_security", set("aes.client_cert_dir", dir)...); err != nil {
		t.Errorf("a node with aes_security: %v", err)
	}
	if err := node("aes_security", set("aes.client_cert_dir", dir, "aes.learn_pubkeys", "1")...); err == nil || !strings.Contains(err.Error(), "needs plugin.aes.ca_cert") {
		t.Errorf("a node that learns from anybody: %v", err)
	}
	if err := node("aes_security", append(set("aes.client_cert_dir", dir), "ssl_cipher = des3")...); err == nil || !strings.Contains(err.Error(), `no cipher "des3"`) {
		t.Errorf("a node with another cipher: %v", err)
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("MCOLLECTIVE_SSL_PRIVATE", private)
		t.Setenv("MCOLLECTIVE_SSL_PUBLIC", public)
		if id, err := client(t, "ssl", set("ssl_client_private", "/nonexistent", "ssl_client_public", other, "ssl_server_public", other)...); err != nil || id != "cert=alice" {
			t.Errorf("caller %q, %v", id, err)
		}
		t.Setenv("MCOLLECTIVE_SSL_PRIVATE", "")
		if _, err := client(t, "ssl", ssl...); err == nil || !strings.Contains(err.Error(), "MCOLLECTIVE_SSL_PRIVATE is in the environment and empty") {
			t.Errorf("an empty variable: %v", err)
		}
	})
}
