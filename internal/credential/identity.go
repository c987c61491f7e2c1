package credential

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nkeys"
)

// Files of the directory of an identity, beside that of its trust.
const (
	keyName        = "key"
	credentialName = "credential"
)

// An Identity is a private key and its credential. It is safe for concurrent use.
type Identity struct {
	key *Key
	dir string

	mu    sync.Mutex
	token string
	held  *Credential
}

// String names the identity, and shows nothing of its key.
func (i *Identity) String() string {
	c := i.Credential()
	return c.Kind.String() + " " + c.Name
}

// GoString is String.
func (i *Identity) GoString() string { return i.String() }

// Load reads an identity and whom it trusts from a directory. The credential was made by the right key and is that
// of the private key, but may be over or revoked: its owner learns that from the broker, and can renew it.
func Load(dir string) (*Identity, *Trust, error) {
	t, err := LoadTrust(dir)
	if err != nil {
		return nil, nil, err
	}
	key, err := readKey(filepath.Join(dir, keyName), nkeys.PrefixByteUser)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, credentialName)
	data, err := readSecret(path, 2*MaxToken)
	if err != nil {
		return nil, nil, err
	}
	i := &Identity{key: key, dir: dir}
	if err := i.take(t, strings.TrimSpace(string(data))); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return i, t, nil
}

// Create writes the directory of an identity: a key, the credential that was made for it, and whom it trusts.
func Create(dir string, key *Key, token string, t *Trust) (*Identity, error) {
	i := &Identity{key: key, dir: dir}
	if err := i.take(t, token); err != nil {
		return nil, err
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := t.Save(dir); err != nil {
		return nil, err
	}
	return i, errors.Join(writeKey(filepath.Join(dir, keyName), key), writeSecret(filepath.Join(dir, credentialName), []byte(token+"\n")))
}

// take makes a token the identity's, if it is made for its key.
func (i *Identity) take(t *Trust, token string) error {
	c, err := t.signedAny(token)
	if err != nil {
		return err
	}
	if c.subject != i.key.Public() {
		return fmt.Errorf("the credential of the %s %s is made for another key", c.Kind, c.Name)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.token, i.held = token, c
	return nil
}

// signedAny is Signed for any kind.
func (t *Trust) signedAny(token string) (*Credential, error) {
	c, err := t.Signed(token, Node)
	if CodeOf(err) == CodeKind {
		return t.Signed(token, Caller)
	}
	return c, err
}

// Renew takes over a new credential for the same name, and keeps it.
func (i *Identity) Renew(t *Trust, token string, now time.Time) error {
	old := i.Credential()
	c, err := t.Check(token, old.Kind, now)
	if err != nil {
		return err
	}
	if c.Name != old.Name || c.Expires.Before(old.Expires) {
		return fmt.Errorf("the new credential is of %s until %s, which does not follow that of %s", c.Name, c.Expires.UTC().Format(time.RFC3339), old.Name)
	}
	if c.subject != i.key.Public() {
		return errors.New("the new credential is made for another key")
	}
	if err := writeSecret(filepath.Join(i.dir, credentialName), []byte(token+"\n")); err != nil {
		return err
	}
	return i.take(t, token)
}

// Credential returns the credential.
func (i *Identity) Credential() *Credential {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.held
}

// Token returns the credential as it travels.
func (i *Identity) Token() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.token
}

// PublicKey returns the public key as it is written in credentials and reply addresses.
func (i *Identity) PublicKey() string { return i.key.Public() }

// Sign signs a payload in a domain.
func (i *Identity) Sign(domain string, payload []byte) []byte { return i.key.Sign(domain, payload) }

// SignNonce signs the nonce of a NATS login.
func (i *Identity) SignNonce(nonce []byte) ([]byte, error) { return i.key.SignNonce(nonce) }

// LoadKey reads the private key of an identity's directory.
func LoadKey(dir string) (*Key, error) {
	return readKey(filepath.Join(dir, keyName), nkeys.PrefixByteUser)
}

func readKey(path string, prefix nkeys.PrefixByte) (*Key, error) {
	data, err := readSecret(path, 4096)
	if err != nil {
		return nil, err
	}
	key, err := parseSeed(prefix, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func writeKey(path string, key *Key) error {
	text, err := key.seed()
	if err != nil {
		return err
	}
	return writeSecret(path, text)
}
