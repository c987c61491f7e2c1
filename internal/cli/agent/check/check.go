// Package check holds an agent to its definition.
package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/cli/agent/settings"
	"mcollective/internal/cli/agent/trial"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// An check reports what a test of an agent finds.
type check struct {
	a      *trial.Trial
	failed int
}

func (c *check) ok(what, detail string)   { c.line("ok", what, detail) }
func (c *check) skip(what, detail string) { c.line("skip", what, detail) }
func (c *check) fail(what, detail string) { c.failed++; c.line("FAIL", what, detail) }

func (c *check) line(verdict, what, detail string) {
	fmt.Fprintf(c.a.Env.Out, "%-5s %s: %s\n", verdict, safetext.CleanLine(what), safetext.CleanLine(detail))
}

// Run holds the agent of a file, or of a name in the directories of the node, to its
// definition: it runs the action that is named, or all
// that change nothing and need no input, and compares what they answer with what
// is declared.
func Run(ctx context.Context, env *cli.Env, o *settings.Settings, file, action string, args []inputs.Argument) error {
	a, err := trial.Open(ctx, env, o, file)
	if err != nil {
		return err
	}
	defer a.Close()
	c := &check{a: a}
	info, d := a.Info(), a.Definition()
	names := make([]string, len(d.Actions))
	for i, act := range d.Actions {
		names[i] = act.Name
	}
	c.ok("definition", fmt.Sprintf("%s, %s %s, actions %s", d.Metadata.Agent, info.Mode, info.Protocol, strings.Join(names, ", ")))
	if err := agent.Ask(ctx, a); err != nil {
		c.fail("activation", err.Error())
	} else {
		c.ok("activation", "it can work on this machine")
	}
	switch {
	case action != "":
		def, in, err := inputs.Defined(d, action, args)
		if err != nil {
			return err
		}
		c.try(ctx, def, in)
	default:
		for _, def := range d.Actions {
			c.tryAlone(ctx, def)
		}
	}
	if err := a.Inactive(); err != nil {
		c.fail("worker", err.Error())
	}
	if c.failed > 0 {
		fmt.Fprintf(a.Env.Err, "%d checks failed\n", c.failed)
		return cli.Exit(cli.ExitFailed)
	}
	return nil
}

// tryAlone tries an action without inputs of the user's, if it has no need of any.
func (c *check) tryAlone(ctx context.Context, def *ddl.Action) {
	var missing, args []string
	for _, in := range def.Inputs {
		if !in.Optional && in.Default == nil {
			missing = append(missing, in.Name)
			args = append(args, in.Name+"=...")
		}
	}
	try := strings.TrimSpace("mco agent test " + c.a.Info().Program + " " + def.Name + " " + strings.Join(args, " "))
	switch {
	case def.Destructive && !def.Noop:
		c.skip(def.Name, "it changes things; try it with "+try)
		return
	case len(missing) > 0:
		c.skip(def.Name, "it needs "+strings.Join(missing, ", ")+"; try it with "+try)
		return
	}
	var given []inputs.Argument
	if def.Destructive {
		given = []inputs.Argument{{Name: "noop", Text: "true"}}
	}
	_, in, err := inputs.Defined(c.a.Definition(), def.Name, given)
	if err != nil {
		c.fail(def.Name, err.Error())
		return
	}
	c.try(ctx, def, in)
}

// try calls an action and judges the answer.
func (c *check) try(ctx context.Context, def *ddl.Action, in *value.Map) {
	reply, took, err := c.a.Ask(ctx, def.Name, in)
	switch {
	case err != nil:
		c.fail(def.Name, err.Error())
		return
	case reply.Status != rpc.OK:
		c.fail(def.Name, fmt.Sprintf("status %d: %s", reply.Status, reply.Message))
		return
	}
	problems := def.CheckReply(reply)
	for _, p := range problems {
		c.fail(def.Name, p.Error())
	}
	if len(problems) == 0 {
		c.ok(def.Name, fmt.Sprintf("answers as declared, in %s", took.Round(time.Millisecond/10)))
	}
}
