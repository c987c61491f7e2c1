package broker

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o Options) *Broker {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

// Who asks for any port does not need the default one.
func TestAnyPort(t *testing.T) {
	if l, err := net.Listen("tcp", DefaultListen); err == nil { // else somebody has it already
		defer l.Close()
	}
	file := filepath.Join(dirtest.New(t), "broker.conf")
	if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Listen: "127.0.0.1:0"}, {Config: file}} {
		if b := start(t, o); b.Addr() == DefaultListen || strings.HasSuffix(b.Addr(), ":0") {
			t.Errorf("%+v: listens on %s", o, b.Addr())
		}
	}
}

func TestRunServesUntilTheContextEnds(t *testing.T) {
	b, err := New(Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- b.Run(ctx, func() { close(ready) }) }()
	waittest.Receive(t, "the broker to be ready", ready)
	nc, err := nats.Connect(b.ClientURL(), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := nc.MaxPayload(); got != 8<<20 {
		t.Errorf("largest message is %d", got)
	}
	if b.Clients() != 1 {
		t.Errorf("%d clients", b.Clients())
	}
	cancel()
	if err := waittest.Receive(t, "the broker to end", done); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", b.Addr()); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

func TestDefaultsAreLocalAndSaySo(t *testing.T) {
	opts, err := settings(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if opts.Host != "127.0.0.1" || opts.Port != 4222 {
		t.Errorf("listens on %s:%d", opts.Host, opts.Port)
	}
	b := start(t, Options{Listen: "127.0.0.1:0"})
	if !b.Local() || !b.Open() || b.TLS() {
		t.Errorf("local %t, open %t, TLS %t", b.Local(), b.Open(), b.TLS())
	}
	wide, err := New(Options{Listen: ":0", User: "u", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if wide.Local() || wide.Open() {
		t.Errorf("local %t, open %t", wide.Local(), wide.Open())
	}
}

func TestPortInUseIsToldAtOnce(t *testing.T) {
	b := start(t, Options{Listen: "127.0.0.1:0"})
	second, err := New(Options{Listen: b.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	err = second.Start()
	if err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), b.Addr()) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(started); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestConfigurationFileIsLoadedAsIs(t *testing.T) {
	file := filepath.Join(dirtest.New(t), "broker.conf")
	conf := `
		listen: "127.0.0.1:-1"
		max_payload: 64KB
		authorization { users = [ { user: a, password: b, permissions { publish: "mcollective.>", subscribe: "mcollective.>" } } ] }
	`
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	b := start(t, Options{Config: file})
	if b.Open() {
		t.Error("open although users are declared")
	}
	if _, err := nats.Connect(b.ClientURL()); err == nil {
		t.Error("connected without a password")
	}
	nc, err := nats.Connect(b.ClientURL(), nats.UserInfo("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.MaxPayload() != 64<<10 {
		t.Errorf("largest message is %d", nc.MaxPayload())
	}
	if err := os.WriteFile(file, []byte(strings.Replace(conf, "64KB", "32KB", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Reload(); err != nil {
		t.Errorf("reload: %v", err)
	}
	if err := start(t, Options{Listen: "127.0.0.1:0"}).Reload(); err != nil {
		t.Errorf("there is nothing to read again: %v", err)
	}
}

func TestOptionErrors(t *testing.T) {
	dir := dirtest.New(t)
	bad := filepath.Join(dir, "bad.conf")
	if err := os.WriteFile(bad, []byte("listen: \"127.0.0.1:0\"\nmax_payloadd: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		o    Options
		want string
	}{
		{"no port", Options{Listen: "somewhere"}, `"somewhere" is not host:port`},
		{"bad port", Options{Listen: "127.0.0.1:nats"}, `"nats" is not a port`},
		{"port out of range", Options{Listen: "127.0.0.1:70000"}, `"70000" is not a port`},
		{"key missing", Options{Cert: "x"}, "the key of the certificate x"},
		{"certificate missing", Options{Key: "x"}, "the certificate of the key x"},
		{"authority alone", Options{CA: "x"}, "only if the broker has a certificate"},
		{"password missing", Options{User: "x"}, "a user needs a password"},
		{"user missing", Options{Password: "x"}, "a user needs a password"},
		{"memory", Options{Memory: 1 << 20}, "at least 64 MiB"},
		{"negative", Options{MaxConnections: -1}, "negative"},
		{"files missing", Options{Cert: bad + "/c", Key: bad + "/k"}, bad + "/c"},
		{"payload", Options{MaxPayload: 1 << 30}, "not between"},
		{"file and flags", Options{Config: bad, Listen: "127.0.0.1:1"}, "says everything"},
		{"no file", Options{Config: bad + "/broker.conf"}, bad + "/broker.conf"},
		{"unknown key", Options{Config: bad}, "max_payloadd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestLogGoesToTheLogger(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelInfo}))
	b := start(t, Options{Listen: "127.0.0.1:0", Logger: log})
	b.log.Warnf("slow %s", "client")
	b.Stop()
	if got := buf.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="slow client"`) {
		t.Errorf("logged %q, want the warning alone", got)
	}
	b.log.Fatalf("it %s", "broke")
	if err := waittest.Receive(t, "the failure of the broker", b.log.failed); !strings.Contains(err.Error(), "it broke") {
		t.Errorf("kept %v", err)
	}
}
