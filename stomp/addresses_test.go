package stomp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mcollective/stomp"
	"mcollective/stomp/stomptest"
)

// An address is how a broker behind one of the addresses of a name behaves.
type address func(ctx context.Context, b *stomptest.Broker) (net.Conn, error)

var addresses = map[string]address{
	"192.0.2.1": func(ctx context.Context, _ *stomptest.Broker) (net.Conn, error) { // does not answer
		<-ctx.Done()
		return nil, ctx.Err()
	},
	"192.0.2.2": func(context.Context, *stomptest.Broker) (net.Conn, error) { return nil, errors.New("refused") },
	"192.0.2.3": func(context.Context, *stomptest.Broker) (net.Conn, error) { // accepts, and is silent
		ours, _ := net.Pipe()
		return ours, nil
	},
	"192.0.2.4": func(ctx context.Context, b *stomptest.Broker) (net.Conn, error) { return b.Dial(ctx, "", "") },
}

// TestAddresses has a name with several addresses, of which the last one is good
// at most.
func TestAddresses(t *testing.T) {
	for name, test := range map[string]struct {
		hosts []string
		most  time.Duration // until connected
		err   string        // or why not
	}{
		"the first does not answer": {[]string{"192.0.2.1", "192.0.2.4"}, 300 * time.Millisecond, ""},
		"several do not answer":     {[]string{"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.4"}, 600 * time.Millisecond, ""},
		"the first refuses":         {[]string{"192.0.2.2", "192.0.2.4"}, 0, ""},
		"the first is silent":       {[]string{"192.0.2.3", "192.0.2.4"}, 15 * time.Second, ""},
		"all refuse":                {[]string{"192.0.2.2", "192.0.2.2"}, 0, "broker.test:61613: 192.0.2.2:61613: refused, 192.0.2.2:61613: refused"},
		"none answers":              {[]string{"192.0.2.1", "192.0.2.3"}, 30 * time.Second, "no answer within 30s"},
		"no address":                {nil, 0, "broker.test has no address"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newBench(t, stomptest.Options{})
				var mu sync.Mutex
				var dialled []string
				s.opts.Lookup = func(_ context.Context, _, host string) (all []netip.Addr, _ error) {
					if host != "broker.test" {
						t.Errorf("looked up %q", host)
					}
					for _, h := range test.hosts {
						all = append(all, netip.MustParseAddr(h))
					}
					return all, nil
				}
				s.opts.Dial = func(ctx context.Context, _, addr string) (net.Conn, error) {
					mu.Lock()
					dialled = append(dialled, addr)
					mu.Unlock()
					return addresses[strings.TrimSuffix(addr, ":61613")](ctx, s.b)
				}
				if test.err != "" {
					s.opts.MaxAttempts = 1
				}
				start := time.Now()
				c, err := stomp.Dial(t.Context(), s.opts)
				if d := time.Since(start); d > test.most {
					t.Errorf("took %v", d)
				}
				if test.err != "" {
					if err == nil || !strings.Contains(err.Error(), test.err) {
						t.Errorf("error %v", err)
					}
					return
				}
				if err != nil {
					t.Fatalf("%v, dialled %v", err, dialled)
				}
				if st := c.State(); st.Server != "broker.test:61613" {
					t.Errorf("state %+v", st)
				}
				c.Close()
			})
		})
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"[::1]": "[::1]:61613", "::1": "[::1]:61613", "fe80::1%eth0": "[fe80::1%eth0]:61613", "192.0.2.1": "192.0.2.1:61613",
		"broker_1.example.net": "broker_1.example.net:61613",
		"broker:61613":         "", "[::1": "", "[broker]": "", "[]": "", "[::1]:61613": "", "a b": "", "tcp://broker": "", "user@broker": "",
	} {
		t.Run(host, func(t *testing.T) {
			var dialled []string
			_, err := stomp.Dial(t.Context(), stomp.Options{
				Servers: []stomp.Server{{Host: host}}, MaxAttempts: 1,
				Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
					dialled = append(dialled, addr)
					return nil, errors.New("down")
				},
			})
			if want == "" && (dialled != nil || !strings.Contains(err.Error(), "server 1 of the pool: host ")) {
				t.Errorf("dialled %v, %v", dialled, err)
			}
			if want != "" && !slices.Equal(dialled, []string{want}) {
				t.Errorf("dialled %v, want %s", dialled, want)
			}
		})
	}
}
