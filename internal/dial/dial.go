// Package dial connects to a host by name when some of its addresses are silent or
// lead to something that is of no use.
package dial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// stagger is how long an address may be silent before the next is tried beside
	// it, as RFC 8305 recommends.
	stagger = 250 * time.Millisecond

	// maxAddresses bounds what one name costs.
	maxAddresses = 16
)

// A Dialer opens connections. The zero value is ready for use.
//
// net.Dialer gives each address of a family at least two seconds, which may be all
// that an attempt on a broker has: the second address would never be tried.
type Dialer struct {
	// Lookup resolves a name, all of whose addresses are tried. Default that of
	// net.DefaultResolver, and to leave names to Connect if that is set.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Connect connects to one address. It must return soon after ctx ended. Default
	// that of net.Dialer.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// Dial connects to an address of the host and hands the connection to use, which
// logs in, or whatever else makes the connection one of use. If that fails, the
// connection is closed and the remaining addresses are tried, unless the error is a
// Final one.
//
// An address that is still silent after a moment is kept waiting while the next is
// tried. Of the time that ctx leaves, use has a share, so that what accepts a
// connection and then keeps silent leaves time for the others. When the share is
// over, reads and writes of the connection fail.
//
// The error is that of the address if there is only one, else an *Error.
func (d Dialer) Dial(ctx context.Context, network, address string, use func(context.Context, net.Conn) error) error {
	all, err := d.addresses(ctx, address)
	if err != nil {
		return err
	}
	if d.Connect == nil {
		d.Connect = new(net.Dialer).DialContext
	}
	e := &Error{all, make([]error, len(all)), nil}
	for {
		i, conn := d.race(ctx, network, e)
		switch {
		case conn == nil && len(all) > 1:
			return e
		case conn == nil:
			return cmp.Or(e.causes[0], e.end)
		}
		err := enter(ctx, conn, e.left(), use)
		if err == nil {
			return nil
		}
		conn.Close()
		if f, ok := errors.AsType[*final](err); ok {
			return f.error
		}
		e.causes[i] = err
	}
}

// Final returns an error that another address of the host would not mend.
func Final(err error) error { return &final{err} }

type final struct{ error }

// enter calls use with a share of the time that ctx leaves.
func enter(ctx context.Context, conn net.Conn, shares int, use func(context.Context, net.Conn) error) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(shares))
		defer cancel()
	}
	// The deadline stands in for ctx, which reads and writes do not know.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err := use(ctx, conn)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	return err
}

// addresses returns what a host and port stand for.
func (d Dialer) addresses(ctx context.Context, address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []string{net.JoinHostPort(ip.String(), port)}, nil
	}
	lookup := d.Lookup
	switch {
	case lookup != nil:
	case d.Connect != nil:
		return []string{address}, nil
	default:
		lookup = net.DefaultResolver.LookupNetIP
	}
	ips, err := lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, ip := range alternate(ips) {
		all = append(all, net.JoinHostPort(ip.String(), port))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return all, nil
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

// race connects to the first that accepts of the addresses of e that have no cause
// yet, and returns its index. The others that fail meanwhile get their causes. There
// is no connection if all have one, or ctx has ended.
func (d Dialer) race(ctx context.Context, network string, e *Error) (int, net.Conn) {
	trying, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	outcomes := make(chan outcome, len(e.addresses)) // has room for all, so none blocks
	defer func() {
		cancel()
		group.Wait()
		close(outcomes)
		for o := range outcomes { // those that came second
			if o.conn != nil {
				o.conn.Close()
			}
		}
	}()
	next, running := 0, 0
	start := func() {
		for ; next < len(e.addresses); next++ {
			if i := next; e.causes[i] == nil {
				next++
				running++
				group.Go(func() {
					conn, err := d.Connect(trying, network, e.addresses[i])
					outcomes <- outcome{i, conn, err}
				})
				return
			}
		}
	}
	start()
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	for running > 0 {
		select {
		case o := <-outcomes:
			running--
			if o.err == nil {
				return o.index, o.conn
			}
			if e.end = ctx.Err(); e.end != nil {
				return 0, nil
			}
			e.causes[o.index] = o.err
		case <-timer.C:
		case <-ctx.Done():
			e.end = ctx.Err()
			return 0, nil
		}
		start()
		timer.Reset(stagger)
	}
	return 0, nil
}

// An Error is why none of several addresses was of use.
type Error struct {
	addresses []string
	causes    []error // nil: it was silent
	end       error   // of the context, if that was it
}

// left counts the addresses that may still be good, the one in use included.
func (e *Error) left() (n int) {
	for _, cause := range e.causes {
		if cause == nil {
			n++
		}
	}
	return n
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	for i, a := range e.addresses {
		if i > 0 {
			b.WriteString(", ")
		}
		if cause := e.causes[i]; cause != nil {
			fmt.Fprintf(&b, "%s: %v", a, Plain(cause))
		} else {
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

// Plain leaves out of a network error the addresses, which the caller names and
// which differ with each attempt.
func Plain(err error) error {
	for {
		switch e := err.(type) { //lint:allow errcompare takes off one layer after the other
		case *net.OpError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		default:
			return err
		}
	}
}
