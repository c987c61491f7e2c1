//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mcollective/internal/cli"
	"mcollective/internal/cli/commands"
	"mcollective/internal/dirtest"
	"mcollective/internal/fleettest"
)

// A spool is output that another goroutine waits in.
type spool struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newSpool() *spool { return &spool{more: make(chan struct{}, 1)} }

func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *spool) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *spool) await(t *testing.T, want string) {
	t.Helper()
	for late := time.After(20 * time.Second); !strings.Contains(s.String(), want); {
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("%q did not come; there is:\n%s", want, s)
		}
	}
}

// A daemonized node would leave the test, so the tests run it in the foreground.
type runningNode struct {
	log  *spool
	stop context.CancelFunc
	code chan int
}

func startNode(t *testing.T, words ...string) *runningNode {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	n := &runningNode{log: newSpool(), stop: stop, code: make(chan int, 1)}
	env := &cli.Env{Err: n.log, Getenv: os.Getenv, Interruptible: func(context.Context) (context.Context, context.CancelFunc) {
		return ctx, stop
	}}
	go func() { n.code <- commands.Main(append([]string{"server", "--no-daemonize"}, words...), env) }()
	return n
}

// end stops the node as TERM does and returns its exit code.
func (n *runningNode) end(t *testing.T) int {
	t.Helper()
	n.stop()
	return n.exitCode(t)
}

// exitCode waits for the node to end by itself.
func (n *runningNode) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case code := <-n.code:
		return code
	case <-time.After(20 * time.Second):
		n.stop()
		t.Fatalf("the node does not end:\n%s", n.log)
		return -1
	}
}

// nowhere is a path that cannot exist on any machine: its directory is a file.
func nowhere(t *testing.T) string {
	t.Helper()
	file := filepath.Join(dirtest.New(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(file, "nowhere")
}

func TestServer(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true})
	// daemonize is what Ruby's packages ship; --no-daemonize goes before it.
	cfg, client := f.ServerConfig("node.example.net", "daemonize = 1"), f.ClientConfig("client.example.net", "")
	pidfile := filepath.Join(filepath.Dir(cfg), "node.pid")
	n := startNode(t, "--config", cfg, "--pid", pidfile)
	n.log.await(t, "the node is ready")

	if pid, _ := os.ReadFile(pidfile); strings.TrimSpace(string(pid)) != fmt.Sprint(os.Getpid()) {
		t.Errorf("the pid file holds %q", pid)
	}
	found := func(filters ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := commands.Main(append([]string{"find", "-c", client, "--dt", "1"}, filters...), &cli.Env{Out: &out, Err: &errs})
		if code != 0 && out.Len() > 0 {
			t.Fatalf("find %v: exit code %d, %s", filters, code, &errs)
		}
		return out.String()
	}
	const me = "node.example.net\n"
	if got := found("-F", "operatingsystem=CentOS", "-F", "processorcount>1", "-C", "apache", "-A", "discovery", "-I", "/node/"); got != me {
		t.Errorf("a filter that matches found %q", got)
	}
	if got := found("-F", "operatingsystem=Debian"); got != "" {
		t.Errorf("a filter that does not match found %q", got)
	}

	// What changed on disk is there after USR1 at the latest.
	if err := os.WriteFile(filepath.Join(filepath.Dir(cfg), "classes.txt"), []byte("nginx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	n.log.await(t, "were read again")
	if got := found("-C", "nginx"); got != me {
		t.Errorf("after a reload the new class found %q", got)
	}

	second := startNode(t, "--config", cfg, "--pidfile", pidfile)
	if code := second.exitCode(t); code != 1 || !strings.Contains(second.log.String(), fmt.Sprintf("already running with pid %d", os.Getpid())) {
		t.Errorf("a second node ends with %d:\n%s", code, second.log)
	}

	if code := n.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, n.log)
	}
	n.log.await(t, "total=3 passed=2 filtered=1 replies=3")
	if _, err := os.Stat(pidfile); err == nil {
		t.Error("the pid file is still there")
	}
}

func TestServerWaitsForItsBroker(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true})
	addr := f.Broker.Addr()
	f.Broker.Stop()
	cfg := f.ServerConfig("node.example.net", "")

	n := startNode(t, "--config", cfg)
	n.log.await(t, "no broker; trying again")
	b := fleettest.StartBroker(t, addr)
	n.log.await(t, "the node is ready")
	if code := n.end(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, n.log)
	}

	b.Stop()
	n = startNode(t, "--config", cfg)
	n.log.await(t, "no broker; trying again")
	if code := n.end(t); code != 0 {
		t.Errorf("stopped while it waits, it ends with %d:\n%s", code, n.log)
	}
}

func TestServerThatCannotStart(t *testing.T) {
	fleet := fleettest.New(t, fleettest.Options{Broker: true})
	for name, c := range map[string]struct{ edit, want string }{
		"unknown key":      {"identiy = x", `unknown key "identiy"`},
		"bad identity":     {"identity = a b", "an identity has only"},
		"known secret":     {"plugin.psk = unset", "which everybody knows"},
		"unknown plugin":   {"connector = carrier_pigeon", "connector = carrier_pigeon: must be one of nats, activemq, rabbitmq"},
		"bad fact source":  {"factsource = oracle", "must be one of"},
		"log in the void":  {"logger_type = file\nlogfile = " + nowhere(t), "open the log"},
		"pool without end": {"connector = activemq", "plugin.activemq.pool.size"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := fleet.ServerConfig("node.example.net", c.edit)
			n := startNode(t, "--config", cfg)
			if code := n.exitCode(t); code != 1 || !strings.Contains(n.log.String(), c.want) {
				t.Errorf("exit code %d, %s", code, n.log)
			}
		})
	}
}
