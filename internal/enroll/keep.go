package enroll

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"mcollective/internal/credential"
	"mcollective/internal/pause"
)

// A Member is who has a credential and believes those of others.
type Member interface {
	Identity() *credential.Identity
	Trust() *credential.Trust
}

const (
	// How often a member asks for the trust bundle, and after a failure. Each wait is up to a fifth longer: many
	// members start at the same time.
	keepEvery  = 15 * time.Minute
	keepFailed = 5 * time.Minute

	keepTimeout = 30 * time.Second
)

// errNoBroker is why nothing is refreshed.
var errNoBroker = errors.New("no broker is configured")

// Keep keeps a node's credential and trust bundle up to date until ctx ends: every quarter of an hour it asks the
// brokers at the addresses for the newest bundle, and after two thirds of the life of its credential for a new one.
func Keep(ctx context.Context, m Member, servers []string, log *slog.Logger) {
	refresh := func(ctx context.Context, server string, wanted bool) (bool, error) {
		return Refresh(ctx, server, m.Identity(), m.Trust(), wanted, time.Now())
	}
	keep(ctx, m, servers, log, refresh)
}

type refresher func(ctx context.Context, server string, wanted bool) (newer bool, err error)

func keep(ctx context.Context, m Member, servers []string, log *slog.Logger, refresh refresher) {
	next := keepFailed
	for {
		if pause.For(ctx, next+rand.N(next/5)) != nil {
			return
		}
		next = keepEvery
		if err := keepOnce(ctx, m, servers, log, refresh); err != nil && ctx.Err() == nil {
			next = keepFailed
			log.Warn("credential and trust bundle not refreshed", "error", err, "expires", m.Identity().Credential().Expires.UTC().Format(time.RFC3339))
		}
	}
}

// keepOnce asks the brokers one after the other until one has answered.
func keepOnce(ctx context.Context, m Member, servers []string, log *slog.Logger, refresh refresher) error {
	err := errNoBroker
	for _, server := range servers {
		before := m.Identity().Credential()
		wanted := time.Now().After(before.Issued.Add(before.Expires.Sub(before.Issued) / 3 * 2))
		var newer bool
		attempt, cancel := context.WithTimeout(ctx, keepTimeout)
		newer, err = refresh(attempt, server, wanted)
		cancel()
		if newer {
			logNewer(m, log)
		}
		if err == nil {
			if wanted {
				log.Info("credential renewed", "expires", m.Identity().Credential().Expires.UTC().Format(time.RFC3339))
			}
			return nil
		}
	}
	return err
}

func logNewer(m Member, log *slog.Logger) {
	log.Info("trust bundle is newer", "issued", m.Trust().Issued().UTC().Format(time.RFC3339))
}

// Hear returns a function that takes over a trust bundle which a broker has announced, so that a revocation counts
// before the member asks the next time. It is not to be called by two at a time.
func Hear(m Member, log *slog.Logger) func(announced []byte) {
	failed := false // and said so: who announces may do so as often as it likes
	return func(announced []byte) {
		newer, err := hear(m, announced)
		if err != nil && !failed {
			log.Warn("announced trust bundle not taken over; that of before is kept", "error", err)
		}
		if failed = err != nil; newer {
			logNewer(m, log)
		}
	}
}

func hear(m Member, announced []byte) (newer bool, err error) {
	b, err := credential.ParseBundle(announced)
	if err != nil || b == m.Trust().Bundle() { // as most are: they are repeated
		return false, err
	}
	return m.Trust().Update(b)
}
