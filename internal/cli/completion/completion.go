// Package completion is mco completion: the scripts for shells, and the answers to them.
package completion

import (
	"fmt"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/clientfiles"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/safetext"
)

// completionOptions are the flags of completion.
type completionOptions struct {
	agents, actions, inputs, applications bool

	agent, action string
	config        string
	verbose       bool
}

// New makes the command completion.
func New(env *cli.Env, p *cli.Program) *cobra.Command {
	o := &completionOptions{}
	cmd := &cobra.Command{
		Use:   "completion [options] [bash|zsh|fish]",
		Short: "Complete command lines in bash, zsh and fish",
		Long: `With the name of a shell, prints the script that makes that shell complete the
words of an mco command line. The other options print names for other
completion systems; with -v, each with its description.`,
		Example: "    source <(mco completion bash)\n" +
			"    mco completion zsh > ~/.zsh/completions/_mco\n" +
			"    mco completion fish > ~/.config/fish/completions/mco.fish",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
	}
	set := cmd.Flags()
	set.BoolVar(&o.agents, "list-agents", false, "Print the agents")
	set.BoolVar(&o.actions, "list-actions", false, "Print the actions of an agent")
	set.BoolVar(&o.inputs, "list-inputs", false, "Print the inputs of an action")
	set.BoolVar(&o.applications, "list-applications", false, "Print the commands")
	cli.Text(set, cli.GroupOwn, &o.agent, "agent", "", "AGENT", "The agent")
	cli.Text(set, cli.GroupOwn, &o.action, "action", "", "ACTION", "The action")
	cli.Text(set, cli.GroupAlways, &o.config, "config", "c", "FILE", "Read this configuration file")
	set.BoolVarP(&o.verbose, "verbose", "v", false, "Print more details")
	cli.Group(set, cli.GroupAlways, "verbose")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return o.run(cmd, env, p, args) }
	return cmd
}

func (o *completionOptions) run(cmd *cobra.Command, env *cli.Env, p *cli.Program, args []string) error {
	lists := 0
	for _, wanted := range []bool{o.agents, o.actions, o.inputs, o.applications, len(args) > 0} {
		if wanted {
			lists++
		}
	}
	const choices = "--list-[agents|actions|inputs|applications] or one of bash, zsh and fish"
	switch {
	case lists == 0:
		fmt.Fprintln(env.Err, "Please choose either "+choices)
	case lists > 1:
		fmt.Fprintln(env.Err, "Please choose only one of "+choices)
	case len(args) > 0:
		return script(env, p, args[0])
	case o.applications:
		for _, r := range p.Listed() {
			o.line(env, r.Name, r.About)
		}
		return nil
	case o.agents:
		l, err := clientlibrary.Read(env.Files(), o.config)
		if err != nil {
			return err
		}
		for _, e := range l.List(ddl.Agent) {
			if e.Err == nil && clientfiles.ShellSafe(e.Name) {
				o.line(env, e.Name, e.Description)
			}
		}
		return nil
	case o.actions && o.agent == "":
		fmt.Fprintln(env.Err, "Please specify an agent to list actions for")
	case o.inputs && (o.agent == "" || o.action == ""):
		fmt.Fprintln(env.Err, "Please specify an action and agent to list inputs for")
	default:
		return o.listParts(cmd, env)
	}
	return cli.Exit(cli.ExitFailed)
}

// listParts prints the actions of an agent, or the inputs of an action. Of what is
// not known there are none, as in Ruby.
func (o *completionOptions) listParts(cmd *cobra.Command, env *cli.Env) error {
	l, err := clientlibrary.Read(env.Files(), o.config)
	if err != nil {
		return err
	}
	d, err := l.Find(ddl.Agent, o.agent)
	if err != nil {
		return nil
	}
	about := make(map[string]string)
	if o.actions {
		for _, a := range d.Actions {
			about[a.Name] = a.Description
		}
	} else if a := d.Action(o.action); a != nil {
		for _, in := range a.Inputs {
			about[in.Name] = in.Description
		}
	}
	for _, name := range cli.SortedKeys(about) {
		if clientfiles.ShellSafe(name) { // completion systems expand what they read
			o.line(env, name, about[name])
		}
	}
	return nil
}

func (o *completionOptions) line(env *cli.Env, name, about string) {
	if o.verbose {
		name += ":" + about
	}
	fmt.Fprintln(env.Out, safetext.CleanLine(name))
}
