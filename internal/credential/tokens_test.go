package credential

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func (s *site) offer() Offer {
	return Offer{Pattern: "*", Collectives: []string{"mcollective"}, Uses: 1, Created: s.now, Expires: s.now.Add(time.Hour), Lasts: NodeDays * 24 * time.Hour}
}

// A token that could not be found among too many is not handed out, and each that was handed out works.
func TestTooManyTokens(t *testing.T) {
	s := newSite(t)
	first := s.token(1, "*")
	for i := range maxTokens - 1 { // as Add writes them, without a thousand times to the disk
		data, err := os.ReadFile(s.broker.Tokens.file(first.ID()))
		s.must(err)
		s.must(os.WriteFile(s.broker.Tokens.file(fmt.Sprintf("a%03d", i)), data, 0o600))
	}
	if err := s.broker.Tokens.Add(NewJoinToken(Pin{1}), s.offer()); err == nil || !strings.Contains(err.Error(), "as many as there may be") || !strings.Contains(err.Error(), "mco token revoke") {
		t.Errorf("a token too many: %v", err)
	}
	if _, err := s.broker.Join(first.Secret, "web1", s.key().Public(), s.now); err != nil {
		t.Errorf("a token among many: %v", err)
	}
	s.must(s.broker.Tokens.Remove("a000"))
	last := NewJoinToken(Pin{1})
	s.must(s.broker.Tokens.Add(last, s.offer()))
	if _, err := s.broker.Join(last.Secret, "web2", s.key().Public(), s.now); err != nil {
		t.Errorf("the last token: %v", err)
	}
}

// A stranger's guess reads no file but its own: others that cannot be read change nothing.
func TestFindReadsOne(t *testing.T) {
	s := newSite(t)
	good, bad := s.token(1, "*"), s.token(1, "*")
	s.must(os.WriteFile(s.broker.Tokens.file(bad.ID()), []byte("{"), 0o600))
	if o, err := s.broker.Tokens.find(good.Secret); o == nil || err != nil {
		t.Errorf("%v, %v", o, err)
	}
	if o, err := s.broker.Tokens.find([16]byte{1}); o != nil || err != nil {
		t.Errorf("a guess: %v, %v", o, err)
	}
	if o, err := s.broker.Tokens.find(bad.Secret); o != nil || err == nil {
		t.Errorf("a damaged token: %v, %v", o, err)
	}
	// The file of another secret under the name of this.
	data, err := os.ReadFile(s.broker.Tokens.file(good.ID()))
	s.must(err)
	other := NewJoinToken(Pin{1})
	s.must(os.WriteFile(s.broker.Tokens.file(other.ID()), []byte(strings.Replace(string(data), good.ID(), other.ID(), 1)), 0o600))
	if o, err := s.broker.Tokens.find(other.Secret); o != nil || err != nil {
		t.Errorf("another's file: %v, %v", o, err)
	}
}

// What is over goes ten minutes later, and renewals do not keep it.
func TestPrune(t *testing.T) {
	s := newSite(t)
	used, unused := s.token(1, "*"), s.token(1, "*")
	_, err := s.broker.Join(used.Secret, "web1", s.key().Public(), s.now)
	s.must(err)
	there := func(at time.Duration, want ...JoinToken) {
		t.Helper()
		s.must(s.broker.Prune(s.now.Add(at)))
		files, err := filepath.Glob(filepath.Join(s.broker.Tokens.dir, "*.json"))
		s.must(err)
		if len(files) != len(want) {
			t.Errorf("after %v there are %v", at, files)
		}
		for _, token := range want {
			if _, err := os.Stat(s.broker.Tokens.file(token.ID())); err != nil {
				t.Error(err)
			}
		}
	}
	there(lateness-time.Second, used, unused)
	there(lateness, unused)
	there(time.Hour+lateness-time.Second, unused)
	there(time.Hour + lateness)

	token := s.token(1, "*")
	_, jwt := s.node("web2")
	_, err = s.broker.Renew(jwt, s.now.Add(20*24*time.Hour))
	s.must(err)
	if s.broker.Outstanding(s.now.Add(20 * 24 * time.Hour)) {
		t.Errorf("a renewal lets strangers in by the token %v", token)
	}
}

// The tokens are read again when one comes or goes, and only then.
func TestOutstandingIsRemembered(t *testing.T) {
	s := newSite(t)
	past := time.Now().Add(-time.Hour)
	settle := func() {
		t.Helper()
		past = past.Add(time.Minute)
		s.must(os.Chtimes(s.broker.Tokens.dir, past, past))
	}
	open := func(want bool) {
		t.Helper()
		for range 2 {
			if got := s.broker.Outstanding(s.now); got != want {
				t.Errorf("strangers may join: %v", got)
			}
		}
	}
	open(false)
	token := s.token(1, "*")
	open(true)
	settle()
	open(true)
	file := s.broker.Tokens.file(token.ID())
	data, err := os.ReadFile(file)
	s.must(err)
	s.must(os.WriteFile(file, []byte("{"), 0o600)) // which changes no directory
	open(true)
	s.must(os.WriteFile(file, data, 0o600))
	s.must(s.broker.Tokens.Remove(token.ID()))
	open(false)
	settle()
	open(false)
	s.token(1, "*")
	open(true)
}
