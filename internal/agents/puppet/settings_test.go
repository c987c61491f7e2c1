package puppet

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/rpc"
)

// script writes a program named puppet, and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(dirtest.New(t), "puppet")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPuppetIsAsked has a program in the place of Puppet, which answers with what it was asked, beside the
// directories of another Puppet. The state is where the program says.
func TestPuppetIsAsked(t *testing.T) {
	dir := dirtest.New(t)
	for _, sub := range []string{"state", "opt/puppetlabs/puppet", "etc/puppetlabs/puppet"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf, asked := filepath.Join(dir, "my.conf"), filepath.Join(dir, "asked")
	if err := errors.Join(os.WriteFile(conf, nil, 0o644), os.WriteFile(filepath.Join(dir, "state/agent_disabled.lock"), []byte(`{"disabled_message":"mine"}`), 0o644)); err != nil {
		t.Fatal(err)
	}
	program := script(t, `echo "$*" >>`+asked+`
echo 'Notice: by the way'
while [ "$1" != --config ]; do shift; done; config=$2; shift 2
for name; do case $name in config) echo "config = $config";; statedir) echo "statedir = `+dir+`/state";; *_lockfile) echo "$name = `+dir+`/state/${name%_lockfile}.lock";; *) echo "$name = `+dir+`/state/$name";; esac; done
`)
	a, err := New(Options{Config: conf, Command: []string{program, "agent", "--test", "--vardir=/srv/v", "--rundir", "/srv/r"}})
	if err != nil {
		t.Fatal(err)
	}
	a.Prepare(slog.New(slog.DiscardHandler))
	questions := func() []string {
		text, err := os.ReadFile(asked)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	for range 2 { // the second time without a question
		if got := agenttest.Output[string](t, agenttest.OK(t, a, "status"), "disable_message"); got != "mine" {
			t.Errorf("disabled for %q", got)
		}
		if got, want := strings.Join(questions(), "|"), "config print --color=false --section agent --vardir=/srv/v --rundir /srv/r --config "+conf+" "+strings.Join(wanted, " "); got != want {
			t.Errorf("asked %s\nwant  %s", got, want)
		}
	}
	if err := os.WriteFile(conf, []byte("[main]\n"), 0o644); err != nil { // Puppet may say something else now
		t.Fatal(err)
	}
	agenttest.OK(t, a, "status")
	if got := questions(); len(got) != 2 {
		t.Errorf("asked %d times after a change, want 2", len(got))
	}
	agenttest.OK(t, a, "enable")
	if exists(filepath.Join(dir, "state/agent_disabled.lock")) {
		t.Error("the lock file is still there")
	}
	if err := os.Remove(conf); err != nil {
		t.Fatal(err)
	}
	if reply := agenttest.Call(t, a, "status"); reply.Status == rpc.OK || !strings.Contains(reply.Message, conf) {
		t.Errorf("without its configuration: %d %s", reply.Status, reply.Message)
	}
}

func TestQuestion(t *testing.T) {
	for command, want := range map[string]string{
		"": "puppet", "puppet agent": "puppet", "/opt/p/bin/puppet agent --test": "/opt/p/bin/puppet", "sudo -n puppet agent": "sudo -n puppet", "/srv/wrapper --fast": "puppet", "agent": "puppet",
	} {
		t.Run(subtest.Name(command), func(t *testing.T) {
			got, _, _ := strings.Cut(strings.Join(Options{Command: strings.Fields(command)}.settled().question(), " "), " config print")
			if got != want {
				t.Errorf("%s: asks %s, want %s", command, got, want)
			}
		})
	}
}

// TestCannotBeAsked has answers that are none. Then nothing is done, and nothing is said of the state.
func TestCannotBeAsked(t *testing.T) {
	for name, c := range map[string]struct {
		result run.Result
		err    error
		want   string
	}{
		"no program":        {err: errors.New("no program puppet"), want: "no program puppet"},
		"fails":             {result: run.Result{Exit: 1, Stderr: []byte("Could not \x1b[1m initialize\n")}, want: "exit code 1: Could not  [1m initialize"},
		"bad configuration": {result: run.Result{Stdout: []byte(vendors), Stderr: []byte("Error: Could not parse /x\n")}, want: "Could not parse /x"},
		"nothing":           {want: "did not say what agent_catalog_run_lockfile is"},
		"one missing":       {result: run.Result{Stdout: []byte(strings.Replace(vendors, "statedir = /opt/puppetlabs/puppet/cache/state\n", "", 1))}, want: "did not say what statedir is"},
		"twice":             {result: run.Result{Stdout: []byte(vendors + "statedir = /x\n")}, want: "two values of statedir"},
		"no value":          {result: run.Result{Stdout: []byte("statedir = \n")}, want: `gave "" for statedir`},
		"no path":           {result: run.Result{Stdout: []byte("statedir = a/b\n")}, want: `gave "a/b" for statedir`},
		"control character": {result: run.Result{Stdout: []byte("statedir = /a\x1b[2J\n")}, want: "for statedir"},
		"something else":    {result: run.Result{Stdout: []byte(vendors + "hello\n")}, want: `printed "hello"`},
		"not asked for":     {result: run.Result{Stdout: []byte(vendors + "vardir = /x\n")}, want: "no setting that it was asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			root := dirtest.New(t)
			// Two installations: none can be taken instead.
			for _, sub := range []string{"etc/puppet", "etc/puppetlabs/puppet"} {
				if err := os.MkdirAll(filepath.Join(root, sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ran := 0
			a, err := New(Options{Root: root, Run: func(context.Context, run.Command) (*run.Result, error) {
				ran++
				r := c.result
				return &r, c.err
			}})
			if err != nil {
				t.Fatal(err)
			}
			for _, action := range []string{"status", "disable", "enable", "last_run_summary", "runonce"} {
				if reply := agenttest.Call(t, a, action); reply.Status == rpc.OK || !strings.Contains(reply.Message, c.want) {
					t.Errorf("%s: %d %s, want %s", action, reply.Status, reply.Message, c.want)
				}
			}
			if ran != 1 {
				t.Errorf("asked %d times within a minute, want 1", ran)
			}
		})
	}
}

// TestOneInstallation has a Puppet that cannot be asked, of which there is only one.
func TestOneInstallation(t *testing.T) {
	silent := func(context.Context, run.Command) (*run.Result, error) { return nil, errors.New("no memory") }
	for name, c := range map[string]struct {
		conf    string
		o       Options
		pidfile string // "" if it is not known
	}{
		"etc/puppet":            {pidfile: "/var/run/puppet/agent.pid"},
		"etc/puppetlabs/puppet": {conf: "\ufeff[main]\r\nvardir = /srv/puppet {owner = service}\nstatedir=$vardir/st\n#rundir = /x\n[master]\nvardir=/no\n[agent]\n pidfile = ${statedir}/a.pid\nstatedir=/st2\n[main]\nstatedir=/late\n", pidfile: "/st2/a.pid"},
		"var/cache/puppet":      {o: Options{Config: "/dev/null"}},
		"var/lib/puppet":        {o: Options{Command: []string{"/srv/puppet", "agent"}}},
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			o := c.o
			o.Root, o.Run = dirtest.New(t), silent
			path := filepath.Join(o.Root, name, "puppet.conf")
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(c.conf), 0o644)); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			files, err := o.settled().answer(t.Context(), o.settled().question(), slog.New(slog.NewTextHandler(io.Writer(&log), nil)))
			if c.pidfile == "" {
				if err == nil {
					t.Errorf("%s: took %v", name, files)
				}
			} else if want := filepath.Join(o.Root, c.pidfile); err != nil || files["pidfile"] != want {
				t.Errorf("%s: %s, %v, want %s", name, files["pidfile"], err, want)
			}
			if !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("%s: log %q", name, log.String())
			}
		})
	}
}

