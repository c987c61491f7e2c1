package collective

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
	"mcollective/internal/cli"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/config"
	"mcollective/internal/operation"
	"mcollective/internal/render"
	"mcollective/internal/session"
	"mcollective/internal/suggest"
	"mcollective/internal/usage"
	"mcollective/rpc"
	"mcollective/value"
)

// EveryNode is the agent that every node has: a search for it finds all that match.
const EveryNode = rpc.UtilAgent

// rpcutilTime is what Ruby's definition of rpcutil says its actions take at most.
const rpcutilTime = 10 * time.Second

// An Invocation is one run of a command that talks to a collective: the operation that
// its flags and the configuration lead to.
type Invocation struct {
	*operation.Operation
	Env    *cli.Env
	Flags  *Flags
	Config *config.Config
	Dialog *Dialog

	session *session.Session
	said    map[refusal]bool // what Ask has printed
}

// Close ends the connection, if there is one.
func (i *Invocation) Close() { i.session.Close() }

// configuration reads the client's configuration and checks the flags that depend
// on it.
func (f *Flags) configuration(env *cli.Env) (*config.Config, string, error) {
	env.Raw = f.raw
	cfg, err := env.Files().Config(f.Config)
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

// Begin reads and checks what does not need the network. With stdin set, names on
// standard input count when no discovery method was asked for.
func (f *Flags) Begin(env *cli.Env, stdin bool) (*Invocation, error) {
	hosts, err := f.Hosts.Parse(env)
	if err != nil {
		return nil, err
	}
	i := &Invocation{Env: env, Flags: f, Dialog: &Dialog{env: env}, said: make(map[refusal]bool)}
	o := operation.Options{
		Filter: hosts, Timeout: f.Timeout.Duration, TTL: f.ttl.Duration,
		Discovery: operation.Discovery{Method: f.Method, Options: f.methodOptions, File: f.nodes, Timeout: f.DiscoveryTimeout.Duration, Stdin: stdin},
	}
	if o.Limit, err = f.Results.parseLimit(); err != nil {
		return nil, err
	}
	if f.Results.limitSeed != "" {
		seed, err := strconv.ParseUint(f.Results.limitSeed, 10, 64)
		if err != nil {
			return nil, usage.Errorf("invalid argument: --limit-seed %s: not a number", f.Results.limitSeed)
		}
		o.Limit.Seed = &seed
	}
	if o.Batch, err = f.Results.parseBatch(); err != nil {
		return nil, err
	}
	if i.Config, o.Collective, err = f.configuration(env); err != nil {
		return nil, err
	}
	if err := checkFunctions(env, i.Config, hosts); err != nil {
		return nil, err
	}
	env.Plain = !i.Config.Color
	if f.Results.batchSleep.IsSet && (f.Results.Batch == "0" || f.Results.Batch == "" && i.Config.DefaultBatchSize == 0) {
		if err := cli.Refuse(f.Cmd, "there are no batches without --batch", "batch-sleep"); err != nil {
			return nil, err
		}
	}
	if f.Results.batchSleep.IsSet {
		o.BatchSleep = &f.Results.batchSleep.Duration
	}
	i.session = session.New(session.Options{
		Config: i.Config, Collective: o.Collective,
		TTL: o.TTL, PublishTimeout: f.publishTimeout.Duration, ConnectionTimeout: f.connectionTimeout.Duration,
		Connect: env.Connect, Security: env.ClientSecurity, Console: env.Err, Color: env.Color(env.ErrTerminal), Now: env.Now,
	})
	i.Operation = operation.New(operation.Environment{
		Session: i.session,
		Dialog:  i.Dialog, Now: env.Now, Stdin: env.In, StdinHasData: env.InList, Definitions: env.Files().Definitions(),
		Definition: func(agent string) (*ddl.Definition, error) {
			return clientlibrary.For(env.Files(), i.Config, agent).Local(ddl.Agent, agent)
		}, Unknown: i.adviseOnUnknown,
	}, o)
	return i, nil
}

// adviseOnUnknown says what may help where nobody knows an agent.
func (i *Invocation) adviseOnUnknown(agent operation.UnknownAgent, refused bool) string {
	var names []string
	for _, e := range clientlibrary.Of(i.Env.Files(), i.Config).List(ddl.Agent) {
		if e.Err == nil && e.Name != string(agent) { // which nodes gave before
			names = append(names, e.Name)
		}
	}
	if near := suggest.Nearest(string(agent), names); near != "" {
		return "Did you mean '" + near + "'?"
	}
	if refused {
		return "" // the nodes' words say what is to be done
	}
	return "No node gave one; is there a node with this agent? 'mco plugin doc' lists the agents that are known here"
}

// Interrupted gives an error of an operation as one of a command: who broke a search
// off knows what happened.
func Interrupted(err error) error {
	if errors.Is(err, operation.ErrInterrupted) {
		return cli.Exit(cli.ExitFailed)
	}
	return err
}

// Search finds the nodes that have an agent.
func (i *Invocation) Search(ctx context.Context, agent string) (*operation.Targets, error) {
	t, err := i.Operation.Search(ctx, agent)
	return t, Interrupted(err)
}

// Ask calls an action of rpcutil on some targets, if there are any. What a node
// answers is given to each only when it is a success. The other nodes are named on the
// error stream with what they say; who reports must not count them as nodes that have
// nothing.
func (i *Invocation) Ask(ctx context.Context, t *operation.Targets, action string, inputs *value.Map, each func(client.Answer)) (*client.Account, error) {
	if len(t.Nodes) == 0 {
		return nil, nil // nobody was asked
	}
	refused := Refusals{What: rpc.UtilAgent + " " + action, said: i.said}
	account, err := i.Run(ctx, t, operation.Call{Agent: rpc.UtilAgent, Action: action, Inputs: inputs, Time: rpcutilTime}, func(answer client.Answer) {
		if answer.Failure() != nil {
			refused.Add(&answer)
			return
		}
		each(answer)
	})
	refused.Print(i.Env.Err)
	return account, err
}

// Statistics prints what became of a call whose results the command itself shows.
func (i *Invocation) Statistics(account *client.Account, t *operation.Targets, caption string) error {
	opts := (&Output{}).Options(i.Env, i.Flags)
	if account == nil {
		account = &client.Account{}
	}
	return render.Statistics(opts, caption, account, render.Stats{Discovered: len(t.Nodes), DiscoveryTime: t.Took})
}

// NothingFound says that nobody is there to ask, and how to find out why.
func (i *Invocation) NothingFound(agent string) error {
	fmt.Fprint(i.Env.Err, "\nNo request sent, we did not discover any nodes.\n")
	hintWhy(i.Env, i.Options().Filter, agent)
	return cli.Exit(cli.ExitFailed)
}
