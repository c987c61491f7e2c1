// Package puppet is the agent that runs the Puppet agent, enables and disables it, and tells how it is.
//
// Actions, inputs, outputs and texts are those of the agent published for Ruby
// MCollective. What Puppet does is read from its files, which takes no time. Puppet
// is asked once where they are, and started to run.
package puppet

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"mcollective/agent"
	"mcollective/internal/pause"
	"mcollective/internal/plainfile"
	"mcollective/internal/run"
	"mcollective/rpc"
)

//go:embed puppet.yaml
var definition []byte

// A Runner starts a program, as run.Run does.
type Runner func(context.Context, run.Command) (*run.Result, error)

// Options are where Puppet is and what callers may do with it.
type Options struct {
	Root    string   // the machine's directories are below it; default: /
	Config  string   // puppet.conf; default: where the installation has it
	Command []string // what runs Puppet once; default: puppet agent

	NoSplay        bool          // runs begin at once unless the request says otherwise. Default: they wait
	SplayLimit     int           // seconds that they wait at most; default 30
	NoSignal       bool          // start a run of its own even where the daemon runs. Default: it is woken up
	AllowServer    bool          // callers may name another server
	Limit          time.Duration // of a run, before it is ended; default 4 h
	ResourcePolicy Resources

	Run   Runner                                     // default: run.Run
	Alive func(pid int) bool                         // whether a process runs; default: the system is asked
	Kill  func(pid int) error                        // wakes the daemon up; default: USR1
	Now   func() time.Time                           // default: time.Now
	Wait  func(context.Context, time.Duration) error // for a run to fail at once or not; default: a timer
}

var defaultCommand = []string{"puppet", "agent"}

func (o Options) settled() Options {
	o.Root = cmp.Or(o.Root, "/")
	if len(o.Command) == 0 {
		o.Command = defaultCommand
	}
	o.SplayLimit = cmp.Or(o.SplayLimit, 30)
	o.Limit = cmp.Or(o.Limit, 4*time.Hour)
	if o.Run == nil {
		o.Run = run.Run
	}
	if o.Alive == nil {
		o.Alive = alive
	}
	if o.Kill == nil {
		o.Kill = wake
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = pause.For
	}
	return o
}

// alive asks for a process. One whose command line does not speak of puppet has
// only got the number of one that is gone.
func alive(pid int) bool {
	if text, err := plainfile.Read(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"), 4<<20); err == nil {
		return strings.Contains(string(text), "puppet")
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// An Agent is the agent puppet.
type Agent struct {
	*agent.Mux
	opts Options

	mu      sync.Mutex
	running bool // a run that was started here
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	a := &Agent{opts: o.settled()}
	var err error
	a.Mux, err = agent.NewMux("puppet.yaml", definition, map[string]agent.ActionFunc{
		"status": a.status, "enable": a.enable, "disable": a.disable, "last_run_summary": a.lastRun, "runonce": a.runOnce, "resource": a.resource,
	})
	return a, err
}

// Active says no where Puppet is not installed, or not to be trusted.
func (a *Agent) Active(context.Context) error { return a.opts.active() }

// Prepare implements agent.Preparer: it asks Puppet where its files are, so that the first request need not wait.
func (a *Agent) Prepare(log *slog.Logger) {
	answers.Lock()
	answers.log = log
	answers.Unlock()
	a.opts.ask()
}

// Close implements io.Closer.
func (a *Agent) Close() error {
	a.opts.forget()
	return nil
}

func (o Options) active() error {
	if err := o.trusted(); err != nil {
		return err
	}
	for _, dir := range strings.Split(run.SearchPath, ":") {
		if exists(filepath.Join(o.Root, dir, "puppet")) {
			return nil
		}
	}
	if filepath.IsAbs(o.Command[0]) && exists(o.Command[0]) {
		return nil
	}
	return errors.New("Puppet is not installed") //lint:ignore ST1005 a name
}

func (a *Agent) status(ctx context.Context, _ *agent.Request, reply *rpc.Reply) error {
	n, err := a.opts.node(ctx)
	if err != nil {
		return err
	}
	s, err := n.summary()
	if err != nil {
		return err
	}
	status := n.status(s)
	for name, value := range status {
		reply.Set(name, value)
	}
	reply.Set("message", fmt.Sprintf("Currently %s; last completed run %s ago", status["status"], spell(status["since_lastrun"].(int64))))
	return nil
}

func (a *Agent) enable(ctx context.Context, _ *agent.Request, reply *rpc.Reply) error {
	n, err := a.opts.node(ctx)
	if err != nil {
		return err
	}
	return lock(n, reply, n.enable(), "Could not enable Puppet", "Succesfully enabled the Puppet agent")
}

func (a *Agent) disable(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	n, err := a.opts.node(ctx)
	if err != nil {
		return err
	}
	message, given := req.String("message")
	if !given {
		message = fmt.Sprintf("Disabled via MCollective by %s at %s", req.CallerID, n.now.Format("2006-01-02 15:04"))
	}
	return lock(n, reply, n.disable(message), "Could not disable Puppet", "Succesfully locked the Puppet agent: "+message)
}

// lock tells what became of the lock file. The misspelt words are what clients
// have read for ten years.
func lock(n node, reply *rpc.Reply, err error, failed, done string) error {
	reply.Set("enabled", !n.disabled())
	if err != nil {
		text := fmt.Sprintf("%s: %v", failed, err)
		reply.Set("status", text)
		return rpc.Errorf(rpc.Aborted, "%s", text)
	}
	reply.Set("status", done)
	return nil
}

func (a *Agent) lastRun(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	n, err := a.opts.node(ctx)
	if err != nil {
		return err
	}
	s, err := n.summary()
	if err != nil {
		return err
	}
	for name, value := range s.figures(n.now) {
		reply.Set(name, value)
	}
	kinds, err := n.types()
	if err != nil {
		return err
	}
	reply.Set("type_distribution", kinds)
	reply.Set("summary", plain(map[string]any(s)))
	if wanted, _ := req.Bool("logs"); wanted {
		lines, err := n.logs()
		if err != nil {
			return err
		}
		reply.Set("logs", lines)
	}
	return nil
}
