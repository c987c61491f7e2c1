package interop

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mcollective/internal/dirtest"
)

// mco is the binary under test, built once by TestMain.
var mco string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dirtest.Mask() // for what the peers write
	if os.Getenv("MCO_INTEROP") != "1" {
		return m.Run() // every test skips and says how to run it
	}
	if err := runManyAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "mco-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	mco = filepath.Join(dir, "mco")
	build := exec.Command("go", "build", "-o", mco, "mcollective/cmd/mco")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building mco:", err)
		return 1
	}
	return m.Run()
}

// atOnce bounds the tests that run together, whatever the number of cores: most of
// them wait, and each of the others runs one Ruby client, which costs a core a third
// of a second.
const atOnce = 12

// runManyAtOnce sets the flag -parallel unless the command line has it.
func runManyAtOnce() error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(atOnce))
}

// needPeers skips unless the suite was asked for and its packages are there.
func needPeers(t *testing.T) {
	t.Helper()
	if os.Getenv("MCO_INTEROP") != "1" {
		t.Skip("needs the Ruby peers and brokers: run interop/install.sh, then MCO_INTEROP=1 go test ./interop")
	}
	for _, p := range []string{"mco", "mcollectived", "ruby", "java", "/usr/lib/rabbitmq/bin/rabbitmq-server"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%v; run interop/install.sh", err)
		}
	}
}

// A collective is one broker, Ruby nodes r1 and r2, and our nodes g1 and g2. r1
// and g1 have equal facts and classes, and so have r2 and g2; the seconds are
// not in eu_collective.
type collective struct {
	t      *testing.T
	env    []string
	broker string // script that starts and stops the broker
	home   string // holds the clients' configuration as .mcollective
	nodes  map[string]*exec.Cmd
}

const second = "country: fr\nenvironment: prod\ncpus: 16\nmemory_mb: 16384\noperatingsystem: CentOS\n"

// newCollective starts a broker and the four nodes, and ends them with the test.
func newCollective(t *testing.T, connector string) *collective {
	t.Helper()
	c := newBroker(t, connector)
	main := []string{"COLLECTIVES=mcollective"}
	c.rubyNode("r1", nil)
	c.rubyNode("r2", append(main, "FACTS="+second, "CLASSES=common role::db"))
	c.ourNode("g1", []string{"CLASSES=common role::web r1"})
	c.ourNode("g2", append(main, "FACTS="+second, "CLASSES=common role::db"))
	c.await("g1", "g2", "r1", "r2")
	return c
}

// in is the collective as a subtest uses it.
func (c *collective) in(t *testing.T) *collective {
	same := *c
	same.t = t
	return &same
}

// beside is another collective on the same broker, with clients and nodes of its own, so
// that what is put into those shows nowhere else.
func (c *collective) beside(t *testing.T, name string, env ...string) *collective {
	t.Helper()
	other := c.in(t)
	other.nodes = map[string]*exec.Cmd{}
	other.env = append(slices.Clone(c.env), "INTEROP_DIR="+filepath.Join(c.directory(), name), "COLLECTIVES="+name, "MAIN_COLLECTIVE="+name)
	other.env = append(other.env, env...)
	t.Cleanup(other.stopNodes)
	other.home = strings.TrimSpace(other.must(nil, "./ruby-mco.sh", "config"))
	return other
}

// directory is where the collective's files are.
func (c *collective) directory() string {
	for _, e := range slices.Backward(c.env) {
		if dir, ok := strings.CutPrefix(e, "INTEROP_DIR="); ok {
			return dir
		}
	}
	panic("no INTEROP_DIR")
}

