package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"mcollective/internal/cli"
	"mcollective/internal/cli/commands"
	"mcollective/internal/waittest"
)

// output is what a command printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// background runs a command that stays until the returned function is called,
// which then gives its exit code.
func background(t *testing.T, out, errs io.Writer, words ...string) (end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	env := &cli.Env{Out: out, Err: errs, Interruptible: func(parent context.Context) (context.Context, context.CancelFunc) {
		c, stop := context.WithCancel(parent)
		context.AfterFunc(ctx, stop)
		return c, stop
	}}
	code := make(chan int, 1)
	go func() { code <- commands.Main(words, env) }()
	end = sync.OnceValue(func() int { cancel(); return waittest.Receive(t, "the command to end", code) })
	t.Cleanup(func() { end() })
	return end
}

func waitFor(t *testing.T, out *output, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	defer func() {
		if t.Failed() {
			t.Log(out.String())
		}
	}()
	var m []string
	waittest.Until(t, pattern, func() bool {
		m = re.FindStringSubmatch(out.String())
		return m != nil
	})
	return m
}

func TestBrokerSaysWhereItIs(t *testing.T) {
	var errs output
	end := background(t, io.Discard, &errs, "broker", "--listen", "127.0.0.1:0")
	address := waitFor(t, &errs, `Broker nats://(127\.0\.0\.1:\d+), for this machine only; --listen`)[1]

	var second bytes.Buffer
	if code := commands.Main([]string{"broker", "--listen", address}, &cli.Env{Err: &second}); code != 1 {
		t.Errorf("a second broker at the same address exits %d", code)
	}
	for _, want := range []string{"address already in use", "--listen takes another address"} {
		if !strings.Contains(second.String(), want) {
			t.Errorf("%q is not in %q", want, second.String())
		}
	}
	if code := end(); code != 0 {
		t.Errorf("exits %d when interrupted: %s", code, errs.String())
	}
}

func TestDemoStaysForOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("the commands take their time")
	}
	var out, errs output
	end := background(t, &out, &errs, "demo", "--nodes", "9", "--seed", "6", "--keep")
	file := waitFor(t, &out, `mco ping -c (\S+)\n`)[1]

	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the configuration with its secret: %v, %v", info.Mode(), err)
	}
	var names bytes.Buffer
	env := &cli.Env{Out: &names}
	if code := commands.Main([]string{"find", "-c", file, "--dt", "0.5"}, env); code != 0 {
		t.Errorf("find exits %d", code)
	}
	lines := strings.Fields(names.String())
	slices.Sort(lines)
	if len(slices.Compact(lines)) != 10 {
		t.Errorf("nine nodes and this machine are %q", lines)
	}
	if code := end(); code != 0 {
		t.Errorf("exits %d: %s", code, errs.String())
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the configuration is left behind: %v", err)
	}
	if errs.String() != "" {
		t.Errorf("complained: %s", errs.String())
	}
}
