package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/connector"
	"mcollective/filter"
	"mcollective/internal/config"
	"mcollective/internal/daemon"
	"mcollective/internal/facts"
	"mcollective/internal/logging"
	"mcollective/internal/plugins"
	"mcollective/internal/server"
)

const (
	// startPatience is how long those who started the node wait for it to be
	// reachable. After that it counts as started all the same: a broker that is
	// away is no fault of the node, which goes on trying.
	startPatience = 10 * time.Second

	// statusEvery is the time between status lines for systemd.
	statusEvery = time.Minute

	// gcPercent trades a little processor time for memory: a node is on every
	// machine and mostly idle.
	gcPercent = 50

	// reloadPatience bounds each half of a reload: facts may come from slow programs,
	// and so may the word whether an agent can work.
	reloadPatience = time.Minute
)

// A node is a running mco server.
type node struct {
	cfg     *config.Config
	log     *slog.Logger
	logs    *logging.Control
	child   *daemon.Detached
	systemd *daemon.Notifier

	facts   *facts.Facts
	classes *facts.Classes
	agents  *agents
	conn    connector.Connector
	engine  atomic.Pointer[server.Server]
	up      chan struct{} // closed when requests reach the node
}

// serve runs a node until it is told to stop. What it opens is in the order in
// which one thing needs another, and is closed the other way round:
//
//	log          takes what everything below has to say; last, it has the last word
//	pid file     before anything that a second node would disturb
//	programs     what an earlier run left is found before anything new is started
//	facts        a node that answers without its facts would answer wrongly
//	agents       whether they can work here may depend on the facts
//	security     a bad secret must show before the network is touched
//	connector    until the broker is there
//	engine       subscribes; from then on requests arrive
//
// The end begins with the engine: it takes no new request, finishes those it
// has, and only then is the connection closed that their answers need.
func (o *serverOptions) serve(ctx context.Context, env *Env, cfg *config.Config, child *daemon.Detached) error {
	log, logs, err := openLog(env, cfg)
	if err != nil {
		return err
	}
	defer logs.Close()
	n := &node{cfg: cfg, log: log, logs: logs, child: child, systemd: daemon.NewNotifier(), up: make(chan struct{})}
	if err := o.guarded(ctx, env, n); err != nil {
		log.Log(ctx, logging.LevelFatal, "the node has ended", "error", err)
		return err
	}
	log.Info("the node has ended")
	return nil
}

// guarded is serve within the log and the pid file.
func (o *serverOptions) guarded(ctx context.Context, env *Env, n *node) error {
	if o.pidfile != "" {
		pid, err := daemon.WritePID(o.pidfile)
		if err != nil {
			return err
		}
		defer func() {
			if err := pid.Remove(); err != nil {
				n.log.Warn("the pid file stays", "error", err)
			}
		}()
	}
	n.settle(env)
	n.log.Info("the node starts", "identity", n.cfg.Identity, "version", Version(), "config", n.cfg.File, "pid", os.Getpid())

	signals := context.WithoutCancel(ctx) // they are heeded to the end
	ctx, leave := env.Interruptible(ctx)
	defer leave()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	aborted := make(chan struct{})
	abort := sync.OnceFunc(func() { close(aborted) })
	defer watch(signals, daemon.Actions{
		Reload:     func() { n.reload(ctx) },
		CycleLevel: func() { n.logs.CycleLevel() },
		Reopen:     n.reopen,
		Stop:       stop,
		Abort:      abort,
	})()
	ended := make(chan error, 1)
	go func() { ended <- n.live(ctx) }()
	return n.attend(ctx, ended, aborted)
}

