package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/value"
)

// factsOptions are the flags of facts.
type factsOptions struct {
	clientFlags
	fact string
}

func newFacts(env *Env) *cobra.Command {
	o := &factsOptions{}
	cmd := &cobra.Command{
		Use:   "facts [options] [filters] [fact]",
		Short: "Reports on usage for a specific fact",
		Long: `With the name of a fact, prints its values and how many nodes have each; with -v,
which. Without one, prints the nodes that the filter matches and, on a terminal
or with -v, in which facts they differ.`,
		Example: "    mco facts operatingsystem\n" +
			"    mco facts os.release.major -C webserver -v\n" +
			"    mco facts -F operatingsystem=CentOS -F 'processorcount>1'",
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return beginning(knownFacts(env), word), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			o.fact, args = args[0], args[1:]
		}
		if err := o.check(cmd, args); err != nil {
			return err
		}
		if err := refuse(cmd, "it counts the answers itself", "reply-to", "display"); err != nil {
			return err
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *factsOptions) run(ctx context.Context, env *Env) error {
	i, err := o.begin(env, true)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	i.dialog.showsProgress = o.verbose
	t, err := i.search(ctx, rpcutil.Name)
	if err != nil {
		return err
	}
	if o.fact == "" {
		return o.survey(ctx, i, t)
	}
	return o.report(ctx, i, t)
}

// report asks for one fact and counts its values.
func (o *factsOptions) report(ctx context.Context, i *invocation, t *operation.Targets) error {
	holders := make(map[string][]string)
	count := func(node string, value any) {
		if value != nil && value != false {
			text := render.Text(value)
			holders[text] = append(holders[text], node)
		}
	}
	account, err := o.values(ctx, i, t, o.fact, count)
	if err != nil {
		return err
	}
	// Nodes know the facts at the top by name only.
	if top, path, inside := strings.Cut(o.fact, "."); inside && len(holders) == 0 {
		if account, err = o.values(ctx, i, t, top, func(node string, value any) { count(node, inner(value, path)) }); err != nil {
			return err
		}
	}
	if o.rpc.json {
		if err := writeJSON(i.env, valuesByCount(holders)); err != nil {
			return err
		}
		o.remember(i, holders)
		return exitStatus(t, account)
	}
	if len(t.Nodes) == 0 {
		_ = i.nothingFound(rpcutil.Name) // which is no reason to end here
	}
	o.print(i.env, holders)
	if err := i.statistics(account, t, "rpc stats"); err != nil {
		return err
	}
	o.remember(i, holders)
	return exitStatus(t, account)
}

// values asks for one fact and gives what each node has.
func (o *factsOptions) values(ctx context.Context, i *invocation, t *operation.Targets, fact string, each func(node string, value any)) (*client.Account, error) {
	return i.ask(ctx, t, "get_fact", value.NewMap(value.Symbol("fact"), fact), func(answer client.Answer) {
		if answer.Err != nil {
			fmt.Fprintf(i.env.Err, "Could not parse facts for %s: %s\n", render.CleanLine(answer.Sender), render.Clean(answer.Err.Error()))
			return
		}
		value, _ := answer.RPC.Output("value")
		each(answer.Sender, value)
	})
}

// inner is the fact at a path with dots inside of another; nil if there is none.
func inner(v any, path string) any {
	h, ok := v.(*value.Map)
	if !ok || h == nil {
		return nil
	}
	if v, ok := h.Get(path); ok {
		return v
	}
	for i, c := range path {
		if c != '.' {
			continue
		}
		if v, ok := h.Get(path[:i]); ok {
			return inner(v, path[i+1:])
		}
	}
	return nil
}

func (o *factsOptions) remember(i *invocation, holders map[string][]string) {
	l := lesson{facts: map[string][]string{o.fact: nil}}
	for value, nodes := range holders {
		l.facts[o.fact] = append(l.facts[o.fact], value)
		l.identities = append(l.identities, nodes...)
	}
	if len(holders) > 0 {
		learn(i.env, l)
	}
}

// print shows the values in the layout of Ruby's report.
func (o *factsOptions) print(env *Env, holders map[string][]string) {
	if len(holders) == 0 {
		fmt.Fprintf(env.Out, "No values found for fact %s\n", render.CleanLine(o.fact))
		return
	}
	fmt.Fprintf(env.Out, "Report for fact: %s\n\n", render.CleanLine(o.fact))
	values := sortedKeys(holders)
	column := 40
	for _, v := range values {
		column = max(column, min(len([]rune(v)), mostFilled))
	}
	for _, v := range values {
		fmt.Fprintf(env.Out, "        %-*s found %d times\n", column, tidy(env, v), len(holders[v]))
		if !o.verbose {
			continue
		}
		fmt.Fprintln(env.Out)
		for _, node := range sorted(holders[v]) {
			fmt.Fprintf(env.Out, "            %s\n", render.CleanLine(node))
		}
		fmt.Fprintln(env.Out)
	}
}

// A valueCount is one object of the JSON output.
type valueCount struct {
	Value string   `json:"value"`
	Count int      `json:"count"`
	Nodes []string `json:"nodes"`
}

func valuesByCount(holders map[string][]string) []valueCount {
	list := make([]valueCount, 0, len(holders))
	for _, v := range sortedKeys(holders) {
		list = append(list, valueCount{v, len(holders[v]), sorted(holders[v])})
	}
	return list
}