// newBroker starts a broker, with what more its script is to know, and makes the
// configuration of the clients.
func newBroker(t *testing.T, connector string, env ...string) *collective {
	t.Helper()
	needPeers(t)
	dir, err := os.MkdirTemp("", "mco-"+connector+"-")
	if err != nil {
		t.Fatal(err)
	}
	c := &collective{t: t, broker: "./broker-" + connector + ".sh", nodes: map[string]*exec.Cmd{}}
	c.env = append(os.Environ(), "INTEROP_DIR="+dir, "CONNECTOR="+connector,
		"COLLECTIVES=mcollective,eu_collective", "MAIN_COLLECTIVE=mcollective",
		"ACTIVEMQ_STOMP_SSL_PORT=", "RABBITMQ_STOMP_SSL_PORT=", "TMPDIR="+dir)
	ports := freePorts(t, 6)
	for i, name := range []string{"ACTIVEMQ_STOMP", "RABBITMQ_STOMP", "RABBITMQ_AMQP", "RABBITMQ_MGMT", "RABBITMQ_EPMD", "RABBITMQ_DIST"} {
		c.env = append(c.env, fmt.Sprintf("%s_PORT=%d", name, ports[i]))
	}
	c.env = append(c.env, env...)
	t.Cleanup(func() {
		c.stopNodes()
		c.script(nil, c.broker, "stop")
		os.RemoveAll(dir)
	})
	collectives := "COLLECTIVES=mcollective,eu_collective" // RabbitMQ has exchanges for each
	for _, p := range providers {
		collectives += "," + p.name
	}
	c.must([]string{collectives}, c.broker, "start")
	c.home = strings.TrimSpace(c.must(nil, "./ruby-mco.sh", "config"))
	return c
}

// script runs one of the directory's scripts and gives its standard output.
func (c *collective) script(env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(slices.Clone(c.env), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	// The scripts leave daemons behind that inherit the pipes.
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), err
}

func (c *collective) must(env []string, name string, args ...string) string {
	c.t.Helper()
	out, err := c.script(env, name, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *collective) rubyNode(name string, env []string) {
	c.t.Helper()
	c.must(env, "./ruby-node.sh", "start", name)
	c.t.Cleanup(func() { c.script(nil, "./ruby-node.sh", "stop", name) })
}

// ourNode starts mco server on a configuration made for Ruby's daemon.
func (c *collective) ourNode(name string, env []string) {
	c.t.Helper()
	cfg := strings.TrimSpace(c.must(env, "./ruby-node.sh", "config", name))
	cmd := exec.Command(mco, "server", "--config", cfg, "--no-daemonize")
	log, err := os.Create(filepath.Join(filepath.Dir(cfg), "stderr.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	log.Close()
	c.nodes[name] = cmd
	c.t.Cleanup(func() {
		if c.t.Failed() {
			if text, err := os.ReadFile(log.Name()); err == nil && len(text) > 0 {
				c.t.Logf("%s: %s", name, text)
			}
			if text, err := os.ReadFile(filepath.Join(filepath.Dir(cfg), "..", "node.log")); err == nil {
				c.t.Logf("%s log: %s", name, text[max(0, len(text)-3000):])
			}
		}
	})
}

func (c *collective) stopNodes() {
	for name, cmd := range c.nodes {
		cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				c.t.Errorf("node %s ended with %v after SIGTERM", name, err)
			}
		case <-time.After(15 * time.Second):
			cmd.Process.Kill()
			c.t.Errorf("node %s did not end within 15 s of SIGTERM", name)
		}
	}
}

// await pings until exactly the named nodes answer.
func (c *collective) await(names ...string) {
	c.t.Helper()
	var got []string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		got, _ = c.ours("ping", "-t", "1")
		if slices.Equal(got, names) {
			return
		}
	}
	c.t.Fatalf("nodes that answer: %v, want %v", got, names)
}

// ours runs our client and gives the sorted identities that it printed.
func (c *collective) ours(args ...string) ([]string, error) {
	return c.client(mco, nil, args...)
}

// ruby runs the real client and gives the sorted identities that it printed.
func (c *collective) ruby(args ...string) ([]string, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return c.client("mco", []string{"RUBYOPT=-r" + here + "/compat.rb"}, args...)
}

// client runs one client command; a command that finds nothing is not an error.
func (c *collective) client(program string, env []string, args ...string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(append(slices.Clone(c.env), "HOME="+c.home), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && errs.Len() == 0 {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w\n%s%s", program, args, err, out.String(), errs.String())
	}
	return identities(out.String()), nil
}

var (
	pingLine = regexp.MustCompile(`^(\S+)\s+time=\d+\.\d\d ms$`)
	nameLine = regexp.MustCompile(`^[\w.-]+$`)
)

// identities reads the output of ping or find.
func identities(out string) []string {
	names := []string{}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if m := pingLine.FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
		} else if nameLine.MatchString(line) {
			names = append(names, line)
		}
	}
	slices.Sort(names)
	return names
}

// freePorts finds n ports of loopback that nobody listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// fds counts the open files of a process.
func fds(pid int) int {
	entries, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	return len(entries)
}

// resident is the resident memory of a process in KiB.
func resident(pid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib
		}
	}
	return 0
}
