package nettest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/data"
	"mcollective/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newAgent(t *testing.T, o Options) *Agent {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func port(t *testing.T, l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func TestConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := port(t, l)
	defer l.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := port(t, other)
	other.Close()
	a := newAgent(t, Options{})
	reply := agenttest.OK(t, a, "connect", "fqdn", "127.0.0.1", "port", open)
	if !agenttest.Output[bool](t, reply, "connect") || agenttest.Output[string](t, reply, "connect_status") != "Connected" || agenttest.Output[float64](t, reply, "connect_time") <= 0 {
		t.Errorf("%+v", reply.Data)
	}
	reply = agenttest.OK(t, a, "connect", "fqdn", "localhost", "port", closed)
	if agenttest.Output[bool](t, reply, "connect") || agenttest.Output[string](t, reply, "connect_status") != "Connection Refused" {
		t.Errorf("%+v", reply.Data)
	}
	if v, _ := reply.Output("connect_time"); v != nil {
		t.Error(v)
	}
	for _, wrong := range []int{0, -1, 65536, 1 << 40} {
		if reply := agenttest.Call(t, a, "connect", "fqdn", "localhost", "port", wrong); reply.Status != rpc.InvalidData {
			t.Errorf("port %d: %d %s", wrong, reply.Status, reply.Message)
		}
	}
}

func TestConnectFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := error(nil)
		a := newAgent(t, Options{
			Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
				if host == "none.example.net" {
					return nil, &net.DNSError{Err: "no such host"}
				}
				return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}, nil
			},
			Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
				if failure != nil {
					return nil, &net.OpError{Op: "dial", Err: failure}
				}
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
			},
		})
		begin := time.Now()
		reply := agenttest.OK(t, a, "connect", "fqdn", "a.example.net", "port", 1)
		if got := agenttest.Output[string](t, reply, "connect_status"); got != "Connection Timeout" || time.Since(begin) != connectTime {
			t.Error(got, time.Since(begin))
		}
		failure = syscall.EHOSTUNREACH
		reply = agenttest.OK(t, a, "connect", "fqdn", "a.example.net", "port", 1)
		if got := agenttest.Output[string](t, reply, "connect_status"); !strings.Contains(got, "no route to host") {
			t.Error(got)
		}
		for _, action := range [][]any{{"ping"}, {"connect", "port", 1}} {
			reply := agenttest.Call(t, a, action[0].(string), append(action[1:], "fqdn", "none.example.net")...)
			if reply.Status != rpc.Aborted || reply.Message != "Cannot resolve hostname" {
				t.Errorf("%d %s", reply.Status, reply.Message)
			}
		}
	})
}

func TestPing(t *testing.T) {
	silent := netip.MustParseAddr("192.0.2.1")
	failure := error(context.DeadlineExceeded)
	a := newAgent(t, Options{
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{silent, netip.MustParseAddr("::ffff:192.0.2.2")}, nil
		},
		Ping: func(_ context.Context, to netip.Addr) (time.Duration, error) {
			if to == silent || failure != nil && to.String() != "192.0.2.2" {
				return 0, failure
			}
			return 1500 * time.Microsecond, nil
		},
	})
	if got := agenttest.Output[float64](t, agenttest.OK(t, a, "ping", "fqdn", "a.example.net"), "rtt"); got != 1.5 {
		t.Error(got)
	}
	for want, err := range map[string]error{"Cannot reach host": failure, "Cannot reach host: not permitted": errors.New("not permitted")} {
		failure = err
		if reply := agenttest.Call(t, a, "ping", "fqdn", "192.0.2.1"); reply.Status != rpc.Aborted || reply.Message != want {
			t.Errorf("%d %s", reply.Status, reply.Message)
		}
	}
	for _, host := range []string{"-c", "a b", "a;b", "$(x)", ""} {
		if reply := agenttest.Call(t, a, "ping", "fqdn", host); reply.Status == rpc.OK {
			t.Errorf("%q is a host", host)
		}
	}
}

// Real packets go to this machine itself.
func TestPingHere(t *testing.T) {
	for _, to := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(to)
		conn, _, err := listen(addr)
		if err != nil {
			t.Logf("%s: not allowed here: %v", to, err)
			continue
		}
		conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		rtt, err := ping(ctx, addr)
		cancel()
		if to == "::1" && err != nil {
			t.Logf("no version 6 here: %v", err)
			continue
		}
		if err != nil || rtt <= 0 || rtt > time.Second {
			t.Errorf("%s: %v, %v", to, rtt, err)
		}
	}
}

func TestPingGivesUp(t *testing.T) {
	addr := netip.MustParseAddr("127.0.0.1")
	conn, _, err := listen(addr)
	if err != nil {
		t.Skip(err)
	}
	conn.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ping(ctx, addr); err == nil {
		t.Error("no error when there is no time")
	}
}

func TestData(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := NewData(Options{})
	if err != nil {
		t.Fatal(err)
	}
	set := data.NewSet(d)
	if got, err := set.Data(t.Context(), "nettest", l.Addr().String()); err != nil || got["connect"] != true {
		t.Error(got, err)
	}
	l.Close()
	if got, err := set.Data(t.Context(), "nettest", l.Addr().String()); err != nil || got["connect"] != false {
		t.Error(got, err)
	}
	for _, wrong := range []string{"localhost", "localhost:0", "localhost:65536", "localhost:x", "a b:1"} {
		if got, err := set.Data(t.Context(), "nettest", wrong); err == nil {
			t.Errorf("%q: %v", wrong, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	token := []byte("0123456789abcdef")
	four, six := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	for _, to := range []netip.Addr{four, six} {
		answer := request(to, 1, token)
		answer[0] = map[bool]byte{true: reply4, false: reply6}[to.Is4()]
		f.Add(answer)
		f.Add(append(make([]byte, 20), answer...))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, to := range []netip.Addr{four, six} {
			if _, ok := parse(to, p, token); ok && !strings.Contains(string(p), string(token)) {
				t.Errorf("%q is an answer", p)
			}
		}
	})
}
