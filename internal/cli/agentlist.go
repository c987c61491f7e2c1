package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"mcollective/agent"
	"mcollective/agent/ruby"
	"mcollective/agent/stdio"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/internal/render"
)

// An installedAgent is one agent that a node of this machine would have.
type installedAgent struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"` // builtin, oneshot, worker or ruby
	Version  string   `json:"version,omitempty"`
	Actions  []string `json:"actions,omitempty"`
	Program  string   `json:"program,omitempty"`
	Inactive string   `json:"inactive,omitempty"` // why it cannot work
}

// list shows the agents of the node on this machine, and why some are not active.
func (o *agentOptions) list(ctx context.Context, env *Env) error {
	cfg, err := o.nodeConfig()
	if err != nil {
		return err
	}
	if o.dir != "" {
		if _, err := os.ReadDir(o.dir); err != nil {
			return fmt.Errorf("list the agents of a directory: %w", err)
		}
		cfg.AgentsDirs = []string{o.dir}
	}
	rows, err := installed(ctx, cfg)
	if err != nil {
		return err
	}
	if o.rpc.json || o.format == string(render.JSON) {
		return writeJSON(env, rows)
	}
	if o.format != "" || o.fields != "" || o.jq != "" {
		return usageErrorf("list has the formats text and json")
	}
	inactive := 0
	for _, r := range rows {
		what := strings.Join(r.Actions, ", ")
		if r.Inactive != "" {
			inactive++
			what = "inactive: " + r.Inactive
		}
		fmt.Fprintf(env.Out, "%-20s %-8s %s\n", render.CleanLine(r.Name), r.Kind, render.CleanLine(what))
		if o.verbose && r.Program != "" {
			fmt.Fprintf(env.Out, "%-29s %s\n", "", render.CleanLine(r.Program))
		}
	}
	fmt.Fprintf(env.Err, "%d agents, %d of them inactive; looked in %s\n", len(rows), inactive, strings.Join(cfg.AgentsDirs, ", "))
	return nil
}

// installed finds the agents, as the node does when it starts.
func installed(ctx context.Context, cfg *config.Config) ([]installedAgent, error) {
	log := slog.New(slog.DiscardHandler)
	known, err := openFacts(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer known.Close()
	all, inactive := plugins.Agents(cfg)
	all[rpcutil.Name] = (&self{cfg: cfg, facts: known}).agent()
	options, err := programOptions(cfg, func() map[string]any { return known.Snapshot() }, log)
	if err != nil {
		return nil, err
	}
	loader := stdio.NewLoader(options)
	defer loader.Close()
	folders := &agents{cfg: cfg, folders: loader, rubies: openRubies(cfg, func() map[string]any { return known.Snapshot() }, log)}
	if folders.rubies != nil {
		defer folders.rubies.Close()
	}
	found, problems := folders.look(ctx)
	var rows []installedAgent
	for _, p := range problems {
		name := p.Agent
		if name == "" {
			name = "-"
		}
		rows = append(rows, installedAgent{Name: name, Kind: "broken", Program: p.Path, Inactive: p.Error()})
	}
	for name, a := range found {
		if s, ok := a.(*stdio.Agent); ok {
			defer s.Close()
		}
		if (all[name] != nil || inactive[name] != nil) && !takesPlace(cfg, name, a) {
			row := describeInstalled(name, a)
			row.Inactive = "the program itself has an agent of this name"
			rows = append(rows, row)
			continue
		}
		all[name] = a
	}
	_, useless := agent.Activate(ctx, all, plugins.Enabled(cfg))
	for name, a := range all {
		row := describeInstalled(name, a)
		if err := useless[name]; err != nil {
			row.Inactive = err.Error()
		}
		rows = append(rows, row)
	}
	for name, err := range inactive {
		rows = append(rows, installedAgent{Name: name, Kind: "builtin", Inactive: err.Error()})
	}
	slices.SortFunc(rows, func(a, b installedAgent) int { return strings.Compare(a.Name, b.Name) })
	return rows, nil
}

func describeInstalled(name string, a agent.Agent) installedAgent {
	d := a.Definition()
	row := installedAgent{Name: name, Kind: "builtin", Version: d.Metadata.Version}
	for _, action := range d.Actions {
		row.Actions = append(row.Actions, action.Name)
	}
	if r, ok := a.(*ruby.Agent); ok {
		row.Kind, row.Program = "ruby", r.Path()
	}
	if s, ok := a.(*stdio.Agent); ok {
		info := s.Info()
		row.Kind, row.Program = string(info.Mode), info.Program
	}
	return row
}
