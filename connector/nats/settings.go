package nats

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	gonats "github.com/nats-io/nats.go"
)

// TLS names the files of a TLS connection. Certificate and key are read again
// for each connection, so that they can be renewed under a running node.
type TLS struct {
	Require bool   // refuse servers without TLS, even if no other field is set
	CA      string // PEM file of the authorities; default the system's
	Cert    string // PEM file of our certificate, for servers that ask for one
	Key     string // PEM file of its key

	// Config is used instead of the files, if set.
	Config *tls.Config
}

func (t TLS) config() (*tls.Config, error) {
	if t.Config != nil {
		return t.Config.Clone(), nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("TLS authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("TLS authorities: %s holds no PEM certificate", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("TLS needs both a certificate and its key")
	}
	if t.Cert != "" {
		// Read now for the error, later for renewal.
		if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
			return nil, fmt.Errorf("TLS certificate %s with key %s: %w", t.Cert, t.Key, err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
			return &pair, err
		}
	}
	return c, nil
}

func (t TLS) wanted() bool { return t.Require || t.CA != "" || t.Cert != "" || t.Config != nil }

// settings are the library's options for this connection, without the server.
func (c *Conn) settings() (gonats.Options, error) {
	o := gonats.GetDefaultOptions()
	o.Name = c.opts.Identity
	o.NoRandomize = true // first did
	o.SkipHostLookup = true
	o.Timeout = c.opts.ConnectTimeout
	o.AllowReconnect = true
	o.MaxReconnect = -1
	o.IgnoreAuthErrorAbort = true // credentials get mended while nodes run
	o.CustomReconnectDelayCB = c.backoff
	o.ReconnectBufSize = reconnectBuffer
	o.PingInterval = c.opts.PingInterval
	o.MaxPingsOut = 2
	o.FlusherTimeout = c.opts.WriteTimeout
	o.ReconnectOnFlusherError = true
	o.DisconnectedErrCB = c.onDisconnected
	o.ReconnectedCB = c.onReconnected
	o.ReconnectErrCB = c.onAttemptFailed
	o.AsyncErrorCB = c.onError

	var err error
	if o.TLSConfig, err = c.opts.TLS.config(); err != nil {
		return o, err
	}
	o.Secure = c.opts.TLS.wanted()
	for _, s := range c.opts.Servers {
		if strings.HasPrefix(s, "tls://") || strings.HasPrefix(s, "wss://") {
			o.Secure = true
		}
	}
	return o, c.authenticate(&o)
}

func (c *Conn) authenticate(o *gonats.Options) error {
	o.User, o.Password, o.Token = c.opts.User, c.opts.Password, c.opts.Token
	if file := c.opts.Credentials; file != "" {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("credentials file: %w", err)
		}
		if err := gonats.UserCredentials(file)(o); err != nil {
			return fmt.Errorf("credentials file %s: %w", file, err)
		}
	}
	if file := c.opts.NkeySeed; file != "" {
		option, err := gonats.NkeyOptionFromSeed(file)
		if err != nil {
			return fmt.Errorf("nkey seed file %s: %w", file, err)
		}
		if err := option(o); err != nil {
			return fmt.Errorf("nkey seed file %s: %w", file, err)
		}
	}
	return nil
}

func (c *Conn) onDisconnected(_ *gonats.Conn, err error) {
	c.connected.Store(false)
	if c.closed.Load() {
		return
	}
	if err == nil {
		err = errLost
	}
	c.remember(err)
	c.log.Warn("connection to the broker lost", "error", err)
	c.stateChanged()
}

func (c *Conn) onReconnected(nc *gonats.Conn) {
	server := hostPort(nc.ConnectedUrlRedacted())
	c.mu.Lock()
	if server != "" { // else it is lost again
		c.server = server
	}
	c.mu.Unlock()
	c.connected.Store(true)
	n := c.reconnects.Add(1)
	c.made.Store(nc.Stats().Reconnects)
	c.log.Info("connected to the broker again", "server", server, "reconnects", n)
	c.stateChanged()
}

func (c *Conn) onAttemptFailed(_ *gonats.Conn, err error) {
	c.remember(err)
	c.log.Warn("no broker yet", "error", err)
}

// dropsEvery is how often lost messages are logged at most.
const dropsEvery = 10 * time.Second

func (c *Conn) onError(_ *gonats.Conn, sub *gonats.Subscription, err error) {
	if errors.Is(err, gonats.ErrPermissionViolation) && c.refuse(err.Error()) {
		return // told by the subscription
	}
	if !errors.Is(err, gonats.ErrSlowConsumer) {
		c.remember(err)
		c.log.Warn("the broker reported an error", "error", err)
		return
	}
	total := c.Status().Dropped
	c.mu.Lock()
	quiet := time.Since(c.lastDrops) < dropsEvery
	if !quiet {
		c.lastDrops = time.Now()
	}
	c.mu.Unlock()
	if !quiet && sub != nil {
		c.log.Warn("messages were dropped because they came faster than they were taken", "subject", sub.Subject, "dropped", total)
	}
}

func (c *Conn) remember(err error) {
	c.mu.Lock()
	c.lastErr = err
	c.mu.Unlock()
}

// stateChanged wakes those who wait in Publish.
func (c *Conn) stateChanged() {
	c.mu.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

func (c *Conn) nextChange() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}
