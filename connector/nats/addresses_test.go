package nats

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mcollective/broker"
)

// named returns options for a broker whose name has several addresses, which behave
// as their last number says.
func named(t *testing.T, addresses string, good string) Options {
	o := quick(Options{Servers: []string{"broker.test:4222"}, Identity: "node", ConnectTimeout: 2 * time.Second})
	o.dial.Lookup = func(context.Context, string, string) (all []netip.Addr, _ error) {
		for a := range strings.FieldsSeq(addresses) {
			all = append(all, netip.MustParseAddr(a))
		}
		return all, nil
	}
	o.dial.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		switch address {
		case "192.0.2.1:4222": // does not answer
			<-ctx.Done()
			return nil, ctx.Err()
		case "192.0.2.2:4222": // accepts, and keeps silent
			return ours, nil
		case "192.0.2.3:4222": // accepts, and is something else
			go theirs.Write([]byte("220 mail\r\n"))
			return ours, nil
		case "192.0.2.4:4222":
			return new(net.Dialer).DialContext(ctx, network, good)
		}
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return o
}

var leftOver = regexp.MustCompile(`within 2\d\dms`)

// A name leads to the broker if one of its addresses does.
func TestAddresses(t *testing.T) {
	good := startBroker(t, broker.Options{}).opts.Listen
	for _, addresses := range []string{"192.0.2.1 192.0.2.4", "192.0.2.2 192.0.2.4", "192.0.2.3 192.0.2.4", "192.0.2.1 192.0.2.9 192.0.2.3 192.0.2.4"} {
		t.Run(addresses, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c, err := Connect(ctx, named(t, addresses, good))
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
	}
	for addresses, want := range map[string]string{
		"192.0.2.1":                     "broker.test:4222: no connection within 300ms: ",
		"192.0.2.2":                     "broker.test:4222: connected, but no NATS broker answered within 300ms: ",
		"192.0.2.9":                     "broker.test:4222: connection refused",
		"192.0.2.1 192.0.2.9":           "broker.test:4222: no broker within 300ms: 192.0.2.1:4222: silent, 192.0.2.9:4222: connection refused",
		"192.0.2.3 192.0.2.9 192.0.2.2": "within 300ms: 192.0.2.3:4222: what listens there is no NATS broker: it says \"220 mail\\r\\n\", 192.0.2.9:4222: connection refused, 192.0.2.2:4222: connected, but no",
		"":                              "broker.test has no address",
	} {
		t.Run("not "+addresses, func(t *testing.T) {
			o := named(t, addresses, good)
			o.ConnectTimeout = 300 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := Connect(ctx, o)
			// What was left of the time when the attempt began is a little less.
			if err == nil || !strings.Contains(leftOver.ReplaceAllString(err.Error(), "within 300ms"), want) {
				t.Errorf("error %v, want %s", err, want)
			}
			if strings.Contains(want, "within") != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("deadline: %v", err)
			}
		})
	}
	t.Run("broken off", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		o := named(t, "192.0.2.1 192.0.2.2", good)
		connect := o.dial.Connect
		o.dial.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
			cancel(errors.New("the user pressed a key"))
			return connect(ctx, network, address)
		}
		if _, err := Connect(ctx, o); err == nil || !strings.Contains(err.Error(), "the user pressed a key") {
			t.Errorf("error %v", err)
		}
	})
}
