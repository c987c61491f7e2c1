package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"mcollective/client"
	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/config"
	"mcollective/internal/usage"
)

// An errand is one run of a command that calls actions: what its flags and the
// configuration say, and the connection once there is one.
type errand struct {
	*session // nil until connect
	env      *Env
	flags    *clientFlags
	cfg      *config.Config
	target   string // the collective
	hosts    filter.Filter
	limit    client.Limit
	piped    bool   // names on standard input count
	defining string // the agent of which nodes that are found state the definition; "" is none
	method   *choice
}

// newErrand reads and checks what does not need the network.
func (f *clientFlags) newErrand(env *Env) (*errand, error) {
	e := &errand{env: env, flags: f}
	var err error
	if e.hosts, err = f.hosts.parse(env); err != nil {
		return nil, err
	}
	if e.cfg, e.target, err = f.configuration(env); err != nil {
		return nil, err
	}
	env.plain = !e.cfg.Color
	if f.rpc.batchSleep.set && (f.rpc.batch == "0" || f.rpc.batch == "" && e.cfg.DefaultBatchSize == 0) {
		if err := refuse(f.cmd, "there are no batches without --batch", "batch-sleep"); err != nil {
			return nil, err
		}
	}
	if e.limit, err = f.rpc.parseLimit(); err != nil {
		return nil, err
	}
	e.limit.Random = e.cfg.RPCLimitMethod == "random"
	if f.rpc.limitSeed != "" {
		seed, err := strconv.ParseUint(f.rpc.limitSeed, 10, 64)
		if err != nil {
			return nil, usage.Errorf("invalid argument: --limit-seed %s: not a number", f.rpc.limitSeed)
		}
		e.limit.Seed = &seed
	}
	return e, nil
}

// limited tells whether not all nodes that are found are meant.
func (e *errand) limited() bool { return e.limit.Count > 0 || e.limit.Percent > 0 }

// connect connects to the broker if that was not done yet.
func (e *errand) connect(ctx context.Context) error {
	if e.session != nil {
		return nil
	}
	s, err := e.flags.open(ctx, e.env, e.cfg, e.target)
	if err != nil {
		return err
	}
	e.session = s
	return nil
}

// end closes the connection, if there is one.
func (e *errand) end() {
	if e.session != nil {
		e.session.close()
	}
}

// chooseMethod decides once how nodes are found.
func (e *errand) chooseMethod() (choice, error) {
	if e.method == nil {
		m, err := e.flags.chooseMethod(e.env, e.cfg, e.hosts, e.piped)
		if err != nil {
			return choice{}, err
		}
		e.method = &m
	}
	return *e.method, nil
}

// An audience is the nodes that an errand is about.
type audience struct {
	nodes  []string
	method choice
	took   time.Duration
	named  bool                // the user named them, and nobody looked for them
	stated map[string][]string // which definitions they have, by hash
	silent []string
}

// search finds the nodes with an agent that the filter matches, and applies the
// limit. With talk it says on the error stream what it does, as Ruby does.
func (e *errand) search(ctx context.Context, agent string, talk bool) (audience, error) {
	var a audience
	var err error
	if a.method, err = e.chooseMethod(); err != nil {
		return a, err
	}
	if names, ok := e.names(); ok && a.method.name == methodBroadcast {
		a.nodes, a.named = e.limit.Pick(names), true
		return a, nil
	}
	if a.method.local == nil {
		if err := e.connect(ctx); err != nil {
			return a, err
		}
	}
	start := e.env.Now()
	e.flags.announceSearch(e.env, a.method, talk)
	if a.method.local != nil {
		a.nodes, err = a.method.local.Discover(ctx, e.query(e.hosts, 0, 0))
	} else {
		a, err = e.broadcast(ctx, agent, a)
	}
	a.took = max(e.env.Now().Sub(start), 1)
	if talk {
		if err != nil {
			fmt.Fprintln(e.env.Err)
		} else {
			fmt.Fprintln(e.env.Err, len(a.nodes))
		}
	}
	// Who may have been missed is said by everything that calls nodes.
	printSilent(e.env.Err, a.silent, true)
	switch {
	case err != nil:
		return a, err
	case ctx.Err() != nil:
		// Some nodes are no answer to a question about all, and nobody is asked any
		// more.
		return a, exit(exitFailed)
	}
	a.nodes = e.limit.Pick(a.nodes)
	return a, nil
}

