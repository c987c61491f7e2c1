package broker

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	gonats "github.com/nats-io/nats.go"

	"mcollective/internal/credential"
	"mcollective/internal/enroll"
)

// An enrollment is the second job of a broker of a trusted collective: it lets machines join while a token
// is outstanding, renews the credentials of nodes, and takes over and announces new trust bundles.
//
// nats-server enforces what the bundle says of each kind of credential. It would take an older bundle, too, so it
// only ever gets those that the trust has taken over.
type enrollment struct {
	dir    *credential.BrokerDir
	desk   enroll.Desk
	server *server.Server
	log    *slog.Logger

	guestKey  string // makes the credential of those who have none
	guestUser string

	mu   sync.Mutex // of what the server was told
	open bool       // guests may connect
	told time.Time  // the issue time of the bundle that it knows
	conn *gonats.Conn

	unpruned string // why, as it was said last
	refusals refusals

	// Only the goroutine of requests to join has these.
	asked  int // requests since it was looked who makes too many
	looked time.Time
}

const (
	// How often tokens and the trust bundle on disk are looked at.
	trustEvery = time.Second

	// How often the trust bundle is announced to those who were not there.
	announceEvery = 5 * time.Minute

	// How long a guest has to join, how many there may be, and how many requests one may make. After so many of
	// all of them, but not more often than that, it is looked who made more.
	guestTime     = 10 * time.Second
	maxGuests     = 200
	guestRequests = 3
	guestsEvery   = 20
	guestsPause   = 20 * time.Millisecond

	// When to say that there is not much room for revocations left, in percent.
	fillWarning = 80

	// What may wait for the desk, in requests and bytes.
	maxEnrolling = 1024
	maxWaiting   = 16 << 20

	// From how many requests to join on the first hear that the broker is busy, which is quick, so that none is
	// lost where strangers send thousands before they are cut.
	busyJoins = 256
	maxJoins  = 1 << 16
)

// withTrust has options ask everybody for a credential.
func withTrust(opts *server.Options, d *credential.BrokerDir) error {
	t := d.Kit.Trust
	operator, _ := t.Claims()
	resolver := &server.MemAccResolver{}
	for account, token := range map[string]string{t.Account(): t.Bundle().Account, operator.SystemAccount: d.Kit.System} {
		if err := resolver.Store(account, token); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
	}
	opts.TrustedOperators = []*jwt.OperatorClaims{operator}
	opts.AccountResolver = resolver
	opts.SystemAccount, opts.NoSystemAccount = operator.SystemAccount, false
	opts.DefaultSentinel = d.Kit.Guest
	// What a broker says of itself before TLS, anybody on the way could change.
	opts.TLSHandshakeFirst = true
	return nil
}

func newEnrollment(s *server.Server, d *credential.BrokerDir, log *slog.Logger) (*enrollment, error) {
	guest, err := jwt.DecodeUserClaims(d.Kit.Guest)
	if err != nil {
		return nil, fmt.Errorf("broker: the credential of guests: %w", err)
	}
	e := &enrollment{dir: d, desk: enroll.Desk{Dir: d, Now: time.Now}, server: s, log: log, guestKey: guest.Issuer, guestUser: guest.Subject}
	return e, e.tell(d.Outstanding(time.Now()))
}

// tell has the server know the newest bundle, and let guests in or not. Who is revoked by it, or a guest and may
// not be one any more, loses the connection.
func (e *enrollment) tell(open bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	issued := e.dir.Kit.Trust.Issued()
	claims, err := jwt.DecodeAccountClaims(e.dir.Kit.Trust.Bundle().Account)
	if err != nil {
		return fmt.Errorf("broker: trust bundle: %w", err)
	}
	credential.RevokeForEver(claims)
	if !open {
		claims.SigningKeys.Remove(e.guestKey)
	}
	account, err := e.account()
	if err != nil {
		return err
	}
	e.server.UpdateAccountClaims(account, claims)
	e.open, e.told = open, issued
	if fill := e.dir.Kit.Trust.Fill(); fill >= fillWarning {
		e.log.Warn("trust bundle nearly full; plan a new authority", "full_percent", fill, "revocations", len(claims.Revocations))
	}
	return nil
}

// state returns what the server was told.
func (e *enrollment) state() (issued time.Time, open bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told, e.open
}

// account returns that of all but the system.
func (e *enrollment) account() (*server.Account, error) {
	account, err := e.server.LookupAccount(e.dir.Kit.Trust.Account())
	if err != nil {
		return nil, fmt.Errorf("broker: account: %w", err)
	}
	return account, nil
}

// nameOf returns the name of the node whose connection it is, as its credential says, or "". What a connection
// calls itself proves nothing.
func (e *enrollment) nameOf(cid uint64) string {
	c := e.server.GetClient(cid)
	if c == nil {
		return ""
	}
	cred, err := e.dir.Kit.Trust.Signed(c.GetOpts().JWT, credential.Node)
	if err != nil {
		return ""
	}
	return cred.Name
}

// serve answers requests over the broker's own connection.
func (e *enrollment) serve(conn *gonats.Conn) error {
	e.conn = conn
	for _, service := range []struct {
		subject string
		most    int
		answer  gonats.MsgHandler
	}{{credential.SubjectJoin, maxJoins, e.join}, {credential.SubjectRenew, maxEnrolling, e.renew}} {
		sub, err := conn.Subscribe(service.subject, service.answer)
		if err != nil {
			return err
		}
		if err := sub.SetPendingLimits(service.most, maxWaiting); err != nil {
			return err
		}
	}
	return conn.Flush()
}

