package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/internal/subtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// list is what was tried, in order.
type list struct {
	mu    sync.Mutex
	texts []string
}

func (l *list) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts = append(l.texts, text)
}

func (l *list) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.texts, " ")
}

// addressed is a Dialer to hosts that behave as their address says.
func addressed(ips string, tried *list) Dialer {
	var all []netip.Addr
	for ip := range strings.FieldsSeq(ips) {
		all = append(all, netip.MustParseAddr(ip))
	}
	return Dialer{
		Lookup: func(context.Context, string, string) ([]netip.Addr, error) { return all, nil },
		Connect: func(ctx context.Context, _, address string) (net.Conn, error) {
			tried.add(address)
			switch host, _, _ := net.SplitHostPort(address); {
			case strings.HasSuffix(host, ".66") || strings.HasSuffix(host, "::66"): // silent
				<-ctx.Done()
				return nil, ctx.Err()
			case strings.HasSuffix(host, ".99"):
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			}
			ours, theirs := net.Pipe()
			theirs.Close()
			return ours, nil
		},
	}
}

// take uses a connection for nothing.
func take(_ context.Context, conn net.Conn) error { return conn.Close() }

func TestSilentAddressesCostAMoment(t *testing.T) {
	for _, test := range []struct {
		ips   string
		tried string
		took  time.Duration
	}{
		{"192.0.2.1", "192.0.2.1:4222", 0},
		{"192.0.2.66 192.0.2.1", "192.0.2.66:4222 192.0.2.1:4222", stagger},
		{"192.0.2.66 192.0.3.66 192.0.2.1 192.0.2.2", "192.0.2.66:4222 192.0.3.66:4222 192.0.2.1:4222", 2 * stagger},
		{"192.0.2.99 192.0.2.1", "192.0.2.99:4222 192.0.2.1:4222", 0},
		{"2001:db8::66 2001:db8:1::66 192.0.2.1", "[2001:db8::66]:4222 192.0.2.1:4222", stagger},
		{"::ffff:192.0.2.1", "192.0.2.1:4222", 0},
	} {
		t.Run(test.ips, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tried list
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				started := time.Now()
				err := addressed(test.ips, &tried).Dial(ctx, "tcp", "broker:4222", take)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(started); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if got := tried.String(); got != test.tried {
					t.Errorf("tried %s, want %s", got, test.tried)
				}
			})
		})
	}
}

func TestNoAddressAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried list
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := addressed("192.0.2.66 192.0.2.99", &tried).Dial(ctx, "tcp", "broker:4222", take)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a deadline", err)
		}
		for _, part := range []string{"192.0.2.66:4222: silent", "192.0.2.99:4222: connection refused"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %q", part, err)
			}
		}
		err = addressed("192.0.2.99 192.0.3.99", &tried).Dial(t.Context(), "tcp", "broker:4222", take)
		if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "192.0.3.99") {
			t.Errorf("got %v, want refusals", err)
		}
	})
}

// TestUseless has addresses that accept a connection and then are of no use.
func TestUseless(t *testing.T) {
	for name, test := range map[string]struct {
		ips   string
		tried string
		took  time.Duration
		err   string
	}{
		"the first hangs up":         {"192.0.2.3 192.0.2.1", "192.0.2.3:1 192.0.2.1:1", 0, ""},
		"the first keeps silent":     {"192.0.2.4 192.0.2.1", "192.0.2.4:1 192.0.2.1:1", 2 * time.Second, ""},
		"silent in all ways":         {"192.0.2.66 192.0.2.4 192.0.2.1", "192.0.2.66:1 192.0.2.4:1 192.0.2.66:1 192.0.2.1:1", 2*stagger + (4*time.Second-stagger)/3, ""},
		"none is of use":             {"192.0.2.3 192.0.2.4", "192.0.2.3:1 192.0.2.4:1", 4 * time.Second, "192.0.2.3:1: EOF, 192.0.2.4:1: i/o timeout"},
		"one is of no use":           {"192.0.2.3", "192.0.2.3:1", 0, "EOF"},
		"one is silent":              {"192.0.2.66", "192.0.2.66:1", 4 * time.Second, "context deadline exceeded"},
		"no other would do":          {"192.0.2.5 192.0.2.1", "192.0.2.5:1", 0, "denied"},
		"no other would do, at last": {"192.0.2.3 192.0.2.5", "192.0.2.3:1 192.0.2.5:1", 0, "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tried list
				var opened []net.Conn
				d := addressed(test.ips, &tried)
				connect := d.Connect
				d.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := connect(ctx, network, address)
					if err != nil {
						return nil, err
					}
					conn.Close()
					ours, theirs := net.Pipe()
					switch address {
					case "192.0.2.3:1":
						theirs.Close()
					case "192.0.2.1:1":
						go theirs.Write([]byte("welcome"))
					case "192.0.2.5:1":
						go theirs.Write([]byte("denied!"))
					}
					t.Cleanup(func() { theirs.Close() })
					opened = append(opened, ours)
					return ours, nil
				}
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				started := time.Now()
				var used net.Conn
				err := d.Dial(ctx, "tcp", "broker:1", func(_ context.Context, conn net.Conn) error {
					word := make([]byte, 7)
					if _, err := io.ReadFull(conn, word); err != nil {
						return err
					}
					if string(word) == "denied!" {
						return Final(errors.New("denied"))
					}
					used = conn
					return nil
				})
				if took := time.Since(started); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if got := tried.String(); got != test.tried {
					t.Errorf("tried %s, want %s", got, test.tried)
				}
				if got := fmt.Sprint(err); err == nil && test.err != "" || err != nil && got != test.err {
					t.Errorf("error %s, want %q", got, test.err)
				}
				for _, conn := range opened {
					if err := conn.SetDeadline(time.Time{}); (err == nil) != (conn == used) {
						t.Errorf("connection in use %v, closed: %v", conn == used, err)
					}
				}
				if used != nil {
					used.Close()
				}
			})
		})
	}
}

func TestManyAddressesAreBounded(t *testing.T) {
	var ips []netip.Addr
	for i := range 100 {
		ips = append(ips, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	if got := alternate(ips); len(got) != maxAddresses || !slices.Equal(got, ips[:maxAddresses]) {
		t.Errorf("%d addresses", len(got))
	}
}

func TestLiterals(t *testing.T) {
	d := Dialer{
		Lookup: func(context.Context, string, string) ([]netip.Addr, error) { return nil, errors.New("looked up") },
		Connect: func(_ context.Context, _, address string) (net.Conn, error) {
			return nil, errors.New("to " + address)
		},
	}
	for address, want := range map[string]string{"[::1]:4222": "to [::1]:4222", "192.0.2.1:1": "to 192.0.2.1:1", "[fe80::1%lo]:1": "to [fe80::1%lo]:1", "::1": "too many colons", "broker:1": "looked up"} {
		t.Run(subtest.Name(address), func(t *testing.T) {
			if err := d.Dial(t.Context(), "tcp", address, take); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", address, err, want)
			}
		})
	}
}
