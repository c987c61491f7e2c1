// Package find is mco find, which lists the nodes that a filter matches.
package find

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"mcollective/discovery"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/clientfiles"
	"mcollective/internal/operation"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// findOptions are the flags of find.
type findOptions struct {
	collective.Flags
}

// New makes the command find.
func New(env *cli.Env) *cobra.Command {
	o := &findOptions{}
	cmd := &cobra.Command{
		Use:   "find [options] [filters]",
		Short: "Find the nodes that a filter matches",
		Example: "    mco find -F operatingsystem=CentOS -F 'processorcount>1'\n" +
			"    mco find -S \"webserver and not environment=production\"\n" +
			"    mco find -C webserver -j | mco find -I /^web/",
	}
	o.Add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.Check(cmd, args); err != nil {
			return err
		}
		if cli.OnLine(cmd, "timeout") {
			fmt.Fprintln(env.Err, "find calls no agent, so that --timeout changes nothing; --dt is how long it looks for nodes")
		}
		return collective.HintWhyAfter(env, cmd, o.run(cmd.Context(), env))
	}
	return cmd
}

func (o *findOptions) run(ctx context.Context, env *cli.Env) error {
	i, err := o.Begin(env, true)
	if err != nil {
		return err
	}
	i.Dialog.ShowsProgress, i.Dialog.HidesSilent = o.Verbose, true
	method, err := i.Method()
	if err != nil {
		return err
	}
	hosts, most := i.Options().Filter, i.Options().Limit
	if len(hosts.Agents) > 0 && !method.Broadcast() && method.Name != discovery.MethodExternal {
		return usage.Errorf("cannot use agent filters while using the '%s' discovery method, which knows only names", method.Name)
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()

	start := env.Now()
	out := &findOutput{env: env, out: bufio.NewWriterSize(env.Out, 16<<10), JSON: o.Results.JSON}
	// What is still to be sorted or counted, or comes with words around it, cannot
	// be shown before it is complete.
	limited := most.Count > 0 || most.Percent > 0
	out.stream = !o.Verbose && !o.Sort && !o.Results.JSON && most.Percent == 0 && !(limited && most.Random)
	// The nodes that other commands could call, as Ruby finds them.
	t, err := i.Find(ctx, operation.Search{Agent: collective.EveryNode, Each: out.add, Idle: out.flush})
	if err != nil && !errors.Is(err, operation.ErrInterrupted) {
		return err
	}
	names := t.Nodes
	env.Files().Remember(clientfiles.Names{Identities: names})
	if o.Sort {
		slices.Sort(names)
	}
	if o.Verbose {
		fmt.Fprintln(env.Err)
	}
	if err := out.finish(names); err != nil {
		return fmt.Errorf("write the names: %w", err)
	}
	collective.PrintSilent(env.Err, t.Silent, true)
	if o.Verbose {
		fmt.Fprintf(env.Err, "\nDiscovered %d nodes in %.2f seconds using the %s discovery plugin\n", len(names), env.Now().Sub(start).Seconds(), method.Name)
	}
	// An interrupted search proves nothing about who is not in it.
	if len(names) == 0 || err != nil {
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}

// findOutput prints names, one to a line.
type findOutput struct {
	env    *cli.Env
	out    *bufio.Writer
	JSON   bool
	stream bool // each name is printed when it is found
	shown  int
}

// A found is one object of the JSON output, which find and others read again.
type found struct {
	Sender string `json:"sender"`
}

func (f *findOutput) add(name string) {
	if f.stream {
		fmt.Fprintln(f.out, safetext.CleanLine(name))
		f.shown++
	}
}

// flush shows what was printed. An error stays with the writer until finish.
func (f *findOutput) flush() { _ = f.out.Flush() }

func (f *findOutput) finish(names []string) error {
	if f.JSON {
		list := make([]found, len(names))
		for i, n := range names {
			list[i].Sender = n
		}
		return cli.WriteJSON(f.env, list)
	}
	for _, n := range names[min(f.shown, len(names)):] {
		fmt.Fprintln(f.out, safetext.CleanLine(n))
	}
	return f.out.Flush()
}
