package enroll

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/internal/credential"
	"mcollective/internal/credential/credentialtest"
	"mcollective/internal/dirtest"
)

type member struct {
	id *credential.Identity
	t  *credential.Trust
}

func (m member) Identity() *credential.Identity { return m.id }
func (m member) Trust() *credential.Trust       { return m.t }

// The brokers of the configuration are asked, wherever the node once joined; to have none is no success.
func TestKeepAsksTheConfigured(t *testing.T) {
	s := credentialtest.New(t, time.Now())
	id, trust, err := credential.Load(s.Node("web1"))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	refresh := func(_ context.Context, server string, _ bool) (bool, error) {
		if asked = append(asked, server); server == "down:1" {
			return false, errors.New("down")
		}
		return false, nil
	}
	if err := keepOnce(t.Context(), member{id, trust}, []string{"down:1", "moved:2", "other:3"}, slog.New(slog.DiscardHandler), refresh); err != nil || !slices.Equal(asked, []string{"down:1", "moved:2"}) {
		t.Errorf("asks %v: %v", asked, err)
	}
	if err := keepOnce(t.Context(), member{id, trust}, nil, slog.New(slog.DiscardHandler), refresh); !errors.Is(err, errNoBroker) {
		t.Errorf("without a broker: %v", err)
	}
}

// What is announced counts if the authority has made it and it is newer. What else comes changes nothing, and is
// logged once.
func TestHear(t *testing.T) {
	s := credentialtest.New(t, time.Now())
	dir := s.Node("web1")
	id, trust, err := credential.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	caller, _, err := credential.Load(s.Caller(credentialtest.CallerOf("jane")))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	hear := Hear(member{id, trust}, slog.New(slog.NewTextHandler(&log, nil)))
	old, foreign := trust.Bundle(), credentialtest.New(t, time.Now().Add(time.Hour)).Authority.Trust().Bundle()
	revoked, err := s.Authority.Revoke(caller.PublicKey(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	warnings := func() int { return strings.Count(log.String(), "level=WARN") }
	hear(old.Encode())
	if warnings() != 0 {
		t.Errorf("the bundle that it has: %s", &log)
	}
	for range 2 {
		hear(foreign.Encode())
		hear(nil)
		hear([]byte("nonsense"))
	}
	if trust.Bundle() != old || warnings() != 1 {
		t.Errorf("takes nonsense or that of another authority, or logs it %d times: %s", warnings(), &log)
	}
	hear(revoked.Encode())
	if !trust.EverRevoked(caller.PublicKey()) || !strings.Contains(log.String(), "trust bundle is newer") {
		t.Errorf("a revocation is not heard: %s", &log)
	}
	if kept, err := credential.LoadTrust(dir); err != nil || kept.Bundle() != revoked {
		t.Errorf("a revocation is forgotten with the next start: %v", err)
	}
	hear(old.Encode())
	if trust.Bundle() != revoked || warnings() != 2 {
		t.Errorf("an older bundle undoes a revocation, or is not logged: %s", &log)
	}
}

// A node asks every quarter of an hour, sooner after a failure, and for a new credential once two thirds of its life are over: each
// is renewed before it ends.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := dirtest.New(t)
		_, d, err := credential.Init(filepath.Join(dir, "b"), filepath.Join(dir, "a"), "broker:4222", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		desk := Desk{Dir: d, Now: time.Now}
		now := time.Now()
		token, err := d.NewToken(credential.Offer{Pattern: "*", Collectives: []string{"c"}, Uses: 1, Created: now, Expires: now.Add(time.Hour), Lasts: 30 * 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		key := newKey(t)
		jwt, err := d.Join(token.Secret, "web1", key.Public(), now)
		if err != nil {
			t.Fatal(err)
		}
		id, err := credential.Create(filepath.Join(dir, "n"), key, jwt, d.Kit.Trust)
		if err != nil {
			t.Fatal(err)
		}
		_, trust, err := credential.Load(filepath.Join(dir, "n"))
		if err != nil {
			t.Fatal(err)
		}
		m, asked, renewed, down := member{id, trust}, 0, 0, true
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		var mu sync.Mutex // of what is counted
		go func() {
			defer close(ended)
			keep(ctx, m, []string{"broker:4222"}, slog.New(slog.DiscardHandler), func(_ context.Context, server string, wanted bool) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				switch {
				case server != "broker:4222":
					t.Errorf("asks %s", server)
				case down:
					return false, errors.New("down")
				case !wanted:
					return false, nil
				}
				renewed++
				request, err := sign(renewDomain, renewRequest{Credential: id.Token(), Wanted: true, Bundle: trust.Bundle()}, id.Sign)
				if err != nil {
					return false, err
				}
				data, _, _, err := desk.Renew(request, credential.Reply(key.Public(), rand.Text()))
				if err != nil {
					return false, err
				}
				a, err := readAnswer(data)
				if err != nil {
					return false, err
				}
				return false, id.Renew(trust, a.Credential, time.Now())
			})
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		mu.Lock()
		if asked < 10 || asked > 12 {
			t.Errorf("asks %d times in an hour in which no broker answers", asked)
		}
		down, asked = false, 0
		mu.Unlock()
		for range 90 {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if err := trust.InForce(id.Credential(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if renewed != 4 || asked < 90*75 || asked > 90*96 {
			t.Errorf("renewed %d times and asked %d times in 90 days", renewed, asked)
		}
		cancel()
		<-ended
	})
}