func (e *enrollment) join(m *gonats.Msg) {
	if e.asked++; e.asked >= guestsEvery && time.Since(e.looked) >= guestsPause {
		e.cutGuests(time.Now())
		e.asked, e.looked = 0, time.Now()
	}
	if waiting, _, err := m.Sub.Pending(); err != nil || waiting > busyJoins {
		if e.refusals.allow(e.log, time.Now()) {
			e.log.Warn("join refused", "error", "too many requests to join are waiting")
		}
		e.respond(m.Reply, enroll.Busy())
		return
	}
	answer, name, err := e.desk.Join(m.Data)
	switch {
	case err != nil:
		if e.refusals.allow(e.log, time.Now()) {
			e.log.Warn("join refused", "name", fmt.Sprintf("%.255s", name), "error", err)
		}
	default:
		e.log.Info("node joined", "name", name)
	}
	e.respond(m.Reply, answer)
}

// Refusals are a log of them that nobody can fill: it has the first ones of a while, and then how many more there were.
type refusals struct {
	mu      sync.Mutex
	since   time.Time
	written int
	left    int
}

// allow reports whether one more may be written.
func (r *refusals) allow(log *slog.Logger, now time.Time) bool {
	r.flush(log, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.written++; r.written <= reportLines {
		return true
	}
	r.left++
	return false
}

// flush says what was left out, and begins anew.
func (r *refusals) flush(log *slog.Logger, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) < reportEvery {
		return
	}
	if r.left > 0 {
		log.Warn("more joins and renewals refused", "requests", r.left)
	}
	r.since, r.written, r.left = now, 0, 0
}

func (e *enrollment) renew(m *gonats.Msg) {
	answer, key, name, err := e.desk.Renew(m.Data, m.Reply)
	switch {
	case err != nil && key == "":
		if e.refusals.allow(e.log, time.Now()) {
			e.log.Warn("renewal refused", "error", err)
		}
		return // nobody is known to whom to answer
	case err != nil:
		if e.refusals.allow(e.log, time.Now()) {
			e.log.Warn("renewal refused", "name", name, "error", err)
		}
	}
	e.respond(m.Reply, answer)
}

// respond answers where only the broker may write: it would speak in its own name wherever a stranger wants it to.
func (e *enrollment) respond(reply string, answer []byte) {
	if !credential.IsReply(reply) || len(answer) == 0 {
		return
	}
	if err := e.conn.Publish(reply, answer); err != nil {
		e.log.Warn("answer not sent", "error", err)
	}
}

// watch follows tokens and the trust bundle on disk until done is closed.
func (e *enrollment) watch(done <-chan struct{}) {
	look, announce := time.NewTicker(trustEvery), time.NewTicker(announceEvery)
	defer look.Stop()
	defer announce.Stop()
	failed := ""
	for {
		select {
		case <-look.C:
			// The same failure each second is said once.
			text := ""
			if err := e.look(time.Now()); err != nil {
				text = err.Error()
			}
			if text != "" && text != failed {
				e.log.Error("trust bundle not taken over; that of before is kept", "error", text)
			}
			failed = text
		case <-announce.C:
			e.announce()
		case <-done:
			return
		}
	}
}

// look takes over what has changed on disk.
func (e *enrollment) look(now time.Time) error {
	_, err := e.dir.Kit.Trust.Reload()
	e.prune(now)
	e.refusals.flush(e.log, now)
	told, wasOpen := e.state()
	newer := !e.dir.Kit.Trust.Issued().Equal(told) // it may have come from a member
	open := e.dir.Outstanding(now)
	if newer || open != wasOpen {
		if err := e.tell(open); err != nil {
			return err
		}
		e.log.Info("who may connect has changed", "trust_issued", e.dir.Kit.Trust.Issued().UTC().Format(time.RFC3339), "joins", open)
	}
	if newer {
		e.announce()
	}
	if open {
		e.cutGuests(now)
	}
	return err
}

// prune removes tokens that are over. The same failure is said once.
func (e *enrollment) prune(now time.Time) {
	text := ""
	if err := e.dir.Prune(now); err != nil {
		text = err.Error()
	}
	e.mu.Lock()
	said := text == e.unpruned
	e.unpruned = text
	e.mu.Unlock()
	if !said && text != "" {
		e.log.Warn("join tokens not read or removed", "error", text)
	}
}

func (e *enrollment) announce() {
	if err := e.conn.Publish(credential.SubjectBundle, e.dir.Kit.Trust.Bundle().Encode()); err != nil {
		e.log.Warn("trust bundle not announced", "error", err)
	}
}

// cutGuests ends the connections of guests who had their time or asked too often, and the oldest if there are too many.
func (e *enrollment) cutGuests(now time.Time) {
	all, err := e.server.Connz(&server.ConnzOptions{Username: true, User: e.guestUser, Limit: 1 << 30, Sort: server.ByStart})
	if err != nil {
		e.log.Error("guests not listed", "error", err)
		return
	}
	for i, c := range all.Conns {
		if now.Sub(c.Start) > guestTime || c.InMsgs > guestRequests || len(all.Conns)-i > maxGuests {
			_ = e.server.DisconnectClientByID(c.Cid) // it may have left
		}
	}
}
