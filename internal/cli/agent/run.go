package agent

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
	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/agenthost"
	"mcollective/internal/cli"
	rpccli "mcollective/internal/cli/rpc"
	"mcollective/internal/nodeagents"
	"mcollective/internal/plugins"
	"mcollective/internal/render"
	"mcollective/internal/usage"
	"mcollective/message"
	"mcollective/rpc"
	"mcollective/value"
)

// open opens the agent of a file, or of a name in the directories of the node.
func (o *agentOptions) open(ctx context.Context, env *cli.Env, file string) (*agentTrial, error) {
	cfg, err := o.nodeConfig()
	if err != nil {
		return nil, err
	}
	a := &agentTrial{env: env, cfg: cfg}
	log, logs, err := o.logTo(env)
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
		a.close()
		return nil, err
	}
	a.cleanup = append(a.cleanup, facts.Close)
	path, err := o.locate(cfg.AgentsDirs, file)
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
		a.close()
		return nil, err
	}
	a.name = a.Definition().Metadata.Agent
	a.cleanup = append(a.cleanup, a.Close)
	return a, nil
}

// directory makes a directory for what calls need, the facts among it, which goes when
// the trial ends. Programs that run as other users have to get through.
func (a *agentTrial) directory() (string, error) {
	dir, err := os.MkdirTemp("", "mco-agent-")
	if err != nil {
		return "", err
	}
	a.cleanup = append(a.cleanup, func() error { return os.RemoveAll(dir) })
	return dir, os.Chmod(dir, 0o711)
}

// locate finds the file of an agent that is called by its file, with or without
// the end, or by its name.
func (o *agentOptions) locate(dirs []string, file string) (string, error) {
	candidates := []string{file}
	if o.dir != "" {
		dirs = []string{o.dir}
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

// inputs returns what the user typed, judged by what the agent says of itself.
func (a *agentTrial) inputs(action string, args []rpccli.Argument) (*ddl.Action, *value.Map, error) {
	o := rpccli.Options{Agent: a.name, Action: action}
	def, in, err := o.Request(ddl.NewContract(a.name, a.Definition()), args)
	if err == nil && def == nil {
		err = fmt.Errorf("agent %s has no action %s", a.name, action)
	}
	return def, in, err
}

// ask calls an action as a node does.
func (a *agentTrial) ask(ctx context.Context, action string, in *value.Map) (*rpc.Reply, time.Duration, error) {
	caller := fmt.Sprintf("uid=%d", os.Getuid())
	start := a.env.Now()
	h := agent.NewHandler(a.Agent, agent.Options{})
	body, err := h.Handle(ctx, &message.Request{
		ID: strings.Repeat("0", 32), Sender: a.cfg.Identity, Caller: caller, Collective: a.cfg.MainCollective,
		Agent: a.name, Time: start, TTL: a.cfg.TTL,
		Body: (&rpc.Request{Agent: a.name, Action: action, Caller: caller, Data: in}).Body(),
	})
	took := max(a.env.Now().Sub(start), 1)
	if body == nil {
		return nil, took, err
	}
	reply, err := rpc.ParseReply(body)
	return reply, took, err
}

// call calls an action and shows the answer as rpc does.
func (o *agentOptions) call(ctx context.Context, a *agentTrial, action string, args []rpccli.Argument) error {
	def, in, err := a.inputs(action, args)
	if err != nil {
		return err
	}
	shown := o.Options(a.env, &o.Flags)
	shown.Progress, shown.Display = false, "all"
	results, err := render.New(shown, a.name, action, def)
	if err != nil {
		return usage.Hinted(err, "")
	}
	results.Expect(1)
	start := a.env.Now()
	reply, took, err := a.ask(ctx, action, in)
	if err != nil {
		return err
	}
	outcome := client.OK
	if reply.Status != rpc.OK {
		outcome = client.Failed
	}
	results.Add(client.Answer{Reply: &message.Reply{Sender: a.cfg.Identity}, RPC: reply, Outcome: outcome})
	account := &client.Account{
		Started: start, Total: took, Replies: 1,
		Outcomes: map[string]client.Outcome{a.cfg.Identity: outcome}, Count: map[client.Outcome]int{outcome: 1},
	}
	if err := results.Close(account, render.Stats{Discovered: 1}); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if outcome != client.OK {
		return cli.Exit(cli.ExitSomeFailed)
	}
	return nil
}
