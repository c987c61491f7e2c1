// Package broker is the embedded NATS server that a collective can live on.
//
// New takes either a few Options, which is enough for one broker with or without
// TLS, or a configuration file in the format of nats-server, which is loaded as
// it is and may declare clusters, gateways, leaf nodes, accounts and anything
// else that such a server does. Without either the broker serves the loopback
// address only.
//
// The limits are chosen for what a collective does: one small request to
// thousands of connections, and thousands of answers to one connection at once.
// settings.go gives them with their reasons.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// DefaultListen is where a broker without further instructions listens: only
// this machine reaches it.
const DefaultListen = "127.0.0.1:4222"

// Options say how to serve. The zero value serves DefaultListen without TLS.
type Options struct {
	// Listen is the host:port to accept clients on; port 0 takes a free one.
	// Default DefaultListen.
	Listen string

	// Config names a configuration file of nats-server that says everything;
	// with it, of the other options only Logger may be set.
	Config string

	// Cert and Key name PEM files of the broker's certificate; with them, every
	// client must use TLS. CA names a PEM file of authorities; with it, clients
	// must show a certificate that one of them signed.
	Cert, Key, CA string

	// User and Password, when set, are asked of every client.
	User, Password string

	// MaxPayload is the largest message that is taken, in bytes. Default 8 MiB.
	MaxPayload int

	// MaxConnections bounds how many clients are served at once. Default 65,536.
	MaxConnections int

	// Logger is told what happens. Default: nothing is logged.
	Logger *slog.Logger
}

// A Broker is one server, started once.
type Broker struct {
	server *server.Server
	opts   *server.Options
	log    *sink
	stop   sync.Once

	interest *interest // nil if it cannot be told
}

// New reads the certificates or the configuration file and makes a broker that
// does not listen yet.
func New(o Options) (*Broker, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	opts, err := settings(o)
	if err != nil {
		return nil, err
	}
	// Both belong to the program around us: what signals mean, and how it ends.
	opts.NoSigs = true
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b := &Broker{server: s, opts: opts, log: &sink{log: o.Logger, failed: make(chan error, 1)}}
	if opts.LogFile != "" || opts.Syslog || opts.RemoteSyslog != "" {
		s.ConfigureLogger() // the file says where to log
	} else {
		s.SetLoggerV2(b.log, opts.Debug, opts.Trace, opts.TraceVerbose)
	}
	return b, nil
}

// startPatience bounds how long a broker may take until it accepts clients. A
// large stored stream may need a while; anything longer is a fault.
const startPatience = 30 * time.Second

// Start listens and returns when clients can connect.
func (b *Broker) Start() error {
	// The server would try to listen, log a fatal error and linger; asked
	// first, the system gives the reason.
	if !b.opts.DontListen {
		l, err := net.Listen("tcp", hostPort(b.opts.Host, b.opts.Port))
		if err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
	}
	b.server.Start()
	for deadline := time.Now().Add(startPatience); ; {
		select {
		case err := <-b.log.failed:
			b.Stop()
			return err
		default:
		}
		if b.server.ReadyForConnections(50 * time.Millisecond) {
			b.log.started.Store(true)
			b.tellInterest()
			return nil
		}
		if time.Now().After(deadline) {
			b.Stop()
			return fmt.Errorf("broker: not ready after %v", startPatience)
		}
	}
}

// Stop ends all connections and returns when the broker has gone. Clients that
// reconnect find it gone or its successor.
func (b *Broker) Stop() {
	b.stop.Do(func() {
		b.log.started.Store(false)
		b.interest.close()
		b.server.Shutdown()
		b.server.WaitForShutdown()
	})
}

// Run starts the broker, calls ready (unless nil) when clients can connect, and
// stops it when ctx ends.
func (b *Broker) Run(ctx context.Context, ready func()) error {
	if err := b.Start(); err != nil {
		return err
	}
	defer b.Stop()
	if ready != nil {
		ready()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-b.log.failed:
		return err
	}
}

// Reload reads the configuration file again and takes over what can be changed
// while running.
func (b *Broker) Reload() error {
	if b.opts.ConfigFile == "" {
		return errors.New("broker: there is no configuration file to read again")
	}
	if err := b.server.Reload(); err != nil {
		return fmt.Errorf("broker: reload %s: %w", b.opts.ConfigFile, err)
	}
	return nil
}

// Addr is the host:port that clients connect to. With a port of 0 it is known
// once Start returned.
func (b *Broker) Addr() string {
	if a := b.server.Addr(); a != nil {
		return a.String()
	}
	return hostPort(b.opts.Host, b.opts.Port)
}

// ClientURL is Addr as a URL, nats://... or, with TLS, tls://...
func (b *Broker) ClientURL() string {
	if b.TLS() {
		return "tls://" + b.Addr()
	}
	return "nats://" + b.Addr()
}

// TLS says whether clients must use TLS.
func (b *Broker) TLS() bool { return b.opts.TLSConfig != nil }

// Local says whether only this machine reaches the broker.
func (b *Broker) Local() bool {
	ip := net.ParseIP(b.opts.Host)
	return b.opts.DontListen || b.opts.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// Open says whether whoever reaches the broker may use it, without a password,
// a certificate or any other proof.
func (b *Broker) Open() bool {
	o := b.opts
	return o.Username == "" && o.Authorization == "" && len(o.Users) == 0 && len(o.Nkeys) == 0 &&
		len(o.TrustedOperators) == 0 && o.AuthCallout == nil && !o.TLSVerify
}

// Clients is the number of connections at this moment.
func (b *Broker) Clients() int {
	n := b.server.NumClients()
	if b.interest != nil {
		n-- // our own
	}
	return n
}

func hostPort(host string, port int) string {
	switch {
	case port == 0:
		port = server.DEFAULT_PORT
	case port == server.RANDOM_PORT:
		port = 0
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
