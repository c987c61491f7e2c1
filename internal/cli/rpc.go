package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/value"
)

// rpcOptions are the flags of rpc.
type rpcOptions struct {
	clientFlags
	outputFlags
	noResults bool
	agent     string
	action    string
	arguments []string
	yes       bool
	noop      bool

	from map[string]string // the flag of an application that an input is from
}

func newRPC(env *Env) *cobra.Command {
	o := &rpcOptions{}
	cmd := &cobra.Command{
		Use: "rpc [options] [filters] --agent <agent> --action <action> [--argument <key=val> --argument ...]\n" +
			"rpc [options] [filters] <agent> <action> [<key=val> <key=val> ...]",
		Short: "Generic RPC agent client application",
		Example: "    mco rpc rpcutil get_fact fact=country\n" +
			"    mco rpc service restart service=nginx -C webserver --batch 10%\n" +
			"    mco service status service=nginx -o table",
	}
	set := cmd.Flags()
	set.BoolVar(&o.noResults, "no-results", false, "Do not process results, just send request")
	text(set, groupOwn, &o.agent, "agent", "a", "AGENT", "Agent to call")
	text(set, groupOwn, &o.action, "action", "", "ACTION", "Action to call")
	set.StringArrayVar(&o.arguments, "argument", nil, "Arguments to pass to agent")
	takes(set, "argument", "ARGUMENT")
	o.addShared(set)
	cmd.ValidArgsFunction = completeCall(env)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		inputs, err := o.words(env, args)
		if err != nil {
			return err
		}
		if err := o.clientFlags.check(cmd, nil); err != nil {
			return err
		}
		if err := o.outputFlags.check(&o.clientFlags); err != nil {
			return err
		}
		return o.run(cmd.Context(), env, inputs)
	}
	return cmd
}

// addShared defines the flags of every command that calls an action which the user
// names.
func (o *rpcOptions) addShared(set *pflag.FlagSet) {
	set.BoolVarP(&o.yes, "yes", "y", false, "Do not ask before an action that changes many nodes")
	set.BoolVar(&o.noop, "noop", false, "Let the action say what it would do, if it can")
	o.outputFlags.add(set)
	o.clientFlags.add(set)
}

// An argument is one input as the user typed it.
type argument struct{ name, text string }

