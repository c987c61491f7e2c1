// Package plugin is mco plugin, which describes plugins.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/ddl/library"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/clientfiles"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/safetext"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
)

// New is mco plugin, with the subcommands doc and refresh.
func New(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin doc [options] [<plugin> | <type>/<plugin>]\nplugin refresh [options] [<agent> ...]",
		Short: "Describe agents and other plugins",
		Long: `doc describes a plugin: the actions of an agent with their inputs and outputs,
the query of a data plugin, the filters of a discovery method. Without a name,
it lists the plugins that this machine knows. If this machine has no definition
of an agent, it asks the nodes for theirs.

refresh empties the cache of the definitions that nodes gave, or deletes those
of the named agents; without a name, it empties the cache of completion, too.`,
		Example: "    mco plugin doc\n" +
			"    mco plugin doc rpcutil\n" +
			"    mco plugin doc data/fstat\n" +
			"    mco plugin refresh",
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0:
				return complete.Matching([]string{"doc", "refresh"}, word), cobra.ShellCompDirectiveNoFileComp
			case args[0] == "refresh":
				return complete.Matching(env.Files().Definitions().Agents(), word), cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1:
				return complete.Matching(pluginNames(env), word), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	set := cmd.Flags()
	path := set.StringP("config", "c", "", "Read this configuration file")
	cli.Takes(set, "config", "FILE")
	set.BoolP("verbose", "v", false, "Print more details")
	cli.Group(set, cli.GroupAlways, "config", "verbose")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && args[0] == "refresh" {
			return refresh(env, args[1:])
		}
		if len(args) == 0 || args[0] != "doc" {
			return unknownPluginAction(args)
		}
		cfg, err := env.Files().Config(*path)
		if err != nil {
			return err
		}
		l := clientlibrary.Of(env.Files(), cfg)
		switch len(args) {
		case 1:
			printCatalogue(env, l)
			return nil
		case 2:
			return printPlugin(cmd.Context(), env, l, *path, args[1])
		}
		return usage.Errorf("plugin doc describes one plugin, but was given %q too", args[2])
	}
	return cmd
}

// unknownPluginAction says what to do in place of the actions that Ruby has.
func unknownPluginAction(args []string) error {
	if len(args) == 0 {
		return usage.Hinted(usage.Errorf("please specify what to do"), "mco plugin doc lists the plugins, mco plugin doc NAME describes one")
	}
	err := usage.Errorf("there is no plugin %s", args[0])
	switch args[0] {
	case "generate":
		return usage.Hinted(err, "An agent here is a program and a YAML file beside it; docs/agents.md shows a complete one")
	case "package", "info":
		return usage.Hinted(err, "An agent here is a directory, which any packaging tool can copy; see docs/agents.md")
	}
	return usage.Hinted(err, "mco plugin doc lists the plugins, mco plugin doc NAME describes one")
}

// A pluginKind is a kind of plugin and its heading in the catalogue.
type pluginKind struct {
	heading string
	kind    ddl.Kind
}

func pluginKinds() []pluginKind {
	return []pluginKind{
		{"Agents", ddl.Agent}, {"Aggregate", ddl.Aggregate}, {"Connectors", ddl.Connector},
		{"Data Queries", ddl.Data}, {"Discovery Methods", ddl.Discovery}, {"Validator Plugins", ddl.Validator},
	}
}

// printCatalogue lists all plugins that are known here.
func printCatalogue(env *cli.Env, l *library.Library) {
	fmt.Fprint(env.Out, "Please specify a plugin. Available plugins are:\n\n")
	var broken []library.Entry
	for _, k := range pluginKinds() {
		fmt.Fprintf(env.Out, "%s:\n", k.heading)
		for _, e := range l.List(k.kind) {
			if e.Err != nil {
				broken = append(broken, e)
				continue
			}
			fmt.Fprintf(env.Out, "  %-25s %s\n", safetext.CleanLine(e.Name), safetext.CleanLine(e.Description))
		}
		fmt.Fprintln(env.Out)
	}
	if len(broken) == 0 {
		return
	}
	fmt.Fprintln(env.Out, "Plugin Load Errors:")
	for _, e := range broken {
		fmt.Fprintf(env.Out, "  %-25s %s\n", safetext.CleanLine(string(e.Kind)+"/"+e.Name), safetext.CleanLine(e.Err.Error()))
	}
}

