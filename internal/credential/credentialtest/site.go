// Package credentialtest makes an authority, and nodes and callers with credentials, for tests.
package credentialtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mcollective/internal/credential"
	"mcollective/internal/dirtest"
)

// A Site is an authority and the directory of its broker.
type Site struct {
	Authority *credential.Authority
	Broker    *credential.BrokerDir
	Now       time.Time // when credentials are made

	t   testing.TB
	dir string
}

// New makes a site at a time.
func New(t testing.TB, now time.Time) *Site {
	t.Helper()
	s := &Site{t: t, dir: dirtest.New(t), Now: now}
	var err error
	s.Authority, s.Broker, err = credential.Init(filepath.Join(s.dir, "broker"), filepath.Join(s.dir, "authority"), "127.0.0.1:4222", now)
	s.must(err)
	return s
}

func (s *Site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// CallerOf returns the rights of a caller who may do everything in the collective mcollective for an hour.
func CallerOf(name string) credential.Grant {
	return credential.Grant{
		Name: name, Collectives: []string{"mcollective"}, Lasts: time.Hour,
		Allow: []credential.Rule{{Agent: "*", Action: "*"}},
	}
}

// Caller returns the directory of a new caller.
func (s *Site) Caller(g credential.Grant) string {
	s.t.Helper()
	key, err := credential.NewKey()
	s.must(err)
	token, err := s.Authority.IssueCaller(key.Public(), g, s.Now)
	s.must(err)
	return s.keep("caller", key, token)
}

// Node returns the directory of a new node of the collective mcollective.
func (s *Site) Node(name string) string {
	s.t.Helper()
	key, err := credential.NewKey()
	s.must(err)
	join, err := s.Broker.NewToken(credential.Offer{
		Pattern: name, Collectives: []string{"mcollective"}, Uses: 1,
		Created: s.Now, Expires: s.Now.Add(time.Hour), Lasts: time.Hour,
	})
	s.must(err)
	token, err := s.Broker.Join(join.Secret, name, key.Public(), s.Now)
	s.must(err)
	return s.keep("node", key, token)
}

func (s *Site) keep(kind string, key *credential.Key, token string) string {
	s.t.Helper()
	dir, err := os.MkdirTemp(s.dir, kind)
	s.must(err)
	whole := s.Authority.Trust()
	trust, err := credential.NewTrust(whole.Authority(), whole.Bundle(), whole.Pins())
	s.must(err)
	_, err = credential.Create(dir, key, token, trust)
	s.must(err)
	return dir
}

// Reissue gives the caller of a directory another credential for the same key.
func (s *Site) Reissue(dir string, g credential.Grant) {
	s.t.Helper()
	key, err := credential.LoadKey(dir)
	s.must(err)
	token, err := s.Authority.IssueCaller(key.Public(), g, s.Now)
	s.must(err)
	s.must(os.WriteFile(filepath.Join(dir, "credential"), []byte(token+"\n"), 0o600))
}
