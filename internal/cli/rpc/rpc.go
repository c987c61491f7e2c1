// Package rpc is mco rpc, which calls any action of any agent, and what the commands for one agent share with it.
package rpc

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/known"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/value"
)

// Options are the flags of rpc.
type Options struct {
	collective.Flags
	collective.Output
	NoResults bool
	Agent     string
	Action    string
	arguments []string
	Yes       bool
	Noop      bool

	From map[string]string // the flag of an application that an input is from
}

// New makes the command rpc.
func New(env *cli.Env) *cobra.Command {
	o := &Options{}
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
		inputs, err := o.words(env, args)
		if err != nil {
			return err
		}
		if err := o.Flags.Check(cmd, nil); err != nil {
			return err
		}
		if err := o.Output.Check(&o.Flags); err != nil {
			return err
		}
		return o.Run(cmd.Context(), env, inputs)
	}
	return cmd
}

// AddShared defines the flags of every command that calls an action which the user
// names.
func (o *Options) AddShared(set *pflag.FlagSet) {
	set.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask before changing many nodes")
	set.BoolVar(&o.Noop, "noop", false, "Only say what would be done")
	set.BoolVar(&o.NoResults, "no-results", false, "Do not wait for replies")
	cli.Group(set, cli.GroupCall, "yes", "noop", "no-results")
	o.Output.Add(set)
	o.Flags.Add(set)
}

// An Argument is one input as the user typed it.
type Argument struct{ Name, Text string }

