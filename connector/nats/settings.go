package nats

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	gonats "github.com/nats-io/nats.go"

	"mcollective/internal/tlsfiles"
)

// TLS names the files of a TLS connection. All are read again for each connection,
// so that they can be renewed under a running node.
type TLS struct {
	Require bool   // refuse servers without TLS, even if no other field is set
	First   bool   // begin with TLS, before the server says anything
	CA      string // PEM file of the authorities; default the system's
	Cert    string // PEM file of our certificate, for servers that ask for one
	Key     string // PEM file of its key

	// Config is used instead of the files, if set.
	Config *tls.Config
}

func (t TLS) files() tlsfiles.Client {
	files := tlsfiles.Client{Cert: t.Cert, Key: t.Key}
	if t.CA != "" {
		files.CA = []string{t.CA}
	}
	return files
}

// config returns the configuration of one connection to an address.
func (t TLS) config(address string) (c *tls.Config, err error) {
	if t.Config != nil {
		c = t.Config.Clone()
	} else if c, err = t.files().Config(); err != nil {
		return nil, err
	}
	if c.ServerName == "" {
		if c.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// outdated returns an error if one of the files is of no use any more, or not yet.
func (t TLS) outdated() error {
	if t.Config != nil {
		return nil
	}
	return t.files().Outdated(time.Now())
}

// blame adds to a failure what is wrong on our side, if anything is.
func (t TLS) blame(err error) error {
	if ours := t.outdated(); ours != nil {
		return fmt.Errorf("%w (%w)", err, ours)
	}
	return err
}

func (t TLS) wanted() bool {
	return t.Require || t.First || t.CA != "" || t.Cert != "" || t.Config != nil
}

// settings returns the library's options for this connection, without the server.
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
	o.AsyncErrorCB = c.onError

	o.IgnoreDiscoveredServers = true
	o.Secure = c.secure
	if t := c.opts.TLS; t.Config == nil {
		// For the error now: without it we would try for ever.
		if _, err := t.files().Config(); err != nil {
			return o, err
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
		jwt := o.UserJWT
		o.UserJWT = func() (string, error) {
			if err := c.checkSecret(file); err != nil {
				return "", err
			}
			return jwt()
		}
		o.SignatureCB = c.checked(file, o.SignatureCB)
	}
	if c.opts.JWT != nil {
		o.UserJWT, o.SignatureCB = c.opts.JWT, c.opts.Sign
	}
	if file := c.opts.NkeySeed; file != "" {
		option, err := gonats.NkeyOptionFromSeed(file)
		if err != nil {
			return fmt.Errorf("nkey seed file %s: %w", file, err)
		}
		if err := option(o); err != nil {
			return fmt.Errorf("nkey seed file %s: %w", file, err)
		}
		o.SignatureCB = c.checked(file, o.SignatureCB)
	}
	return nil
}

// checkSecret judges a file that is read at each connection as it was when we began: who
// could put another one in its place meanwhile would say as whom we connect.
func (c *Conn) checkSecret(file string) error {
	if c.opts.CheckSecret == nil {
		return nil
	}
	if err := c.opts.CheckSecret(file); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	return nil
}

// checked signs with a key out of a file once that is judged.
func (c *Conn) checked(file string, sign gonats.SignatureHandler) gonats.SignatureHandler {
	return func(nonce []byte) ([]byte, error) {
		if err := c.checkSecret(file); err != nil {
			return nil, err
		}
		return sign(nonce)
	}
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
	c.repeated.reset()
	c.log.Info("connected to the broker again", "server", server, "reconnects", n)
	c.stateChanged()
}

func (c *Conn) onError(_ *gonats.Conn, sub *gonats.Subscription, err error) {
	switch {
	case errors.Is(err, gonats.ErrSlowConsumer):
		total := c.Status().Dropped
		if _, ok := c.repeated.note("slow"); ok && sub != nil {
			c.log.Warn("messages were dropped because they came faster than they were taken", "subject", sub.Subject, "dropped", total)
		}
	case !c.connected.Load(): // an attempt failed, which the dialer told
		c.remember(err)
	default:
		c.remember(err)
		if _, ok := c.repeated.note(plain(err).Error()); ok {
			c.log.Warn("error of the connection to the broker", "error", err)
		}
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
