package credential

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"mcollective/internal/dirtest"
)

// A node that renews while its revocation is on its way, or by a broker whose clock is ahead, stays revoked.
func TestRenewalDoesNotOutliveRevocation(t *testing.T) {
	s := newSite(t)
	key, token := s.node("web1")
	late := s.now.Add(20 * 24 * time.Hour)
	b, err := s.authority.Revoke(key.Public(), s.now) // by a clock that is far behind
	s.must(err)
	renewed, err := s.broker.Renew(token, late)
	s.must(err)
	trust := s.broker.Kit.Trust
	_, err = trust.Update(b)
	s.must(err)
	for _, c := range []string{token, renewed} {
		_, err = trust.Check(c, Node, late)
		code(t, CodeRevoked, err)
		if _, err := s.broker.Renew(c, late.Add(20*24*time.Hour)); err == nil {
			t.Error("a revoked node renews")
		}
	}
	_, err = trust.Check(token, Node, s.now)
	if err == nil || strings.Contains(err.Error(), "9999") {
		t.Errorf("the error is %v", err)
	}
	// The broker's library compares times.
	_, account := trust.Claims()
	if at := account.Revocations[key.Public()]; at < late.AddDate(1000, 0, 0).Unix() {
		t.Errorf("the broker's library is told to refuse until %v", time.Unix(at, 0))
	}
	// The machine that was reinstalled has its name.
	_, err = s.broker.Join(s.token(1, "*").Secret, "web1", s.key().Public(), s.now)
	s.must(err)
}

// What an earlier version revoked until a time is revoked for ever, too.
func TestDatedRevocation(t *testing.T) {
	s := newSite(t)
	key, token := s.caller("jane")
	dated := func(keys map[string]time.Time, issued time.Time) Bundle {
		account, err := jwt.DecodeAccountClaims(s.authority.trust.Bundle().Account)
		s.must(err)
		for k, at := range keys {
			account.RevokeAt(k, at)
		}
		return Bundle{Operator: s.authority.trust.Bundle().Operator, Account: signAccount(account, s.authority.signing, issued)}
	}
	trust := s.broker.Kit.Trust
	_, err := trust.Update(dated(map[string]time.Time{key.Public(): s.now.Add(-time.Hour)}, s.now.Add(time.Second)))
	s.must(err)
	_, err = trust.Check(token, Caller, s.now)
	code(t, CodeRevoked, err)
	_, account := trust.Claims()
	RevokeForEver(account)
	if account.Revocations[key.Public()] != forEver.Unix() {
		t.Error("the broker's library is told another time")
	}
	// The revocation of all until a time is none of those who come later.
	other := newSite(t)
	s = other
	_, token = s.caller("jane")
	_, err = s.broker.Kit.Trust.Update(dated(map[string]time.Time{jwt.All: s.now.Add(-time.Second)}, s.now.Add(time.Second)))
	s.must(err)
	if _, err := s.broker.Kit.Trust.Check(token, Caller, s.now); err != nil {
		t.Error(err)
	}
	_, account = s.broker.Kit.Trust.Claims()
	RevokeForEver(account)
	if account.Revocations[jwt.All] == forEver.Unix() {
		t.Error("all are revoked for ever")
	}
}

