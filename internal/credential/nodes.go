package credential

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nkeys"
)

// Names of files in the directory of a broker, beside that of its trust.
const (
	nodesKeyName   = "nodes"
	serviceKeyName = "service"
	serviceName    = "service.jwt"
	guestName      = "guest.jwt"
	systemName     = "system.jwt"
	registerName   = "nodes.json"
	tokensName     = "tokens"
)

// NodeDays is how long the credentials of nodes last, unless the token says otherwise.
const NodeDays = 30

// A BrokerDir is the directory of a broker: it can make nodes and no callers.
type BrokerDir struct {
	Dir      string
	Kit      *BrokerKit
	Tokens   Tokens
	Register *Register

	offers offers
}

// offers are the tokens as they were read last.
type offers struct {
	mu      sync.Mutex
	all     []Offer
	changed time.Time // when their directory was, or zero if that could have changed while it was read
}

// The times of directories are this coarse at worst.
const coarse = 2 * time.Second

// outstanding reads the tokens if any was added or removed.
func (d *BrokerDir) outstanding() ([]Offer, error) {
	d.offers.mu.Lock()
	defer d.offers.mu.Unlock()
	fi, err := os.Stat(d.Tokens.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if fi.ModTime().Equal(d.offers.changed) {
		return d.offers.all, nil
	}
	settled := time.Since(fi.ModTime()) > coarse
	all, err := d.Tokens.All()
	d.offers.all, d.offers.changed = all, time.Time{}
	if err == nil && settled {
		d.offers.changed = fi.ModTime()
	}
	return all, err
}

// over returns when a token could be used last.
func (d *BrokerDir) over(o Offer) time.Time {
	if d.Register.Uses(o.ID) < o.Uses {
		return o.Expires
	}
	if last := d.Register.lastUse(o.ID); last.Before(o.Expires) { // renewals count there, too, and do not end
		return last
	}
	return o.Expires
}

// Prune removes tokens that cannot be used any more, once nobody needs to hear why.
func (d *BrokerDir) Prune(now time.Time) error {
	all, err := d.outstanding()
	for _, o := range all {
		if now.Before(d.over(o).Add(lateness)) {
			continue
		}
		if err2 := os.Remove(d.Tokens.file(o.ID)); !errors.Is(err2, fs.ErrNotExist) {
			err = errors.Join(err, err2)
		}
	}
	return err
}

// CreateBrokerDir writes what a broker gets of its authority.
func CreateBrokerDir(dir string, kit *BrokerKit, pins []Pin, servers ...string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	kit.Trust.pins, kit.Trust.servers = pins, servers
	if err := kit.Trust.Save(dir); err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	return errors.Join(writeKey(at(nodesKeyName), kit.Nodes), writeKey(at(serviceKeyName), kit.Service),
		writeSecret(at(serviceName), []byte(kit.Login)), writeSecret(at(guestName), []byte(kit.Guest)), writeSecret(at(systemName), []byte(kit.System)))
}

// OpenBrokerDir reads the directory of a broker. That of the authority, which may be inside, is not touched.
func OpenBrokerDir(dir string) (*BrokerDir, error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	t, err := LoadTrust(dir)
	if err != nil {
		return nil, err
	}
	kit := &BrokerKit{Trust: t}
	text := func(name string) string {
		data, err2 := readSecret(at(name), 64<<10)
		err = errors.Join(err, err2)
		return string(data)
	}
	kit.Login, kit.Guest, kit.System = text(serviceName), text(guestName), text(systemName)
	var err2, err3, err4 error
	kit.Nodes, err2 = readKey(at(nodesKeyName), nkeys.PrefixByteAccount)
	kit.Service, err3 = readKey(at(serviceKeyName), nkeys.PrefixByteUser)
	register, err4 := OpenRegister(at(registerName))
	return &BrokerDir{Dir: dir, Kit: kit, Tokens: OpenTokens(at(tokensName)), Register: register}, errors.Join(err, err2, err3, err4)
}

// Outstanding reports whether a token can be used, or could a short while ago, so that anyone who comes too late hears
// why.
func (d *BrokerDir) Outstanding(now time.Time) bool {
	all, err := d.outstanding()
	if err != nil && len(all) == 0 {
		return false
	}
	for _, o := range all {
		if now.Before(d.over(o).Add(lateness)) {
			return true
		}
	}
	return false
}

// lateness is how long after its end or its last use a token is still told from one that never was.
const lateness = 10 * time.Minute

// A JoinRefusal is why a machine may not join, in words for it.
type JoinRefusal struct{ Reason string }

// Error implements error.
func (r *JoinRefusal) Error() string { return r.Reason }

func refused(format string, args ...any) error { return &JoinRefusal{fmt.Sprintf(format, args...)} }

const newToken = "ask for another: mco token new, on the broker"

// Join makes the credential of a node that showed a secret and proved its key. The same node with the same key may
// ask again, which is no second use.
func (d *BrokerDir) Join(secret [16]byte, name, public string, now time.Time) (string, error) {
	o, err := d.Tokens.find(secret)
	if err != nil {
		return "", err
	}
	if o == nil {
		return "", refused("the token is not known here; it ended, was used up or revoked, or is another broker's; %s", newToken)
	}
	if !now.Before(o.Expires) {
		return "", refused("the token ended at %s; %s", o.Expires.UTC().Format(time.RFC3339), newToken)
	}
	if err := CheckName(Node, name); err != nil {
		return "", refused("%v", err)
	}
	if !o.Allows(name) {
		return "", refused("the token is for names like %s, which %s is not; --identity gives another name", o.Pattern, name)
	}
	if d.Kit.Trust.EverRevoked(public) {
		return "", refused("the key of this machine was revoked; remove the directory of its identity to join with a new one")
	}
	held := d.Register.Holder(name)
	if held != nil && held.Key != public && !d.Kit.Trust.Revoked(held.Key, held.Issued) {
		return "", refused("%v", &HeldError{Kind: Node, Name: name, By: *held})
	}
	again := held != nil && held.Key == public && held.Token == o.ID
	if used := d.Register.Uses(o.ID); used >= o.Uses && !again {
		return "", refused("the token was used up: %d of %d; %s", used, o.Uses, newToken)
	}
	use := o.ID
	if again {
		use = ""
	}
	return d.make(Grant{Name: name, Collectives: o.Collectives, Roles: o.Roles, Lasts: o.Lasts}, public, o.ID, use, now)
}

// Renew makes a new credential for a node whose old one is in force, and whose name nobody else has. The node has
// proved its key. It gets the rights that it joined with last, and nothing before half of the life of the newest
// credential is over; who shows an older one has missed the answer, and gets the same again.
func (d *BrokerDir) Renew(old string, now time.Time) (string, error) {
	c, err := d.Kit.Trust.Check(old, Node, now)
	switch CodeOf(err) {
	case "":
	case CodeRevoked:
		return "", refused("%v; to join anew, remove its directory and use a new token", err)
	case CodeExpired:
		return "", refused("the credential of %s ended at %s; join again with a new token", c.Name, c.Expires.UTC().Format(time.RFC3339))
	default:
		return "", refused("%v", err)
	}
	held := d.Register.Holder(c.Name)
	if held == nil || held.Key != c.subject {
		return "", refused("the name %s is not held by this key any more; join again with a new token", c.Name)
	}
	life := held.Expires.Sub(held.Issued)
	g := Grant{Name: held.Name, Collectives: held.Collectives, Roles: held.Roles, Lasts: life}
	half := held.Issued.Add(life / 2)
	switch {
	case !now.Before(half):
		return d.make(g, c.subject, held.Token, "", now)
	case c.Issued.Before(held.Issued):
		return issue(Node, d.Kit.Nodes, d.Kit.Trust.Account(), c.subject, g, held.Issued)
	}
	return "", refused("the credential of %s is not renewed before %s, when half of its life is over", c.Name, half.UTC().Format(time.RFC3339))
}

func (d *BrokerDir) make(g Grant, public, token, use string, now time.Time) (string, error) {
	jwt, err := issue(Node, d.Kit.Nodes, d.Kit.Trust.Account(), public, g, now)
	if err != nil {
		return "", err
	}
	c, err := d.Kit.Trust.Check(jwt, Node, now)
	if err != nil {
		return "", refused("%v", err)
	}
	e := entryOf(c)
	e.Token = token
	return jwt, d.Register.put(e, use)
}
