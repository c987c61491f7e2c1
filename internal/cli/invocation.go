package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/client"
	"mcollective/ddl"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/config"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/session"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/value"
)

// rpcutilTime is what Ruby's definition of rpcutil says its actions take at most.
const rpcutilTime = 10 * time.Second

// An invocation is one run of a command that talks to a collective: the operation that
// its flags and the configuration lead to.
type invocation struct {
	*operation.Operation
	env    *Env
	flags  *clientFlags
	cfg    *config.Config
	dialog *dialog
}

// configuration reads the client's configuration and checks the flags that depend
// on it.
func (f *clientFlags) configuration(env *Env) (*config.Config, string, error) {
	env.raw = f.raw
	cfg, err := clientConfig(env, f.config)
	if err != nil {
		return nil, "", err
	}
	collective := cfg.MainCollective
	if f.target != "" {
		collective = f.target
	}
	if !slices.Contains(cfg.Collectives, collective) {
		return nil, "", usage.Errorf("Unknown collective '%s' known collectives are '%s'", collective, strings.Join(cfg.Collectives, ", "))
	}
	return cfg, collective, nil
}

// begin reads and checks what does not need the network. With stdin set, names on
// standard input count when no discovery method was asked for.
func (f *clientFlags) begin(env *Env, stdin bool) (*invocation, error) {
	hosts, err := f.hosts.parse(env)
	if err != nil {
		return nil, err
	}
	i := &invocation{env: env, flags: f, dialog: &dialog{env: env}}
	o := operation.Options{
		Filter: hosts, Timeout: f.timeout.Duration, TTL: f.ttl.Duration, PublishTimeout: f.publishTimeout.Duration, ConnectionTimeout: f.connectionTimeout.Duration,
		Discovery: operation.Discovery{Method: f.method, Options: f.methodOptions, File: f.nodes, Timeout: f.discoveryTimeout.Duration, Stdin: stdin},
	}
	if o.Limit, err = f.rpc.parseLimit(); err != nil {
		return nil, err
	}
	if f.rpc.limitSeed != "" {
		seed, err := strconv.ParseUint(f.rpc.limitSeed, 10, 64)
		if err != nil {
			return nil, usage.Errorf("invalid argument: --limit-seed %s: not a number", f.rpc.limitSeed)
		}
		o.Limit.Seed = &seed
	}
	if o.Batch, err = f.rpc.parseBatch(); err != nil {
		return nil, err
	}
	if o.Config, o.Collective, err = f.configuration(env); err != nil {
		return nil, err
	}
	i.cfg = o.Config
	env.plain = !i.cfg.Color
	if f.rpc.batchSleep.set && (f.rpc.batch == "0" || f.rpc.batch == "" && i.cfg.DefaultBatchSize == 0) {
		if err := refuse(f.cmd, "there are no batches without --batch", "batch-sleep"); err != nil {
			return nil, err
		}
	}
	if f.rpc.batchSleep.set {
		o.BatchSleep = &f.rpc.batchSleep.Duration
	}
	i.Operation = operation.New(operation.Environment{
		Session: session.Options{Connect: env.Connect, Security: env.ClientSecurity, Console: env.Err, Color: env.color(env.ErrTerminal)},
		Dialog:  i.dialog, Now: env.Now, Stdin: env.In, StdinHasData: env.InList, Definitions: definitionCache(env),
		Library: func(agent string) *ddl.Library { return libraryFor(env, i.cfg, agent) }, Unknown: i.adviseOnUnknown,
	}, o)
	return i, nil
}

// adviseOnUnknown says what may help where nobody knows an agent.
func (i *invocation) adviseOnUnknown(agent operation.UnknownAgent, why []string) string {
	if len(why) > 0 {
		return render.CleanLine(why[0])
	}
	var names []string
	for _, e := range library(i.env, i.cfg).List(ddl.Agent) {
		if e.Err == nil {
			names = append(names, e.Name)
		}
	}
	if near := suggest.Nearest(string(agent), names); near != "" {
		return "Did you mean '" + near + "'?"
	}
	return "No node gave one either; is there a node with this agent? 'mco plugin doc' lists the agents that are known here"
}

// interrupted gives an error of an operation as one of a command: who broke a search
// off knows what happened.
func interrupted(err error) error {
	if errors.Is(err, operation.ErrInterrupted) {
		return exit(exitFailed)
	}
	return err
}

// search finds the nodes that have an agent.
func (i *invocation) search(ctx context.Context, agent string) (*operation.Targets, error) {
	t, err := i.Search(ctx, agent)
	return t, interrupted(err)
}

// ask calls an action of rpcutil on some targets, if there are any. What a node
// answers is given to each only when it is a success or unreadable.
func (i *invocation) ask(ctx context.Context, t *operation.Targets, action string, inputs *value.Map, each func(client.Answer)) (*client.Account, error) {
	if len(t.Nodes) == 0 {
		return nil, nil // nobody was asked
	}
	return i.Run(ctx, t, operation.Call{Agent: rpcutil.Name, Action: action, Inputs: inputs, Time: rpcutilTime}, func(answer client.Answer) {
		if answer.Err == nil && answer.Outcome != client.OK {
			i.Log().Info("a node refused", "node", answer.Sender, "action", action, "message", answer.RPC.Message)
			return
		}
		each(answer)
	})
}

// statistics prints what became of a call whose results the command itself shows.
func (i *invocation) statistics(account *client.Account, t *operation.Targets, caption string) error {
	opts := (&outputFlags{}).options(i.env, i.flags)
	if account == nil {
		account = &client.Account{}
	}
	return render.Statistics(opts, caption, account, render.Stats{Discovered: len(t.Nodes), DiscoveryTime: t.Took})
}

// nothingFound says that nobody is there to ask, and how to find out why.
func (i *invocation) nothingFound(agent string) error {
	fmt.Fprint(i.env.Err, "\nNo request sent, we did not discover any nodes.\n")
	hintWhy(i.env, i.Options().Filter, agent)
	return exit(exitFailed)
}
