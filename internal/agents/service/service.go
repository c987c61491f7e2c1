// Package service is the agent that starts and stops services, by systemd, OpenRC or the scripts of System V.
//
// Actions, input and output are those of the agent published for Ruby
// MCollective, and so are its texts; enable and disable are new.
package service

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/pause"
	"mcollective/internal/run"
	"mcollective/rpc"
)

//go:embed service.yaml
var definition []byte

// A Runner starts a program, as run.Run does.
type Runner func(context.Context, run.Command) (*run.Result, error)

// Options configure the agent.
type Options struct {
	Root string // the machine's directories are below it; default: /

	Run  Runner                                     // default: run.Run
	Wait func(context.Context, time.Duration) error // for a service to fail or not; default: a timer
}

// What a service is, in the words of the published agent.
const (
	running = "running"
	stopped = "stopped"
)

// A state is how a service is.
type state struct {
	status  string // running or stopped
	enabled string // enabled, disabled, ...; "" is unknown
	detail  string // in the words of the init system
	failed  bool   // it stopped by a fault
	absent  bool   // the machine has no such service
}

// An initSystem is who starts services.
type initSystem interface {
	// state tells how a service is. One that does not exist is stopped, as for
	// Ruby's agent.
	state(ctx context.Context, name string) (state, error)
	// do runs one of start, stop, restart, enable and disable.
	do(ctx context.Context, verb, name string) error
}

// An Agent is the agent service.
type Agent struct {
	*agent.Mux
	opts Options
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	a := &Agent{opts: o.settled()}
	var err error
	a.Mux, err = agent.NewMux("service.yaml", definition, map[string]agent.ActionFunc{
		"status": a.status, "start": a.change, "stop": a.change, "restart": a.change, "enable": a.boot, "disable": a.boot,
	})
	return a, err
}

func (o Options) settled() Options {
	o.Root = cmp.Or(o.Root, "/")
	if o.Run == nil {
		o.Run = run.Run
	}
	if o.Wait == nil {
		o.Wait = pause.For
	}
	return o
}

// Active says no where no init system is known.
func (a *Agent) Active(context.Context) error {
	_, err := a.opts.init()
	return err
}

// init finds out which init system runs the machine; the files of others may be
// there too.
func (o Options) init() (initSystem, error) {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(o.Root, name))
		return err == nil
	}
	switch {
	case there("run/systemd/system"):
		return systemd{o}, nil
	case there("run/openrc"):
		return openrc{o}, nil
	case there("etc/init.d"):
		return sysv{o}, nil
	}
	return nil, errors.New("found none of systemd, OpenRC and /etc/init.d")
}

// check judges a name before it becomes an argument.
func check(name string) error {
	if name == "" || name[0] == '-' || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_:@", r)
	}) {
		return rpc.Errorf(rpc.InvalidData, "%s is not a valid service name", name)
	}
	return nil
}

// target returns the service that a request is about, and who runs it.
func (a *Agent) target(req *agent.Request) (initSystem, string, error) {
	name, _ := req.String("service")
	if err := check(name); err != nil {
		return nil, "", err
	}
	system, err := a.opts.init()
	return system, name, err
}

func (a *Agent) status(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	system, name, err := a.target(req)
	if err != nil {
		return err
	}
	s, err := system.state(ctx, name)
	if err != nil {
		return err
	}
	s.report(reply)
	reply.Set("detail", s.detail)
	return nil
}

func (s state) report(reply *rpc.Reply) {
	reply.Set("status", s.status)
	if _, declared := reply.Output("enabled"); declared && s.enabled != "" {
		reply.Set("enabled", s.enabled)
	}
}

// settling is what a service that was just started has to show that it stays.
const settling = 500 * time.Millisecond

// change starts, stops or restarts. To start what runs or to stop what does not
// is a failure, as it is for Ruby's agent.
func (a *Agent) change(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	system, name, err := a.target(req)
	if err != nil {
		return err
	}
	before, err := system.state(ctx, name)
	if err != nil {
		return err
	}
	before.report(reply)
	switch {
	case req.Action == "start" && before.status == running:
		return rpc.Errorf(rpc.Aborted, "Could not start '%s': Service is already running", name)
	case req.Action == "stop" && before.status == stopped:
		return rpc.Errorf(rpc.Aborted, "Could not stop '%s': Service is already stopped", name)
	}
	if noop, _ := req.Bool("noop"); noop {
		return before.possible(req.Action, name)
	}
	failed := system.do(ctx, req.Action, name)
	if failed == nil {
		if err := a.opts.Wait(ctx, settling); err != nil {
			return err
		}
	}
	after, err := system.state(ctx, name)
	if err == nil {
		after.report(reply)
	}
	switch {
	case failed != nil:
		return rpc.Errorf(rpc.Aborted, "Could not %s '%s': %v", req.Action, name, failed)
	case err == nil && after.failed && req.Action != "stop":
		return rpc.Errorf(rpc.Aborted, "Could not %s '%s': it is %s", req.Action, name, after.detail)
	}
	return err
}

func (a *Agent) boot(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	system, name, err := a.target(req)
	if err != nil {
		return err
	}
	noop, _ := req.Bool("noop")
	if !noop {
		if err := system.do(ctx, req.Action, name); err != nil {
			return rpc.Errorf(rpc.Aborted, "Could not %s '%s': %v", req.Action, name, err)
		}
	}
	s, err := system.state(ctx, name)
	if err != nil {
		return err
	}
	s.report(reply)
	if noop {
		return s.possible(req.Action, name)
	}
	return nil
}

// possible returns why an action that is only tried could not be done, or nil.
func (s state) possible(action, name string) error {
	if s.absent {
		return rpc.Errorf(rpc.Aborted, "Could not %s '%s': there is no such service", action, name)
	}
	return nil
}

// must runs a program that changes a service, and has to end with status 0. Else the
// error is the last line that it printed. It is not broken off: a service that was
// stopped to be started again must not stay so.
func (o Options) must(ctx context.Context, c run.Command) error {
	c.Protected, c.For = true, "agent service"
	r, err := o.Run(ctx, c)
	if err != nil {
		return err
	}
	if r.Exit == 0 {
		return nil
	}
	return complaint(filepath.Base(c.Path), r)
}

func complaint(program string, r *run.Result) error {
	for _, text := range [][]byte{r.Stderr, r.Stdout} {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		// systemctl's last lines are advice on where to read on.
		for i, line := range lines {
			if strings.HasPrefix(line, "See ") && i > 0 {
				lines = lines[:i]
				break
			}
		}
		if line := strings.TrimLeft(lines[len(lines)-1], " *"); line != "" {
			return errors.New(line)
		}
	}
	if r.Signal != "" {
		return fmt.Errorf("%s was %s", program, r.Signal)
	}
	return fmt.Errorf("%s ended with status %d and no word", program, r.Exit)
}
