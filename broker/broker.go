// Package broker is the embedded NATS server that a collective can live on.
//
//	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0"})
//	...
//	err = b.Start() // or Run, which serves until a context ends
//	defer b.Stop()
//	conn, err := nats.Connect(ctx, nats.Options{Servers: []string{b.ClientURL()}, Identity: "me"})
//
// [New] takes either a few [Options], which is enough for one broker with or without
// TLS, or a configuration file in the format of nats-server, which is loaded as
// it is and may declare clusters, gateways, leaf nodes, accounts and anything
// else that such a server does. Without either the broker serves the loopback
// address only.
//
// The limits are chosen for what a collective does: one small request to
// thousands of connections, and thousands of answers to one connection at once.
// settings.go gives them with their reasons.
//
// A broker never stores a message, never looks into one, and takes no signals: that
// is the job of the program around it.
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
	gonats "github.com/nats-io/nats.go"

	"mcollective/connector/nats/interest"
	"mcollective/internal/credential"
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
	// with it, of the other options only Memory and Logger may be set.
	Config string

	// Cert and Key name PEM files of the broker's certificate; with them, every
	// client must use TLS. CA names a PEM file of authorities; with it, clients
	// must show a certificate that one of them signed.
	Cert, Key, CA string

	// User and Password, when set, are asked of every client.
	User, Password string

	// Trust, when set, is the directory that `mco broker --init` made for the broker: every
	// connection then needs a credential, and machines can join.
	Trust *credential.BrokerDir

	// MaxPayload is the largest message that is taken, in bytes. Default 8 MiB.
	MaxPayload int

	// MaxConnections bounds how many clients are served at once. Default 65,536, or
	// what memory and file descriptors allow.
	MaxConnections int

	// Memory is what the whole process may use, in bytes. Default: what GOMEMLIMIT,
	// the control group or the machine allows. The broker cuts connections before it
	// takes more.
	Memory int64

	// Logger is told what happens. Default: nothing is logged.
	Logger *slog.Logger
}

// A Broker is one server, started once.
type Broker struct {
	server *server.Server
	opts   *server.Options
	log    *sink
	stop   sync.Once

	given    Options
	plan     memoryPlan
	access   *access       // nil if the configuration file says who may connect
	certs    *certificates // nil without TLS, or if it is the configuration file's
	guard    *guard
	own      *gonats.Conn     // within this process; nil if nothing needs it
	interest *interestService // nil if it is not offered
	enroll   *enrollment      // nil without Trust

	done       chan struct{} // closed by Stop
	background sync.WaitGroup
}

// New reads the certificates or the configuration file and makes a broker that
// does not listen yet.
func New(o Options) (*Broker, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Broker{given: o, log: &sink{log: o.Logger, failed: make(chan error, 1)}, done: make(chan struct{})}
	limit := o.Memory
	if limit == 0 {
		limit = availableMemory("/")
	}
	b.plan = planMemory(limit)
	opts, err := b.settings()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b.server, b.opts = s, opts
	b.guard = newGuard(s, o.Logger, b.plan, opts)
	if b.access != nil {
		b.access.enter = b.guard.enter
		if b.access.full, err = fullAccount(s); err != nil {
			return nil, fmt.Errorf("broker: %w", err)
		}
	}
	if o.Trust != nil {
		if b.enroll, err = newEnrollment(s, o.Trust, o.Logger); err != nil {
			return nil, err
		}
	}
	if opts.LogFile != "" || opts.Syslog || opts.RemoteSyslog != "" {
		s.ConfigureLogger() // the file says where to log
	} else {
		s.SetLoggerV2(b.log, opts.Debug, opts.Trace, opts.TraceVerbose)
	}
	return b, nil
}

// settings makes nats-server's options, anew for each reload.
func (b *Broker) settings() (*server.Options, error) {
	opts, err := settings(b.given)
	if err != nil {
		return nil, err
	}
	// Both belong to the program around us: what signals mean, and how it ends.
	opts.NoSigs = true
	withinMemory(opts, b.plan, b.log.log)
	if err := b.withTLS(opts); err != nil {
		return nil, err
	}
	return opts, b.controlAccess(opts)
}