// Two copies of an authority: the bundle of the second does not undo what the first revoked.
func TestRevocationsOnlyGrow(t *testing.T) {
	s := newSite(t)
	copied := filepath.Join(s.dir, "copy")
	s.must(os.CopyFS(copied, os.DirFS(filepath.Join(s.dir, "authority"))))
	for _, name := range []string{trustName, signingName, callersName} {
		s.must(os.Chmod(filepath.Join(copied, name), 0o600))
	}
	second, err := OpenAuthority(copied)
	s.must(err)
	k1, k2 := s.key(), s.key()
	b1, err := s.authority.Revoke(k1.Public(), s.now.Add(10*time.Second))
	s.must(err)
	b2, err := second.Revoke(k2.Public(), s.now.Add(20*time.Second))
	s.must(err)
	trust := s.broker.Kit.Trust
	_, err = trust.Update(b1)
	s.must(err)
	if newer, err := trust.Update(b2); newer || err == nil || !strings.Contains(err.Error(), "lacks the revocation") || !trust.EverRevoked(k1.Public()) {
		t.Errorf("a bundle without a revocation: %v, %v", newer, err)
	}
	// As the error says.
	data, err := os.ReadFile(filepath.Join(s.broker.Dir, trustName))
	s.must(err)
	s.must(os.WriteFile(filepath.Join(copied, trustName), data, 0o600))
	second, err = OpenAuthority(copied)
	s.must(err)
	b3, err := second.Revoke(k2.Public(), s.now.Add(30*time.Second))
	s.must(err)
	if newer, err := trust.Update(b3); !newer || err != nil || !trust.EverRevoked(k1.Public()) || !trust.EverRevoked(k2.Public()) {
		t.Errorf("%v, %v", newer, err)
	}
	// Nor is one taken that dates it earlier.
	account, err := jwt.DecodeAccountClaims(b3.Account)
	s.must(err)
	account.Revocations[k1.Public()] = s.now.Unix()
	if newer, err := trust.Update(Bundle{Operator: b3.Operator, Account: signAccount(account, s.authority.signing, s.now.Add(time.Hour))}); newer || err == nil {
		t.Error("a revocation is dated earlier")
	}
}

