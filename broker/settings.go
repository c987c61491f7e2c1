package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"mcollective/internal/trust"
)

// Limits of a broker that has no configuration file of its own.
const (
	// The largest that nats-server serves without a warning. The brokers of old
	// (ActiveMQ 100 MiB, RabbitMQ 128 MiB) took more, but an inventory of a large
	// node is a few hundred kilobytes, and every broker buffer grows with it.
	defaultMaxPayload = 8 << 20

	// What may wait for one client that reads slowly before it is cut off. A
	// thousand answers of 100 KB fit in, where nats-server's own 64 MiB would
	// lose the connection and with it the rest of the answers.
	maxPending = 256 << 20

	// How long a client may not read at all while something waits for it: a
	// program that was stopped for ten seconds and goes on keeps its answers.
	writeDeadline = 30 * time.Second

	// A client that vanished is forgotten within a minute. Connectors of this
	// project ping more often than that, which makes the broker's pings rare.
	pingInterval = 20 * time.Second
	maxPingsOut  = 2

	// Five thousand nodes that come back at once need some seconds of
	// cryptography on a small machine; nats-server's 2 s would turn the late
	// ones away and have them start again.
	handshakeTimeout = 15 * time.Second
)

// settings turns our options into nats-server's.
func settings(o Options) (*server.Options, error) {
	if o.Config != "" {
		return fromFile(o)
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return nil, err
	}
	opts := &server.Options{
		Host: host, Port: port,
		MaxPayload:    defaultMaxPayload,
		MaxPending:    maxPending,
		MaxConn:       server.DEFAULT_MAX_CONNECTIONS,
		WriteDeadline: writeDeadline,
		PingInterval:  pingInterval,
		MaxPingsOut:   maxPingsOut,
		TLSTimeout:    handshakeTimeout.Seconds(),
		AuthTimeout:   handshakeTimeout.Seconds() + 1,
		Username:      o.User,
		Password:      o.Password,
		// Statistics of the broker over the wire are for those who configure it.
		NoSystemAccount: true,
	}
	if o.MaxPayload != 0 {
		if o.MaxPayload < 1024 || o.MaxPayload > maxPending {
			return nil, fmt.Errorf("broker: a largest message of %d bytes is not between 1 KiB and %d MiB", o.MaxPayload, maxPending>>20)
		}
		opts.MaxPayload = int32(o.MaxPayload)
	}
	if o.MaxConnections > 0 {
		opts.MaxConn = o.MaxConnections
	}
	return opts, withTLS(opts, o)
}

func withTLS(opts *server.Options, o Options) error {
	if o.Cert == "" && o.Key == "" && o.CA == "" {
		return nil
	}
	if o.Cert == "" || o.Key == "" {
		return errors.New("broker: TLS needs both a certificate and its key")
	}
	c, err := server.GenTLSConfig(&server.TLSConfigOpts{
		CertFile: o.Cert, KeyFile: o.Key, CaFile: o.CA,
		Verify: o.CA != "", Timeout: handshakeTimeout.Seconds(),
	})
	if err != nil {
		return fmt.Errorf("broker: TLS with certificate %s and key %s: %w", o.Cert, o.Key, err)
	}
	if err := trust.Secret(o.Key); err != nil {
		return fmt.Errorf("broker: TLS key: %w", err)
	}
	opts.TLS, opts.TLSVerify, opts.TLSConfig = true, o.CA != "", c
	opts.TLSCert, opts.TLSKey, opts.TLSCaCert = o.Cert, o.Key, o.CA
	return nil
}

func fromFile(o Options) (*server.Options, error) {
	logger := o.Logger
	name := o.Config
	o.Config, o.Logger = "", nil
	if o != (Options{}) {
		return nil, fmt.Errorf("broker: %s says everything: put the address, TLS and limits there", name)
	}
	opts, err := server.ProcessConfigFile(name)
	if err != nil {
		return nil, fmt.Errorf("broker: configuration: %w", err)
	}
	// nats-server listens everywhere unless told; a file that does not say where
	// gets our default, which is this machine.
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
		logger.Info("the configuration does not say where to listen", "file", name, "listen", opts.Host)
	}
	return opts, nil
}

func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		if host, text = listen, strconv.Itoa(server.DEFAULT_PORT); net.ParseIP(listen) == nil {
			return "", 0, fmt.Errorf("broker: listen address %q is not host:port, for example 0.0.0.0:4222", listen)
		}
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("broker: listen address %q: %q is not a port", listen, text)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}