// printPlugin describes one plugin, named alone or with its kind. An agent that
// nobody knows here is one that a node may know.
func printPlugin(ctx context.Context, env *cli.Env, l *library.Library, config, name string) error {
	kind, alone, qualified := strings.Cut(name, "/")
	var found []library.Entry
	var names []string
	for _, k := range pluginKinds() {
		if qualified && string(k.kind) != kind {
			continue
		}
		for _, e := range l.List(k.kind) {
			names = append(names, e.Name)
			if e.Name == name || qualified && e.Name == alone {
				found = append(found, e)
			}
		}
	}
	switch {
	case len(found) > 1 && found[0].Kind != found[1].Kind:
		fmt.Fprintln(env.Err, "Duplicate plugin name found, please specify a full path like agent/rpcutil")
		return cli.Exit(cli.ExitFailed)
	case len(found) == 0:
		err := printNodePlugin(ctx, env, config, strings.TrimPrefix(name, string(ddl.Agent)+"/"))
		if err == nil {
			return nil
		}
		if qualified {
			fmt.Fprintf(env.Err, "Could not find a '%s' plugin named '%s'\n", safetext.CleanLine(kind), safetext.CleanLine(alone))
			name = alone
		} else {
			fmt.Fprintf(env.Err, "Could not find a plugin named '%s' in any supported plugin type\n", safetext.CleanLine(name))
		}
		if near := suggest.Nearest(name, names); near != "" {
			fmt.Fprintf(env.Err, "Did you mean '%s'?\n", near)
		}
		if !errors.Is(err, ddl.ErrUnknown) {
			fmt.Fprintf(env.Err, "Whether nodes have one is not known: %s\n", safetext.CleanLine(err.Error()))
		}
		return cli.Exit(cli.ExitFailed)
	case found[0].Err != nil:
		return found[0].Err
	}
	d, err := l.Local(found[0].Kind, found[0].Name)
	if errors.Is(err, ddl.ErrUnknown) { // what nodes gave, which may be out of date
		return printLearnt(ctx, env, config, found[0].Name)
	}
	if err != nil {
		return err
	}
	PrintDefinition(env, d)
	return nil
}

// printLearnt describes an agent as the nodes define it now, or as one did before if
// they cannot be asked.
func printLearnt(ctx context.Context, env *cli.Env, config, name string) error {
	err := printNodePlugin(ctx, env, config, name)
	if err == nil {
		return nil
	}
	learnt := env.Files().Definitions().Latest(name)
	if learnt == nil {
		return err
	}
	fmt.Fprintf(env.Err, "This is what a node gave on %s; the nodes could not be asked again: %s\n",
		learnt.Time.Format("2006-01-02 15:04"), safetext.CleanLine(err.Error()))
	PrintDefinition(env, learnt.Definition)
	return nil
}

// printNodePlugin describes an agent that only the nodes know.
func printNodePlugin(ctx context.Context, env *cli.Env, config, agent string) error {
	if !clientfiles.IsAgentName(agent) {
		return ddl.ErrUnknown
	}
	flags := &collective.Flags{Config: config}
	i, err := flags.Begin(env, false)
	if err != nil {
		return err
	}
	defer i.Close()
	c, err := i.Contract(agent)
	if err != nil {
		return err
	}
	t, err := i.Search(ctx, agent)
	if err != nil {
		return err
	}
	if len(t.Nodes) == 0 {
		return fmt.Errorf("no node with the agent %s was found: %w", agent, ddl.ErrUnknown)
	}
	if err := i.Complete(ctx, c, t); err != nil {
		return err
	}
	fmt.Fprintf(env.Err, "As defined on %s\n", safetext.CleanLine(c.Nodes()))
	for _, action := range c.Actions() {
		i.WarnOfDifferences(c, action)
	}
	PrintDefinition(env, c.Definition())
	return nil
}

// refresh throws away what nodes said of some agents, or of all, and what completion
// has learned with it.
func refresh(env *cli.Env, agents []string) error {
	cache := env.Files().Definitions()
	all := len(agents) == 0
	if all {
		agents = cache.Agents()
	}
	any := false
	for _, name := range agents {
		latest := cache.Latest(name)
		n, err := cache.Forget(name)
		switch {
		case err != nil:
			return err
		case n == 0 && !all:
			fmt.Fprintf(env.Out, "Of agent %s nothing was kept\n", safetext.CleanLine(name))
		case n > 0:
			version := ""
			if latest != nil && latest.Metadata.Version != "" {
				version = ", the last used of version " + latest.Metadata.Version
			}
			fmt.Fprintf(env.Out, "Forgot %s of agent %s that nodes gave%s\n", cli.Plural(n, "definition"), name, safetext.CleanLine(version))
		}
		any = any || n > 0 || !all
	}
	if all {
		l := env.Files().Load()
		if n := len(l.Identities) + len(l.Agents) + len(l.Classes) + len(l.Facts); n > 0 {
			if err := os.Remove(env.Files().Path()); err != nil {
				return fmt.Errorf("forget what completion has learned: %w", err)
			}
			any = true
			fmt.Fprintf(env.Out, "Forgot what completion offers: %s, %s, %s and %s\n", cli.Plural(len(l.Identities), "node"),
				cli.Plural(len(l.Agents), "agent"), cli.Plural(len(l.Classes), "class name"), cli.Plural(len(l.Facts), "fact"))
		}
	}
	if !any {
		fmt.Fprintln(env.Out, "Nothing was kept of what nodes said")
	}
	return nil
}

// PrintDefinition prints the help text of a plugin.
func PrintDefinition(env *cli.Env, d *ddl.Definition) {
	text := safetext.Clean(d.Help(cli.Width(env)))
	fmt.Fprintln(env.Out, strings.TrimSuffix(text, "\n"))
}

// pluginNames returns the words that may follow plugin doc.
func pluginNames(env *cli.Env) []string {
	cfg, err := env.Files().Config("")
	if err != nil {
		return nil
	}
	l := clientlibrary.Of(env.Files(), cfg)
	var names []string
	for _, k := range pluginKinds() {
		for _, e := range l.List(k.kind) {
			names = append(names, e.Name, string(k.kind)+"/"+e.Name)
		}
	}
	slices.Sort(names)
	return names
}
