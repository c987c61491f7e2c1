// Package list shows the agents of the node on this machine.
package list

import (
	"context"
	"fmt"
	"os"
	"strings"

	"mcollective/internal/app"
	"mcollective/internal/cli"
	"mcollective/internal/cli/agent/settings"
	"mcollective/internal/cli/collective"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// Run shows the agents of the node on this machine, and why some are not active.
func Run(ctx context.Context, env *cli.Env, o *settings.Settings, out *collective.Output, json bool) error {
	cfg, err := o.Config()
	if err != nil {
		return err
	}
	if o.Dir != "" {
		if _, err := os.ReadDir(o.Dir); err != nil {
			return fmt.Errorf("list the agents of a directory: %w", err)
		}
		cfg.AgentsDirs = []string{o.Dir}
	}
	rows, err := app.ListAgents(ctx, cfg)
	if err != nil {
		return err
	}
	if json || out.Format == string(render.JSON) {
		return cli.WriteJSON(env, rows)
	}
	if out.Format != "" || out.Fields != "" || out.JQ != "" {
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
