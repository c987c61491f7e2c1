package broker

import (
	"errors"
	"fmt"
	"log/slog"
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

	// What may wait for a connection that awaits no replies, when memory is short: a
	// few of the largest requests.
	maxIdlePending = 16 << 20

	// A node has a subscription for each agent and collective; this many is not one.
	maxSubscriptions = 4096

	// Each part of a subject between dots is a level of the tree in which nats-server
	// keeps subscriptions: a line of 4 KiB could hold 2,000, and would take 800 KiB. The
	// names of nodes have a few.
	maxSubjectParts = 24

	// What nats-server remembers of connections that have ended, each with all its
	// subscriptions, for statistics that nobody can ask for. It cannot be told to
	// remember none.
	maxClosed = 1

	// Five thousand nodes that come back at once need some seconds of
	// cryptography on a small machine; nats-server's 2 s would turn the late
	// ones away and have them start again.
	handshakeTimeout = 15 * time.Second

	// How long a connection may say nothing at all, after the handshake.
	silentTimeout = 10 * time.Second
)

// settings turns our options into nats-server's.
func settings(o Options) (*server.Options, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
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
		AuthTimeout:   silentTimeout.Seconds(),
		MaxSubs:       maxSubscriptions,
		MaxSubTokens:  maxSubjectParts,
		Username:      o.User,
		Password:      o.Password,
		// Statistics of the broker over the wire are for those who configure it.
		NoSystemAccount: true,
	}
	if o.Trust != nil {
		if err := withTrust(opts, o.Trust); err != nil {
			return nil, err
		}
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
	return opts, nil
}

// check refuses what is given by half. The other half was meant to protect
// something, and without it nothing would.
func (o Options) check() error {
	switch {
	case o.Cert != "" && o.Key == "":
		return fmt.Errorf("broker: TLS needs the key of the certificate %s, too", o.Cert)
	case o.Cert == "" && o.Key != "":
		return fmt.Errorf("broker: TLS needs the certificate of the key %s, too", o.Key)
	case o.Cert == "" && o.CA != "":
		return fmt.Errorf("broker: certificates of clients can be checked with %s only if the broker has a certificate and a key itself", o.CA)
	case (o.User == "") != (o.Password == ""):
		return errors.New("broker: a user needs a password, and a password a user")
	case o.Trust != nil && (o.Cert == "" || o.CA != "" || o.User != ""):
		return errors.New("broker: a trusted collective needs a certificate, and takes neither passwords nor certificates of clients")
	case o.MaxConnections < 0 || o.MaxPayload < 0 || o.Memory < 0:
		return errors.New("broker: a limit is negative")
	case o.Memory > 0 && o.Memory < minMemory:
		return fmt.Errorf("broker: memory of %d bytes is not enough; it needs at least %d MiB", o.Memory, minMemory>>20)
	}
	return nil
}

// withinMemory lowers the limits to what memory and file descriptors allow.
func withinMemory(opts *server.Options, plan memoryPlan, log *slog.Logger) {
	atMost := func(limit, most int) int {
		if limit <= 0 {
			return most
		}
		return min(limit, most)
	}
	opts.MaxConn = atMost(opts.MaxConn, min(server.DEFAULT_MAX_CONNECTIONS, plan.connections(), descriptors()-reservedDescriptors))
	opts.MaxPending = int64(atMost(int(opts.MaxPending), int(plan.each)))
	if int64(opts.MaxPayload) > plan.payload {
		log.Info("largest message lowered to fit the memory", "bytes", plan.payload, "wanted", opts.MaxPayload, "memory", plan.limit)
		opts.MaxPayload = int32(plan.payload)
	}
	opts.MaxSubs = atMost(opts.MaxSubs, plan.subscriptions())
	opts.MaxSubTokens = uint8(atMost(int(opts.MaxSubTokens), maxSubjectParts))
	opts.MaxClosedClients = atMost(opts.MaxClosedClients, maxClosed)
}

// reservedDescriptors are kept for what is no connection of a client: the program,
// its log, files that are read again, and connections that are being refused.
const reservedDescriptors = 128

func fromFile(o Options) (*server.Options, error) {
	logger := o.Logger
	name := o.Config
	o.Config, o.Logger, o.Memory = "", nil, 0
	if o != (Options{}) {
		return nil, fmt.Errorf("broker: %s says everything: put the address, TLS and limits there", name)
	}
	if err := trust.Check(name); err != nil {
		return nil, fmt.Errorf("broker: configuration: %w", err)
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
