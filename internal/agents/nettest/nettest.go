// Package nettest is the agent that pings other machines and connects to them.
//
// Actions, inputs, outputs and texts are those of the agent published for Ruby
// MCollective.
package nettest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"mcollective/agent"
	"mcollective/rpc"
)

//go:embed nettest.yaml
var definition []byte

const (
	connectTime = 2 * time.Second // as the published agent has it
	pingTime    = 5 * time.Second
	resolveTime = 10 * time.Second
)

// Options configure the agent.
type Options struct {
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)            // default: the system's
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)    // default: package net's
	Ping   func(ctx context.Context, to netip.Addr) (rtt time.Duration, err error) // default: an ICMP echo
}

func (o Options) settled() Options {
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Ping == nil {
		o.Ping = ping
	}
	return o
}

// An Agent is the agent nettest.
type Agent struct {
	*agent.Mux
	opts Options
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	a := &Agent{opts: o.settled()}
	var err error
	a.Mux, err = agent.NewMux("nettest.yaml", definition, map[string]agent.ActionFunc{"ping": a.ping, "connect": a.connect})
	return a, err
}

// resolve finds the addresses of a host.
func (o Options) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	addrs, err := o.Lookup(ctx, host)
	if err != nil || len(addrs) == 0 {
		return nil, rpc.Errorf(rpc.Aborted, "Cannot resolve hostname")
	}
	return addrs, nil
}

// ping reports the time of the first address that answers, in milliseconds.
func (a *Agent) ping(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	host, _ := req.String("fqdn")
	addrs, err := a.opts.resolve(ctx, host)
	if err != nil {
		return err
	}
	var failed error
	for _, addr := range addrs[:min(len(addrs), 4)] {
		within, cancel := context.WithTimeout(ctx, pingTime)
		rtt, err := a.opts.Ping(within, addr.Unmap())
		cancel()
		if err == nil {
			reply.Set("rtt", float64(rtt)/float64(time.Millisecond))
			return nil
		}
		failed = err
	}
	if errors.Is(failed, context.DeadlineExceeded) || errors.Is(failed, os.ErrDeadlineExceeded) {
		return rpc.Errorf(rpc.Aborted, "Cannot reach host")
	}
	return rpc.Errorf(rpc.Aborted, "Cannot reach host: %v", failed)
}

func (a *Agent) connect(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	host, _ := req.String("fqdn")
	port, _ := req.Int("port")
	if port < 1 || port > 65535 {
		return rpc.Errorf(rpc.InvalidData, "there is no port %d", port)
	}
	addrs, err := a.opts.resolve(ctx, host)
	if err != nil {
		return err
	}
	took, err := a.opts.reach(ctx, addrs, int(port))
	reply.Set("connect", err == nil)
	switch timeout := net.Error(nil); {
	case err == nil:
		reply.Set("connect_status", "Connected")
		reply.Set("connect_time", took.Seconds())
	case errors.As(err, &timeout) && timeout.Timeout():
		reply.Set("connect_status", "Connection Timeout")
	case errors.Is(err, syscall.ECONNREFUSED):
		reply.Set("connect_status", "Connection Refused")
	default:
		// The published agent knows no other failure, and clients sum the texts up.
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
		reply.Set("connect_status", fmt.Sprintf("Connection Failed: %v", err))
	}
	return nil
}

// reach connects to the first address that lets it, within two seconds for all.
func (o Options) reach(ctx context.Context, addrs []netip.Addr, port int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	var failed error
	for _, addr := range addrs {
		begin := time.Now()
		conn, err := o.Dial(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(port)))
		if err == nil {
			conn.Close()
			return time.Since(begin), nil
		}
		failed = err
		if ctx.Err() != nil {
			break
		}
	}
	return 0, failed
}
