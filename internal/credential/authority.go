package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Files of the directory of the authority, beside that of its trust.
const (
	operatorName = "operator"
	signingName  = "signing"
	callersName  = "callers"
	issuedName   = "issued.json"
)

// An Authority makes callers and revokes. Its directory is best kept off the broker: everything else works without.
type Authority struct {
	dir     string
	trust   *Trust
	signing *Key // of the operator; signs bundles
	callers *Key
	issued  *Register
}

// A BrokerKit is what a broker gets of a new authority.
type BrokerKit struct {
	Trust   *Trust
	Nodes   *Key   // makes the credentials of nodes
	Service *Key   // of the broker's own connection
	Login   string // the credential of that
	Guest   string // the credential of those who join, which is no secret
	System  string // the system account
}

// CreateAuthority makes an authority in a directory that has none, and what its broker needs.
func CreateAuthority(dir string, now time.Time) (*Authority, *BrokerKit, error) {
	if err := makeDir(dir); err != nil {
		return nil, nil, err
	}
	var firstErr error
	key := func(prefix nkeys.PrefixByte) *Key {
		k, err := newKey(prefix)
		firstErr = errors.Join(firstErr, err)
		return k
	}
	operator, signing := key(nkeys.PrefixByteOperator), key(nkeys.PrefixByteOperator)
	account, system := key(nkeys.PrefixByteAccount), key(nkeys.PrefixByteAccount) // their private halves are not kept
	callers, nodes := key(nkeys.PrefixByteAccount), key(nkeys.PrefixByteAccount)
	guest, service := key(nkeys.PrefixByteAccount), key(nkeys.PrefixByteAccount) // neither
	login, guestUser := key(nkeys.PrefixByteUser), key(nkeys.PrefixByteUser)
	if firstErr != nil {
		return nil, nil, firstErr
	}

	oc := jwt.NewOperatorClaims(operator.Public())
	oc.Name, oc.SystemAccount, oc.StrictSigningKeyUsage = "mco", system.Public(), true
	oc.SigningKeys.Add(signing.Public())
	ac := jwt.NewAccountClaims(account.Public())
	ac.Name = "mco"
	for _, s := range scopes(callers, nodes, guest, service) {
		ac.SigningKeys.AddScopedSigner(s)
	}
	sc := jwt.NewAccountClaims(system.Public())
	sc.Name = "system"
	b := Bundle{Operator: signOperator(oc, operator, now), Account: signAccount(ac, signing, now)}
	kit := &BrokerKit{Nodes: nodes, Service: login, System: signAccount(sc, signing, now)}
	var err, err2 error
	kit.Login, err = broadClaims(login.Public(), "broker", account.Public(), service, now)
	kit.Guest, err2 = broadClaims(guestUser.Public(), "guest", account.Public(), guest, now)
	t, err3 := NewTrust(operator.Public(), b, nil)
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, nil, err
	}
	kit.Trust = t
	for name, k := range map[string]*Key{operatorName: operator, signingName: signing, callersName: callers} {
		text, err := k.seed()
		if err == nil {
			err = writeNew(filepath.Join(dir, name), text)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("authority: %w", err)
		}
	}
	if err := t.Save(dir); err != nil {
		return nil, nil, err
	}
	a := &Authority{dir: dir, trust: t, signing: signing, callers: callers, issued: &Register{path: filepath.Join(dir, issuedName)}}
	kit.Trust, err = NewTrust(operator.Public(), b, nil) // one that keeps its updates elsewhere
	return a, kit, err
}

// broadClaims makes a credential that does not end and that only the broker looks at.
func broadClaims(public, name, account string, issuer *Key, now time.Time) (string, error) {
	c := claims{Name: name, Subject: public, Issued: now.Unix(), Nats: natsClaims{Account: account, Tags: []string{}}}
	return c.encode(issuer)
}

func signOperator(c *jwt.OperatorClaims, key *Key, now time.Time) string {
	c.Type, c.Version, c.Issuer, c.IssuedAt = jwt.OperatorClaim, 2, key.Public(), now.Unix()
	return signClaims(c, key)
}

func signAccount(c *jwt.AccountClaims, key *Key, now time.Time) string {
	c.Type, c.Version, c.Issuer, c.IssuedAt = jwt.AccountClaim, 2, key.Public(), now.Unix()
	return signClaims(c, key)
}

