package stomp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	// headStart is how long an address may take before the next one of the same
	// name is tried beside it, as RFC 8305 has it.
	headStart = 250 * time.Millisecond
	// mostAddresses bounds how many addresses of a name are tried.
	mostAddresses = 16
)

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

// addresses are what a server's name stands for, as host:port.
func (c *Client) addresses(ctx context.Context, srv Server) ([]string, error) {
	if c.opts.Lookup == nil {
		return []string{srv.Addr()}, nil
	}
	if _, err := netip.ParseAddr(srv.Host); err == nil {
		return []string{srv.Addr()}, nil
	}
	hosts, err := c.opts.Lookup(ctx, srv.Host)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("%s has no address", srv.Host)
	}
	addrs := make([]string, 0, min(len(hosts), mostAddresses))
	for _, host := range hosts[:cap(addrs)] {
		srv.Host = host
		addrs = append(addrs, srv.Addr())
	}
	return addrs, nil
}

// A dialed is a connection to one address, or why there is none.
type dialed struct {
	addr string
	conn net.Conn
	err  error
}

// race connects to the first address that accepts, beginning with the first one
// and giving each a head start. It returns the addresses that may still be good
// for a connection.
func (c *Client) race(ctx context.Context, addrs []string) (won dialed, rest []string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed, len(addrs))
	next, running := 0, 0
	start := func() {
		addr := addrs[next]
		next++
		running++
		go func() {
			conn, err := c.opts.Dial(ctx, "tcp", addr)
			results <- dialed{addr, conn, err}
		}()
	}
	start()
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	failed := map[string]bool{}
	var causes addressErrors
	for running > 0 {
		late := timer.C
		if next == len(addrs) {
			late = nil
		}
		select {
		case <-late:
			start()
			timer.Reset(headStart)
		case d := <-results:
			running--
			if d.err == nil {
				for _, a := range addrs {
					if a != d.addr && !failed[a] {
						rest = append(rest, a)
					}
				}
				go discard(results, running)
				return d, rest, nil
			}
			failed[d.addr] = true
			causes = append(causes, Attempt{d.addr, plain(d.err)})
			if next < len(addrs) {
				start()
				timer.Reset(headStart)
			}
		}
	}
	return won, nil, causes
}

// addressErrors are why none of the addresses of one name could be used.
type addressErrors []Attempt

func (e addressErrors) Error() string {
	var b strings.Builder
	for i, a := range e {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %v", a.Server, a.Err)
	}
	return b.String()
}

// Unwrap returns each address's cause.
func (e addressErrors) Unwrap() []error {
	all := make([]error, len(e))
	for i, a := range e {
		all[i] = a.Err
	}
	return all
}

// discard closes the connections that come too late.
func discard(results <-chan dialed, n int) {
	for range n {
		if d := <-results; d.conn != nil {
			d.conn.Close()
		}
	}
}