// words takes agent, action and inputs from the flags or else the words of the
// command line.
func (o *rpcOptions) words(env *Env, args []string) ([]argument, error) {
	if o.agent == "" || o.action == "" {
		if len(args) < 2 {
			fmt.Fprint(env.Err, "No agent, action and arguments specified\n"+
				"Like this: mco rpc rpcutil get_fact fact=country; 'mco plugin doc' lists agents, 'mco plugin doc AGENT' actions\n")
			return nil, exit(exitFailed)
		}
		if err := agree("agent", o.agent, args[0]); err != nil {
			return nil, err
		}
		if err := agree("action", o.action, args[1]); err != nil {
			return nil, err
		}
		o.agent, o.action, args = args[0], args[1], args[2:]
	}
	var list []argument
	for _, text := range append(append([]string(nil), o.arguments...), args...) {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			fmt.Fprintf(env.Err, "Could not parse --arg %s\nInputs have the form key=val\n", render.CleanLine(text))
			return nil, exit(exitFailed)
		}
		list = append(list, argument{name, value})
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

func (o *rpcOptions) run(ctx context.Context, env *Env, args []argument) error {
	i, err := o.begin(env, true)
	if err != nil {
		return err
	}
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	defer i.Close()
	i.dialog.showsProgress = o.showsProgress()
	job := operation.Job{Agent: o.agent, Action: o.action, Confirmed: o.yes || o.noop}
	if o.noResults || o.replyTo != "" {
		return o.send(ctx, i, job, args)
	}
	return o.call(ctx, i, job, args)
}

// results prepares how the answers to an action are shown.
func (o *rpcOptions) results(i *invocation, action *ddl.Action) (*render.Results, error) {
	batched, err := i.BatchSize(1)
	if err != nil {
		return nil, err
	}
	shown := o.options(i.env, &o.clientFlags)
	shown.Batch = batched > 0
	results, err := render.New(shown, o.agent, o.action, action)
	if err != nil {
		return nil, usage.Hinted(err, "")
	}
	return results, nil
}

// showsProgress reports whether the discovery is spoken of: always, as in Ruby, unless
// a program reads the results.
func (o *rpcOptions) showsProgress() bool {
	switch render.Format(o.format) {
	case render.JSON, render.JSONL, render.YAML, render.CSV, render.Name:
		return false
	}
	return !o.rpc.json && o.jq == ""
}

// request turns the words of the user into the inputs of the action, and refuses
// what nodes would refuse.
func (o *rpcOptions) request(c *ddl.Contract, args []argument) (*ddl.Action, *value.Map, error) {
	action := c.Action(o.action)
	inputs := value.NewMap()
	if o.noop {
		if action != nil && action.Noop && !c.Noop(o.action) {
			return nil, nil, usage.Errorf("not all nodes are known to understand --noop for the action %s of agent %s: %s", o.action, o.agent, render.CleanLine(c.Doubt(o.action)))
		}
		if action != nil && !action.Noop {
			return nil, nil, usage.Errorf("the action %s of agent %s does not know --noop: it would do its work", o.action, o.agent)
		}
		inputs.Set(value.Symbol("noop"), true)
	}
	given := make(map[string]string)
	if o.noop {
		given["noop"] = "true"
	}
	for _, arg := range args {
		// One of the two is not meant: --noop noop=false would do the work.
		if before, twice := given[arg.name]; twice && before != arg.text {
			return nil, nil, usage.Errorf("invalid argument: %s=%s: the input was given as %s before", arg.name, arg.text, before)
		}
		given[arg.name] = arg.text
		var input any = arg.text
		if action != nil {
			if err := o.declared(c, action, arg.name); err != nil {
				return nil, nil, err
			}
			var err error
			if input, err = action.Coerce(arg.name, arg.text); err != nil {
				return nil, nil, usage.Hinted(err, "")
			}
		}
		inputs.Set(value.Symbol(arg.name), input)
	}
	if action != nil {
		action.Complete(inputs)
	}
	if err := c.Validate(o.action, inputs); err != nil {
		return nil, nil, usage.Hinted(err, o.advice(c.Definition(), action, args))
	}
	return action, inputs, nil
}

// declared refuses an input that the action does not know. Nodes pass over it, and
// usr=www instead of user=www would be about the processes of everybody.
func (o *rpcOptions) declared(c *ddl.Contract, action *ddl.Action, name string) error {
	flag, isFlag := o.from[name]
	switch {
	case action.Input(name) != nil:
		return nil
	case isFlag:
		return usage.Errorf("--%s does not apply to the action %s of agent %s: it has no such input", flag, o.action, o.agent)
	case action.OtherInputs || name == "noop" && action.Noop:
		return nil
	}
	return usage.Hinted(fmt.Errorf("the action %s of agent %s has no input %s", o.action, o.agent, name),
		o.advice(c.Definition(), action, []argument{{name: name}}))
}

// advice is what may help after a request that its definition refuses.
func (o *rpcOptions) advice(d *ddl.Definition, action *ddl.Action, args []argument) string {
	if action == nil {
		names := make([]string, len(d.Actions))
		for i, a := range d.Actions {
			names[i] = a.Name
		}
		if near := suggest.Nearest(o.action, names); near != "" {
			return "Did you mean '" + near + "'?"
		}
		return "Its actions are " + strings.Join(names, ", ")
	}
	names := make([]string, len(action.Inputs))
	for i, in := range action.Inputs {
		names[i] = in.Name
	}
	for _, arg := range args {
		if action.Input(arg.name) != nil {
			continue
		}
		if near := suggest.Nearest(arg.name, names); near != "" {
			return "There is no input " + arg.name + "; did you mean '" + near + "'?"
		}
	}
	return "'mco plugin doc agent/" + o.agent + "' describes the inputs"
}

// send sends a request that this command awaits no answers to.
func (o *rpcOptions) send(ctx context.Context, i *invocation, job operation.Job, args []argument) error {
	job.Inputs = func(c *ddl.Contract) (*value.Map, error) {
		_, inputs, err := o.request(c, args)
		return inputs, err
	}
	sent, err := i.Send(ctx, job, operation.Delivery{ReplyTo: o.replyTo})
	switch {
	case err != nil:
		return interrupted(err)
	case sent.Targets != nil && len(sent.Targets.Nodes) == 0:
		return i.nothingFound(o.agent)
	case sent.Missed > 0:
		all := len(sent.Targets.Nodes)
		fmt.Fprintf(i.env.Err, "Interrupted: the request with id %s went to %d of %d nodes\n", sent.RequestID, all-sent.Missed, all)
		return exit(exitFailed)
	}
	to := ""
	if o.replyTo != "" {
		to = " replies to " + render.CleanLine(o.replyTo)
	}
	fmt.Fprintf(i.env.Out, "Request sent with id: %s%s\n", sent.RequestID, to)
	return nil
}

// call calls the action on the nodes that are found and shows what they answer.
func (o *rpcOptions) call(ctx context.Context, i *invocation, job operation.Job, args []argument) error {
	var results *render.Results
	job.Inputs = func(c *ddl.Contract) (*value.Map, error) {
		action, inputs, err := o.request(c, args)
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
		return interrupted(err)
	}
	t := report.Targets
	if err := results.Close(report.Account, render.Stats{Discovered: len(t.Nodes), DiscoveryTime: t.Took}); err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	if len(t.Nodes) == 0 {
		return i.nothingFound(o.agent)
	}
	learn(i.env, lesson{identities: seen, agents: []string{o.agent}})
	return exitStatus(t, report.Account)
}
