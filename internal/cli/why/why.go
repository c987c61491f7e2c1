// Package why is mco why, which explains why nodes are not found.
package why

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/operation"
	"mcollective/internal/safetext"
	"mcollective/value"
)

// whyOptions are the flags of why.
type whyOptions struct {
	collective.Flags
	agent string
}

// New makes the command why.
func New(env *cli.Env) *cobra.Command {
	o := &whyOptions{}
	cmd := &cobra.Command{
		Use:   "why [options] [filters] [agent]",
		Short: "Explain why nodes are not found",
		Long: `Asks all nodes of the collective and shows which part of the filter excludes
which nodes, and which values are similar. With the name of an agent, it also
shows which nodes do not have it, and why.`,
		Example: "    mco why -F operatingsystem=Centos -C webserver\n" +
			"    mco why -S 'web and country=de' service",
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return complete.Matching(complete.Agents(env), word), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.Add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			o.agent, args = args[0], args[1:]
		}
		if err := o.Check(cmd, args); err != nil {
			return err
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *whyOptions) run(ctx context.Context, env *cli.Env) error {
	i, err := o.Begin(env, false)
	if err != nil {
		return err
	}
	hosts := i.Options().Filter
	if o.agent != "" {
		p, err := filter.ParsePattern(o.agent)
		if err != nil {
			return collective.FilterError(err)
		}
		hosts.Agents = append(hosts.Agents, p)
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	if err := i.Connect(ctx); err != nil {
		return err
	}
	wait := o.DiscoveryTimeout.Or(i.Config.DiscoveryTimeout, discovery.BroadcastTimeout)
	// Every node has this agent, as far as filters go; a filter without any entry would find
	// nobody, since nodes count what Find adds to it.
	found, err := i.Client().Find(ctx, i.Query(operation.WithAgent(filter.Filter{}, "mcollective"), wait, 0), func(string) {}, nil)
	if err != nil {
		return err
	}
	if len(found.Nodes) == 0 {
		return explainNoReplies(i, found)
	}
	nodes, err := askNodes(ctx, i, found.Nodes)
	if err != nil {
		return err
	}
	if err := nodes.askFunctions(ctx, i, found.Nodes, hosts); err != nil {
		return err
	}
	report := &explanation{env: env, nodes: nodes, target: i.Options().Collective}
	for _, t := range clauses(hosts) {
		v := nodes.judge(t)
		if t.filter.NeedsData() {
			// What a data plugin says only the nodes can tell.
			answer, err := i.Client().Find(ctx, i.Query(t.filter, wait+operation.FunctionTime, 0), func(string) {}, nil)
			if err != nil {
				return err
			}
			v.pass, v.unknown = nodes.among(answer.Nodes), nodes.among(answer.Silent)
		}
		report.verdicts = append(report.verdicts, v)
	}
	if o.Results.JSON {
		if err := report.JSON(); err != nil {
			return err
		}
		return report.exitStatus()
	}
	report.print()
	if len(found.Silent) > 0 {
		fmt.Fprintf(env.Out, "\nThe broker knows of %d more that said nothing: %s\n", len(found.Silent), shortList(found.Silent))
	}
	return report.exitStatus()
}

// explainNoReplies says what may be wrong where not even a question to all is answered.
func explainNoReplies(i *collective.Invocation, found *client.Found) error {
	if i.Flags.Results.JSON {
		if err := cli.WriteJSON(i.Env, []any{}); err != nil {
			return err
		}
	}
	fmt.Fprintf(i.Env.Err, "No node of the collective %s answers at all, whatever the filter.\n\n", i.Options().Collective)
	if found.Exact && found.Asked == 0 {
		fmt.Fprintln(i.Env.Err, "The broker knows of no node that listens: is a node running, and is it connected to this broker?")
	} else {
		fmt.Fprint(i.Env.Err, "A node answers if it is connected to this broker, is a member of this collective, has\n"+
			"the same plugin.psk (or other security provider), and a clock that differs by less\n"+
			"than the ttl. The log of a node says which of these it did not like.\n")
	}
	if len(found.Silent) > 0 {
		fmt.Fprintf(i.Env.Err, "The broker knows of %d that said nothing: %s\n", len(found.Silent), shortList(found.Silent))
	}
	return cli.Exit(cli.ExitFailed)
}

// askNodes asks nodes what they are.
func askNodes(ctx context.Context, i *collective.Invocation, names []string) (*nodeSet, error) {
	set := &nodeSet{byName: make(map[string]*member, len(names))}
	for _, n := range names {
		m := &member{identity: n, data: make(map[string]functionData)}
		set.members = append(set.members, m)
		set.byName[n] = m
	}
	i.Restrict(filter.Filter{}) // they are asked whether or not they match
	_, err := i.Ask(ctx, i.Found(names), "inventory", value.NewMap(), func(answer client.Answer) {
		if m := set.byName[answer.Sender]; m != nil {
			m.load(answer.RPC.Data)
		}
	})
	if err != nil {
		return nil, err
	}
	i.Env.Files().Remember(set.completions())
	return set, nil
}

// among returns those of the names that are members'.
func (s *nodeSet) among(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		if s.byName[n] != nil {
			set[n] = true
		}
	}
	return set
}

// shortList names some of many.
func shortList(names []string) string {
	names = cli.Sorted(names)
	shown := make([]string, min(len(names), 5))
	for i := range shown {
		shown[i] = safetext.CleanLine(names[i])
	}
	if len(names) > len(shown) {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), len(names)-len(shown))
	}
	return strings.Join(shown, ", ")
}
