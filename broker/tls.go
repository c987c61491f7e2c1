package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"mcollective/internal/tlsfiles"
)

// certificates are the files of a broker's TLS. They are read again when they have
// changed, so that they can be renewed under a running broker.
type certificates struct {
	cert, key, ca string
	oldest        uint16 // version of TLS
	log           *slog.Logger

	current atomic.Pointer[tls.Config]

	mu   sync.Mutex // held while files are read
	seen [3]stamp
}

// A stamp is how it is noticed that a file was replaced.
type stamp struct {
	size     int64
	modified time.Time
	file     fs.FileInfo
}

const (
	// How often the files are looked at, and how often their dates are.
	renewalEvery = 10 * time.Second
	expiryEvery  = 24 * time.Hour
)

func (b *Broker) withTLS(opts *server.Options) error {
	o := b.given
	if o.Cert == "" {
		if opts.TLSConfig != nil {
			for _, c := range opts.TLSConfig.Certificates {
				checkDates(b.log.log, o.Config, c.Certificate)
			}
		}
		return nil
	}
	b.certs = &certificates{cert: o.Cert, key: o.Key, ca: o.CA, oldest: tls.VersionTLS12, log: b.log.log}
	if o.Trust != nil {
		b.certs.oldest = tls.VersionTLS13
	}
	if err := b.certs.load(); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	c := b.certs.current.Load().Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return b.certs.current.Load(), nil }
	opts.TLS, opts.TLSVerify, opts.TLSConfig = true, o.CA != "", c
	opts.TLSCert, opts.TLSKey, opts.TLSCaCert = o.Cert, o.Key, o.CA
	return nil
}

// load reads the files. With an error the certificates of before stay.
func (c *certificates) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.stamps() // before they are read: what changes meanwhile is read again
	config, err := c.read()
	c.seen = seen
	if err != nil {
		return err
	}
	c.current.Store(config)
	c.checkDates(config)
	return nil
}

func (c *certificates) read() (*tls.Config, error) {
	pair, err := tlsfiles.KeyPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: c.oldest, Certificates: []tls.Certificate{pair}}
	if c.ca != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if config.ClientCAs, err = tlsfiles.Authorities(c.ca); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func (c *certificates) stamps() (all [3]stamp) {
	for i, name := range []string{c.cert, c.key, c.ca} {
		if name == "" {
			continue
		}
		if f, err := os.Stat(name); err == nil {
			all[i] = stamp{f.Size(), f.ModTime(), f}
		}
	}
	return all
}

func (s stamp) same(other stamp) bool {
	if s.file == nil || other.file == nil {
		return s.file == nil && other.file == nil
	}
	return s.size == other.size && s.modified.Equal(other.modified) && os.SameFile(s.file, other.file)
}

// renew reads the files if one of them has changed.
func (c *certificates) renew() {
	c.mu.Lock()
	now, changed := c.stamps(), false
	for i := range now {
		changed = changed || !now[i].same(c.seen[i])
	}
	c.mu.Unlock()
	if !changed {
		return
	}
	if err := c.load(); err != nil {
		c.log.Error("changed certificates not usable; those of before are kept", "error", err)
		return
	}
	c.log.Info("certificates read again", "file", c.cert)
}

// watch keeps the certificates up to date until done is closed.
func (c *certificates) watch(done <-chan struct{}) {
	files, dates := time.NewTicker(renewalEvery), time.NewTicker(expiryEvery)
	defer files.Stop()
	defer dates.Stop()
	for {
		select {
		case <-files.C:
			c.renew()
		case <-dates.C:
			c.checkDates(c.current.Load())
		case <-done:
			return
		}
	}
}

// checkDates logs which certificates are out of date, or soon will be.
func (c *certificates) checkDates(config *tls.Config) {
	for _, cert := range config.Certificates {
		checkDates(c.log, c.cert, cert.Certificate)
	}
	if c.ca == "" {
		return
	}
	authorities, err := tlsfiles.Certificates(c.ca)
	if err != nil {
		c.log.Warn("dates of authorities not checked", "error", err)
	}
	for _, a := range authorities {
		checkDates(c.log, c.ca, [][]byte{a.Raw})
	}
}

func checkDates(log *slog.Logger, file string, ders [][]byte) {
	now := time.Now()
	for _, der := range ders {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			log.Warn("certificate dates not checked", "file", file, "error", err)
			continue
		}
		about := log.With("file", file, "subject", fmt.Sprintf("%.200q", cert.Subject), "not_before", cert.NotBefore.UTC().Format(time.RFC3339), "not_after", cert.NotAfter.UTC().Format(time.RFC3339))
		switch tlsfiles.Dates(cert, now) {
		case tlsfiles.Ended:
			about.Error("certificate has expired; renew it, connections that check it fail")
		case tlsfiles.NotYet:
			about.Error("certificate is not valid yet; check the clock")
		case tlsfiles.EndsSoon:
			about.Warn("certificate expires soon")
		}
	}
}
