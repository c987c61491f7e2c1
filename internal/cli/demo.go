package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"mcollective/broker"
	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/facts"
	"mcollective/internal/plugins"
	"mcollective/internal/render"
	"mcollective/internal/server"
	"mcollective/internal/swarm"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	nodes  int
	seed   uint64
	keep   bool
	listen string
}

// mostSimulated is how many nodes a demo may have: each is a client of its broker,
// which serves 65,536.
const mostSimulated = 65_000

func newDemo(env *Env) *cobra.Command {
	o := &demoOptions{}
	cmd := &cobra.Command{
		Use:   "demo [options]",
		Short: "Show a collective of simulated nodes on this machine",
		Args:  cobra.NoArgs,
		Example: "    mco demo\n" +
			"    mco demo --nodes 1000 --seed 7 --keep",
	}
	flags := cmd.Flags()
	flags.IntVarP(&o.nodes, "nodes", "n", 25, "How many nodes to simulate, besides this machine")
	flags.Uint64Var(&o.seed, "seed", 21, "Which nodes; the same seed gives the same ones")
	flags.BoolVarP(&o.keep, "keep", "k", false, "Stay until interrupted, for commands from another terminal")
	flags.StringVarP(&o.listen, "listen", "l", "127.0.0.1:0", "Where the broker accepts clients; port 0 is a free one")
	takes(flags, "nodes", "COUNT")
	takes(flags, "seed", "NUMBER")
	takes(flags, "listen", "HOST:PORT")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.nodes < 1 {
			return usageErrorf("invalid argument: --nodes %d: at least one node is needed", o.nodes)
		}
		if o.nodes > mostSimulated {
			return usageErrorf("invalid argument: --nodes %d: there can be %d nodes at most", o.nodes, mostSimulated)
		}
		return o.run(cmd.Context(), env)
	}
	return cmd
}

// A demo is a collective that lasts as long as the command.
type demo struct {
	broker *broker.Broker
	swarm  *swarm.Swarm
	dir    string // for the configuration
	client string // path of client.cfg
	config *config.Config
	facts  *facts.Facts
	local  server.Options
	log    *slog.Logger
}

func (o *demoOptions) run(ctx context.Context, env *Env) (err error) {
	ctx, stop := env.Interruptible(ctx)
	defer stop()
	d := &demo{log: slog.New(slog.DiscardHandler)}
	var undo []func() error
	defer func() {
		for _, f := range slices.Backward(undo) {
			err = errors.Join(err, f())
		}
	}()
	later := func(f func() error) { undo = append(undo, f) }

	if err := o.startBroker(d, later); err != nil {
		return err
	}
	if err := d.startThisMachine(ctx, later); err != nil {
		return err
	}
	if err := o.startSwarm(ctx, d, later); err != nil {
		return err
	}
	d.introduce(env, o)
	answered := false
	for _, words := range [][]string{
		{"ping", "-F", "operatingsystem=CentOS", "-t", "1"},
		{"find", "-F", "operatingsystem=CentOS", "-F", "processorcount>1", "--dt", "1"},
	} {
		if ctx.Err() != nil {
			return exit(exitFailed)
		}
		answered = d.mco(env, words) == exitOK || answered
	}
	switch {
	case o.keep:
		fmt.Fprintf(env.Out, "The collective stays until Ctrl-C. From another terminal:\n\n    mco ping -c %s\n", d.client)
		<-ctx.Done()
	case !answered && ctx.Err() == nil && d.has("CentOS"):
		return errors.New("no node answered, although some should have")
	}
	return nil
}

// startBroker starts the broker, behind a password that is as new as the
// collective's secret, and writes the configuration of its clients.
func (o *demoOptions) startBroker(d *demo, later func(func() error)) error {
	password := rand.Text()
	b, err := broker.New(broker.Options{Listen: o.listen, User: "demo", Password: password, Logger: d.log})
	if err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return err
	}
	later(func() error { b.Stop(); return nil })
	d.broker = b
	if d.dir, err = os.MkdirTemp("", "mco-demo-"); err != nil {
		return fmt.Errorf("a folder for the configuration: %w", err)
	}
	later(func() error { return os.RemoveAll(d.dir) })
	d.client = filepath.Join(d.dir, "client.cfg")
	text := strings.Join([]string{
		"# A collective of mco demo; this file goes when it ends.",
		"connector = nats",
		"plugin.nats.servers = " + b.ClientURL(),
		"plugin.nats.user = demo",
		"plugin.nats.password = " + password,
		"securityprovider = psk",
		"plugin.psk = " + rand.Text(),
		"direct_addressing = 1",
		"logger_type = console",
		"loglevel = error",
		"",
	}, "\n")
	if err := os.WriteFile(d.client, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if d.config, err = config.Load(d.client, config.Client); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return nil
}

// startThisMachine lets this machine join as what it is.
func (d *demo) startThisMachine(ctx context.Context, later func(func() error)) (err error) {
	if d.facts, err = facts.Open(ctx, facts.Options{Logger: d.log}); err != nil {
		return fmt.Errorf("facts of this machine: %w", err)
	}
	later(d.facts.Close)
	sec, _, err := plugins.NodeSecurity(d.config)
	if err != nil {
		return fmt.Errorf("security provider: %w", err)
	}
	conn, err := d.connect(ctx, d.config.Identity)
	if err != nil {
		return fmt.Errorf("connect this machine: %w", err)
	}
	later(conn.Close)
	var engine atomic.Pointer[server.Server]
	about := &self{cfg: d.config, facts: d.facts, engine: &engine}
	about.data = plugins.Data(ctx, d.config, about, d.log)
	agents, err := openAgents(d.config, about, d.log)
	if err != nil {
		return err
	}
	later(func() error { agents.close(); return nil })
	handlers, err := agents.load(ctx)
	if err != nil {
		return err
	}
	d.local = server.Options{
		Identity: d.config.Identity, Connector: conn, Security: sec, Facts: d.facts, Data: about.data,
		Handlers: handlers, DirectAddressing: true, Log: d.log,
	}
	srv, err := server.New(d.local)
	if err != nil {
		return fmt.Errorf("node %s: %w", d.config.Identity, err)
	}
	engine.Store(srv)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(life) }()
	later(func() error { end(); return <-ended })
	select {
	case <-srv.Ready():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *demoOptions) startSwarm(ctx context.Context, d *demo, later func(func() error)) (err error) {
	d.swarm, err = swarm.Start(context.WithoutCancel(ctx), swarm.Options{
		Nodes: o.nodes, Seed: o.seed, Security: d.local.Security, Log: d.log, Version: Version(),
		Connect: func(_ context.Context, identity string) (connector.Connector, error) { return d.connect(ctx, identity) },
	})
	if err != nil {
		return err
	}
	later(d.swarm.Stop)
	return nil
}

func (d *demo) connect(ctx context.Context, identity string) (connector.Connector, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultConnectionTimeout)
	defer cancel()
	cfg := *d.config
	cfg.Identity = identity
	return plugins.Connect(ctx, &cfg, d.log)
}

// introduce says what was started.
func (d *demo) introduce(env *Env, o *demoOptions) {
	system, _ := d.facts.Fact("operatingsystem")
	count := map[string]int{}
	for _, n := range d.swarm.Nodes() {
		count[n.Facts["operatingsystem"].(string)]++
	}
	kinds := make([]string, 0, len(count))
	for name := range count {
		kinds = append(kinds, name)
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	for i, name := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", count[name], name)
	}
	fmt.Fprintf(env.Out, "A collective on this machine, made for this run:\n\n"+
		"    broker  %s\n"+
		"    node    %s, this machine, %v\n"+
		"    nodes   %d simulated ones of seed %d: %s\n\n",
		d.broker.ClientURL(), render.CleanLine(d.config.Identity), system, o.nodes, o.seed, strings.Join(kinds, ", "))
}

// has tells whether a simulated node runs an operating system.
func (d *demo) has(system string) bool {
	return slices.ContainsFunc(d.swarm.Nodes(), func(n swarm.Node) bool { return n.Facts["operatingsystem"] == system })
}

// mco runs a command against the collective, as somebody at a terminal would.
func (d *demo) mco(env *Env, words []string) (code int) {
	shown := make([]string, len(words))
	for i, w := range words {
		if shown[i] = w; strings.ContainsAny(w, "<> ") {
			shown[i] = "'" + w + "'"
		}
	}
	fmt.Fprintf(env.Out, "$ mco %s\n", strings.Join(shown, " "))
	inner := *env
	inner.Name, inner.OutFile = "mco", ""
	inner.InList = false
	// Settings of this user's other collectives have no say here.
	inner.Getenv = func(name string) string {
		if strings.HasPrefix(name, "MCOLLECTIVE_") {
			return ""
		}
		return env.Getenv(name)
	}
	code = Main(append([]string{words[0], "-c", d.client}, words[1:]...), &inner)
	fmt.Fprintln(env.Out)
	return code
}