// controlAccess puts the broker's access in charge, if it can be. Whether it can be
// is settled at the start: nats-server keeps an authenticator when its options are
// read again, which would let people in without the users that a file declares now.
func (b *Broker) controlAccess(opts *server.Options) error {
	switch {
	case b.given.Trust != nil:
		// Credentials say who may connect, and let nobody else listen where the broker is
		// asked, or answer in its place.
		opts.ServerName = interest.ServerName(opts.ServerName)
		return nil
	case b.server == nil:
		b.access = newAccess(opts)
	case (b.access != nil) != controlsAccess(opts):
		return errors.New("broker: users, accounts, clusters and JetStream can be added to a configuration without them, or removed, only by a restart")
	case b.access != nil:
		b.access.follow(opts)
	}
	if b.access == nil && interest.Offered(opts.ServerName) {
		return fmt.Errorf("broker: the server name %q is for brokers that tell who listens, which this one cannot", opts.ServerName)
	}
	return nil
}

// startTimeout bounds how long a broker may take until it accepts clients. A
// large stored stream may need a while; anything longer is a fault.
const startTimeout = 30 * time.Second

// Start listens and returns when clients can connect.
func (b *Broker) Start() error {
	// The server would try to listen, log a fatal error and linger; asked
	// first, the system gives the reason.
	if !b.opts.DontListen {
		l, err := net.Listen("tcp", hostPort(b.opts))
		if err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
	}
	b.server.Start()
	for deadline := time.Now().Add(startTimeout); ; {
		select {
		case err := <-b.log.failed:
			b.Stop()
			return err
		default:
		}
		if b.server.ReadyForConnections(50 * time.Millisecond) {
			b.log.started.Store(true)
			b.background.Go(func() { b.guard.run(b.done) })
			if err := b.serveOwn(); err != nil {
				b.Stop()
				return err
			}
			if b.certs != nil {
				b.background.Go(func() { b.certs.watch(b.done) })
			}
			return nil
		}
		if time.Now().After(deadline) {
			b.Stop()
			return fmt.Errorf("broker: not ready after %v", startTimeout)
		}
	}
}

// Stop ends all connections and returns when the broker has gone. Clients that
// reconnect find it gone or its successor.
func (b *Broker) Stop() {
	b.stop.Do(func() {
		b.log.started.Store(false)
		close(b.done)
		b.background.Wait()
		b.interest.close()
		if b.own != nil {
			b.own.Close()
		}
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

// Reload reads the configuration file, or the certificates and the trust bundle of a broker without one,
// again and takes over what can be changed while running. With an error everything
// stays as it was.
func (b *Broker) Reload() error {
	if b.certs != nil {
		if err := b.certs.load(); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		if b.enroll != nil {
			return b.enroll.look(time.Now())
		}
		return nil
	}
	if b.given.Config == "" {
		return nil
	}
	allowed := b.access.credentials()
	opts, err := b.settings()
	if err == nil {
		err = b.access.reload(func() error { return b.server.ReloadOptions(opts) })
	}
	if err != nil {
		b.access.restore(allowed)
		return fmt.Errorf("broker: reload %s: %w", b.given.Config, err)
	}
	return nil
}

// Addr returns the host:port that clients connect to. With a port of 0 it is known
// once Start returned.
func (b *Broker) Addr() string {
	if a := b.server.Addr(); a != nil {
		return a.String()
	}
	return hostPort(b.opts)
}

// ClientURL is Addr as a URL, nats://... or, with TLS, tls://...
func (b *Broker) ClientURL() string {
	if b.TLS() {
		return "tls://" + b.Addr()
	}
	return "nats://" + b.Addr()
}

// TLS reports whether clients must use TLS.
func (b *Broker) TLS() bool { return b.opts.TLSConfig != nil }

// Local reports whether only this machine reaches the broker.
func (b *Broker) Local() bool {
	ip := net.ParseIP(b.opts.Host)
	return b.opts.DontListen || b.opts.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// Open reports whether anyone who reaches the broker may use it, without a password,
// a certificate or any other proof.
func (b *Broker) Open() bool {
	o := b.opts
	return o.Username == "" && o.Password == "" && o.Authorization == "" && len(o.Users) == 0 && len(o.Nkeys) == 0 &&
		len(o.TrustedOperators) == 0 && o.AuthCallout == nil && !o.TLSVerify
}

// Trusted reports whether everybody needs a credential.
func (b *Broker) Trusted() bool { return b.enroll != nil }

// Clients returns the number of connections at this moment.
func (b *Broker) Clients() int {
	n := b.server.NumClients()
	if b.own != nil {
		n-- // our own
	}
	return n
}

// hostPort returns the address of options that nats-server has taken, in which port 0 is
// a free one.
func hostPort(o *server.Options) string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }
