package puppet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"mcollective/internal/cli/application"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/usage"
	"mcollective/rpc"
)

// countPuppets tells how many nodes have Puppet in which state.
func countPuppets(ctx context.Context, t *application.Task) error {
	if !t.Human() {
		return usage.Hinted(usage.Errorf("count is a report for people"), "mco puppet status gives the answers in every format")
	}
	if err := t.Prepare(); err != nil {
		return err
	}
	_, in, err := t.Request("status", t.Args)
	if err != nil {
		return err
	}
	if err := t.Find(ctx); err != nil {
		return err
	}
	count := map[string]int{}
	account, err := t.Each(ctx, "status", in, func(_ string, reply *rpc.Reply) {
		count["all"]++
		for _, name := range []string{"enabled", "applying", "daemon_present", "idling"} {
			if outputs.Truth(reply, name) {
				count[name]++
			}
		}
	})
	if err != nil {
		return err
	}
	line := func(what string, n int) { fmt.Fprintf(t.Env.Out, "%34s: %d\n", what, n) }
	fmt.Fprintf(t.Env.Out, "Total Puppet nodes: %d\n\n", count["all"])
	line("Nodes currently enabled", count["enabled"])
	line("Nodes currently disabled", count["all"]-count["enabled"])
	fmt.Fprintln(t.Env.Out)
	line("Nodes currently doing puppet runs", count["applying"])
	line("Nodes currently stopped", count["all"]-count["applying"])
	fmt.Fprintln(t.Env.Out)
	line("Nodes with daemons started", count["daemon_present"])
	line("Nodes without daemons started", count["all"]-count["daemon_present"])
	line("Daemons started but idling", count["idling"])
	t.Missing(account)
	t.Learned(account)
	return collective.ExitStatus(t.Targets, account)
}

// puppetFigures are the outputs of last_run_summary that a summary shows.
var puppetFigures = [...]struct{ output, about string }{
	{"total_resources", "Total resources"},
	{"out_of_sync_resources", "Out Of Sync resources"},
	{"failed_resources", "Failed resources"},
	{"changed_resources", "Changed resources"},
	{"corrected_resources", "Corrected resources"},
	{"config_retrieval_time", "Config Retrieval time (seconds)"},
	{"total_time", "Total run-time (seconds)"},
	{"since_lastrun", "Time since last run (seconds)"},
}

// summarizePuppets shows how the figures of the last runs are spread.
func summarizePuppets(ctx context.Context, t *application.Task) error {
	if err := t.Prepare(); err != nil {
		return err
	}
	_, in, err := t.Request("last_run_summary", t.Args)
	if err != nil {
		return err
	}
	if err := t.Find(ctx); err != nil {
		return err
	}
	values := make([][]float64, len(puppetFigures))
	nodes := 0
	account, err := t.Each(ctx, "last_run_summary", in, func(_ string, reply *rpc.Reply) {
		nodes++
		for i, f := range puppetFigures {
			v, _ := reply.Output(f.output)
			if n := outputs.Number(v); n >= 0 && v != nil { // -1 stands for what is not known
				values[i] = append(values[i], n)
			}
		}
	})
	if err != nil {
		return err
	}
	if nodes == 0 {
		return errors.Join(collective.ExitStatus(t.Targets, account), t.Statistics(account, t.Targets, "puppet stats"))
	}
	fmt.Fprintf(t.Env.Out, "Summary statistics for %d nodes:\n\n", nodes)
	for i, f := range puppetFigures {
		if len(values[i]) == 0 {
			fmt.Fprintf(t.Env.Out, "%33s: unknown\n", f.about)
			continue
		}
		fmt.Fprintf(t.Env.Out, "%33s: %s  min: %-6.1f max: %-6.1f\n", f.about, histogram(values[i], 20), slices.Min(values[i]), slices.Max(values[i]))
	}
	t.Learned(account)
	return collective.ExitStatus(t.Targets, account)
}

// histogram draws how many values fall into each of some equal stretches between
// the least and the greatest of them.
func histogram(values []float64, stretches int) string {
	low, high := slices.Min(values), slices.Max(values)
	counts := make([]int, stretches)
	for _, v := range values {
		i := 0
		if high > low {
			i = min(int((v-low)/(high-low)*float64(stretches)), stretches-1)
		}
		counts[i]++
	}
	ticks := []rune("▁▂▃▄▅▆▇")
	most := float64(slices.Max(counts))
	var b strings.Builder
	for _, n := range counts {
		b.WriteRune(ticks[int(math.Ceil(float64(n)/most*float64(len(ticks)-1)))])
	}
	return b.String()
}
