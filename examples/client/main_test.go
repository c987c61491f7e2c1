package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"mcollective/internal/app"
	"mcollective/internal/dirtest"
	"mcollective/internal/fleettest"
	"mcollective/internal/waittest"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// act answers discovery, and a call with a status and a text.
func act(status rpc.Status, text string) fleettest.Behaviour {
	return func(req *message.Request, answer func(any)) {
		if req.Agent == "discovery" {
			fleettest.Pong(req, answer)
			return
		}
		answer((&rpc.Reply{Status: status, Message: text, Data: value.NewMap(value.Symbol("said"), text)}).Body())
	}
}

// settings are the environment of the program.
func settings(broker, secret string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := map[string]string{"MCO_BROKER": broker, "MCOLLECTIVE_PSK": secret}[name]
		return v, ok
	}
}

// try runs the program against a broker.
func try(t *testing.T, f *fleettest.Fleet, args ...string) (code int, out string, err error) {
	t.Helper()
	var b bytes.Buffer
	code, err = run(t.Context(), args, settings(f.Broker.ClientURL(), fleettest.Secret), &b)
	return code, b.String(), err
}

// A whole node does what it is asked, and one without the fact is not asked.
func TestWholeNodes(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true})
	f.Host("web1", "", nil)
	other := dirtest.Write(t, filepath.Join(dirtest.New(t), "facts.yaml"), "operatingsystem: Debian\n", 0o600)
	f.Host("web2", "plugin.yaml = "+other, nil)
	code, out, err := try(t, f, "operatingsystem=CentOS", "rpcutil", "get_fact", "fact=processorcount")
	if want := `web1: {"fact":"processorcount","value":"4"}` + "\n1 ok: web1\n"; code != exitOK || err != nil || out != want {
		t.Errorf("exit %d, %v:\n%s", code, err, out)
	}
}

// Each way in which a node that is meant does not do it is told apart, and none is a
// success.
func TestEveryCauseIsAccountedFor(t *testing.T) {
	nodes := map[string]fleettest.Behaviour{
		"good": act(rpc.OK, "done"), "bad": act(rpc.Aborted, "no\x1b[2J"), "denied": act(rpc.Aborted, rpc.TextDenied),
		"hung": func(req *message.Request, answer func(any)) {
			if req.Agent == "discovery" {
				fleettest.Pong(req, answer)
			}
		},
	}
	for name, want := range map[string]struct {
		nodes []string
		code  int
		lines []string
	}{
		"all do it":    {[]string{"good"}, exitOK, []string{`good: {"said":"done"}`, "1 ok: good"}},
		"one fails":    {[]string{"good", "bad"}, exitIncomplete, []string{`bad: failed: "no\x1b[2J"`, "1 ok: good", "1 failed: bad"}},
		"one denies":   {[]string{"denied"}, exitIncomplete, []string{"1 denied: denied"}},
		"one hangs":    {[]string{"good", "hung"}, exitIncomplete, []string{"1 ok: good", "1 timed out: hung"}},
		"nobody comes": {nil, exitFailed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleettest.New(t, fleettest.Options{Broker: true, Agents: []string{"deploy"}})
			for _, n := range want.nodes {
				f.Node(n, nodes[n])
			}
			code, out, err := try(t, f, "-timeout", "1s", "kernel=Linux", "deploy", "now", "to=production")
			if code != want.code || (err != nil) != (want.code == exitFailed) {
				t.Errorf("exit %d, %v:\n%s", code, err, out)
			}
			lines := strings.Split(out, "\n")
			for _, line := range want.lines {
				if !slices.Contains(lines, line) {
					t.Errorf("no line %q in\n%s", line, out)
				}
			}
		})
	}
}

