package dial

import (
	"context"
	"errors"
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
				conn, err := addressed(test.ips, &tried).Dial(ctx, "tcp", "broker:4222")
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
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
		_, err := addressed("192.0.2.66 192.0.2.99", &tried).Dial(ctx, "tcp", "broker:4222")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a deadline", err)
		}
		for _, part := range []string{"192.0.2.66:4222: silent", "192.0.2.99:4222: connection refused"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %q", part, err)
			}
		}
		_, err = addressed("192.0.2.99 192.0.3.99", &tried).Dial(t.Context(), "tcp", "broker:4222")
		if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "192.0.3.99") {
			t.Errorf("got %v, want refusals", err)
		}
	})
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
		if _, err := d.Dial(t.Context(), "tcp", address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
