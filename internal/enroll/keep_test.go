package enroll

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/internal/credential"
	"mcollective/internal/dirtest"
)

type member struct {
	id *credential.Identity
	t  *credential.Trust
}

func (m member) Identity() *credential.Identity { return m.id }
func (m member) Trust() *credential.Trust       { return m.t }

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
		go func() {
			defer close(ended)
			keep(ctx, m, slog.New(slog.DiscardHandler), func(_ context.Context, server string, wanted bool) (bool, error) {
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
		if asked < 10 || asked > 12 {
			t.Errorf("asks %d times in an hour in which no broker answers", asked)
		}
		down, asked = false, 0
		for range 90 {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if err := trust.InForce(id.Credential(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if renewed != 4 || asked < 90*75 || asked > 90*96 {
			t.Errorf("renewed %d times and asked %d times in 90 days", renewed, asked)
		}
		cancel()
		<-ended
	})
}
