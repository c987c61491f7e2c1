package shell

import (
	"context"
	"fmt"
	"strings"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// show calls run, start or list, and prints what nodes answer as a shell would.
func (s *shell) show(ctx context.Context, t *application.Task) error {
	in, err := s.prepare(ctx, t, t.RPC.Action)
	if err != nil {
		return err
	}
	bad := 0
	account, err := t.Each(ctx, t.RPC.Action, in, func(node string, reply *rpc.Reply) {
		switch t.RPC.Action {
		case "start":
			fmt.Fprintf(t.Env.Out, "%s: %s\n", safetext.CleanLine(node), cli.Tidy(t.Env, outputs.Said(reply, "handle")))
		case "list":
			printJobs(t.Env, node, reply)
		default:
			if !printResult(t.Env, node, reply) {
				bad++
			}
		}
	})
	if err != nil {
		return err
	}
	t.Missing(account)
	t.Learned(account)
	if err := collective.ExitStatus(t.Targets, account); err != nil {
		return err
	}
	if bad > 0 {
		return cli.Exit(cli.ExitSomeFailed)
	}
	return nil
}

// prepare judges a request, finds the nodes and asks whether it is meant.
func (s *shell) prepare(ctx context.Context, t *application.Task, action string) (*value.Map, error) {
	if err := t.Prepare(); err != nil {
		return nil, err
	}
	_, in, err := t.Request(action, t.Args)
	if err != nil {
		return nil, err
	}
	if err := t.Find(ctx); err != nil {
		return nil, err
	}
	return in, t.Agree(action)
}

// printResult prints what a command wrote, and reports whether it succeeded.
func printResult(env *cli.Env, node string, reply *rpc.Reply) bool {
	fmt.Fprintf(env.Out, "%s:\n", safetext.CleanLine(node))
	printLines(env, "", outputs.Said(reply, "stdout"))
	if text := outputs.Said(reply, "stderr"); text != "" {
		fmt.Fprintln(env.Out, "    STDERR:")
		printLines(env, "", text)
	}
	code := outputs.Said(reply, "exitcode")
	switch {
	case !outputs.Truth(reply, "success"):
		fmt.Fprintln(env.Out, "    it did not end in time")
	case code != "0":
		fmt.Fprintf(env.Out, "    exit code %s\n", safetext.CleanLine(code))
	}
	fmt.Fprintln(env.Out)
	return outputs.Truth(reply, "success") && code == "0"
}

func printLines(env *cli.Env, before, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(env.Out, "%s%s\n", before, env.Clean(strings.TrimSuffix(line, "\n")))
	}
}

func printJobs(env *cli.Env, node string, reply *rpc.Reply) {
	jobs, _ := reply.Output("jobs")
	h, ok := jobs.(*value.Map)
	if !ok || h == nil || len(h.Pairs) == 0 {
		return
	}
	fmt.Fprintf(env.Out, "%s:\n", safetext.CleanLine(node))
	for handle, v := range h.All() {
		job, _ := v.(*value.Map)
		fmt.Fprintf(env.Out, "    %-36s  %-8s  %s\n", safetext.CleanLine(render.Text(handle)),
			safetext.CleanLine(render.Text(outputs.Output(job, "status"))), safetext.CleanLine(render.Text(outputs.Output(job, "command"))))
	}
	fmt.Fprintln(env.Out)
}
