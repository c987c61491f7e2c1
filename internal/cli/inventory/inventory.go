// Package inventory is mco inventory, which reports on nodes and collectives.
package inventory

import (
	"cmp"
	"context"
	"fmt"
	"text/template"

	"github.com/spf13/cobra"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/safetext"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/value"
)

// inventoryOptions are the flags of inventory.
type inventoryOptions struct {
	collective.Flags
	node        string
	script      string
	template    string
	collectives bool
	graph       string
}

// New makes the command inventory.
func New(env *cli.Env) *cobra.Command {
	o := &inventoryOptions{}
	cmd := &cobra.Command{
		Use:   "inventory [options] [filters] [node]",
		Short: "Report on nodes and collectives",
		Example: "    mco inventory web1.example.net\n" +
			"    mco inventory --list-collectives\n" +
			"    mco inventory --collective-graph collectives.dot\n" +
			"    mco inventory -C webserver --template hosts.tmpl",
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return complete.Matching(env.Files().Load().Identities, word), cobra.ShellCompDirectiveNoFileComp
		},
	}
	set := cmd.Flags()
	cli.Text(set, cli.GroupOwn, &o.script, "script", "", "SCRIPT", "Not supported; use --template")
	cli.Text(set, cli.GroupOwn, &o.template, "template", "", "FILE", "Print each node as this Go text/template says")
	set.BoolVar(&o.collectives, "list-collectives", false, "List the collectives and their nodes")
	cli.Text(set, cli.GroupOwn, &o.graph, "collective-graph", "", "MAP", "Write a graph of the collectives in DOT format")
	o.Add(set)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			o.node, args = args[0], args[1:]
		}
		if err := o.Check(cmd, args); err != nil {
			return err
		}
		if o.node != "" {
			unused := []string{"nodes", "disc-option", "one", "limit-nodes", "with-identity"}
			if o.Method != "mc" { // which only says that standard input is no list, as scripts do
				unused = append(unused, "disc-method")
			}
			if err := cli.Refuse(cmd, "a node is named", unused...); err != nil {
				return err
			}
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

func (o *inventoryOptions) run(ctx context.Context, env *cli.Env) error {
	many := o.template != "" || o.Results.JSON
	switch {
	case o.script != "":
		return usage.Hinted(usage.Errorf("the script %s is a Ruby program, which this mco does not run", o.script),
			"--template FILE prints the same fields: {{.identity}}, {{.facts.serialnumber}}, {{.classes}}, {{.agents}}; --json has them for other programs")
	case o.node == "" && !o.collectives && o.graph == "" && !many:
		//lint:ignore ST1005 Ruby's words
		return usage.Hinted(fmt.Errorf("Need to specify either a node name, script to run or other options"),
			"Like this: mco inventory NODE, mco inventory --list-collectives, mco inventory -C CLASS --json")
	case o.collectives && o.graph != "":
		return usage.Errorf("Cannot mix --list-collectives and --collective-graph")
	case o.template != "" && o.Results.JSON:
		return usage.Errorf("Cannot mix --json and --template")
	case o.node != "" && (o.collectives || o.graph != ""):
		return usage.Errorf("please choose either a node or the report about collectives")
	}
	layout, err := o.layout()
	if err != nil {
		return err
	}
	i, err := o.Begin(env, true)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	i.Dialog.ShowsProgress = o.Verbose
	switch {
	case o.graph != "":
		return o.drawCollectives(ctx, i)
	case o.collectives:
		return o.listCollectives(ctx, i)
	case o.node == "":
		return o.reportAll(ctx, i, layout)
	}
	return o.reportNode(ctx, i, layout)
}

// layout reads the template, if there is one.
func (o *inventoryOptions) layout() (*template.Template, error) {
	if o.template == "" {
		return nil, nil // none is wanted
	}
	return readTemplate(o.template)
}

// reportNode prints all about one node, as Ruby lays it out.
func (o *inventoryOptions) reportNode(ctx context.Context, i *collective.Invocation, layout *template.Template) error {
	t, err := i.One(o.node)
	if err != nil {
		return collective.FilterError(err)
	}
	var stats, about *value.Map
	account, err := i.Ask(ctx, t, "daemon_stats", value.NewMap(), func(answer client.Answer) {
		stats = answer.RPC.Data
	})
	if err != nil {
		return err
	}
	if account.Replies == 0 {
		fmt.Fprintf(i.Env.Err, "Did not receive any results from node %s\n", safetext.CleanLine(o.node))
		if near := suggest.Nearest(o.node, i.Env.Files().Load().Identities); near != "" && near != o.node {
			fmt.Fprintf(i.Env.Err, "Did you mean '%s'?\n", near)
		}
		return cli.Exit(cli.ExitFailed)
	}
	if stats == nil {
		return cli.Exit(cli.ExitSomeFailed) // Ask has said why
	}
	account, err = i.Ask(ctx, t, "inventory", value.NewMap(), func(answer client.Answer) {
		about = answer.RPC.Data
	})
	if err != nil {
		return err
	}
	if about == nil && account.Replies == 0 {
		fmt.Fprintf(i.Env.Err, "Failed to retrieve inventory for %s\n", safetext.CleanLine(o.node))
	}
	if about == nil {
		return collective.ExitStatus(t, account)
	}
	n := newNodeReport(o.node, stats, about)
	n.remember(i.Env)
	switch {
	case layout != nil:
		err = n.fill(i.Env, layout)
	case o.Results.JSON:
		err = cli.WriteJSON(i.Env, []any{n.plain()})
	default:
		err = n.print(i.Env)
	}
	if err != nil {
		return err
	}
	return collective.ExitStatus(t, account)
}

// reportAll prints a line, or whatever the template makes, for each node that the
// filter matches.
func (o *inventoryOptions) reportAll(ctx context.Context, i *collective.Invocation, layout *template.Template) error {
	t, err := i.Search(ctx, collective.EveryNode)
	if err != nil {
		return err
	}
	if len(t.Nodes) == 0 {
		return i.NothingFound(collective.EveryNode)
	}
	stats := make(map[string]*value.Map)
	counters, err := i.Ask(ctx, t, "daemon_stats", value.NewMap(), func(answer client.Answer) {
		stats[answer.Sender] = answer.RPC.Data
	})
	if err != nil {
		return err
	}
	var reports []*nodeReport
	account, err := i.Ask(ctx, t, "inventory", value.NewMap(), func(answer client.Answer) {
		reports = append(reports, newNodeReport(answer.Sender, stats[answer.Sender], answer.RPC.Data))
	})
	if err != nil {
		return err
	}
	if o.Sort {
		sortReports(reports)
	}
	var list []any
	for _, n := range reports {
		n.remember(i.Env)
		if layout == nil {
			list = append(list, n.plain())
		} else if err := n.fill(i.Env, layout); err != nil {
			return err
		}
	}
	if layout == nil {
		if err := cli.WriteJSON(i.Env, list); err != nil {
			return err
		}
	}
	return cmp.Or(collective.ExitStatus(t, account), collective.ExitStatus(t, counters))
}