// Commands that run at the same time each see what the others did: no revocation is lost, and no name is given twice.
func TestAuthorityAtTheSameTime(t *testing.T) {
	s := newSite(t)
	const n = 8
	keys, bundles, issued := make([]*Key, n), make([]Bundle, n), make([]error, n)
	all := make([]*Authority, n)
	for i := range n {
		var err error
		all[i], err = OpenAuthority(filepath.Join(s.dir, "authority")) // as n processes would, all before the first works
		s.must(err)
		keys[i] = s.key()
	}
	var wg sync.WaitGroup
	for i, a := range all {
		wg.Go(func() {
			var err error
			bundles[i], err = a.Revoke(keys[i].Public(), s.now)
			_, issued[i] = a.IssueCaller(keys[(i+1)%n].Public(), Grant{Name: fmt.Sprint("c", i), Collectives: []string{"c"}, Lasts: time.Hour}, s.now)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	newest := bundles[0]
	trust := s.broker.Kit.Trust
	for range n { // in any order
		for _, b := range bundles {
			if newer, _ := trust.Update(b); newer {
				newest = b
			}
		}
	}
	if trust.Bundle() != newest {
		t.Error("the newest bundle is not the one that is believed")
	}
	for i, k := range keys {
		if !trust.EverRevoked(k.Public()) {
			t.Errorf("revocation %d was lost", i)
		}
	}

	jane := make([]error, n)
	for i, a := range all {
		wg.Go(func() {
			_, jane[i] = a.IssueCaller(fresh().Public(), Grant{Name: "jane", Collectives: []string{"c"}, Lasts: time.Hour}, s.now)
		})
	}
	wg.Wait()
	made := 0
	for _, err := range jane {
		if err == nil {
			made++
		} else if !strings.Contains(err.Error(), "held by another key") {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("the name jane was given %d times", made)
	}
}

func fresh() *Key {
	k, err := NewKey()
	if err != nil {
		panic(err)
	}
	return k
}

// A lock that is not given back is an error with its object, not a wait without end.
func TestHeldLock(t *testing.T) {
	dir := dirtest.New(t)
	release, err := holdDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lock(f); err != errLocked {
		t.Errorf("locked twice: %v", err)
	}
	release()
	again, err := holdDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// A bundle that another process has written meanwhile is not written over by an older one.
func TestUpdateKeepsTheNewest(t *testing.T) {
	s := newSite(t)
	k1, k2 := s.key(), s.key()
	v2, err := s.authority.Revoke(k1.Public(), s.now)
	s.must(err)
	v3, err := s.authority.Revoke(k2.Public(), s.now)
	s.must(err)
	broker := s.broker.Kit.Trust // knows v1
	command, err := LoadTrust(s.broker.Dir)
	s.must(err)
	_, err = command.Update(v3)
	s.must(err)
	if newer, err := broker.Update(v2); !newer || err == nil || broker.Bundle() != v3 {
		t.Errorf("%v, %v; the second revocation counts: %v", newer, err, broker.EverRevoked(k2.Public()))
	}
	disk, err := LoadTrust(s.broker.Dir)
	s.must(err)
	if disk.Bundle() != v3 {
		t.Error("the newest bundle is lost on the disk")
	}
}

// A node that joined again with fewer rights does not get the others back by showing its old credential, nor many new ones.
func TestRenewalTakesTheRegister(t *testing.T) {
	s := newSite(t)
	k := s.key()
	join := func(collectives []string, lasts time.Duration, now time.Time) string {
		t.Helper()
		token := NewJoinToken(Pin{1})
		s.must(s.broker.Tokens.Add(token, Offer{Pattern: "*", Collectives: collectives, Uses: 1, Created: now, Expires: now.Add(time.Hour), Lasts: lasts}))
		jwt, err := s.broker.Join(token.Secret, "web1", k.Public(), now)
		s.must(err)
		return jwt
	}
	const month = 30 * 24 * time.Hour
	wide := join([]string{"mcollective", "prod"}, 2*month, s.now)
	narrow := join([]string{"mcollective"}, month, s.now.Add(time.Hour))
	says := func(token string, now time.Time) *Credential {
		t.Helper()
		again, err := s.broker.Renew(token, now)
		s.must(err)
		c, err := s.broker.Kit.Trust.Check(again, Node, now)
		s.must(err)
		if len(c.Collectives) != 1 || c.Expires.Sub(c.Issued) != month {
			t.Errorf("renewed for %v, %v", c.Collectives, c.Expires.Sub(c.Issued))
		}
		return c
	}
	says(wide, s.now.Add(2*time.Hour))
	late := s.now.Add(month / 3 * 2)
	says(wide, late)

	// The answer was lost: the same again, and nothing is written.
	written, err := os.Stat(filepath.Join(s.broker.Dir, registerName))
	s.must(err)
	for i := range 3 {
		if c := says(narrow, late.Add(time.Duration(i)*time.Hour)); !c.Issued.Equal(late) {
			t.Errorf("another credential, of %v", c.Issued)
		}
	}
	after, err := os.Stat(filepath.Join(s.broker.Dir, registerName))
	s.must(err)
	if !os.SameFile(written, after) {
		t.Error("the register is written for a renewal that changes nothing")
	}
}

// How full a bundle is shows before it is full, and a full one is an error.
func TestFill(t *testing.T) {
	s := newSite(t)
	if got := s.broker.Kit.Trust.Fill(); got > 1 {
		t.Errorf("a new bundle is full to %d %%", got)
	}
	account, err := jwt.DecodeAccountClaims(s.authority.trust.Bundle().Account)
	s.must(err)
	raw := make([]byte, 32)
	for i := range 8200 {
		raw[0], raw[1] = byte(i), byte(i>>8)
		key, err := nkeys.Encode(nkeys.PrefixByteUser, raw)
		s.must(err)
		account.RevokeAt(string(key), forEver)
	}
	b := Bundle{Operator: s.authority.trust.Bundle().Operator, Account: signAccount(account, s.authority.signing, s.now.Add(time.Second))}
	_, err = s.broker.Kit.Trust.Update(b)
	s.must(err)
	if got := s.broker.Kit.Trust.Fill(); got < 70 || got > 95 {
		t.Errorf("a bundle of 8,200 revocations is full to %d %%", got)
	}
}
