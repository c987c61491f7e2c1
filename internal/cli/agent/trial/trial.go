// Package trial opens one agent as a node does, for its author to try.
package trial

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/agenthost"
	"mcollective/internal/cli"
	"mcollective/internal/cli/agent/settings"
	"mcollective/internal/nodeagents"
	"mcollective/internal/plugins"
	"mcollective/internal/usage"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// A Trial is one agent that its author tries.
type Trial struct {
	*agenthost.Agent
	Env     *cli.Env
	request message.Request // what each has in common
	cleanup []func() error
}

// Identity returns the name of the node that the agent is tried on.
func (t *Trial) Identity() string { return t.request.Sender }

// Name returns the name of the agent.
func (t *Trial) Name() string { return t.request.Agent }

// Close ends what the trial has started, and removes what it has written.
func (t *Trial) Close() {
	for i := len(t.cleanup) - 1; i >= 0; i-- {
		_ = t.cleanup[i]() // the answer is here, and nothing of ours stays
	}
}

// Open opens the agent of a file, or of a name in the directories of the node.
func Open(ctx context.Context, env *cli.Env, o *settings.Settings, file string) (*Trial, error) {
	cfg, err := o.Config()
	if err != nil {
		return nil, err
	}
	a := &Trial{Env: env}
	log, logs, err := o.Log(env)
	if err != nil {
		return nil, err
	}
	a.cleanup = append(a.cleanup, logs.Close)
	quiet := log // what is wrong with the node's facts is not what the author is here for
	if !o.Verbose {
		quiet = slog.New(slog.DiscardHandler)
	}
	facts, err := plugins.Facts(ctx, cfg, quiet)
	if err != nil {
		a.Close()
		return nil, err
	}
	a.cleanup = append(a.cleanup, facts.Close)
	path, err := locate(cfg.AgentsDirs, o.Dir, file)
	var options agenthost.Options
	if err == nil {
		options, err = nodeagents.ProgramOptions(cfg, func() map[string]any { return facts.Snapshot() }, log)
	}
	if err == nil {
		options.Unchecked = true
		options.Temp, err = a.directory()
	}
	if err == nil {
		a.Agent, err = agenthost.Open(path, options)
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	caller := fmt.Sprintf("uid=%d", os.Getuid())
	a.request = message.Request{
		ID: strings.Repeat("0", 32), Sender: cfg.Identity, Caller: caller, Collective: cfg.MainCollective,
		Agent: a.Definition().Metadata.Agent, TTL: cfg.TTL,
	}
	a.cleanup = append(a.cleanup, a.Agent.Close)
	return a, nil
}

// directory makes a directory for what calls need, the facts among it, which goes when
// the trial ends. Programs that run as other users have to get through.
func (a *Trial) directory() (string, error) {
	dir, err := os.MkdirTemp("", "mco-agent-")
	if err != nil {
		return "", err
	}
	a.cleanup = append(a.cleanup, func() error { return os.RemoveAll(dir) })
	return dir, os.Chmod(dir, 0o711)
}

// locate finds the file of an agent that is called by its file, with or without
// the end, or by its name.
func locate(dirs []string, dir, file string) (string, error) {
	candidates := []string{file}
	if dir != "" {
		dirs = []string{dir}
	}
	if !strings.Contains(file, "/") {
		for _, dir := range dirs {
			candidates = append(candidates, filepath.Join(dir, file))
		}
	}
	for _, c := range candidates {
		if fi, err := os.Stat(c); err == nil && fi.Mode().IsRegular() {
			return c, nil
		}
		// The descriptor comes first: it names the program.
		for _, end := range []string{".yaml", ".yml", ".json", ".ddl", ".*"} {
			if found, err := filepath.Glob(globQuote(c) + end); err == nil && len(found) > 0 {
				return found[0], nil
			}
		}
	}
	return "", usage.Hinted(fmt.Errorf("there is no agent %s: %w", file, fs.ErrNotExist), "Looked for "+strings.Join(candidates, ", ")+", with and without an end")
}

// globQuote returns a path for which no letter of it stands for others.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Ask calls an action as a node does.
func (a *Trial) Ask(ctx context.Context, action string, in *value.Map) (*rpc.Reply, time.Duration, error) {
	req := a.request
	req.Time = a.Env.Now()
	req.Body = (&rpc.Request{Agent: req.Agent, Action: action, Caller: req.Caller, Data: in}).Body()
	body, err := agent.NewHandler(a.Agent, agent.Options{}).Handle(ctx, &req)
	took := max(a.Env.Now().Sub(req.Time), 1)
	if body == nil {
		return nil, took, err
	}
	reply, err := rpc.ParseReply(body)
	return reply, took, err
}
