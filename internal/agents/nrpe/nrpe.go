// Package nrpe is the agent that runs the Nagios checks that a machine's NRPE daemon is configured for.
//
// Actions, inputs and outputs are those of the agent published for Ruby
// MCollective. The commands come from the same files; their lines are taken apart
// as a shell would, but no shell runs them, so that an argument can never become
// anything but an argument. A line that needs a shell says so: sh -c '...'.
package nrpe

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mcollective/agent"
	"mcollective/internal/run"
	"mcollective/internal/shellwords"
	"mcollective/rpc"
	"mcollective/value"
)

//go:embed nrpe.yaml
var definition []byte

// A Runner starts a program, as run.Run does.
type Runner func(context.Context, run.Command) (*run.Result, error)

// Options are where the agent finds checks and how it runs them.
type Options struct {
	File        string        // a file with commands, absolute or in the first of Directories
	Directories []string      // whose files *.cfg hold commands, if there is no File; default: /etc/nagios/nrpe.d
	Config      string        // nrpe.cfg: commands and what it includes count too. Default: none
	Timeout     time.Duration // of one check; default 30 s
	NoArgs      bool          // refuse arguments from callers. No shell sees them, so by default they are let in

	Run Runner // default: run.Run
}

func (o Options) settled() Options {
	if len(o.Directories) == 0 {
		o.Directories = []string{"/etc/nagios/nrpe.d"}
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Run == nil {
		o.Run = run.Run
	}
	return o
}

// unknown is the exit code of a check that tells nothing.
const unknown = 3

// An Agent is the agent nrpe.
type Agent struct {
	*agent.Mux
	opts Options
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	a := &Agent{opts: o.settled()}
	var err error
	a.Mux, err = agent.NewMux("nrpe.yaml", definition, map[string]agent.ActionFunc{"runcommand": a.one, "runallcommands": a.all})
	return a, err
}

// Active says no where no check is configured.
func (a *Agent) Active(context.Context) error {
	commands, err := a.opts.commands()
	if err != nil {
		return err
	}
	if len(commands) == 0 {
		return fmt.Errorf("no checks are configured in %s", strings.Join(a.opts.sources(), ", "))
	}
	return nil
}

// An outcome is what a check said.
type outcome struct {
	exit         int64
	output, perf string
}

// check runs one of the configured commands. What keeps it from running is an
// UNKNOWN, as it is for Nagios.
func (o Options) check(ctx context.Context, name string, commands map[string]string, args []string) outcome {
	line, ok := commands[name]
	if !ok {
		return outcome{exit: unknown, output: "No such command: " + name}
	}
	words, err := shellwords.SplitCommand(line)
	if err != nil {
		return outcome{exit: unknown, output: fmt.Sprintf("the command line of %s cannot be read: %v", name, err)}
	}
	if n := places(words); len(args) > n {
		return outcome{exit: unknown, output: fmt.Sprintf("the check takes %d arguments and was given %d", n, len(args))}
	}
	words = expand(words, args)
	if err := run.Untrusted(words[0]); err != nil {
		return outcome{exit: unknown, output: err.Error()}
	}
	r, err := o.Run(ctx, run.Command{Path: words[0], Args: words[1:], Timeout: o.Timeout, MaxStdout: 64 << 10, For: "agent nrpe"})
	switch {
	case errors.Is(err, run.ErrTimeout):
		return outcome{exit: unknown, output: fmt.Sprintf("the check did not end within %v", o.Timeout)}
	case err != nil:
		return outcome{exit: unknown, output: err.Error()}
	case r.Exit < 0:
		return outcome{exit: unknown, output: "the check was " + r.Signal}
	}
	text := string(r.Stdout)
	if strings.TrimSpace(text) == "" {
		text = string(r.Stderr)
	}
	output, perf := parse(strings.ToValidUTF8(text, "\uFFFD"))
	return outcome{int64(r.Exit), output, perf}
}

// parse tells text from performance data: on each line of the text, what is
// behind the bar; once a bar was in a line after the first, all that follows.
func parse(text string) (output, perf string) {
	var texts, perfs []string
	rest := false
	for i, line := range strings.Split(strings.TrimRight(text, "\r\n"), "\n") {
		if rest {
			perfs = append(perfs, strings.TrimSpace(line))
			continue
		}
		before, after, bar := strings.Cut(line, "|")
		texts = append(texts, strings.TrimRight(before, " \r"))
		if bar {
			perfs = append(perfs, strings.TrimSpace(after))
			rest = i > 0
		}
	}
	return strings.Join(texts, "\n"), strings.TrimSpace(strings.Join(perfs, " "))
}

func (a *Agent) one(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	name, _ := req.String("command")
	text, _ := req.String("args")
	reply.Set("command", name)
	var args []string
	if text != "" {
		if a.opts.NoArgs {
			return rpc.Errorf(rpc.InvalidData, "this node takes no arguments for checks; plugin.nrpe.allow_args = 0 says so")
		}
		args = strings.Split(text, "!")
		for _, arg := range args {
			if strings.HasPrefix(arg, "-") || strings.ContainsFunc(arg, func(r rune) bool { return r < ' ' || strings.ContainsRune("|`&><'\"\\[]{};$()", r) }) {
				return rpc.Errorf(rpc.InvalidData, "the argument %q holds characters that could do harm", arg)
			}
		}
	}
	commands, err := a.opts.commands()
	if err != nil {
		return err
	}
	out := a.opts.check(ctx, name, commands, args)
	reply.Set("exitcode", out.exit)
	reply.Set("output", out.output)
	reply.Set("perfdata", out.perf)
	if out.exit == 0 {
		return nil
	}
	return rpc.Errorf(rpc.Aborted, "%s", state(out.exit))
}

// together is how many checks run at the same time.
const together = 4

func (a *Agent) all(ctx context.Context, _ *agent.Request, reply *rpc.Reply) error {
	commands, err := a.opts.commands()
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(commands))
	outcomes := make([]outcome, len(names))
	var wait sync.WaitGroup
	free := make(chan struct{}, together)
	for i, name := range names {
		wait.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			outcomes[i] = a.opts.check(ctx, name, commands, nil)
		})
	}
	wait.Wait()
	list := &value.Map{}
	for i, out := range outcomes {
		list.Pairs = append(list.Pairs, value.Pair{Key: names[i], Value: value.NewMap(
			value.Symbol("exitcode"), out.exit, value.Symbol("output"), out.output, value.Symbol("perfdata"), out.perf,
		)})
	}
	reply.Set("commands", list)
	return verdict(names, outcomes)
}

// states are Nagios's names of exit codes. Any other is the last.
var states = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

func state(exit int64) string {
	if exit < 0 || exit > unknown {
		exit = unknown
	}
	return states[exit]
}

// verdict is the failure of the checks that are not OK, if there are any.
func verdict(names []string, outcomes []outcome) error {
	by := make(map[string][]string)
	for i, out := range outcomes {
		by[state(out.exit)] = append(by[state(out.exit)], names[i])
	}
	var parts []string
	for _, s := range []string{"CRITICAL", "WARNING", "UNKNOWN"} {
		if bad := by[s]; bad != nil {
			text := s + ": " + strings.Join(bad[:min(len(bad), 10)], ", ")
			if len(bad) > 10 {
				text += fmt.Sprintf(" and %d more", len(bad)-10)
			}
			parts = append(parts, text)
		}
	}
	if parts == nil {
		return nil
	}
	return rpc.Errorf(rpc.Aborted, "%s", strings.Join(parts, "; "))
}
