package credential

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// A Trust says whom to believe: it pins the authority, and keeps the newest bundle that was seen. It is safe for
// concurrent use.
type Trust struct {
	authority string
	pins      []Pin
	servers   []string

	keeping sync.Mutex // before mu: one update at a time
	file    string     // where it is kept; "" for nowhere

	mu     sync.Mutex
	now    *verified
	cache  map[[sha256.Size]byte]*Credential
	before map[[sha256.Size]byte]*Credential // the generation of before
}

// mostCached bounds a generation of checked credentials. Only credentials that hold are kept.
const mostCached = 8192

// trustFile is a Trust on disk.
type trustFile struct {
	Authority string   `json:"authority"`
	Bundle    Bundle   `json:"bundle"`
	Pins      []string `json:"pins"`
	Servers   []string `json:"servers"`
}

const trustName = "trust.json"

// NewTrust makes a trust of an authority's public key, a bundle of it, and the pins of brokers.
func NewTrust(authority string, b Bundle, pins []Pin) (*Trust, error) {
	v, err := b.verify(authority)
	if err != nil {
		return nil, err
	}
	t := &Trust{authority: authority, pins: pins, now: v}
	t.forget()
	return t, nil
}

// LoadTrust reads the trust that Save wrote into a directory. Updates are kept there.
func LoadTrust(dir string) (*Trust, error) {
	path := filepath.Join(dir, trustName)
	data, err := readSecret(path, 2*MaxBundle)
	if err != nil {
		return nil, err
	}
	var f trustFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var pins []Pin
	for _, text := range f.Pins {
		p, err := parsePin(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		pins = append(pins, p)
	}
	t, err := NewTrust(f.Authority, f.Bundle, pins)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.file, t.servers = path, f.Servers
	return t, nil
}

// Save keeps the trust in a directory, from now on with its updates.
func (t *Trust) Save(dir string) error {
	t.keeping.Lock()
	defer t.keeping.Unlock()
	t.file = filepath.Join(dir, trustName)
	return t.write(t.Bundle())
}

func (t *Trust) write(b Bundle) error {
	f := trustFile{Authority: t.authority, Bundle: b, Pins: []string{}, Servers: append([]string{}, t.servers...)}
	for _, p := range t.pins {
		f.Pins = append(f.Pins, p.String())
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return writeSecret(t.file, append(data, '\n'))
}

// Authority returns the public key of the authority.
func (t *Trust) Authority() string { return t.authority }

// Pins returns the keys of brokers that may be connected to.
func (t *Trust) Pins() []Pin { return t.pins }

// Servers returns the addresses of the brokers, as HOST:PORT. Nothing proves them, which the pins do.
func (t *Trust) Servers() []string { return t.servers }

// SetServers has a trust that is not shared yet name the addresses of brokers.
func (t *Trust) SetServers(addresses ...string) { t.servers = addresses }

// Bundle returns the newest bundle that was seen.
func (t *Trust) Bundle() Bundle { return t.current().Bundle }

// Issued returns when that was made, as the authority counts.
func (t *Trust) Issued() time.Time { return t.current().issued() }

// Account returns the id of the account.
func (t *Trust) Account() string { return t.current().account.Subject }

// Claims returns what a broker has to know: its operator and its account.
func (t *Trust) Claims() (*jwt.OperatorClaims, *jwt.AccountClaims) {
	v := t.current()
	return v.operator, v.account
}

func (t *Trust) current() *verified {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

func (t *Trust) forget() {
	t.cache, t.before = make(map[[sha256.Size]byte]*Credential), nil
}

// Update takes over a bundle if it is newer, and reports whether there is a newer one now. An older one is an error:
// it could make revocations undone. So is one that lacks a revocation.
func (t *Trust) Update(b Bundle) (newer bool, err error) {
	if b == t.Bundle() { // as nearly always; to check it takes long
		return false, nil
	}
	v, err := b.verify(t.authority)
	if err != nil {
		return false, err
	}
	if err := v.follows(t.current()); err != nil {
		return false, err
	}
	t.keeping.Lock()
	defer t.keeping.Unlock()
	if t.file == "" {
		return t.believe(v)
	}
	// Another process may have written a newer one, which must not be lost.
	release, err := holdDir(filepath.Dir(t.file))
	if err != nil {
		return false, err
	}
	defer release()
	switch onDisk, err := t.onDisk(); {
	case err == nil:
		newer, _ = t.believe(onDisk) // an older one there does not matter
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if err := v.follows(t.current()); err != nil || b == t.Bundle() {
		return newer, err
	}
	// Kept first: what is believed once must not be unknown after a restart.
	if err := t.write(b); err != nil {
		return newer, err
	}
	_, err = t.believe(v)
	return true, err
}

// believe takes over a bundle in memory if it is newer.
func (t *Trust) believe(v *verified) (newer bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := v.follows(t.now); err != nil || v.Bundle == t.now.Bundle {
		return false, err
	}
	t.now = v
	t.forget()
	return true, nil
}

// onDisk reads the bundle that is kept.
func (t *Trust) onDisk() (*verified, error) {
	other, err := LoadTrust(filepath.Dir(t.file))
	if err != nil {
		return nil, err
	}
	if other.authority != t.authority {
		return nil, fmt.Errorf("%s is of another authority now; restart to take it over", t.file)
	}
	return other.now, nil
}

// Reload takes over the bundle on disk if it is newer, as Update does.
func (t *Trust) Reload() (newer bool, err error) {
	t.keeping.Lock()
	defer t.keeping.Unlock()
	v, err := t.onDisk()
	if err != nil {
		return false, err
	}
	return t.believe(v)
}

// Check returns what a credential says, if it is to be believed for a purpose at a time: it was made by the key
// for that, is in date, is not revoked, and has a valid name. Errors are an *Error.
func (t *Trust) Check(token string, kind Kind, now time.Time) (*Credential, error) {
	c, err := t.Signed(token, kind)
	if err != nil {
		return nil, err
	}
	return c, t.InForce(c, now)
}

// Signed is Check without dates and revocations. What it returns may be long over.
func (t *Trust) Signed(token string, kind Kind) (*Credential, error) {
	sum := sha256.Sum256([]byte(token))
	t.mu.Lock()
	c, v := t.cache[sum], t.now
	if c == nil {
		if c = t.before[sum]; c != nil {
			t.keep(sum, c)
		}
	}
	t.mu.Unlock()
	if c == nil {
		var err error
		if c, err = v.check(token, kind); err != nil {
			return nil, err
		}
		t.mu.Lock()
		if t.now == v {
			t.keep(sum, c)
		}
		t.mu.Unlock()
	}
	if c.Kind != kind {
		return nil, &Error{Code: CodeKind, Kind: kind, Name: c.Name}
	}
	return c, nil
}

func (t *Trust) keep(sum [sha256.Size]byte, c *Credential) {
	if len(t.cache) >= mostCached {
		t.cache, t.before = make(map[[sha256.Size]byte]*Credential), t.cache
	}
	t.cache[sum] = c
}

// check is Check of a token that was not seen before, without dates and revocations.
func (v *verified) check(token string, kind Kind) (*Credential, error) {
	unknown := func(err error) error { return &Error{Code: CodeUnknown, Kind: kind, Err: err} }
	claims, signed, sig, err := decode(token)
	if err != nil {
		return nil, unknown(err)
	}
	made, ok := v.makers[claims.Issuer]
	if !ok || claims.Nats.Account != v.account.Subject {
		return nil, unknown(nil)
	}
	issuer, err := publicOf(claims.Issuer, nkeys.PrefixByteAccount)
	if err != nil {
		return nil, unknown(err)
	}
	if !ed25519.Verify(issuer, signed, sig) {
		return nil, unknown(errors.New("its signature does not hold"))
	}
	return claims.credential(made)
}

// InForce returns why a credential is not in date or revoked, or nil.
func (t *Trust) InForce(c *Credential, now time.Time) error {
	e := &Error{Kind: c.Kind, Name: c.Name, Now: now}
	if t.current().revoked(c.subject, c.Issued) {
		e.Code = CodeRevoked
		return e
	}
	if !now.Before(c.Expires) {
		e.Code, e.At = CodeExpired, c.Expires
		return e
	}
	if c.Issued.After(now.Add(skew)) {
		e.Code, e.At = CodeNotYet, c.Issued
		return e
	}
	return nil
}

// Revoked reports whether a credential of a key is revoked: a revoked key is so for ever, and the time counts only
// where all credentials until then are.
func (t *Trust) Revoked(key string, issued time.Time) bool {
	return t.current().revoked(key, issued)
}

// Fill returns how much of the room for revocations is used, in percent.
func (t *Trust) Fill() int { return 100 * len(t.Bundle().Encode()) / MaxBundle }

// EverRevoked reports whether credentials of a key were revoked at any time.
func (t *Trust) EverRevoked(key string) bool { return t.Revoked(key, time.Unix(0, 0)) }

// A Pin stands for the TLS key of a broker and, in a join token, for the authority behind it.
type Pin [sha256.Size]byte

// PinOf returns the pin of a TLS certificate: of its key, for all dates and names that it may have.
func PinOf(cert *x509.Certificate) Pin { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }

// JoinPin returns the pin of a TLS certificate and the authority together. It is what join tokens hold, so that
// a node which joins believes the authority that the token was made for, and no other.
func JoinPin(cert *x509.Certificate, authority string) Pin {
	h := sha256.New()
	h.Write(cert.RawSubjectPublicKeyInfo)
	h.Write([]byte(authority))
	return Pin(h.Sum(nil))
}

// String writes a pin.
func (p Pin) String() string { return base64url.EncodeToString(p[:]) }

func parsePin(text string) (Pin, error) {
	b, err := base64url.DecodeString(text)
	if err != nil || len(b) != len(Pin{}) {
		return Pin{}, fmt.Errorf("%.64q is not the pin of a broker", text)
	}
	return Pin(b), nil
}

// ErrBrokerKey is why a broker is not spoken to.
var ErrBrokerKey = errors.New("the broker has another key than the one that was pinned; this is not that broker, or it was set up anew")

// TLS returns the configuration for connections to the pinned brokers. It needs no authorities and no host names.
func (t *Trust) TLS() *tls.Config {
	return pinned(func(cert *x509.Certificate) bool {
		got, ok := PinOf(cert), false
		for _, want := range t.pins {
			ok = ok || subtle.ConstantTimeCompare(got[:], want[:]) == 1
		}
		return ok
	})
}

// pinned accepts certificates by their key alone. Resumed sessions are checked, too.
func pinned(accept func(*x509.Certificate) bool) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //lint:allow danger VerifyConnection compares the key
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 || !accept(cs.PeerCertificates[0]) {
				return ErrBrokerKey
			}
			return nil
		},
	}
}
