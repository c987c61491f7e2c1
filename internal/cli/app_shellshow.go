package cli

import (
	"context"
	"fmt"
	"strings"

	"mcollective/internal/render"
	"mcollective/rpc"
	"mcollective/value"
)

// show calls run, start or list, and prints what nodes answer as a shell would.
func (s *shell) show(ctx context.Context, t *task) error {
	in, err := s.prepare(ctx, t, t.o.action)
	if err != nil {
		return err
	}
	bad := 0
	account, err := t.each(ctx, t.o.action, in, func(node string, reply *rpc.Reply) {
		switch t.o.action {
		case "start":
			fmt.Fprintf(t.env.Out, "%s: %s\n", render.CleanLine(node), tidy(t.env, said(reply, "handle")))
		case "list":
			printJobs(t.env, node, reply)
		default:
			if !printResult(t.env, node, reply) {
				bad++
			}
		}
	})
	if err != nil {
		return err
	}
	t.missing(account)
	t.learned(account)
	if err := exitStatus(t.targets, account); err != nil {
		return err
	}
	if bad > 0 {
		return exit(exitSomeFailed)
	}
	return nil
}

// prepare judges a request, finds the nodes and asks whether it is meant.
func (s *shell) prepare(ctx context.Context, t *task, action string) (*value.Map, error) {
	if err := t.prepare(); err != nil {
		return nil, err
	}
	_, in, err := t.request(action, t.args)
	if err != nil {
		return nil, err
	}
	if err := t.find(ctx); err != nil {
		return nil, err
	}
	return in, t.agree(action)
}

// printResult prints what a command wrote, and tells whether it succeeded.
func printResult(env *Env, node string, reply *rpc.Reply) bool {
	fmt.Fprintf(env.Out, "%s:\n", render.CleanLine(node))
	printLines(env, "", said(reply, "stdout"))
	if text := said(reply, "stderr"); text != "" {
		fmt.Fprintln(env.Out, "    STDERR:")
		printLines(env, "", text)
	}
	code := said(reply, "exitcode")
	switch {
	case !truth(reply, "success"):
		fmt.Fprintln(env.Out, "    it did not end in time")
	case code != "0":
		fmt.Fprintf(env.Out, "    exit code %s\n", render.CleanLine(code))
	}
	fmt.Fprintln(env.Out)
	return truth(reply, "success") && code == "0"
}

func printLines(env *Env, before, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(env.Out, "%s%s\n", before, env.clean(strings.TrimSuffix(line, "\n")))
	}
}

func printJobs(env *Env, node string, reply *rpc.Reply) {
	jobs, _ := reply.Output("jobs")
	h, ok := jobs.(*value.Map)
	if !ok || h == nil || len(h.Pairs) == 0 {
		return
	}
	fmt.Fprintf(env.Out, "%s:\n", render.CleanLine(node))
	for handle, v := range h.All() {
		job, _ := v.(*value.Map)
		fmt.Fprintf(env.Out, "    %-36s  %-8s  %s\n", render.CleanLine(render.Text(handle)),
			render.CleanLine(render.Text(output(job, "status"))), render.CleanLine(render.Text(output(job, "command"))))
	}
	fmt.Fprintln(env.Out)
}
