package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"mcollective/internal/dirtest"
)

// A collective is a broker and nodes, each a process of its own, and a client's
// configuration.
type collective struct {
	t      *testing.T
	dir    string // the client's HOME
	broker string // its address
}

const secretOfTests = "the secret of this one test"

// newCollective starts a broker that ends with the test.
func newCollective(t *testing.T) *collective {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a collective")
	}
	c := &collective{t: t, dir: dirtest.New(t)}
	if err := os.Mkdir(filepath.Join(c.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := c.start("broker", regexp.MustCompile(`Broker nats://([0-9.:]+)`), "broker", "--listen", "127.0.0.1:0")
	c.broker = m.match
	c.write(".mcollective", c.config("tester"))
	return c
}

func (c *collective) config(identity string) string {
	return fmt.Sprintf("identity = %s\nconnector = nats\nplugin.nats.servers = nats://%s\nplugin.psk = %s\n", identity, c.broker, secretOfTests)
}

// write makes a file that only its owner may read, and returns its path.
func (c *collective) write(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// node starts a node whose agents are in agentsDir.
func (c *collective) node(identity, agentsDir, more string) *background {
	c.t.Helper()
	text := c.config(identity) + "agents_dir = " + agentsDir + "\nlogger_type = console\nfactsource = yaml\nplugin.yaml = " +
		c.write(identity+".facts.yaml", "role: test\n") + "\n" + more
	return c.start(identity, regexp.MustCompile("the node is ready"), "server", "--config", c.write(identity+".cfg", text))
}

// A background is a program that runs until the test ends.
type background struct {
	cmd   *exec.Cmd
	out   output
	match string // what the pattern's first group matched
	done  chan struct{}
	err   error // once done is closed
}

// start runs mco until its output matches ready.
func (c *collective) start(name string, ready *regexp.Regexp, args ...string) *background {
	c.t.Helper()
	p := &background{cmd: exec.Command("mco", args...), done: make(chan struct{})}
	p.out.more = make(chan struct{}, 1)
	p.cmd.Dir, p.cmd.Env = c.dir, c.environ()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.WaitDelay = patience // for what it leaves running with its output
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	c.t.Cleanup(func() {
		p.stop(c.t, name)
		if c.t.Failed() {
			text := p.out.String()
			c.t.Logf("%s: %s", name, text[max(0, len(text)-5000):])
		}
	})
	late := time.After(patience)
	for {
		if m := ready.FindStringSubmatch(p.out.String()); m != nil {
			p.match = m[len(m)-1]
			return p
		}
		select {
		case <-p.out.more:
		case <-p.done:
			c.t.Fatalf("%s ended: %v\n%s", name, p.err, p.out.String())
		case <-late:
			c.t.Fatalf("%s is not ready:\n%s", name, p.out.String())
		}
	}
}

// stop ends it as a service manager would.
func (p *background) stop(t *testing.T, name string) {
	select {
	case <-p.done:
		return
	default:
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.err != nil {
			t.Errorf("%s failed when it ended: %v", name, p.err)
		}
	case <-time.After(patience):
		p.cmd.Process.Kill()
		<-p.done
		t.Errorf("%s does not end", name)
	}
}

func (c *collective) environ() []string {
	return []string{"HOME=" + c.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + filepath.Join(c.dir, "tmp")}
}

// mco runs a command of the client.
func (c *collective) mco(args ...string) (stdout, stderr string, exit int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mco", args...)
	cmd.Dir, cmd.Env = c.dir, c.environ()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		c.t.Errorf("mco %q: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