// signClaims signs what the library would date itself.
func signClaims(c jwt.Claims, key *Key) string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // types of the library
	}
	return signToken(data, key)
}

// OpenAuthority reads the directory of an authority.
func OpenAuthority(dir string) (*Authority, error) {
	t, err := LoadTrust(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no authority in %s: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	a := &Authority{dir: dir, trust: t}
	var err2, err3 error
	a.signing, err = readKey(filepath.Join(dir, signingName), nkeys.PrefixByteOperator)
	a.callers, err2 = readKey(filepath.Join(dir, callersName), nkeys.PrefixByteAccount)
	a.issued, err3 = OpenRegister(filepath.Join(dir, issuedName))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return a, nil
}

// Trust returns whom the authority's collective trusts.
func (a *Authority) Trust() *Trust { return a.trust }

// Issued returns the callers that were made.
func (a *Authority) Issued() *Register { return a.issued }

// IssueCaller makes the credential of a caller for a public key, and records it. A name that another key has is
// refused until that is revoked.
func (a *Authority) IssueCaller(public string, g Grant, now time.Time) (token string, err error) {
	err = a.alone(func() error {
		token, err = a.issueCaller(public, g, now)
		return err
	})
	return token, err
}

// alone has nobody else make callers or revoke meanwhile, and begins with what others have left on the disk.
func (a *Authority) alone(do func() error) error {
	release, err := hold(filepath.Join(a.dir, signingName), os.O_RDWR) // a file that nobody replaces
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	defer release()
	if _, err := a.trust.Reload(); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	if err := a.issued.reload(); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	return do()
}

func (a *Authority) issueCaller(public string, g Grant, now time.Time) (string, error) {
	if held := a.issued.Holder(g.Name); held != nil && held.Key != public && a.alive(held, now) {
		return "", &HeldError{Kind: Caller, Name: g.Name, By: *held}
	}
	if a.trust.EverRevoked(public) {
		return "", fmt.Errorf("the key %s was revoked; make a new one for %s", public, g.Name)
	}
	token, err := issue(Caller, a.callers, a.trust.Account(), public, g, now)
	if err != nil {
		return "", err
	}
	c, err := a.trust.Check(token, Caller, now)
	if err != nil {
		return "", err
	}
	return token, a.issued.Put(entryOf(c))
}

func (a *Authority) alive(e *Entry, now time.Time) bool {
	return now.Before(e.Expires) && !a.trust.Revoked(e.Key, e.Issued)
}

// Revoke ends all credentials of a key, also those that are made until the bundle arrives, and returns the new
// bundle. It counts where that arrives.
func (a *Authority) Revoke(public string, now time.Time) (b Bundle, err error) {
	if _, err := parsePublic(public); err != nil {
		return Bundle{}, err
	}
	err = a.alone(func() error {
		b, err = a.revoke(public, now)
		return err
	})
	return b, err
}

func (a *Authority) revoke(public string, now time.Time) (Bundle, error) {
	v := a.trust.current()
	account, err := jwt.DecodeAccountClaims(v.Account) // a copy that can be changed
	if err != nil {
		return Bundle{}, err
	}
	account.RevokeAt(public, forEver)
	RevokeForEver(account)
	// The issue time grows with each bundle, also when two are made in a second or the clock went back.
	issued := now
	if last := v.issued(); !issued.After(last) || issued.Unix() == last.Unix() {
		issued = last.Add(time.Second)
	}
	b := Bundle{Operator: v.Operator, Account: signAccount(account, a.signing, issued)}
	if len(b.Encode()) > MaxBundle {
		return Bundle{}, fmt.Errorf("the trust bundle is full: it has %d revocations", len(account.Revocations))
	}
	_, err = a.trust.Update(b)
	return b, err
}

// SetBrokers has what the authority hands out name the keys and addresses of brokers.
func (a *Authority) SetBrokers(pins []Pin, servers ...string) error {
	return a.alone(func() error {
		a.trust.pins, a.trust.servers = pins, servers
		return a.trust.Save(a.dir)
	})
}

// HandOut returns a trust for somebody else, which keeps its updates elsewhere.
func (a *Authority) HandOut() (*Trust, error) {
	t, err := NewTrust(a.trust.authority, a.trust.Bundle(), a.trust.pins)
	if err != nil {
		return nil, err
	}
	t.servers = a.trust.servers
	return t, nil
}