// TestNotKnownYet has a caller who cannot wait for Puppet as long as that takes. The next one need not.
func TestNotKnownYet(t *testing.T) {
	answers, asked := make(chan string), make(chan struct{})
	a, err := New(Options{Root: dirtest.New(t), Run: func(context.Context, run.Command) (*run.Result, error) {
		close(asked)
		return &run.Result{Stdout: []byte(<-answers)}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	a.Prepare(slog.New(slog.DiscardHandler))
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.opts.settings(ctx); err == nil || !strings.Contains(err.Error(), "not known yet") {
		t.Error(err)
	}
	answers <- vendors
	agenttest.OK(t, a, "status")
}

// TestClose has a node that ends while Puppet is asked.
func TestClose(t *testing.T) {
	asked := make(chan struct{})
	a, err := New(Options{Root: dirtest.New(t), Run: func(ctx context.Context, _ run.Command) (*run.Result, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	a.Prepare(slog.New(slog.DiscardHandler))
	<-asked
	waits := a.opts.ask()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-waits.ready:
		if !errors.Is(waits.err, context.Canceled) {
			t.Error(waits.err)
		}
	default:
		t.Error("the question goes on")
	}
}

// TestAskedAgain goes through the hour for which an answer holds, and the minute of a failure.
func TestAskedAgain(t *testing.T) {
	now, ran, fails := time.Unix(1e9, 0), 0, false
	o := Options{Root: dirtest.New(t), Now: func() time.Time { return now }, Config: filepath.Join(dirtest.New(t), "puppet.conf"), Run: func(context.Context, run.Command) (*run.Result, error) {
		ran++
		if fails {
			return nil, errors.New("no memory")
		}
		return &run.Result{Stdout: []byte(vendors)}, nil
	}}.settled()
	if err := os.WriteFile(o.Config, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		after time.Duration
		fails bool
		ran   int
	}{{0, false, 1}, {time.Hour, false, 1}, {time.Second, true, 2}, {time.Minute, true, 2}, {time.Second, false, 3}, {time.Minute + time.Second, false, 3}}
	for _, c := range steps {
		now, fails = now.Add(c.after), c.fails
		if _, err := o.settings(t.Context()); err != nil != (c.ran == 2) || ran != c.ran {
			t.Errorf("%v later: asked %d times, want %d; %v", c.after, ran, c.ran, err)
		}
	}
}
