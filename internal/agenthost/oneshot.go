package agenthost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"mcollective/agent/stdio"
	"mcollective/internal/agenthost/adapter"
	"mcollective/internal/agenthost/descriptor"
	"mcollective/internal/agenthost/files"
	"mcollective/internal/agenthost/worker"
	"mcollective/internal/run"
	"mcollective/rpc"
)

// A host is an agent as its adapter sees it.
type host struct{ a *Agent }

func (h host) Agent() string  { return h.a.program.Name }
func (h host) Path() string   { return h.a.program.Path }
func (h host) Config() string { return h.a.opts.Config }
func (h host) Facts() string  { return h.a.facts.Path(h.a.log) }

// Run implements adapter.Host.
func (h host) Run(ctx context.Context, given adapter.Command) (*adapter.Result, error) {
	a := h.a
	c := run.Command{Args: given.Args, Env: given.Env, Stdin: given.Stdin}
	level := slog.LevelInfo
	var exchange *files.Exchange
	switch {
	case given.Files != nil:
		var err error
		if exchange, err = files.NewExchange(a.opts.Temp, a.program.Name, a.user(), given.Files.Request); err != nil {
			return nil, err
		}
		defer exchange.Remove()
		c.Dir, level = exchange.Dir, slog.LevelError
		c.Args = append([]string{exchange.Request, exchange.Reply}, c.Args...)
		c.Env = append(c.Env, given.Files.RequestVar+"="+exchange.Request, given.Files.ReplyVar+"="+exchange.Reply)
	case a.program.Dir == "":
		dir, err := files.Private(a.opts.Temp, a.program.Name, a.user(), nil)
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		c.Dir = dir
		c.Env = append(c.Env, "TMPDIR="+dir)
	}
	res, err := a.run(ctx, c, level)
	if err != nil {
		return nil, err
	}
	result := &adapter.Result{Result: res}
	if exchange != nil {
		stdio.NewLogger(a.log, slog.LevelInfo).Lines(res.Stdout)
		if result.Reply, result.ReplyErr = exchange.ReadReply(a.program.MaxOutput); result.ReplyErr != nil {
			a.log.Warn("reply of the program is not read", "error", result.ReplyErr)
		}
	}
	return result, nil
}

// run runs the program with the agent's settings. An error is an ending that is
// not the program's own.
func (a *Agent) run(ctx context.Context, c run.Command, level slog.Level) (*run.Result, error) {
	c.Stderr = stdio.NewLogger(a.log, level).Line
	a.complete(&c)
	c.MaxStdout = a.program.MaxOutput
	name, began := a.program.Name, time.Now()
	res, err := run.Run(ctx, c)
	switch {
	case err == nil:
		return res, nil
	case errors.Is(err, run.ErrOutput):
		err = fmt.Errorf("agent %s was ended: it printed more than %d bytes", name, a.program.MaxOutput)
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		err = fmt.Errorf("%s: agent %s was ended after %v", rpc.TextTimedOut, name, time.Since(began).Round(time.Millisecond))
	case ctx.Err() != nil:
		err = fmt.Errorf("agent %s was ended: the call was broken off", name)
	default:
		err = fmt.Errorf("agent %s: %w%s", name, err, a.startHint(err))
	}
	if res != nil {
		if text := stdio.StderrText(res.Stderr); text != "" {
			err = fmt.Errorf("%w; stderr: %s", err, text)
		}
	}
	return nil, rpc.Errorf(rpc.UnknownError, "%v", err)
}

// startWorker starts the program of a worker.
func (a *Agent) startWorker(ctx context.Context, stderr func(string)) (worker.Process, error) {
	if err := a.trusted(); err != nil {
		return nil, err
	}
	c := run.Command{Env: []string{"MCO_AGENT=" + a.program.Name, "MCO_CONFIG_FILE=" + a.opts.Config}, Stderr: stderr}
	if path := a.facts.Path(a.log); path != "" {
		c.Env = append(c.Env, "MCO_FACTS_FILE="+path)
	}
	a.complete(&c)
	c.Background = false
	p, err := run.Start(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, a.startHint(err))
	}
	return p, nil
}

// complete gives a command what the descriptor and the node say.
func (a *Agent) complete(c *run.Command) {
	p := a.program
	c.Path, c.For = p.Path, "agent "+p.Name
	c.Args = append(append([]string(nil), p.Args...), c.Args...)
	if p.Runner != "" {
		c.Path, c.Args = p.Runner, append([]string{p.Path}, c.Args...)
	}
	c.Env = append(c.Env, p.Env...)
	if p.Dir != "" {
		c.Dir = p.Dir
	}
	c.User, c.Grace, c.Background = a.user(), p.Grace, p.Background
	c.Memory, c.Processes, c.Files = p.Memory, p.Processes, p.Files
}

// startHint says what to do about a program that cannot be started.
func (a *Agent) startHint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return "; a script must begin with #! and the path of its interpreter"
	case errors.Is(err, fs.ErrNotExist):
		hint := "; is the interpreter that its first line names there?"
		if name := descriptor.MissingInterpreter(a.program.Path); name != "" {
			hint = "; its first line names " + name + ", which is not there"
		}
		if ext := filepath.Ext(a.program.Path); a.program.Protocol == adapter.Bolt && a.program.Runner == "" && ext != "" {
			hint += "; plugin.bolt.interpreters in server.cfg names another one: " + ext + "=/usr/bin/..."
		}
		return hint
	case errors.Is(err, syscall.EACCES) && !errors.Is(err, run.ErrLimits):
		return "; is it executable for the user who runs it, and its file system not mounted noexec?"
	}
	return ""
}
