// Package rpc is mco rpc, which calls any action of any agent.
package rpc

import (
	"fmt"

	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/call"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// options are the flags of rpc.
type options struct {
	call.Options
	arguments []string
}

// New makes the command rpc.
func New(env *cli.Env) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "rpc [options] [filters] <agent> <action> [<key=val> ...]\n" +
			"rpc [options] [filters] --agent <agent> --action <action> [--argument <key=val> ...]",
		Short: "Call an action of any agent",
		Example: "    mco rpc rpcutil get_fact fact=country\n" +
			"    mco rpc service restart service=nginx -C webserver --batch 10%\n" +
			"    mco service status service=nginx -o table",
	}
	set := cmd.Flags()
	cli.Text(set, cli.GroupOwn, &o.Agent, "agent", "a", "AGENT", "The agent to call")
	cli.Text(set, cli.GroupOwn, &o.Action, "action", "", "ACTION", "The action to call")
	set.StringArrayVar(&o.arguments, "argument", nil, "An input of the action, as NAME=VALUE")
	cli.Takes(set, "argument", "ARGUMENT")
	o.AddShared(set)
	cmd.ValidArgsFunction = complete.Call(env)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given, err := o.words(env, args)
		if err != nil {
			return err
		}
		if err := o.Check(cmd); err != nil {
			return err
		}
		return o.Run(cmd.Context(), env, given)
	}
	return cmd
}

// words takes agent, action and inputs from the flags or else the words of the
// command line.
func (o *options) words(env *cli.Env, args []string) ([]inputs.Argument, error) {
	if o.Agent == "" || o.Action == "" {
		if len(args) < 2 {
			fmt.Fprint(env.Err, "No agent, action and arguments specified\n"+
				"Like this: mco rpc rpcutil get_fact fact=country; 'mco plugin doc' lists agents, 'mco plugin doc AGENT' actions\n")
			return nil, cli.Exit(cli.ExitFailed)
		}
		if err := agree("agent", o.Agent, args[0]); err != nil {
			return nil, err
		}
		if err := agree("action", o.Action, args[1]); err != nil {
			return nil, err
		}
		o.Agent, o.Action, args = args[0], args[1], args[2:]
	}
	var list []inputs.Argument
	for _, text := range append(append([]string(nil), o.arguments...), args...) {
		arg, ok := inputs.Parse(text)
		if !ok {
			fmt.Fprintf(env.Err, "Could not parse --arg %s\nInputs have the form key=val\n", safetext.CleanLine(text))
			return nil, cli.Exit(cli.ExitFailed)
		}
		list = append(list, arg)
	}
	return list, nil
}

// agree refuses a word that contradicts the option of the same meaning: which of
// the two was meant nobody knows.
func agree(option, given, word string) error {
	if given == "" || given == word {
		return nil
	}
	return usage.Hinted(usage.Errorf("--%s %s: the words say %s", option, given, word),
		"Give agent and action both as options, or both as the first two words")
}
