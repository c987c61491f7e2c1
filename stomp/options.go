package stomp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Server is one broker of the pool.
type Server struct {
	Host            string // a name, looked up anew at each attempt, or an address, [::1] as well as ::1
	Port            int    // default 61613
	Login, Passcode string

	// TLS makes the connection a TLS one. The broker's certificate is verified
	// against RootCAs and Host (or ServerName), and TLS 1.2 is the least, unless
	// the configuration says otherwise. Nil is a plain connection.
	// It is called for each connection, so that files can be renewed.
	TLS func() (*tls.Config, error)
}

// Addr is host:port.
func (s Server) Addr() string {
	port := s.Port
	if port == 0 {
		port = 61613
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port))
}

// Options say how a Client connects. Only Servers is required.
type Options struct {
	Servers   []Server
	Randomize bool   // begin each round at a random server instead of the first
	VHost     string // the host header. Default the server's Host

	// Versions are what we offer, the broker takes its favourite. Default 1.1 and 1.0.
	Versions []Version

	// EscapeAlways escapes header fields as in 1.2 whatever the version, CONNECT
	// included, since that is how RabbitMQ reads and writes them.
	EscapeAlways bool

	// Heartbeat is the interval that we offer and ask for, in both directions.
	// Default 30 s, negative for none. Brokers that speak 1.0 have none.
	Heartbeat time.Duration
	// MaxMissed is how many agreed intervals without a byte end a connection. Default 2.
	MaxMissed int

	ConnectTimeout time.Duration // for one attempt until CONNECTED. Default 30 s
	WriteTimeout   time.Duration // for each write to the socket. Default 10 s
	CloseTimeout   time.Duration // how long Close waits for the broker. Default 5 s

	Backoff Backoff
	// MaxAttempts is how many attempts in a row may fail before the client gives
	// up. Default 0: it never does.
	MaxAttempts int

	Limits Limits // of received frames
	// MaxBuffered is how many bytes may stand in line for the socket before Send
	// waits. Default 256 KiB.
	MaxBuffered int

	// Logger is told of connections made and lost. The same text comes at most
	// once a minute. Default: nobody is.
	Logger *slog.Logger
	// OnState is called with each change of state, in order, by one goroutine.
	// It must not call the client's blocking methods.
	OnState func(State)
	// Dial opens the transport. It must return soon after ctx ended. Default that of
	// net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Lookup finds the addresses of a name, all of which are tried. Default that of
	// net.DefaultResolver, and to leave names to Dial when that is set.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Random is the source of jitter and of the server order, from 0 to below 1;
	// it is called by one goroutine at a time. Default math/rand/v2.
	Random func() float64
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Servers) == 0 {
		return o, errors.New("stomp: no servers to connect to")
	}
	o.Servers = slices.Clone(o.Servers)
	for i, s := range o.Servers {
		if s.Host == "" {
			return o, fmt.Errorf("stomp: server %d of the pool has no host", i+1)
		}
		host, err := hostName(s.Host)
		if err != nil {
			return o, fmt.Errorf("stomp: server %d of the pool: %w", i+1, err)
		}
		o.Servers[i].Host = host
		if s.Port < 0 || s.Port > 65535 {
			return o, fmt.Errorf("stomp: server %s: %d is not a port", s.Host, s.Port)
		}
	}
	if len(o.Versions) == 0 {
		o.Versions = []Version{V11, V10}
	}
	positive(&o.Heartbeat, 30*time.Second)
	positive(&o.ConnectTimeout, 30*time.Second)
	positive(&o.WriteTimeout, 10*time.Second)
	positive(&o.CloseTimeout, 5*time.Second)
	positive(&o.MaxMissed, 2)
	positive(&o.MaxBuffered, 256<<10)
	o.Limits = o.Limits.withDefaults()
	o.Backoff = o.Backoff.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return o, nil
}

// hostName returns a host as the network knows it: an address without the
// brackets that URLs put around it, or a name.
func hostName(host string) (string, error) {
	bare := host
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if bare, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(bare, ":") {
			return "", fmt.Errorf("host %q is no address", host)
		}
	}
	if strings.ContainsRune(bare, ':') {
		if _, err := netip.ParseAddr(bare); err != nil {
			return "", fmt.Errorf("host %q is no address; a port is a setting of its own", host)
		}
		return bare, nil
	}
	if strings.ContainsFunc(bare, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("/@[]?#,", r) }) {
		return "", fmt.Errorf("host %q is no name", host)
	}
	return bare, nil
}

// positive sets what is not to its default; a negative Heartbeat stays.
func positive[T int | time.Duration](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}
