package agent

import (
	"context"
	"fmt"
	"os"
	"strings"

	"mcollective/internal/app"
	"mcollective/internal/cli"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// list shows the agents of the node on this machine, and why some are not active.
func (o *agentOptions) list(ctx context.Context, env *cli.Env) error {
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
	rows, err := app.ListAgents(ctx, cfg)
	if err != nil {
		return err
	}
	if o.Results.JSON || o.Format == string(render.JSON) {
		return cli.WriteJSON(env, rows)
	}
	if o.Format != "" || o.Fields != "" || o.JQ != "" {
		return usage.Errorf("list has the formats text and json")
	}
	inactive := 0
	for _, r := range rows {
		what := strings.Join(r.Actions, ", ")
		if r.Inactive != "" {
			inactive++
			what = "inactive: " + r.Inactive
		}
		fmt.Fprintf(env.Out, "%-20s %-8s %s\n", safetext.CleanLine(r.Name), r.Kind, safetext.CleanLine(what))
		if o.Verbose && r.Program != "" {
			fmt.Fprintf(env.Out, "%-29s %s\n", "", safetext.CleanLine(r.Program))
		}
	}
	fmt.Fprintf(env.Err, "%d agents, %d of them inactive; looked in %s\n", len(rows), inactive, strings.Join(cfg.AgentsDirs, ", "))
	return nil
}