// names are the nodes that the user named, if there is no other filter.
func (e *errand) names() ([]string, bool) {
	names, ok := discovery.Literal(e.hosts)
	return names, ok && discovery.Only(e.hosts)
}

// query is what to ask the collective for.
func (e *errand) query(f filter.Filter, wait time.Duration, limit int) discovery.Query {
	return discovery.Query{Collective: e.target, Filter: f, Timeout: wait, TTL: e.flags.ttl.Duration, Limit: limit}
}

// broadcast asks the collective who matches.
func (e *errand) broadcast(ctx context.Context, agent string, a audience) (audience, error) {
	most := 0
	if !e.limit.Random {
		most = e.limit.Count
	}
	q := e.query(withAgent(e.hosts, agent), a.method.timeout, most)
	q.Definition = e.defining
	found, err := e.client.Find(ctx, q, func(string) {}, nil)
	if err != nil {
		return a, err
	}
	a.nodes, a.silent, a.stated = found.Nodes, found.Silent, found.Definitions
	return a, nil
}

// withAgent is a filter that only nodes with an agent match.
func withAgent(f filter.Filter, agent string) filter.Filter {
	p := filter.Pattern{Text: agent}
	if !slices.Contains(f.Agents, p) {
		f.Agents = append(slices.Clone(f.Agents), p)
	}
	return f
}

// announceSearch says how nodes are looked for, in a line that their number ends.
func (f *clientFlags) announceSearch(env *Env, method choice, talk bool) {
	switch {
	case !talk:
	case method.timeout > 0:
		fmt.Fprintf(env.Err, "Discovering hosts using the %s method for %s second(s) .... ", method.name, plainSeconds(method.timeout))
	default:
		fmt.Fprintf(env.Err, "Discovering hosts using the %s method .... ", method.name)
	}
}

// aim fills in how a request reaches the nodes of an audience.
func (e *errand) aim(r *client.Run, a audience) {
	r.Nodes, r.Filter, r.Collective, r.TTL = a.nodes, e.hosts, e.target, e.flags.ttl.Duration
	// Names that somebody gave, or of which some were picked, are asked and no
	// others; without direct addressing the client has a filter see to that.
	r.Direct = a.named || a.method.local != nil || e.limited()
	if e.cfg.DirectAddressing {
		r.DirectThreshold = e.cfg.DirectAddressingThreshold
	}
}

// patience is how long the answers of nodes are awaited: what the user says, or
// else what the agent takes and what finding the nodes takes, as in Ruby.
func (e *errand) patience(agentTime time.Duration, method choice) time.Duration {
	calls := time.Duration(functions(e.hosts)) * functionTime
	if e.flags.timeout.set {
		return e.flags.timeout.Duration + calls
	}
	finding := method.timeout
	if method.name == methodBroadcast {
		return agentTime + finding
	}
	return agentTime + finding + calls
}

// batch reads --batch for so many nodes: a number of them, or a share that is
// rounded up. 0 is no batches.
func (e *errand) batch(nodes int) (int, error) {
	text := e.flags.rpc.batch
	if text == "" {
		return e.cfg.DefaultBatchSize, nil
	}
	n, percent, err := amount(text)
	switch {
	case err != nil:
		return 0, usage.Hinted(usage.Errorf("invalid argument: --batch %s", text), "It is a number of nodes or a percentage, like 10 and 10%; 0 is no batches")
	case n > 0 && !e.cfg.DirectAddressing:
		return 0, usage.Errorf("Can only set batch size if direct addressing is supported")
	case percent:
		return (nodes*n + 99) / 100, nil
	}
	return n, nil
}

// halt is the exit code of a command that called an action, as Ruby computes it.
func halt(a audience, account *client.Account) error {
	replies, failed := 0, 0
	if account != nil {
		replies = account.Replies
		// Whoever answered, and not with success.
		failed = len(account.Outcomes) - len(account.NoResponse) - account.Count[client.OK]
	}
	switch {
	case a.named && replies == 0:
		return exit(exitNothingBack)
	case len(a.nodes) > 0 && replies == 0:
		return exit(exitNoReplies)
	case len(a.nodes) > 0 && failed > 0:
		return exit(exitSomeFailed)
	case len(a.nodes) == 0 && replies == 0:
		return exit(exitFailed)
	}
	return nil
}
