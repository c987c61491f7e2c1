package cli_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/internal/cli"
	"mcollective/internal/cli/commands"
	"mcollective/internal/config"
	"mcollective/internal/dirtest"
	"mcollective/internal/fleettest"
	"mcollective/message"
	"mcollective/security"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mco-cli-")
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", dir) // nodes leave the directories of this machine alone
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// A fleet is one of nodes that answer every request that names them, or nobody,
// behind a broker that is away if a test says so.
type fleet struct {
	*fleettest.Fleet
	t    *testing.T
	dir  string
	away bool
}

// newFleet is a fleet on a broker that cannot tell who listens.
func newFleet(t *testing.T, nodes ...string) *fleet {
	t.Helper()
	return startFleet(t, fleettest.Options{Blind: true}, nil, nodes)
}

// newKnownFleet is a fleet on a broker that can tell who listens. The nodes that
// hang say nothing.
func newKnownFleet(t *testing.T, hang []string, nodes ...string) *fleet {
	t.Helper()
	return startFleet(t, fleettest.Options{}, hang, nodes)
}

func startFleet(t *testing.T, o fleettest.Options, hang, nodes []string) *fleet {
	t.Helper()
	o.Collectives = []string{"mcollective", "uk"}
	f := &fleet{Fleet: fleettest.New(t, o), t: t, dir: dirtest.New(t)}
	for _, name := range nodes {
		f.Node(name, fleettest.Pong)
	}
	for _, name := range hang {
		f.Node(name, fleettest.Silent)
	}
	return f
}

// sent is what the nodes have received, and sentTo by which way.
func (f *fleet) sent() []message.Request {
	var all []message.Request
	for _, r := range f.Received() {
		all = append(all, *r.Request)
	}
	return all
}

func (f *fleet) sentTo() []connector.Target {
	var all []connector.Target
	for _, r := range f.Received() {
		all = append(all, r.Target)
	}
	return all
}

// A run is one command and what it did.
type run struct {
	env      cli.Env
	out, err bytes.Buffer
	vars     map[string]string
}

// mco prepares a run that reaches the fleet, with text in its client.cfg.
func (f *fleet) mco(cfg string) *run {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, ".mcollective"), []byte("identity = me\ncollectives = mcollective,uk\nlogger_type = console\n"+cfg), 0o600); err != nil {
		f.t.Fatal(err)
	}
	r := &run{vars: map[string]string{"HOME": f.dir}}
	r.env = cli.Env{
		Name: "mco", Out: &r.out, Err: &r.err, InTerminal: true,
		Getenv: func(name string) string { return r.vars[name] },
		Connect: func(ctx context.Context, cfg *config.Config, _ *slog.Logger) (connector.Connector, error) {
			if f.away {
				return nil, errors.New("nats://127.0.0.1:4222: connection refused")
			}
			return f.Connect(ctx, cfg.Identity)
		},
		ClientSecurity: func(*config.Config) (security.Client, []string, error) { return f.Security, nil, nil },
	}
	return r
}

// exits runs the words and checks the exit code.
func (r *run) exits(t *testing.T, code int, words ...string) *run {
	t.Helper()
	r.out.Reset()
	r.err.Reset()
	if got := commands.Main(words, &r.env); got != code {
		t.Errorf("mco %q exits %d, want %d\nstdout: %s\nstderr: %s", words, got, code, r.out.String(), r.err.String())
	}
	return r
}

// interruptAfter presses Ctrl-C some time after the command has begun to wait.
func (r *run) interruptAfter(d time.Duration) *run {
	r.env.Interruptible = func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, d)
	}
	return r
}
