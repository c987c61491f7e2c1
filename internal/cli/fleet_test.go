package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/connector"
	"mcollective/connector/inmem"
	"mcollective/internal/cli"
	"mcollective/internal/config"
	"mcollective/internal/dirtest"
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

// openSecurity writes messages as plain JSON and trusts everybody.
type openSecurity struct{}

func (openSecurity) CallerID() string { return "uid=1" }

func (openSecurity) EncodeRequest(r *message.Request) (security.Payload, error) {
	data, err := json.Marshal(r)
	return security.Payload{Data: data}, err
}

func (openSecurity) DecodeReply(p security.Payload) (*message.Reply, error) {
	var r message.Reply
	return &r, json.Unmarshal(p.Data, &r)
}

// A fleet is a hub with nodes that answer every request that names them, or
// nobody.
type fleet struct {
	t   *testing.T
	hub *inmem.Hub
	dir string

	mu       sync.Mutex
	requests []message.Request
	targets  []connector.Target
}

func newFleet(t *testing.T, nodes ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, hub: inmem.NewHub(inmem.Options{Blind: true}), dir: dirtest.New(t)}
	for _, name := range nodes {
		conn, err := f.hub.Connect(t.Context(), "node")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		for _, target := range []connector.Target{
			{Kind: connector.Broadcast, Collective: "mcollective", Agent: "discovery"},
			{Kind: connector.Broadcast, Collective: "uk", Agent: "discovery"},
			{Kind: connector.Directed, Collective: "mcollective", Identity: name},
		} {
			if _, err := conn.Subscribe(t.Context(), target, func(d connector.Delivery) { f.answer(conn, name, d) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func (f *fleet) answer(conn *inmem.Conn, name string, d connector.Delivery) {
	var req message.Request
	if err := json.Unmarshal(d.Data, &req); err != nil {
		f.t.Error(err)
		return
	}
	f.mu.Lock()
	f.requests = append(f.requests, req)
	f.targets = append(f.targets, d.Target)
	f.mu.Unlock()
	if len(req.Filter.Identities) > 0 && !slices.ContainsFunc(req.Filter.Identities, func(p filterPattern) bool { return p.Text == name }) {
		return
	}
	if d.ReplyTo == "" {
		return // nobody awaits it
	}
	data, err := json.Marshal(message.Reply{RequestID: req.ID, Sender: name, Agent: req.Agent, Body: "pong"})
	if err != nil {
		f.t.Error(err)
		return
	}
	if err := conn.Publish(context.Background(), connector.Target{Kind: connector.Reply, Address: d.ReplyTo}, connector.Message{Data: data}); err != nil {
		f.t.Error(err)
	}
}

// sent is what the nodes have received, and sentTo by which way.
func (f *fleet) sent() []message.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func (f *fleet) sentTo() []connector.Target {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.targets)
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
			if f.hub == nil {
				return nil, errors.New("nats://127.0.0.1:4222: connection refused")
			}
			return f.hub.Connect(ctx, cfg.Identity)
		},
		ClientSecurity: func(*config.Config) (security.Client, []string, error) { return openSecurity{}, nil, nil },
	}
	return r
}

// exits runs the words and checks the exit code.
func (r *run) exits(t *testing.T, code int, words ...string) *run {
	t.Helper()
	r.out.Reset()
	r.err.Reset()
	if got := cli.Main(words, &r.env); got != code {
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
