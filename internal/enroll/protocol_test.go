package enroll

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/internal/credential"
	"mcollective/internal/dirtest"
)

func newDesk(t testing.TB) (Desk, *credential.BrokerDir) {
	t.Helper()
	dir := dirtest.New(t)
	now := time.Unix(1_800_000_000, 0)
	_, d, err := credential.Init(filepath.Join(dir, "b"), filepath.Join(dir, "a"), "127.0.0.1:4222", now)
	if err != nil {
		t.Fatal(err)
	}
	return Desk{Dir: d, Now: func() time.Time { return now }}, d
}

func newToken(t testing.TB, desk Desk, uses int) credential.JoinToken {
	t.Helper()
	now := desk.Now()
	token, err := desk.Dir.NewToken(credential.Offer{Pattern: "*", Collectives: []string{"c"}, Uses: uses, Created: now, Expires: now.Add(time.Hour), Lasts: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func newKey(t testing.TB) *credential.Key {
	t.Helper()
	k, err := credential.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Anyone who watches a request cannot use it for another name or key, nor read the answer.
func TestJoinIsBound(t *testing.T) {
	desk, _ := newDesk(t)
	token, mine, theirs := newToken(t, desk, 5), newKey(t), newKey(t)
	request, unseal, err := newJoin(token, "web1", mine)
	if err != nil {
		t.Fatal(err)
	}
	data, name, err := desk.Join(request)
	if err != nil || name != "web1" {
		t.Fatal(name, err)
	}
	a, err := unseal(data)
	if err != nil || a.Refused != "" || a.Time != desk.Now().Unix() {
		t.Fatal(a, err)
	}
	other := token
	other.Secret[0]++
	if _, err := unsealAnswer(data, other.Secret, make([]byte, nonceSize)); err == nil || bytes.Contains(data, []byte(a.Credential)) {
		t.Errorf("others read the answer: %v", err)
	}

	var q joinRequest
	payload, sig, err := open(request, maxJoin, &q)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(){func() { q.Name = "web2" }, func() { q.Key = theirs.Public() }} {
		change()
		data, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		forged, err := json.Marshal(signed{base64url.EncodeToString(data), base64url.EncodeToString(sig)})
		if err != nil {
			t.Fatal(err)
		}
		if _, name, err := desk.Join(forged); err == nil || name != "" || !strings.Contains(err.Error(), "signature") {
			t.Errorf("a changed request joins: %v", err)
		}
	}
	if credential.VerifyKey(mine.Public(), renewDomain, payload, sig) {
		t.Error("a join passes for a renewal")
	}
	// The same request again gives the same node its credential, and is no second use.
	if _, _, err := desk.Join(request); err != nil || desk.Dir.Register.Uses(token.ID()) != 1 {
		t.Errorf("a repeated request: %v, %d uses", err, desk.Dir.Register.Uses(token.ID()))
	}
}

// A renewal is answered only where its own key listens: who has somebody's key, but no login with it, gets nothing
// over another's connection.
func TestRenewIsBound(t *testing.T) {
	desk, d := newDesk(t)
	key, other := newKey(t), newKey(t)
	jwt, err := d.Join(newToken(t, desk, 1).Secret, "web1", key.Public(), desk.Now())
	if err != nil {
		t.Fatal(err)
	}
	late := desk.Now().Add(40 * time.Minute)
	desk.Now = func() time.Time { return late }
	request, err := sign(renewDomain, renewRequest{Credential: jwt, Wanted: true, Bundle: d.Kit.Trust.Bundle()}, key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	const random = "ABCDEFGHIJKLMNOP"
	own := credential.Reply(key.Public(), random)
	for _, reply := range []string{"", credential.Reply(other.Public(), random), credential.GuestReply(random), credential.Reply(key.Public(), ""), own + ".x", "x" + own} {
		if answer, name, _, err := desk.Renew(request, reply); err == nil || len(answer) > 0 || name != "" || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("an answer to %q: %v", reply, err)
		}
	}
	if held := d.Register.Holder("web1"); !held.Issued.Before(late) {
		t.Error("the register was changed")
	}
	answer, _, _, err := desk.Renew(request, own)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := readAnswer(answer); err != nil || a.Credential == "" || a.Credential == jwt {
		t.Errorf("not renewed: %+v, %v", a, err)
	}

	// One that has ended is not renewed, even there.
	late = late.Add(time.Hour)
	if _, err := d.Kit.Trust.Check(jwt, credential.Node, late); credential.CodeOf(err) != credential.CodeExpired {
		t.Fatal(err)
	}
	answer, _, _, err = desk.Renew(request, own)
	if a, err2 := readAnswer(answer); err == nil || err2 != nil || a.Credential != "" || !strings.Contains(a.Refused, "join again") {
		t.Errorf("an ended credential: %v, %v", err, err2)
	}
}

func FuzzDesk(f *testing.F) {
	desk, _ := newDesk(f)
	token, key := newToken(f, desk, 1), newKey(f)
	join, _, err := newJoin(token, "web1", key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(join)
	f.Add([]byte(`{"payload":"e30","signature":""}`))
	f.Add([]byte(`{"payload":"eyJub25jZSI6IkFBQUFBQUFBQUFBQUFBQUFBQUFBQUEifQ","signature":"AA"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if answer, name, err := desk.Join(data); err == nil && name != "web1" || len(answer) == 0 {
			t.Fatalf("%q: %q joins, %v", data, name, err)
		}
		if _, key, _, err := desk.Renew(data, credential.Reply(key.Public(), "ABCDEFGHIJKLMNOP")); err == nil || key != "" {
			t.Fatalf("%q renews %s", data, key)
		}
		_, _ = unsealAnswer(data, token.Secret, make([]byte, nonceSize))
		_, _ = readAnswer(data)
	})
}
