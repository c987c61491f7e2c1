// Package try calls an action of one agent, and shows the answer.
package try

import (
	"context"
	"fmt"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/agent/settings"
	"mcollective/internal/cli/agent/trial"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/render"
	"mcollective/internal/usage"
	"mcollective/message"
	"mcollective/rpc"
)

// Run calls an action of the agent of a file, or of a name in the directories of the
// node, and shows the answer as rpc does.
func Run(ctx context.Context, env *cli.Env, o *settings.Settings, shown render.Options, file, action string, args []inputs.Argument) error {
	a, err := trial.Open(ctx, env, o, file)
	if err != nil {
		return err
	}
	defer a.Close()
	def, in, err := inputs.Defined(a.Definition(), action, args)
	if err != nil {
		return err
	}
	shown.Progress, shown.Display = false, "all"
	results, err := render.New(shown, a.Name(), action, def)
	if err != nil {
		return usage.Hinted(err, "")
	}
	results.Expect(1)
	start := env.Now()
	reply, took, err := a.Ask(ctx, action, in)
	if err != nil {
		return err
	}
	outcome := client.OK
	if reply.Status != rpc.OK {
		outcome = client.Failed
	}
	results.Add(client.Answer{Reply: &message.Reply{Sender: a.Identity()}, RPC: reply, Outcome: outcome})
	account := &client.Account{
		Started: start, Total: took, Replies: 1,
		Outcomes: map[string]client.Outcome{a.Identity(): outcome}, Count: map[client.Outcome]int{outcome: 1},
	}
	if err := results.Close(account, render.Stats{Discovered: 1}); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if outcome != client.OK {
		return cli.Exit(cli.ExitSomeFailed)
	}
	return nil
}
