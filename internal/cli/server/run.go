package server

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"mcollective/internal/app"
	"mcollective/internal/cli"
	"mcollective/internal/config"
	"mcollective/internal/daemon"
	"mcollective/internal/logging"
)

const (
	// startTimeout is how long those who started the node wait for it to be
	// reachable. After that it counts as started all the same: a broker that is
	// away is not an error; the node keeps retrying.
	startTimeout = 10 * time.Second

	// statusInterval is the time between status lines for systemd.
	statusInterval = time.Minute

	// nodeGCPercent trades a little processor time for memory: a node is on every
	// machine and mostly idle.
	nodeGCPercent = 50
)

// A nodeProcess is the process around a node: its log, its pid file, and those who
// started it.
type nodeProcess struct {
	cfg     *config.Config
	log     *slog.Logger
	logs    *logging.Control
	child   *daemon.Detached
	systemd *daemon.Notifier
	node    *app.Node
}

// serve runs a node until it is told to stop. The log is opened first and closed
// last; the pid file comes before anything that a second node would disturb.
func (o *serverOptions) serve(ctx context.Context, env *cli.Env, cfg *config.Config, child *daemon.Detached) error {
	log, logs, err := openLog(env, cfg)
	if err != nil {
		return err
	}
	defer logs.Close()
	p := &nodeProcess{cfg: cfg, log: log, logs: logs, child: child, systemd: daemon.NewNotifier()}
	if err := o.runWithPIDFile(ctx, env, p); err != nil {
		log.Log(ctx, logging.LevelFatal, "the node has ended", "error", err)
		return err
	}
	log.Info("the node has ended")
	return nil
}

// runWithPIDFile is serve within the log.
func (o *serverOptions) runWithPIDFile(ctx context.Context, env *cli.Env, p *nodeProcess) error {
	if o.pidfile != "" {
		pid, err := daemon.WritePID(o.pidfile)
		if err != nil {
			return err
		}
		defer func() {
			if err := pid.Remove(); err != nil {
				p.log.Warn("pid file not removed", "error", err)
			}
		}()
	}
	p.tuneProcess(env)
	p.log.Info("the node starts", "identity", p.cfg.Identity, "version", cli.Version(), "config", p.cfg.File, "pid", os.Getpid())
	p.node = app.NewNode(app.NodeOptions{Config: p.cfg, Version: cli.Version(), Log: p.log, OwnsProcess: true, ProgramRecords: p.programRecords()})

	signals := context.WithoutCancel(ctx) // they are heeded to the end
	ctx, leave := env.Interruptible(ctx)
	defer leave()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	aborted := make(chan struct{})
	abort := sync.OnceFunc(func() { close(aborted) })
	defer daemon.WatchUntil(signals, daemon.Actions{
		Reload:     func() { p.reload(ctx) },
		CycleLevel: func() { p.logs.CycleLevel() },
		Reopen:     p.reopen,
		Stop:       stop,
		Abort:      abort,
	})()
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	return p.supervise(ctx, ended, aborted)
}

// run is the node from its start to its end. To be told to stop while it starts, when
// the broker is away, is no failure.
func (p *nodeProcess) run(ctx context.Context) error {
	if err := p.node.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	<-ctx.Done()
	return p.node.Stop()
}

// programRecords returns the directory for records of the programs that the node runs.
func (p *nodeProcess) programRecords() string {
	dir, err := daemon.RunDir()
	if err != nil {
		p.log.Warn("programs that this node leaves running when it is killed will not be found", "error", err)
		return ""
	}
	return filepath.Join(dir, "programs-"+url.PathEscape(p.cfg.Identity))
}

// supervise tells those who started the node how it goes until it has ended.
func (p *nodeProcess) supervise(ctx context.Context, ended <-chan error, aborted <-chan struct{}) error {
	health, quit := context.WithCancel(context.WithoutCancel(ctx))
	defer quit()
	go p.systemd.Watchdog(health, p.node.Health, func(err error) { p.log.Error("watchdog not notified", "error", err) })
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	status := time.NewTicker(statusInterval)
	defer status.Stop()
	ready, stopping := p.node.Ready(), ctx.Done()
	for {
		select {
		case <-ready:
			ready = nil
			late.Stop()
			p.started()
			p.log.Info("the node is ready", "broker", p.node.Broker(), "collectives", strings.Join(p.cfg.Collectives, ","))
		case <-late.C:
			p.logLate()
			p.started()
		case <-status.C:
			daemon.LogNotified(p.log, p.systemd.Status(p.node.Status()))
		case <-stopping:
			stopping = nil
			p.log.Info("the node stops")
			daemon.LogNotified(p.log, p.systemd.Stopping("finishing the requests under way"))
		case err := <-ended:
			return err
		case <-aborted:
			return errors.New("stopped at once by a second signal; requests under way were lost")
		}
	}
}

// logLate logs why the node is not ready yet. What a broker refused the engine has
// logged.
func (p *nodeProcess) logLate() {
	complete, incomplete := p.node.Missing()
	if len(incomplete) == 0 {
		p.log.Warn("broker not reachable yet; the node keeps retrying")
		return
	}
	p.log.Warn("node not ready: subscriptions are missing; the node keeps retrying",
		"serves", strings.Join(complete, ","), "incomplete", strings.Join(incomplete, ","))
}

// started lets systemd and a parent that waits go on. Once more does no harm.
func (p *nodeProcess) started() {
	p.child.Ready()
	daemon.LogNotified(p.log, p.systemd.Ready(p.node.Status()))
	debug.FreeOSMemory() // what starting took is not needed again
	if err := daemon.ReleaseProgram(); err != nil {
		p.log.Debug("unused memory not released", "error", err)
	}
}

// tuneProcess makes the process one that stays.
func (p *nodeProcess) tuneProcess(env *cli.Env) {
	if env.Getenv("GOGC") == "" {
		debug.SetGCPercent(nodeGCPercent)
	}
	if os.Geteuid() == 0 {
		if err := daemon.NoDumps(); err != nil {
			p.log.Warn("a crash may write secrets to disk", "error", err)
		}
	}
	if p.child == nil {
		return
	}
	if err := os.Chdir("/"); err != nil { // no file system is to be held
		p.log.Warn("working directory not changed", "error", err)
	}
	p.openCrashLog()
}

// openCrashLog has the Go runtime write the stacks of a crash where an operator looks, since
// a daemon has no standard error.
func (p *nodeProcess) openCrashLog() {
	if p.cfg.LoggerType != "file" {
		return
	}
	f, err := os.OpenFile(p.cfg.LogFile, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		err = debug.SetCrashOutput(f, debug.CrashOptions{})
		f.Close() // it was duplicated
	}
	if err != nil {
		p.log.Warn("crash output not redirected to the log", "error", err)
	}
}

// reload reads again what is on disk, once the node runs.
func (p *nodeProcess) reload(ctx context.Context) {
	if !p.node.Running() {
		return // all is being read for the first time
	}
	daemon.LogNotified(p.log, p.systemd.Reloading())
	_ = p.node.Reload(ctx) // which logs for itself
	daemon.LogNotified(p.log, p.systemd.Ready(p.node.Status()))
}

func (p *nodeProcess) reopen() {
	if err := p.logs.Reopen(); err != nil {
		p.log.Error("log file not reopened", "error", err)
	}
	if p.child != nil {
		p.openCrashLog()
	}
}
