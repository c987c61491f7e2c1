//go:build unix

package nodeagents

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/dirtest"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
)

// TestMisspelledAgentIsNamed: a switch for an agent that is not here is a mistake if
// one that is here has nearly its name.
func TestMisspelledAgentIsNamed(t *testing.T) {
	dir := dirtest.New(t)
	file := filepath.Join(dir, "server.cfg")
	if err := os.WriteFile(file, []byte("plugin.servce.activate_agent = 0\nplugin.of_another_site.activate_agent = 0\nplugin.service.activate_agent = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, config.Server)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	a := &Set{cfg: cfg, log: slog.New(slog.NewTextHandler(&log, nil))}
	a.warnOfUnknown(map[string]agent.Agent{"service": nil}, map[string]error{"package": nil})
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "setting=plugin.servce.activate_agent at="+file+":1 did_you_mean=service") {
		t.Errorf("the log says %q", got)
	}
}

// TestAgentsOfANode loads agents of the program and of a directory, again and again.
func TestAgentsOfANode(t *testing.T) {
	dir := dirtest.New(t)
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		os.Remove(file)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("server.cfg", "plugin.sysinfo.activate_agent = no\nplugin.process.activate_agent = 0\nfactsource = yaml\nplugin.yaml = "+dir+"/facts.yaml\n", 0o600)
	write("facts.yaml", "os: x\n", 0o600)
	write("agents/hello", "#!/bin/sh\necho hello\n", 0o755)
	write("agents/rpcutil", "#!/bin/sh\necho I am not\n", 0o755)
	cfg, err := config.Load(filepath.Join(dir, "server.cfg"), config.Server)
	if err != nil {
		t.Fatal(err)
	}
	known, err := plugins.Facts(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer known.Close()
	a, err := New(Options{Config: cfg, Facts: func() map[string]any { return known.Snapshot() }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.Add(rpcutil.Name, rpcutil.New(rpcutil.Options{}))

	load := func(ctx context.Context) map[string]server.Handler {
		t.Helper()
		list, err := a.Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	first := load(t.Context())
	for _, name := range []string{"rpcutil", "hello"} {
		if first[name] == nil {
			t.Errorf("no agent %s, but %v; inactive are %v", name, first, a.Inactive())
		}
	}
	idle := a.Inactive()
	if idle["sysinfo"] != agent.ErrDisabled.Error() || idle["process"] != agent.ErrDisabled.Error() || first["sysinfo"] != nil || first["process"] != nil {
		t.Errorf("inactive: %v", idle)
	}
	if d := a.Definition(ddl.Agent, "hello"); d == nil || d.Action("run") == nil {
		t.Errorf("the definition of hello is %+v", d)
	}
	if a.Definition(ddl.Agent, "sysinfo") != nil || a.Definition(ddl.Data, "hello") != nil {
		t.Error("there is a definition of what the node has not")
	}
	if a.handlers["rpcutil"].Agent() != a.builtin["rpcutil"] {
		t.Error("a file took the place of rpcutil")
	}

	write("agents/second", "#!/bin/sh\necho second\n", 0o755)
	second := load(t.Context())
	if second["second"] == nil || second["hello"] != first["hello"] || second["rpcutil"] != first["rpcutil"] {
		t.Error("agents that stay have other handlers, or the new one is missing")
	}
	write("agents/hello", "#!/bin/sh\necho hello again\n", 0o755)
	third := load(t.Context())
	if third["hello"] == first["hello"] || third["hello"] == server.Handler(nil) {
		t.Error("an agent that changed has the handler of before")
	}

	// Who has no time left finds no agent that can work, and that means nothing.
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if list, err := a.Load(over); err == nil || list != nil {
		t.Errorf("without time to look there are %d agents, error %v", len(list), err)
	}
	if a.Definition(ddl.Agent, "hello") == nil || len(a.Inactive()) != len(idle) {
		t.Errorf("the agents are gone; inactive are %v", a.Inactive())
	}
}