// words takes agent, action and inputs from the flags or else the words of the
// command line.
func (o *Options) words(env *cli.Env, args []string) ([]Argument, error) {
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
	var list []Argument
	for _, text := range append(append([]string(nil), o.arguments...), args...) {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			fmt.Fprintf(env.Err, "Could not parse --arg %s\nInputs have the form key=val\n", safetext.CleanLine(text))
			return nil, cli.Exit(cli.ExitFailed)
		}
		list = append(list, Argument{name, value})
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

// Run calls the action with the arguments, and shows what the nodes answer.
func (o *Options) Run(ctx context.Context, env *cli.Env, args []Argument) error {
	i, err := o.Begin(env, true)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	i.Dialog.ShowsProgress = o.ShowsProgress()
	job := operation.Job{Agent: o.Agent, Action: o.Action, Confirmed: o.Yes || o.Noop}
	if o.NoResults || o.ReplyTo != "" {
		return o.send(ctx, i, job, args)
	}
	return o.call(ctx, i, job, args)
}

// results prepares how the answers to an action are shown.
func (o *Options) results(i *collective.Invocation, action *ddl.Action) (*render.Results, error) {
	batched, err := i.BatchSize(1)
	if err != nil {
		return nil, err
	}
	shown := o.Options(i.Env, &o.Flags)
	shown.Batch = batched > 0
	results, err := render.New(shown, o.Agent, o.Action, action)
	if err != nil {
		return nil, usage.Hinted(err, "")
	}
	return results, nil
}

// ShowsProgress reports whether the discovery is spoken of: always, as in Ruby, unless
// a program reads the results.
func (o *Options) ShowsProgress() bool {
	switch render.Format(o.Format) {
	case render.JSON, render.JSONL, render.YAML, render.CSV, render.Name:
		return false
	}
	return !o.Results.JSON && o.JQ == ""
}

// Request turns the words of the user into the inputs of the action, and refuses
// what nodes would refuse.
func (o *Options) Request(c *ddl.Contract, args []Argument) (*ddl.Action, *value.Map, error) {
	action := c.Action(o.Action)
	inputs := value.NewMap()
	if o.Noop {
		if action != nil && action.Noop && !c.Noop(o.Action) {
			return nil, nil, usage.Errorf("not all nodes are known to understand --noop for the action %s of agent %s: %s", o.Action, o.Agent, safetext.CleanLine(c.Doubt(o.Action)))
		}
		if action != nil && !action.Noop {
			return nil, nil, usage.Errorf("the action %s of agent %s does not know --noop: it would do its work", o.Action, o.Agent)
		}
		inputs.Set(value.Symbol("noop"), true)
	}
	given := make(map[string]string)
	if o.Noop {
		given["noop"] = "true"
	}
	for _, arg := range args {
		// One of the two is not meant: --noop noop=false would do the work.
		if before, twice := given[arg.Name]; twice && before != arg.Text {
			return nil, nil, usage.Errorf("invalid argument: %s=%s: the input was given as %s before", arg.Name, arg.Text, before)
		}
		given[arg.Name] = arg.Text
		var input any = arg.Text
		if action != nil {
			if err := o.declared(c, action, arg.Name); err != nil {
				return nil, nil, err
			}
			var err error
			if input, err = action.Coerce(arg.Name, arg.Text); err != nil {
				return nil, nil, usage.Hinted(err, "")
			}
		}
		inputs.Set(value.Symbol(arg.Name), input)
	}
	if action != nil {
		action.Complete(inputs)
	}
	if err := c.Validate(o.Action, inputs); err != nil {
		return nil, nil, usage.Hinted(err, o.advice(c.Definition(), action, args))
	}
	return action, inputs, nil
}

// declared refuses an input that the action does not know. Nodes pass over it, and
// usr=www instead of user=www would be about the processes of everybody.
func (o *Options) declared(c *ddl.Contract, action *ddl.Action, name string) error {
	flag, isFlag := o.From[name]
	switch {
	case action.Input(name) != nil:
		return nil
	case isFlag:
		return usage.Errorf("--%s does not apply to the action %s of agent %s: it has no such input", flag, o.Action, o.Agent)
	case action.OtherInputs || name == "noop" && action.Noop:
		return nil
	}
	return usage.Hinted(fmt.Errorf("the action %s of agent %s has no input %s", o.Action, o.Agent, name),
		o.advice(c.Definition(), action, []Argument{{Name: name}}))
}

// advice returns what may help after a request that its definition refuses.
func (o *Options) advice(d *ddl.Definition, action *ddl.Action, args []Argument) string {
	if action == nil {
		names := make([]string, len(d.Actions))
		for i, a := range d.Actions {
			names[i] = a.Name
		}
		if near := suggest.Nearest(o.Action, names); near != "" {
			return "Did you mean '" + near + "'?"
		}
		return "Its actions are " + strings.Join(names, ", ")
	}
	names := make([]string, len(action.Inputs))
	for i, in := range action.Inputs {
		names[i] = in.Name
	}
	for _, arg := range args {
		if action.Input(arg.Name) != nil {
			continue
		}
		if near := suggest.Nearest(arg.Name, names); near != "" {
			return "There is no input " + arg.Name + "; did you mean '" + near + "'?"
		}
	}
	return "'mco plugin doc agent/" + o.Agent + "' describes the inputs"
}

// send sends a request that this command awaits no answers to.
func (o *Options) send(ctx context.Context, i *collective.Invocation, job operation.Job, args []Argument) error {
	job.Inputs = func(c *ddl.Contract) (*value.Map, error) {
		_, inputs, err := o.Request(c, args)
		return inputs, err
	}
	sent, err := i.Send(ctx, job, operation.Delivery{ReplyTo: o.ReplyTo})
	switch {
	case err != nil:
		return collective.Interrupted(err)
	case sent.Targets != nil && len(sent.Targets.Nodes) == 0:
		return i.NothingFound(o.Agent)
	case sent.Missed > 0:
		all := len(sent.Targets.Nodes)
		fmt.Fprintf(i.Env.Err, "Interrupted: the request with id %s went to %d of %d nodes\n", sent.RequestID, all-sent.Missed, all)
		return cli.Exit(cli.ExitFailed)
	}
	to := ""
	if o.ReplyTo != "" {
		to = " replies to " + safetext.CleanLine(o.ReplyTo)
	}
	fmt.Fprintf(i.Env.Out, "Request sent with id: %s%s\n", sent.RequestID, to)
	return nil
}

// call calls the action on the nodes that are found and shows what they answer.
func (o *Options) call(ctx context.Context, i *collective.Invocation, job operation.Job, args []Argument) error {
	var results *render.Results
	job.Inputs = func(c *ddl.Contract) (*value.Map, error) {
		action, inputs, err := o.Request(c, args)
		if err == nil {
			results, err = o.results(i, action)
		}
		return inputs, err
	}
	var seen []string
	job.Found = func(nodes int) { results.Expect(nodes) }
	job.Idle = func() { results.Flush() }
	job.Each = func(answer client.Answer) {
		results.Add(answer)
		seen = append(seen, answer.Sender)
	}
	report, err := i.Do(ctx, job)
	if err != nil {
		return collective.Interrupted(err)
	}
	t := report.Targets
	if err := results.Close(report.Account, render.Stats{Discovered: len(t.Nodes), DiscoveryTime: t.Took}); err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	if len(t.Nodes) == 0 {
		return i.NothingFound(o.Agent)
	}
	known.Remember(i.Env, known.Names{Identities: seen, Agents: []string{o.Agent}})
	return collective.ExitStatus(t, report.Account)
}
