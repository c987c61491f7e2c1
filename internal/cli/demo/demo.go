// Package demo is mco demo, which shows a collective of simulated nodes.
package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/internal/app"
	"mcollective/internal/cli"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	nodes  int
	seed   uint64
	keep   bool
	listen string

	mco func(words []string, env *cli.Env) int // runs a command
}

// New makes the command demo.
func New(env *cli.Env, mco func([]string, *cli.Env) int) *cobra.Command {
	o := &demoOptions{mco: mco}
	cmd := &cobra.Command{
		Use:   "demo [options]",
		Short: "Show a collective of simulated nodes on this machine",
		Args:  cobra.NoArgs,
		Example: "    mco demo\n" +
			"    mco demo --nodes 1000 --seed 7 --keep",
	}
	flags := cmd.Flags()
	flags.IntVarP(&o.nodes, "nodes", "n", 25, "How many nodes to simulate (25)")
	flags.Uint64Var(&o.seed, "seed", 21, "Which nodes; the same seed gives the same ones")
	flags.BoolVarP(&o.keep, "keep", "k", false, "Keep running, for commands from another terminal")
	flags.StringVarP(&o.listen, "listen", "l", "127.0.0.1:0", "Address of the broker; port 0 is any free one")
	cli.Takes(flags, "nodes", "COUNT")
	cli.Takes(flags, "seed", "NUMBER")
	cli.Takes(flags, "listen", "HOST:PORT")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.nodes < 1 {
			return usage.Errorf("invalid argument: --nodes %d: at least one node is needed", o.nodes)
		}
		if o.nodes > app.MaxSimulated {
			return usage.Errorf("invalid argument: --nodes %d: there can be %d nodes at most", o.nodes, app.MaxSimulated)
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *demoOptions) run(ctx context.Context, env *cli.Env) (err error) {
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	d := app.NewDemo(app.DemoOptions{Nodes: o.nodes, Seed: o.seed, Listen: o.listen, Version: cli.Version()})
	if err := d.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	o.introduce(env, d)
	answered := false
	for _, words := range [][]string{
		{"ping", "-F", "operatingsystem=CentOS", "-t", "1"},
		{"find", "-F", "operatingsystem=CentOS", "-F", "processorcount>1", "--dt", "1"},
	} {
		if ctx.Err() != nil {
			return cli.Exit(cli.ExitFailed)
		}
		answered = o.runCommand(env, d, words) == cli.ExitOK || answered
	}
	hasCentOS := slices.ContainsFunc(d.Systems(), func(s app.SystemCount) bool { return s.System == "CentOS" })
	switch {
	case o.keep:
		fmt.Fprintf(env.Out, "The collective stays until Ctrl-C. From another terminal:\n\n    mco ping -c %s\n", d.ClientConfig())
		<-ctx.Done()
	case !answered && ctx.Err() == nil && hasCentOS:
		return errors.New("no node answered, although some should have")
	}
	return nil
}

// introduce says what was started.
func (o *demoOptions) introduce(env *cli.Env, d *app.Demo) {
	var kinds []string
	for _, s := range d.Systems() {
		kinds = append(kinds, fmt.Sprintf("%d %s", s.Nodes, s.System))
	}
	fmt.Fprintf(env.Out, "A collective on this machine, made for this run:\n\n"+
		"    broker  %s\n"+
		"    node    %s, this machine, %v\n"+
		"    nodes   %d simulated ones of seed %d: %s\n\n",
		d.BrokerURL(), safetext.CleanLine(d.Identity()), d.System(), o.nodes, o.seed, strings.Join(kinds, ", "))
}

// runCommand runs a command against the collective, as somebody at a terminal would.
func (o *demoOptions) runCommand(env *cli.Env, d *app.Demo, words []string) (code int) {
	shown := make([]string, len(words))
	for i, w := range words {
		if shown[i] = w; strings.ContainsAny(w, "<> ") {
			shown[i] = "'" + w + "'"
		}
	}
	fmt.Fprintf(env.Out, "$ mco %s\n", strings.Join(shown, " "))
	inner := *env
	inner.Name, inner.OutFile = "mco", ""
	inner.InList = false
	// Settings of this user's other collectives have no say here.
	inner.Getenv = func(name string) string {
		if strings.HasPrefix(name, "MCOLLECTIVE_") {
			return ""
		}
		return env.Getenv(name)
	}
	code = o.mco(append([]string{words[0], "-c", d.ClientConfig()}, words[1:]...), &inner)
	fmt.Fprintln(env.Out)
	return code
}