// A node that listens and does not say whether it has the fact may be one that is
// meant.
func TestSilenceIsNoSuccess(t *testing.T) {
	f := fleettest.New(t, fleettest.Options{Broker: true, Agents: []string{"deploy"}})
	f.Node("good", act(rpc.OK, "done"))
	f.Node("mute", fleettest.Silent)
	code, out, err := try(t, f, "kernel=Linux", "deploy", "now")
	if code != exitIncomplete || err != nil || !strings.Contains(out, "1 did not say whether they are meant: mute\n") {
		t.Errorf("exit %d, %v:\n%s", code, err, out)
	}
}

func TestMistakesAskNobody(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"no action": {"kernel=Linux rpcutil", "usage: client"},
		"no filter": {"kernel rpcutil ping", "no comparison"},
		"no input":  {"kernel=Linux rpcutil get_fact processorcount", "is no INPUT=TEXT"},
		"an option": {"-bogus kernel=Linux rpcutil ping", "wrong arguments"},
		"no secret": {"kernel=Linux rpcutil ping", "pre-shared key"},
	} {
		t.Run(name, func(t *testing.T) {
			code, err := run(t.Context(), strings.Fields(c.args), func(string) (string, bool) { return "", false }, &bytes.Buffer{})
			if code != exitFailed || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: exit %d, %v", name, code, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, err := run(ctx, []string{"kernel=Linux", "rpcutil", "ping"}, settings("127.0.0.1:1", fleettest.Secret), &bytes.Buffer{})
	if code != exitFailed || err == nil {
		t.Errorf("without a broker: exit %d, %v", code, err)
	}
}

// The program builds in a module of somebody else's, as docs/go.md says.
func TestBuildsElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles")
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := dirtest.New(t)
	for from, to := range map[string]string{"main.go": "main.go", "../../go.sum": "go.sum"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		dirtest.Write(t, filepath.Join(dir, to), string(text), 0o600)
	}
	for _, args := range [][]string{
		{"mod", "init", "example.org/deploy"},
		{"mod", "edit", "-require=mcollective@v0.0.0", "-replace=mcollective=" + root},
		{"build", "-mod=mod", "-buildvcs=false", "-o", filepath.Join(dir, "deploy"), "."},
	} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-trimpath", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
}

// The session of README.md, against the collective that it names.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a collective")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, session, _ := strings.Cut(string(text), "```console\n")
	session, _, _ = strings.Cut(session, "```")
	before, last, ok := strings.Cut(session, "$ go run ./examples/client ")
	if !ok {
		t.Fatalf("the session is gone: %q", session)
	}
	demo := app.NewDemo(app.DemoOptions{Nodes: 25, Seed: 21, Listen: "127.0.0.1:0", Version: "1"})
	if err := demo.Start(waittest.Within(t, waittest.Patience)); err != nil {
		t.Fatal(err)
	}
	defer demo.Stop()

	prepare := exec.CommandContext(t.Context(), shell, "-e", "-c",
		strings.ReplaceAll("\n"+before, "\n$ ", "\n")+`printf '%s\n' "$MCO_BROKER" "$MCOLLECTIVE_PSK"`)
	prepare.Env = append(os.Environ(), "config="+demo.ClientConfig())
	said, err := prepare.Output()
	if err != nil {
		t.Fatal(err)
	}
	set := strings.Split(string(said), "\n")
	args, want, _ := strings.Cut(last, "\n")
	var out bytes.Buffer
	code, err := run(t.Context(), strings.Fields(args), settings(set[0], set[1]), &out)
	lines := func(text string) []string { return slices.Sorted(strings.Lines(text)) }
	if code != exitOK || err != nil || !slices.Equal(lines(out.String()), lines(want)) {
		t.Errorf("exit %d, %v:\n%s\nwant\n%s", code, err, out.String(), want)
	}
}

// The program is the one that docs/go.md shows.
func TestPageShowsTheProgram(t *testing.T) {
	page, err := os.ReadFile("../../docs/go.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("found %d blocks", len(blocks))
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(words(string(program)), words(code)) {
			t.Errorf("main.go does not have\n%s", code)
		}
	}
}
