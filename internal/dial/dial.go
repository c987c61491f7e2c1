// Package dial connects to a host by name when some of its addresses are silent.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// stagger is how long an address may be silent before the next is tried beside
	// it, as RFC 8305 has it for browsers.
	stagger = 250 * time.Millisecond

	// maxAddresses bounds what one name costs.
	maxAddresses = 16
)

// A Dialer opens TCP connections. The zero value is ready for use.
//
// The library's own gives each address of a family at least two seconds, which is
// all that an attempt on a broker has: the second address is never tried.
type Dialer struct {
	// Lookup resolves a name. Default net.DefaultResolver.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Connect connects to one address. Default net.Dialer.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// Dial connects to the first address of the host that answers. Those that are
// still silent after a moment are kept waiting while the next is tried.
func (d Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.Connect == nil {
		d.Connect = new(net.Dialer).DialContext
	}
	if d.Lookup == nil {
		d.Lookup = net.DefaultResolver.LookupNetIP
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return d.Connect(ctx, network, net.JoinHostPort(ip.String(), port))
	}
	ips, err := d.Lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, ip := range alternate(ips) {
		addresses = append(addresses, net.JoinHostPort(ip.String(), port))
	}
	switch len(addresses) {
	case 0:
		return nil, fmt.Errorf("%s has no address", host)
	case 1:
		return d.Connect(ctx, network, addresses[0])
	}
	return d.race(ctx, network, addresses)
}

// alternate orders addresses so that a family that leads nowhere costs one moment,
// not one for each of its addresses.
func alternate(ips []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr
	for _, ip := range ips {
		ip = ip.Unmap()
		k := 0
		if ip.Is4() != ips[0].Unmap().Is4() {
			k = 1
		}
		families[k] = append(families[k], ip)
	}
	var all []netip.Addr
	for i := 0; i < len(families[0]) || i < len(families[1]); i++ {
		for _, f := range families {
			if i < len(f) && len(all) < maxAddresses {
				all = append(all, f[i])
			}
		}
	}
	return all
}

type outcome struct {
	index int
	conn  net.Conn
	err   error
}

func (d Dialer) race(ctx context.Context, network string, addresses []string) (net.Conn, error) {
	trying, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	outcomes := make(chan outcome, len(addresses)) // nobody waits to tell
	defer func() {
		cancel()
		group.Wait()
		close(outcomes)
		for o := range outcomes { // second winners
			if o.conn != nil {
				o.conn.Close()
			}
		}
	}()
	next := 0
	start := func() {
		i := next
		next++
		group.Go(func() {
			conn, err := d.Connect(trying, network, addresses[i])
			outcomes <- outcome{i, conn, err}
		})
	}
	start()
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	causes := make([]error, len(addresses))
	for failed := 0; failed < len(addresses); {
		select {
		case o := <-outcomes:
			if o.err == nil {
				return o.conn, nil
			}
			causes[o.index] = o.err
			failed++
		case <-timer.C:
		case <-ctx.Done():
			return nil, &Error{addresses, causes, ctx.Err()}
		}
		if next < len(addresses) {
			start()
			timer.Reset(stagger)
		}
	}
	return nil, &Error{addresses, causes, nil}
}

// An Error is why none of several addresses was of use.
type Error struct {
	addresses []string
	causes    []error // nil: it was silent
	end       error   // of the context, if that was it
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("no address answered: ")
	for i, a := range e.addresses {
		if i > 0 {
			b.WriteString(", ")
		}
		var op *net.OpError
		switch {
		case errors.As(e.causes[i], &op):
			fmt.Fprintf(&b, "%s: %v", a, op.Err)
		case e.causes[i] != nil:
			fmt.Fprintf(&b, "%s: %v", a, e.causes[i])
		default:
			fmt.Fprintf(&b, "%s: silent", a)
		}
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range append([]error{e.end}, e.causes...) {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}
