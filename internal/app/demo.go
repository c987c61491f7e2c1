package app

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
	"time"

	"mcollective/broker"
	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/internal/swarm"
)

// MaxSimulated is how many nodes a demo may have: each is a client of its broker,
// which serves 65,536.
const MaxSimulated = 65_000

// factsTimeout bounds how long the facts of this machine may take before the node joins.
const factsTimeout = 10 * time.Second

// connectTimeout bounds how long a part of a demo tries to reach its broker, which is
// in the same process.
const connectTimeout = 3 * time.Second

// DemoOptions say what a demo has.
type DemoOptions struct {
	Nodes   int    // how many to simulate, besides this machine; 1 to MaxSimulated
	Seed    uint64 // which; the same seed gives the same nodes
	Listen  string // host:port of the broker; port 0 is a free one
	Version string // what the nodes say that they run
	Log     *slog.Logger
}

// A Demo is a collective of this machine and simulated nodes, with a broker and
// secrets of its own. It is started once.
type Demo struct {
	o       DemoOptions
	closers closers
	broker  *broker.Broker
	file    string // client.cfg
	config  *config.Config
	local   *Node
	swarm   *swarm.Swarm
}

// NewDemo makes a demo that Start starts.
func NewDemo(o DemoOptions) *Demo {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Demo{o: o}
}

// Start starts the broker, then the node of this machine, then the others, and returns
// when all can be reached. They live until Stop. When Start fails, nothing is left.
func (d *Demo) Start(ctx context.Context) error {
	for _, start := range []func(context.Context) error{d.startBroker, d.startThisMachine, d.startSwarm} {
		if err := start(ctx); err != nil {
			return errors.Join(err, d.closers.close())
		}
	}
	return nil
}

// Stop ends the nodes, then the broker, and removes the configuration.
func (d *Demo) Stop() error { return d.closers.close() }

// startBroker starts the broker, behind a password that is as new as the
// collective's secret, and writes the configuration of its clients.
func (d *Demo) startBroker(context.Context) error {
	password := rand.Text()
	b, err := broker.New(broker.Options{Listen: d.o.Listen, User: "demo", Password: password, Logger: d.o.Log})
	if err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return err
	}
	d.closers.add(func() error { b.Stop(); return nil })
	d.broker = b
	dir, err := os.MkdirTemp("", "mco-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the configuration: %w", err)
	}
	d.closers.add(func() error { return os.RemoveAll(dir) })
	d.file = filepath.Join(dir, "client.cfg")
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
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if d.config, err = config.Load(d.file, config.Client); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return nil
}

// startThisMachine lets this machine join as what it is, without what its owner adds.
func (d *Demo) startThisMachine(ctx context.Context) error {
	cfg := *d.config
	cfg.FactsDirs, cfg.ClassesFile = nil, ""
	d.local = NewNode(NodeOptions{Config: &cfg, Version: d.o.Version, Log: d.o.Log})
	starting, cancel := context.WithTimeout(ctx, connectTimeout+factsTimeout)
	defer cancel()
	if err := d.local.Start(starting); err != nil {
		return fmt.Errorf("node %s of this machine: %w", cfg.Identity, err)
	}
	d.closers.add(d.local.Stop)
	select {
	case <-d.local.Ready():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (d *Demo) startSwarm(ctx context.Context) error {
	sec, _, err := plugins.NodeSecurity(d.config)
	if err != nil {
		return fmt.Errorf("security provider: %w", err)
	}
	d.swarm, err = swarm.Start(context.WithoutCancel(ctx), swarm.Options{
		Nodes: d.o.Nodes, Seed: d.o.Seed, Security: sec, Log: d.o.Log, Version: d.o.Version,
		Connect: func(_ context.Context, identity string) (connector.Connector, error) { return d.connect(ctx, identity) },
	})
	if err != nil {
		return err
	}
	d.closers.add(d.swarm.Stop)
	return nil
}

func (d *Demo) connect(ctx context.Context, identity string) (connector.Connector, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	cfg := *d.config
	cfg.Identity = identity
	return plugins.Connect(ctx, &cfg, d.o.Log)
}

// ClientConfig returns the path of the configuration file for clients.
func (d *Demo) ClientConfig() string { return d.file }

// BrokerURL returns where the broker is.
func (d *Demo) BrokerURL() string { return d.broker.ClientURL() }

// Identity returns the name of the node of this machine.
func (d *Demo) Identity() string { return d.config.Identity }

// System returns the operating system of this machine, as its facts have it.
func (d *Demo) System() any {
	v, _ := d.local.facts.Fact("operatingsystem")
	return v
}

// A SystemCount says how many simulated nodes run an operating system.
type SystemCount struct {
	System string
	Nodes  int
}

// Systems counts the simulated nodes by operating system, the most common first.
func (d *Demo) Systems() []SystemCount {
	count := map[string]int{}
	for _, n := range d.swarm.Nodes() {
		count[n.Facts["operatingsystem"].(string)]++
	}
	list := make([]SystemCount, 0, len(count))
	for name, n := range count {
		list = append(list, SystemCount{name, n})
	}
	slices.SortFunc(list, func(a, b SystemCount) int {
		return cmp.Or(cmp.Compare(b.Nodes, a.Nodes), cmp.Compare(a.System, b.System))
	})
	return list
}