// live is the node from its facts to its engine.
func (n *node) live(ctx context.Context) error {
	defer rememberPrograms(ctx, n.cfg.Identity, n.log)()
	defer endPrograms(n.log)
	var err error
	if n.facts, err = openFacts(ctx, n.cfg, n.log); err != nil {
		return err
	}
	defer n.facts.Close()
	n.classes = facts.NewClasses(n.cfg.ClassesFile, n.log)
	about := &self{cfg: n.cfg, facts: n.facts, classes: n.classes, engine: &n.engine}
	about.rubies = openRubies(n.cfg, about.Facts, n.log)
	about.data = plugins.Data(ctx, n.cfg, about, n.log, rubyData(ctx, about.rubies)...)
	if n.agents, err = openAgents(n.cfg, about, n.log); err != nil {
		return err
	}
	defer n.agents.close()
	handlers, err := n.agents.load(ctx)
	if err != nil {
		return nil // told to stop
	}

	sec, warnings, err := plugins.NodeSecurity(n.cfg)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		n.log.Warn(w)
	}
	if n.conn, err = plugins.Connect(ctx, n.cfg, n.log); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while the broker was away
		}
		return err
	}
	defer n.conn.Close()

	engine, err := server.New(server.Options{
		Identity: n.cfg.Identity, Collectives: n.cfg.Collectives,
		Connector: n.conn, Security: sec,
		Facts: n.facts, Classes: n.classes.List, Data: about.data, Rules: filter.Rules{Numeric: n.cfg.FilterNumeric},
		Handlers:         handlers,
		DirectAddressing: n.cfg.DirectAddressing,
		TTL:              n.cfg.TTL, MaxTTL: n.cfg.MaxTTL, MaxSkew: n.cfg.MaxSkew,
		Workers: n.cfg.Workers, Queue: queueSize(n.cfg), Grace: grace(n.cfg),
		Log: n.log,
	})
	if err != nil {
		return err
	}
	n.engine.Store(engine)
	go func() {
		select {
		case <-engine.Ready():
			close(n.up)
		case <-ctx.Done():
		}
	}()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go n.agents.watch(watching, engine)
	err = engine.Run(ctx)
	n.log.Info("what this node did", counters(engine.Stats())...)
	return err
}

// openFacts starts to collect the facts that the configuration names.
func openFacts(ctx context.Context, cfg *config.Config, log *slog.Logger) (*facts.Facts, error) {
	return facts.Open(ctx, facts.Options{
		Source: cfg.FactSource, Dirs: cfg.FactsDirs, CacheTime: cfg.FactCacheTime, Logger: log,
		Files: filepath.SplitList(cfg.PluginString("yaml", "")),
	})
}

// attend tells those who started the node how it goes until it has ended.
func (n *node) attend(ctx context.Context, ended <-chan error, aborted <-chan struct{}) error {
	health, quit := context.WithCancel(context.WithoutCancel(ctx))
	defer quit()
	go n.systemd.Watchdog(health, n.healthy, func(err error) { n.log.Error("the watchdog is not told that all is well", "error", err) })
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	up, stopping := n.up, ctx.Done()
	for {
		select {
		case <-up:
			up = nil
			patience.Stop()
			n.started()
			n.log.Info("the node is ready", "broker", n.conn.Status().Server, "collectives", strings.Join(n.cfg.Collectives, ","))
		case <-patience.C:
			n.late()
			n.started()
		case <-status.C:
			notified(n.log, n.systemd.Status(n.status()))
		case <-stopping:
			stopping = nil
			n.log.Info("the node stops")
			notified(n.log, n.systemd.Stopping("finishing the requests under way"))
		case err := <-ended:
			return err
		case <-aborted:
			return errors.New("stopped at once by a second signal; requests under way were lost")
		}
	}
}

// late says why the node is not ready yet. What a broker refused the engine has said.
func (n *node) late() {
	engine := n.engine.Load()
	if engine == nil || engine.Lack() == nil {
		n.log.Warn("the broker is not there yet; the node goes on trying")
		return
	}
	missing := engine.Lack().Collectives()
	whole := slices.DeleteFunc(slices.Clone(n.cfg.Collectives), func(c string) bool { return slices.Contains(missing, c) })
	n.log.Warn("the node is not ready: it cannot listen everywhere, and goes on trying",
		"serves", strings.Join(whole, ","), "incomplete", strings.Join(missing, ","))
}

// started lets systemd and a parent that waits go on. Once more does no harm.
func (n *node) started() {
	n.child.Ready()
	notified(n.log, n.systemd.Ready(n.status()))
	debug.FreeOSMemory() // what starting took is not needed again
	if err := daemon.ReleaseProgram(); err != nil {
		n.log.Debug("the program stays in memory as a whole", "error", err)
	}
}

