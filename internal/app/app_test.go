package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/client"
	"mcollective/internal/app"
	"mcollective/internal/config"
	"mcollective/internal/dirtest"
	"mcollective/internal/fleettest"
	"mcollective/internal/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A journal is a log that a test reads while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), text)
}

// ping asks the collective who is there.
func ping(t *testing.T, f *fleettest.Fleet) []string {
	t.Helper()
	var names []string
	if _, err := f.Client("client.example.net").Call(waittest.Within(t, waittest.Patience),
		client.Call{Agent: "discovery", Body: "ping", Timeout: 5 * time.Second, Limit: 1}, func(r client.Answer) {
			names = append(names, r.Sender)
		}); err != nil {
		t.Fatal(err)
	}
	return names
}

// load reads the configuration of a node.
func load(t *testing.T, f *fleettest.Fleet, more string) *config.Config {
	t.Helper()
	cfg, err := config.Load(f.ServerConfig("node.example.net", more), config.Server)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestNodeStartsReloadsAndStops(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true})
	cfg := load(t, f, "")
	log := &journal{}
	n := app.NewNode(app.NodeOptions{Config: cfg, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err := n.Reload(t.Context()); err != nil || n.Running() || n.Broker() != "" {
		t.Errorf("a node that was not started reloads (%v), runs (%v) or is connected to %q", err, n.Running(), n.Broker())
	}
	if err := n.Start(waittest.Within(t, waittest.Patience)); err != nil {
		t.Fatal(err)
	}
	waittest.Receive(t, "the node to be ready", n.Ready())
	if complete, incomplete := n.Missing(); len(complete) != 1 || len(incomplete) != 0 || n.Health() != nil || !strings.Contains(n.Status(), "serves through") {
		t.Errorf("it listens in %v, not in %v, health %v: %s", complete, incomplete, n.Health(), n.Status())
	}
	if got := ping(t, f); len(got) != 1 || got[0] != "node.example.net" {
		t.Errorf("the collective is %q", got)
	}
	if err := n.Reload(t.Context()); err != nil || !log.has("were read again") {
		t.Errorf("reload: %v", err)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if !log.has("final counters") {
		t.Error("the node ended without its counters")
	}
}

// A node whose start is broken off, or which cannot start, leaves nothing running,
// which TestMain checks.
func TestNodeThatDoesNotStart(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true})
	f.Broker.Stop() // nobody else takes the port meanwhile, and if so he is no broker
	dir := dirtest.New(t)
	plain, open := filepath.Join(dir, "plain"), filepath.Join(dir, "open")
	for file, mode := range map[string]os.FileMode{plain: 0o644, open: 0o777} {
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct{ more, want string }{
		"the broker is away":     {"", "context canceled"},
		"no interpreter":         {"plugin.bolt.interpreters = .rb=" + dir + "/none\n", "plugin.bolt.interpreters: tasks that end in .rb: stat " + dir + "/none"},
		"no program":             {"plugin.bolt.interpreters = .sh=/bin/sh,.rb=" + plain + "\n", "tasks that end in .rb: " + plain + " is not a program"},
		"a directory":            {"plugin.bolt.interpreters = .rb=" + dir + "\n", dir + " is not a program"},
		"anybody's interpreter":  {"plugin.bolt.interpreters = .rb=" + open + "\n", "tasks that end in .rb: " + open + " is not trusted"},
		"no Ruby":                {"libdir = " + dir + "\nplugin.ruby.interpreter = " + dir + "/none\n", "plugin.ruby.interpreter: stat " + dir + "/none"},
		"anybody's Ruby":         {"libdir = " + dir + "\nplugin.ruby.interpreter = " + open + "\n", "plugin.ruby.interpreter: " + open + " is not trusted"},
		"bad interpreters":       {"plugin.bolt.interpreters = nonsense\n", "plugin.bolt.interpreters"},
		"a secret that is known": {"plugin.psk = unset\n", "which everybody knows"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &journal{}
			n := app.NewNode(app.NodeOptions{Config: load(t, f, tt.more), Log: slog.New(slog.NewTextHandler(log, nil))})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- n.Start(ctx) }()
			if tt.more == "" {
				waittest.Until(t, "the node to look for its broker", func() bool { return log.has("no broker; trying again") })
				cancel()
			}
			if err := waittest.Receive(t, "the start to end", ended); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err := n.Stop(); err != nil {
				t.Errorf("stopping what did not start: %v", err)
			}
		})
	}
}

func TestDemoLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", dirtest.New(t))
	d := app.NewDemo(app.DemoOptions{Nodes: 3, Seed: 6, Listen: "127.0.0.1:0"})
	if err := d.Start(waittest.Within(t, waittest.Patience)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.ClientConfig()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the configuration with its secret: %v, %v", info, err)
	}
	sum := 0
	for _, s := range d.Systems() {
		sum += s.Nodes
	}
	if sum != 3 || d.Identity() == "" || d.System() == nil || !strings.HasPrefix(d.BrokerURL(), "nats://127.0.0.1:") {
		t.Errorf("%d nodes at %s, and %s with %v", sum, d.BrokerURL(), d.Identity(), d.System())
	}
	// Somebody else has the broker's address: nothing of the second stays.
	second := app.NewDemo(app.DemoOptions{Nodes: 3, Listen: strings.TrimPrefix(d.BrokerURL(), "nats://")})
	if err := second.Start(t.Context()); err == nil {
		t.Error("two demos listen on one address")
	}
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
