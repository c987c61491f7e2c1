// Package agent is mco agent: it writes, tries, checks and lists agents in any language.
package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/agent/check"
	"mcollective/internal/cli/agent/create"
	"mcollective/internal/cli/agent/list"
	"mcollective/internal/cli/agent/settings"
	"mcollective/internal/cli/agent/try"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/usage"
)

// options are the flags of agent, the tools for those who write agents.
type options struct {
	collective.Output
	settings.Settings
	flags collective.Flags // of which only few have a name here
	lang  string
}

// New makes the command agent.
func New(env *cli.Env) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "agent [options] new <name> --lang <language>\n" +
			"agent [options] run <file or name> <action> [<key=val> ...]\n" +
			"agent [options] test <file or name> [<action> [<key=val> ...]]\n" +
			"agent [options] list",
		Short: "Write, try and list agents in any language",
		Example: "    mco agent new hello --lang python\n" +
			"    mco agent run ./hello hello name=Ann\n" +
			"    mco agent test ./hello\n" +
			"    mco agent list",
	}
	set := cmd.Flags()
	cli.Text(set, cli.GroupOwn, &o.lang, "lang", "l", "LANGUAGE", "Language of a new agent: "+strings.Join(create.Languages(), ", "))
	cli.Text(set, cli.GroupOwn, &o.Dir, "dir", "d", "DIRECTORY", "Directory of the agents, instead of the configured one; of a new agent")
	o.Output.Add(set)
	set.BoolVar(&env.Raw, "raw", false, cli.RawUsage)
	set.BoolVarP(&o.flags.Results.JSON, "json", "j", false, "Print results as JSON")
	cli.Text(set, cli.GroupAlways, &o.File, "config", "c", "FILE", "Read this configuration of a node")
	set.BoolVarP(&o.Verbose, "verbose", "v", false, "Print all that the agent logs")
	cli.Group(set, cli.GroupAlways, "verbose")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return complete.Matching([]string{"list", "new", "run", "test"}, word), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.Output.Check(&o.flags); err != nil {
			return err
		}
		ctx, stop := env.Interruptible(cmd.Context())
		defer stop()
		return o.run(ctx, env, args)
	}
	return cmd
}

func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	const hint = "Use one of: new, run, test, list; see mco help agent"
	if len(args) == 0 {
		return usage.Hinted(errors.New("mco agent needs to know what to do"), hint)
	}
	needs := map[string]int{"new": 2, "run": 3, "test": 2, "list": 1}[args[0]]
	most := map[string]int{"new": 2, "list": 1}[args[0]]
	switch {
	case needs == 0:
		return usage.Hinted(fmt.Errorf("mco agent cannot %q", args[0]), hint)
	case len(args) < needs || most > 0 && len(args) > most:
		return usage.Errorf("mco agent %s is not called like this; see mco help agent", args[0])
	}
	switch args[0] {
	case "new":
		return create.Run(env, args[1], o.lang, o.Dir)
	case "list":
		return list.Run(ctx, env, &o.Settings, &o.Output, o.flags.Results.JSON)
	}
	var action string
	var given []inputs.Argument
	if len(args) > 2 {
		action = args[2]
		for _, word := range args[3:] {
			arg, ok := inputs.Parse(word)
			if !ok {
				return usage.Errorf("Could not parse %s: inputs have the form key=val", word)
			}
			given = append(given, arg)
		}
	}
	if args[0] == "test" {
		return check.Run(ctx, env, &o.Settings, args[1], action, given)
	}
	o.flags.Verbose = o.Verbose
	return try.Run(ctx, env, &o.Settings, o.Options(env, &o.flags), args[1], action, given)
}