// settle makes the process one that stays.
func (n *node) settle(env *Env) {
	if env.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Geteuid() == 0 {
		if err := daemon.NoDumps(); err != nil {
			n.log.Warn("a crash may write secrets to disk", "error", err)
		}
	}
	if n.child == nil {
		return
	}
	if err := os.Chdir("/"); err != nil { // no file system is to be held
		n.log.Warn("the working directory stays", "error", err)
	}
	n.crashLog()
}

// crashLog has the Go runtime write its last words where an operator looks, since
// a daemon has no standard error.
func (n *node) crashLog() {
	if n.cfg.LoggerType != "file" {
		return
	}
	f, err := os.OpenFile(n.cfg.LogFile, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		err = debug.SetCrashOutput(f, debug.CrashOptions{})
		f.Close() // it was duplicated
	}
	if err != nil {
		n.log.Warn("a crash will leave no trace", "error", err)
	}
}

// reload reads again what is on disk. The configuration itself needs a restart.
func (n *node) reload(ctx context.Context) {
	engine := n.engine.Load()
	if engine == nil {
		return // all is being read for the first time
	}
	notified(n.log, n.systemd.Reloading())
	patiently := func(read func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, reloadPatience)
		defer cancel()
		return read(ctx)
	}
	err := errors.Join(patiently(n.facts.Refresh), patiently(func(ctx context.Context) error { return n.agents.reload(ctx, engine) }))
	n.classes.Refresh()
	if err != nil {
		n.log.Error("not everything could be read again", "error", err)
	} else {
		n.log.Info("facts, classes and agents were read again")
	}
	n.log.Info("what this node did so far", counters(engine.Stats())...)
	notified(n.log, n.systemd.Ready(n.status()))
}

func (n *node) reopen() {
	if err := n.logs.Reopen(); err != nil {
		n.log.Error("the log stays where it was", "error", err)
	}
	if n.child != nil {
		n.crashLog()
	}
}

func (n *node) healthy() error {
	if engine := n.engine.Load(); engine != nil {
		return engine.Health()
	}
	return nil
}

// status is the line of "systemctl status".
func (n *node) status() string {
	engine := n.engine.Load()
	if engine == nil {
		return n.cfg.Identity + " waits for a broker"
	}
	st, s := n.conn.Status(), engine.Stats()
	if !st.Connected {
		return fmt.Sprintf("%s lost its broker %s and tries again", n.cfg.Identity, st.Server)
	}
	if lack := engine.Lack(); lack != nil {
		return fmt.Sprintf("%s is not ready: %.200s", n.cfg.Identity, lack.Error())
	}
	return fmt.Sprintf("%s serves through %s: %d requests, %d replies, %d busy, %d running", n.cfg.Identity, st.Server, s.Total, s.Replies, s.Busy, s.Running)
}

// counters are the statistics of a node as log attributes.
func counters(s server.Stats) []any {
	list := []any{"total", s.Total, "passed", s.Passed, "filtered", s.Filtered, "replies", s.Replies}
	for _, c := range []struct {
		name string
		n    uint64
	}{
		{"unvalidated", s.Unvalidated}, {"ttlexpired", s.TTLExpired}, {"skewed", s.Skewed}, {"unbound", s.Unbound}, {"unknown agent", s.Unknown},
		{"replayed", s.Replayed}, {"denied", s.Denied}, {"busy", s.Busy}, {"timed out", s.TimedOut}, {"panics", s.Panics}, {"dropped", s.Dropped},
		{"oversize", s.Oversize}, {"log lines left out", s.Muffled},
	} {
		if c.n > 0 {
			list = append(list, c.name, c.n)
		}
	}
	return list
}

// queueSize is the configured queue in the engine's terms, where 0 is a default.
func queueSize(cfg *config.Config) int {
	if cfg.QueueSize == 0 {
		return -1
	}
	return cfg.QueueSize
}

// grace is how long requests under way may take when the node stops.
func grace(cfg *config.Config) time.Duration {
	switch {
	case !cfg.SoftShutdown:
		return 0 // the engine's default
	case cfg.SoftShutdownTimeout > 0:
		return cfg.SoftShutdownTimeout
	}
	return time.Hour
}
