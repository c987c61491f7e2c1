//go:build unix

package puppet

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/run"
	"mcollective/internal/subtest"
	"mcollective/internal/trust"
	"mcollective/rpc"
)

// The Puppet that is configured is the one that runs and brings resources into a
// state, with the configuration that it was asked about.
func TestConfiguredPuppet(t *testing.T) {
	conf := filepath.Join(dirtest.New(t), "puppet.conf")
	if err := os.WriteFile(conf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		command       string
		run, resource string
	}{
		{"", "puppet agent ONCE --config CONF --no-splay", "puppet resource --color=false --config CONF file /x"},
		{"/opt/p agent --test", "/opt/p agent --test ONCE --config CONF --no-splay", "/opt/p resource --color=false --config CONF file /x"},
		{"/opt/p agent --config /other", "/opt/p agent --config /other ONCE --no-splay", "/opt/p resource --color=false file /x"},
		{"/srv/wrapper", "/srv/wrapper ONCE --config CONF --no-splay", "puppet resource --color=false --config CONF file /x"},
	} {
		t.Run(subtest.Name(tc.command), func(t *testing.T) {
			ran := make(chan string, 2)
			a := machine(t, nil, Options{
				Config: conf, Command: strings.Fields(tc.command), ResourcePolicy: Resources{Types: []string{"file"}},
				Run: func(_ context.Context, c run.Command) (*run.Result, error) {
					ran <- strings.Join(append([]string{c.Path}, c.Args...), " ")
					return &run.Result{}, nil
				},
				Wait: func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() },
			})
			words := strings.NewReplacer("ONCE", "--onetime --no-daemonize --color=false --show_diff --verbose", "CONF", conf)
			agenttest.OK(t, a, "runonce", "force", true)
			if got, want := <-ran, words.Replace(tc.run); got != want {
				t.Errorf("%q runs     %s\nwant     %s", tc.command, got, want)
			}
			agenttest.OK(t, a, "resource", "type", "file", "name", "/x")
			if got, want := <-ran, words.Replace(tc.resource); got != want {
				t.Errorf("%q runs     %s\nwant     %s", tc.command, got, want)
			}
		})
	}
}

// A program or script of the command that others can write to is not run, whether
// that is so when the node starts or becomes so later.
func TestUntrustedCommand(t *testing.T) {
	dir := dirtest.New(t)
	if err := trust.Check(dir); err != nil {
		t.Skip(err)
	}
	program, wrapped := filepath.Join(dir, "program"), filepath.Join(dir, "wrapped.rb")
	for _, path := range []string{program, wrapped} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, open := range []string{program, wrapped} {
		ran := false
		a := machine(t, nil, Options{
			Command: []string{program, wrapped, "agent"}, ResourcePolicy: Resources{Types: []string{"file"}},
			Run: func(_ context.Context, c run.Command) (*run.Result, error) {
				ran = ran || !slices.Contains(c.Args, "print")
				return &run.Result{}, nil
			},
			Wait: func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() },
		})
		if err := a.Active(t.Context()); err != nil {
			t.Error(err)
		}
		agenttest.OK(t, a, "status") // the question where the files are was answered before
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
		want := "plugin.puppet.command: " + open + " is not trusted"
		if err := a.Active(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("active: %v", err)
		}
		for _, call := range [][]any{{"runonce", "force", true}, {"resource", "type", "file", "name", "/x"}} {
			if reply := agenttest.Call(t, a, call[0].(string), call[1:]...); reply.Status == rpc.OK || !strings.Contains(reply.Message, want) || ran {
				t.Errorf("%v: %d %s, ran %v", call, reply.Status, reply.Message, ran)
			}
		}
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
