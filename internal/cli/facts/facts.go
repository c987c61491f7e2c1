// Package facts is mco facts, which reports the values of facts.
package facts

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/clientfiles"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/value"
)

// factsOptions are the flags of facts.
type factsOptions struct {
	collective.Flags
	fact string
}

// New makes the command facts.
func New(env *cli.Env) *cobra.Command {
	o := &factsOptions{}
	cmd := &cobra.Command{
		Use:   "facts [options] [filters] [fact]",
		Short: "Show the values of a fact and how many nodes have each",
		Long: `With the name of a fact, prints its values and how many nodes have each; with
-v, also which nodes. Without a name, prints the nodes that the filter matches
and, on a terminal or with -v, in which facts they differ.`,
		Example: "    mco facts operatingsystem\n" +
			"    mco facts os.release.major -C webserver -v\n" +
			"    mco facts -F operatingsystem=CentOS -F 'processorcount>1'",
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return complete.Matching(complete.KnownFacts(env), word), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.Add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			o.fact, args = args[0], args[1:]
		}
		if err := o.Check(cmd, args); err != nil {
			return err
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *factsOptions) run(ctx context.Context, env *cli.Env) error {
	i, err := o.Begin(env, true)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	i.Dialog.ShowsProgress = o.Verbose
	t, err := i.Search(ctx, collective.EveryNode)
	if err != nil {
		return err
	}
	if o.fact == "" {
		return o.survey(ctx, i, t)
	}
	return o.report(ctx, i, t)
}

// report asks for one fact and counts its values.
func (o *factsOptions) report(ctx context.Context, i *collective.Invocation, t *operation.Targets) error {
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
	if top, path, inside := strings.Cut(o.fact, "."); inside && len(holders) == 0 && account != nil && account.Count[client.OK] > 0 {
		if account, err = o.values(ctx, i, t, top, func(node string, value any) { count(node, inner(value, path)) }); err != nil {
			return err
		}
	}
	if o.Results.JSON {
		if err := cli.WriteJSON(i.Env, valuesByCount(holders)); err != nil {
			return err
		}
		o.remember(i, holders)
		return collective.ExitStatus(t, account)
	}
	if len(t.Nodes) == 0 {
		_ = i.NothingFound(collective.EveryNode) // which is no reason to end here
	}
	o.print(i.Env, holders, account)
	if err := i.Statistics(account, t, "rpc stats"); err != nil {
		return err
	}
	o.remember(i, holders)
	return collective.ExitStatus(t, account)
}

// values asks for one fact and gives what each node has.
func (o *factsOptions) values(ctx context.Context, i *collective.Invocation, t *operation.Targets, fact string, each func(node string, value any)) (*client.Account, error) {
	return i.Ask(ctx, t, "get_fact", value.NewMap(value.Symbol("fact"), fact), func(answer client.Answer) {
		value, _ := answer.RPC.Output("value")
		each(answer.Sender, value)
	})
}

// inner returns the fact at a path with dots inside of another; nil if there is none.
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

func (o *factsOptions) remember(i *collective.Invocation, holders map[string][]string) {
	l := clientfiles.Names{Facts: map[string][]string{o.fact: nil}}
	for value, nodes := range holders {
		l.Facts[o.fact] = append(l.Facts[o.fact], value)
		l.Identities = append(l.Identities, nodes...)
	}
	if len(holders) > 0 {
		i.Env.Files().Remember(l)
	}
}

// print shows the values in the layout of Ruby's report. A node that did not say what
// it has is not said to have none.
func (o *factsOptions) print(env *cli.Env, holders map[string][]string, account *client.Account) {
	asked, told := 0, 0
	if account != nil {
		asked, told = len(account.Outcomes), account.Count[client.OK]
	}
	switch {
	case len(holders) > 0:
	case asked > 0 && told == 0:
		fmt.Fprintf(env.Out, "No node said what it has for fact %s\n", safetext.CleanLine(o.fact))
		return
	case told < asked:
		fmt.Fprintf(env.Out, "No values found for fact %s on %d of %d nodes; the others did not say what they have\n", safetext.CleanLine(o.fact), told, asked)
		return
	default:
		fmt.Fprintf(env.Out, "No values found for fact %s\n", safetext.CleanLine(o.fact))
		return
	}
	fmt.Fprintf(env.Out, "Report for fact: %s\n\n", safetext.CleanLine(o.fact))
	values := cli.SortedKeys(holders)
	column := 40
	for _, v := range values {
		column = max(column, min(len([]rune(v)), cli.MostFilled))
	}
	for _, v := range values {
		fmt.Fprintf(env.Out, "        %-*s found %d times\n", column, cli.Tidy(env, v), len(holders[v]))
		if !o.Verbose {
			continue
		}
		fmt.Fprintln(env.Out)
		for _, node := range cli.Sorted(holders[v]) {
			fmt.Fprintf(env.Out, "            %s\n", safetext.CleanLine(node))
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
	for _, v := range cli.SortedKeys(holders) {
		list = append(list, valueCount{v, len(holders[v]), cli.Sorted(holders[v])})
	}
	return list
}
