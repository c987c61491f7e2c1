// Package call calls an action as the user says it, and shows what the nodes answer.
package call

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/clientfiles"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// Options say what is called, and how the answers are shown.
type Options struct {
	collective.Flags
	collective.Output
	inputs.Reader
	NoResults bool
	Yes       bool
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

// Check refuses what contradicts itself.
func (o *Options) Check(cmd *cobra.Command) error {
	if err := o.Flags.Check(cmd, nil); err != nil {
		return err
	}
	return o.Output.Check(&o.Flags)
}

// Run calls the action with the arguments, and shows what the nodes answer.
func (o *Options) Run(ctx context.Context, env *cli.Env, args []inputs.Argument) error {
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

// send sends a request that this command awaits no answers to.
func (o *Options) send(ctx context.Context, i *collective.Invocation, job operation.Job, args []inputs.Argument) error {
	job.Inputs = o.Of(args, nil)
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
func (o *Options) call(ctx context.Context, i *collective.Invocation, job operation.Job, args []inputs.Argument) error {
	var results *render.Results
	job.Inputs = o.Of(args, func(action *ddl.Action) (err error) {
		results, err = o.results(i, action)
		return err
	})
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
	i.Env.Files().Remember(clientfiles.Names{Identities: seen, Agents: []string{o.Agent}})
	return collective.ExitStatus(t, report.Account)
}
