package shell

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/outputs"
	"mcollective/internal/operation"
	"mcollective/internal/pause"
	"mcollective/internal/render"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// A liveCommand is a command of which more output may come.
type liveCommand struct {
	handle         string
	stdout, stderr int64
	rest           [2]string // lines that have no end yet
	silent         int
}

// follow starts a command and shows its output until it has ended everywhere.
// Who breaks it off ends the command.
func (s *shell) follow(ctx context.Context, t *application.Task) error {
	in, err := s.prepare(ctx, t, "start")
	if err != nil {
		return err
	}
	s.live = make(map[string]*liveCommand)
	account, err := t.Each(ctx, "start", in, func(node string, reply *rpc.Reply) {
		s.live[node] = &liveCommand{handle: outputs.Said(reply, "handle")}
	})
	if err != nil {
		return err
	}
	t.Missing(account)
	if len(s.live) == 0 {
		return collective.ExitStatus(t.Targets, account)
	}
	failed := len(account.Outcomes) - len(s.live)
	bad, err := s.stream(ctx, t)
	if ctx.Err() != nil {
		fmt.Fprintln(t.Env.Err, "Broken off; the command is ended")
		s.endAll(context.WithoutCancel(ctx), t)
		return cli.Exit(cli.ExitSomeFailed)
	}
	if err == nil && bad+failed > 0 {
		err = cli.Exit(cli.ExitSomeFailed)
	}
	return err
}

// endAll kills what was started.
func (s *shell) endAll(ctx context.Context, t *application.Task) {
	for node, c := range s.live {
		in := value.NewMap(value.Symbol("handle"), c.handle)
		if _, err := t.Call(ctx, []string{node}, "kill", in, func(a client.Answer) {
			if err := application.Refusal(a); err != nil {
				t.Complain(node, err)
			}
		}); err != nil {
			t.Complain(node, err)
		}
	}
}

// holders returns the nodes that know the handle, of which there is one as a rule.
func (s *shell) holders(ctx context.Context, t *application.Task) (string, error) {
	in, err := s.prepare(ctx, t, "status")
	if err != nil {
		return "", err
	}
	handle := render.Text(outputs.Output(in, "handle"))
	s.live = make(map[string]*liveCommand)
	account, err := t.Call(ctx, nil, "status", in, func(a client.Answer) {
		switch err := application.Refusal(a); {
		case err == nil:
			s.live[a.Sender] = &liveCommand{handle: handle}
		case a.Err != nil || a.RPC.Status != rpc.Aborted: // which is that of a handle that the node does not know
			t.Complain(a.Sender, err)
		}
	})
	if err != nil {
		return "", err
	}
	if len(s.live) == 0 {
		t.Missing(account)
		return "", fmt.Errorf("no node has a command with the handle %s, of those that answered", handle)
	}
	return handle, nil
}

func (s *shell) watch(ctx context.Context, t *application.Task) error {
	if _, err := s.holders(ctx, t); err != nil {
		return err
	}
	bad, err := s.stream(ctx, t)
	if err == nil && bad > 0 {
		err = cli.Exit(cli.ExitSomeFailed)
	}
	return err
}

func (s *shell) kill(ctx context.Context, t *application.Task) error {
	handle, err := s.holders(ctx, t)
	if err != nil {
		return err
	}
	nodes := cli.SortedKeys(s.live)
	account, err := t.Call(ctx, nodes, "kill", value.NewMap(value.Symbol("handle"), handle), func(a client.Answer) {
		if err := application.Refusal(a); err != nil {
			t.Complain(a.Sender, err)
			return
		}
		fmt.Fprintf(t.Env.Out, "%s: ended\n", safetext.CleanLine(a.Sender))
	})
	if err != nil {
		return err
	}
	return collective.ExitStatus(&operation.Targets{Nodes: nodes}, account)
}

const (
	// askEvery is the time between two questions for more output.
	askEvery = 500 * time.Millisecond

	// askTime is how long a node may take for one: the others wait as long.
	askTime = 5 * time.Second
)

// stream shows output until nothing runs any more, and tells on how many nodes
// the command failed.
func (s *shell) stream(ctx context.Context, t *application.Task) (bad int, err error) {
	t.Most = askTime
	for {
		for _, node := range cli.SortedKeys(s.live) {
			c := s.live[node]
			in := value.NewMap(value.Symbol("handle"), c.handle, value.Symbol("stdout_offset"), c.stdout, value.Symbol("stderr_offset"), c.stderr)
			heard, ended, good := false, false, false
			if _, err := t.Call(ctx, []string{node}, "status", in, func(a client.Answer) {
				heard = true
				ended, good = s.more(t, node, c, a)
			}); err != nil {
				return bad, err
			}
			if !heard {
				if c.silent++; c.silent >= application.MostSilent {
					t.Complain(node, application.ErrSilent)
					ended = true
				}
			}
			if ended {
				delete(s.live, node)
				if !good {
					bad++
				}
			}
		}
		if len(s.live) == 0 {
			return bad, nil
		}
		if err := pause.For(ctx, askEvery); err != nil {
			return bad, err
		}
	}
}

// more prints what a node has in addition, and reports whether that was all.
func (s *shell) more(t *application.Task, node string, c *liveCommand, a client.Answer) (ended, good bool) {
	c.silent = 0
	if err := application.Refusal(a); err != nil {
		t.Complain(node, err)
		return true, false
	}
	out, errs := outputs.Said(a.RPC, "stdout"), outputs.Said(a.RPC, "stderr")
	c.stdout += int64(len(out))
	c.stderr += int64(len(errs))
	state := outputs.Said(a.RPC, "status")
	// Output may be longer than one answer holds.
	ended = state != "running" && out == "" && errs == ""
	before := safetext.CleanLine(node) + ": "
	for i, text := range []string{out, errs} {
		text = c.rest[i] + text
		end := strings.LastIndexByte(text, '\n') + 1
		if ended {
			end = len(text)
		}
		printLines(t.Env, before, text[:end])
		c.rest[i] = text[end:]
	}
	if !ended {
		return false, false
	}
	code := outputs.Said(a.RPC, "exitcode")
	if state != "stopped" || code != "0" {
		fmt.Fprintf(t.Env.Out, "%s%s, exit code %s\n", before, safetext.CleanLine(state), safetext.CleanLine(code))
	}
	return true, state == "stopped" && code == "0"
}
