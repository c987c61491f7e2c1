// Package help is mco help.
package help

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/cli/plugin"
	"mcollective/internal/clientfiles"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
)

// New makes the command help.
func New(env *cli.Env, p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]\nhelp options",
		Short: "List the commands, or describe one",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, r := range p.Listed() {
				names = append(names, cobra.CompletionWithDesc(r.Name, r.About))
			}
			names = append(names, cobra.CompletionWithDesc(topicOptions, "The options that many commands share"))
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				cli.PrintVersion(env)
				list(env, p)
				return nil
			}
			if args[0] == topicOptions {
				return options(env, p)
			}
			r, ok := p.Lookup(args[0])
			if !ok && agentHelp(env, args[0]) {
				return nil
			}
			if !ok {
				err := fmt.Errorf("there is no command %q", args[0])
				if near := suggest.Nearest(args[0], p.Names()); near != "" {
					return usage.Hinted(err, "Did you mean '"+near+"'?")
				}
				return usage.Hinted(err, env.Name+" help lists the commands")
			}
			about := r.New(env)
			cli.Prepare(env, about)
			return about.Help()
		},
	}
}

// topicOptions is what help describes besides commands: the options that many share.
const topicOptions = "options"

// options describes the options that many commands share; rpc has them all.
func options(env *cli.Env, p *cli.Program) error {
	rpc, ok := p.Lookup("rpc")
	if !ok {
		return errors.New("there is no command rpc, which has all shared options")
	}
	fmt.Fprint(env.Out, "Options that many commands share\n\n"+
		"Options and words may be mixed. A long option may be shortened as long as it is\nunique. docs/commands/common.md says more.\n\n")
	about := rpc.New(env)
	cli.Prepare(env, about)
	cli.PrintOptions(env.Out, about)
	return nil
}

// list prints the commands by what people do with them.
func list(env *cli.Env, p *cli.Program) {
	for _, g := range cli.Purposes() {
		fmt.Fprintf(env.Out, "%s:\n", g)
		for _, c := range p.Listed() {
			if c.Purpose == g {
				fmt.Fprintf(env.Out, "  %-15s %s\n", c.Name, c.About)
			}
		}
		fmt.Fprintln(env.Out)
	}
	fmt.Fprintf(env.Out, "'%[1]s help COMMAND' describes a command, '%[1]s help options' shared options\n", env.Name)
}

// agentHelp describes an agent, which is a command, too. It reports false if there
// is none of the name.
func agentHelp(env *cli.Env, name string) bool {
	if !clientfiles.IsAgentName(name) {
		return false
	}
	cfg, err := env.Files().Config("")
	if err != nil {
		return false
	}
	d, err := clientlibrary.For(env.Files(), cfg, name).Local(ddl.Agent, name)
	if errors.Is(err, ddl.ErrUnknown) {
		learnt := env.Files().Definitions().Latest(name)
		if learnt == nil {
			return false
		}
		fmt.Fprintf(env.Err, "This is what a node gave on %s; 'mco plugin doc %s' asks the nodes again\n", learnt.Time.Format("2006-01-02 15:04"), name)
		d, err = learnt.Definition, nil
	}
	if err != nil {
		return false
	}
	plugin.PrintDefinition(env, d)
	return true
}
