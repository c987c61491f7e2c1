package broker

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/internal/credential"
	"mcollective/internal/dirtest"
	"mcollective/internal/enroll"
	"mcollective/internal/waittest"
)

// A flood of refusals is some lines and a sum.
func TestRefusalsAreRationed(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	var r refusals
	now := time.Unix(1_800_000_000, 0)
	for range 1000 {
		if r.allow(log, now) {
			log.Warn("join refused", "error", "x")
		}
	}
	if n := strings.Count(out.String(), "join refused"); n != reportLines {
		t.Errorf("%d lines", n)
	}
	r.flush(log, now.Add(reportEvery-1))
	if strings.Contains(out.String(), "more joins") {
		t.Error("the sum comes early")
	}
	r.flush(log, now.Add(reportEvery))
	if !strings.Contains(out.String(), "requests=990") {
		t.Errorf("no sum: %s", out.String()[len(out.String())-200:])
	}
	out.Reset()
	r.flush(log, now.Add(2*reportEvery))
	if out.Len() > 0 {
		t.Errorf("nothing was refused: %s", out.String())
	}
	if r.allow(log, now.Add(2*reportEvery)) {
		log.Warn("renewal refused")
	}
	if !strings.Contains(out.String(), "renewal refused") {
		t.Error("the next refusal is not written")
	}
}

// Who asks to join while too many others do hears that, instead of nothing.
func TestBusyWithJoins(t *testing.T) {
	dir := dirtest.New(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	_, d, err := credential.Init(filepath.Join(dir, "broker"), filepath.Join(dir, "authority"), "127.0.0.1:4222", now)
	must(err)
	token, err := d.NewToken(credential.Offer{Pattern: "*", Collectives: []string{"mcollective"}, Uses: 5, Created: now, Expires: now.Add(time.Hour), Lasts: time.Hour})
	must(err)
	b, err := New(Options{Listen: "127.0.0.1:0", Cert: d.CertFile(), Key: d.KeyFile(), Trust: d, Logger: slog.New(slog.DiscardHandler)})
	must(err)
	gate := make(chan struct{})
	b.enroll.desk.Now = func() time.Time { <-gate; return time.Now() } // while a request is answered
	must(b.Start())
	t.Cleanup(b.Stop)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	join := func(name string) <-chan error {
		key, err := credential.NewKey()
		must(err)
		before, done := b.enroll.conn.Stats().InMsgs, make(chan error, 1)
		go func() {
			_, err := enroll.Join(ctx, b.Addr(), token, name, key)
			done <- err
		}()
		waittest.Until(t, "the request of "+name, func() bool { return b.enroll.conn.Stats().InMsgs > before })
		return done
	}
	first, second := join("web1"), join("web2")
	flood, err := gonats.Connect("tls://"+b.Addr(), gonats.Secure(d.Kit.Trust.TLS()), gonats.TLSHandshakeFirst(), gonats.NoReconnect())
	must(err)
	defer flood.Close()
	before := b.enroll.conn.Stats().InMsgs
	for range busyJoins + 10 {
		must(flood.PublishRequest(credential.SubjectJoin, credential.GuestReply("ABCDEFGHIJKLMNOPQRST"), []byte("{}")))
	}
	waittest.Until(t, "the flood", func() bool { return b.enroll.conn.Stats().InMsgs >= before+busyJoins+10 })
	close(gate)
	must(<-first)
	if err := <-second; err == nil || !strings.Contains(err.Error(), "too many machines want to join") {
		t.Errorf("a busy broker: %v", err)
	}
	must(<-join("web3"))
}
