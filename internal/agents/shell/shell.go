// Package shell is the agent that runs any command, where the configuration of a node switches it on.
//
// Actions, inputs and outputs are those of the agent published for Ruby
// MCollective. Unlike there, "user" is obeyed, output is bounded, and what a
// command started ends with it. Commands that were started belong to the daemon
// and end with it too.
package shell

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"mcollective/agent"
	"mcollective/internal/run"
	"mcollective/rpc"
	"mcollective/value"
)

//go:embed shell.yaml
var definition []byte

// Options configure the agent.
type Options struct {
	Enabled bool // anyone who may call this agent may do anything. Default: nobody can

	Users     []string      // as whom commands may run; default: anybody
	MaxOutput int           // bytes that are kept of each stream of a command; default 4 MiB
	MaxJobs   int           // commands that were started, those that have ended included; default 50
	Limit     time.Duration // of a command that was started; default 24 h
}

// maxPart is how many bytes of a stream one reply carries.
const maxPart = 256 << 10

// An Agent is the agent shell.
type Agent struct {
	*agent.Mux
	opts Options

	mu   sync.Mutex
	jobs []*job // in the order they were started
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	if o.MaxOutput <= 0 {
		o.MaxOutput = 4 << 20
	}
	if o.MaxJobs <= 0 {
		o.MaxJobs = 50
	}
	if o.Limit <= 0 {
		o.Limit = 24 * time.Hour
	}
	a := &Agent{opts: o}
	var err error
	a.Mux, err = agent.NewMux("shell.yaml", definition, map[string]agent.ActionFunc{
		"run": a.run, "start": a.start, "status": a.status, "list": a.list, "kill": a.kill,
	})
	return a, err
}

// Active says no unless the configuration says yes.
func (a *Agent) Active(context.Context) error {
	if !a.opts.Enabled {
		return errors.New("it is off, since who may call it may do anything; plugin.shell.activate_agent = 1 in server.cfg switches it on")
	}
	if _, err := run.Look("sh"); err != nil {
		return err
	}
	return nil
}

// command returns what a request asks to run.
func (a *Agent) command(req *agent.Request) (run.Command, error) {
	if !a.opts.Enabled { // for who has the agent and did not ask whether it is active
		return run.Command{}, rpc.Errorf(rpc.Aborted, "the shell agent is off on this node")
	}
	line, _ := req.String("command")
	if strings.ContainsRune(line, 0) {
		return run.Command{}, rpc.Errorf(rpc.InvalidData, "the command holds a zero byte")
	}
	user, _ := req.String("user")
	if len(a.opts.Users) > 0 && !slices.Contains(a.opts.Users, user) {
		return run.Command{}, rpc.Errorf(rpc.Aborted, "this node runs commands only as %s, and not as %q", strings.Join(a.opts.Users, ", "), user)
	}
	return run.Command{Path: "sh", Args: []string{"-c", line}, User: user, For: "agent shell"}, nil
}

// spare is left of a request's time, to tell what the command printed until then.
const spare = 5 * time.Second

func (a *Agent) run(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	c, err := a.command(req)
	if err != nil {
		return err
	}
	if end, ok := ctx.Deadline(); ok {
		c.Timeout = time.Until(end) - spare
	}
	if s, given := req.Float("timeout"); given && s != 0 { // 0 is no limit but that of the request
		if !(s >= 0.001) { // which NaN is not
			return rpc.Errorf(rpc.InvalidData, "timeout is a number of seconds, and not %v", s)
		}
		if c.Timeout <= 0 || s < c.Timeout.Seconds() {
			c.Timeout = time.Duration(s * float64(time.Second))
		}
	}
	c.MaxStdout, c.MaxStderr, c.Grace = maxPart, maxPart, spare-time.Second
	r, err := run.Run(ctx, c)
	if r != nil {
		reply.Set("stdout", strings.ToValidUTF8(string(r.Stdout), "\uFFFD"))
		reply.Set("stderr", strings.ToValidUTF8(string(r.Stderr), "\uFFFD"))
		reply.Set("exitcode", int64(r.Exit))
	}
	reply.Set("success", err == nil)
	if errors.Is(err, run.ErrTimeout) {
		return nil // success is false
	}
	return err
}

// jobGrace is how long a command that was started has to end when it is told to.
const jobGrace = 10 * time.Second

// A job is a command that was started.
type job struct {
	handle, command string
	end             context.CancelFunc
	over            chan struct{} // closed once it has ended and all of it was read
	result          *run.Result   // set before over is closed
	err             error         // likewise

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
}

func (a *Agent) start(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	c, err := a.command(req)
	if err != nil {
		return err
	}
	j := &job{command: c.Args[1], handle: uuid(), over: make(chan struct{})}
	c.Timeout, c.Grace = a.opts.Limit, jobGrace
	c.Stderr = func(line string) { j.keep(&j.stderr, []byte(line+"\n"), a.opts.MaxOutput) }
	ctx, j.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := a.add(j); err != nil {
		j.end()
		return err
	}
	p, err := run.Start(ctx, c)
	if err != nil {
		j.end()
		j.err = err
		close(j.over)
		a.drop(j)
		return err
	}
	p.Stdin().Close()
	go func() {
		defer j.end()
		read := make(chan struct{})
		go func() {
			defer close(read)
			buf := make([]byte, 32<<10)
			for {
				n, err := p.Stdout().Read(buf)
				j.keep(&j.stdout, buf[:n], a.opts.MaxOutput)
				if err != nil { // the end, or Wait closed it
					return
				}
			}
		}()
		<-read
		j.result, j.err = p.Wait()
		close(j.over)
	}()
	reply.Set("handle", j.handle)
	return nil
}

// keep keeps output up to a limit and drops the rest, so that the command does
// not stop at a full pipe.
func (j *job) keep(to *bytes.Buffer, data []byte, limit int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	to.Write(data[:min(len(data), max(limit-to.Len(), 0))])
}

// part returns the output from an offset on. What is not ASCII is sent as bytes, since
// clients count these to know the next offset.
func (j *job) part(from *bytes.Buffer, offset int64) any {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := from.Bytes()
	if offset < 0 || offset > int64(len(all)) {
		offset = int64(len(all))
	}
	text := string(all[offset:min(offset+maxPart, int64(len(all)))])
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return value.Binary(text)
	}
	return text
}

func (j *job) ended() bool {
	select {
	case <-j.over:
		return true
	default:
		return false
	}
}

// state is in the words of the published agent.
func (j *job) state() value.Symbol {
	switch {
	case !j.ended():
		return "running"
	case j.result == nil:
		return "failed"
	}
	return "stopped"
}

// add makes room for a job: of those that have ended the oldest goes.
func (a *Agent) add(j *job) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.jobs) >= a.opts.MaxJobs {
		i := slices.IndexFunc(a.jobs, (*job).ended)
		if i < 0 {
			return rpc.Errorf(rpc.Aborted, "%d commands run already; kill one of them first", len(a.jobs))
		}
		a.jobs = slices.Delete(a.jobs, i, i+1)
	}
	a.jobs = append(a.jobs, j)
	return nil
}

func (a *Agent) drop(j *job) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs = slices.DeleteFunc(a.jobs, func(other *job) bool { return other == j })
}

// find returns the job that a request names.
func (a *Agent) find(req *agent.Request) (*job, error) {
	handle, _ := req.String("handle")
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, j := range a.jobs {
		if j.handle == handle {
			return j, nil
		}
	}
	return nil, rpc.Errorf(rpc.Aborted, "there is no command with the handle %s", handle)
}

func (a *Agent) status(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	j, err := a.find(req)
	if err != nil {
		return err
	}
	state := j.state() // before the output: who hears that it stopped has heard all
	stdout, _ := req.Int("stdout_offset")
	stderr, _ := req.Int("stderr_offset")
	reply.Set("status", state)
	reply.Set("stdout", j.part(&j.stdout, stdout))
	reply.Set("stderr", j.part(&j.stderr, stderr))
	if state == "stopped" {
		reply.Set("exitcode", int64(j.result.Exit))
	}
	return nil
}

func (a *Agent) list(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := &value.Map{}
	for _, j := range a.jobs {
		signal := any(nil)
		if j.ended() && j.result != nil && j.result.Signal != "" {
			signal = j.result.Signal
		}
		list.Pairs = append(list.Pairs, value.Pair{Key: j.handle, Value: value.NewMap(
			value.Symbol("id"), j.handle, value.Symbol("command"), strings.ToValidUTF8(j.command, "\uFFFD"),
			value.Symbol("status"), j.state(), value.Symbol("signal"), signal,
		)})
	}
	reply.Set("jobs", list)
	return nil
}

// kill ends a command and all that it started: TERM, and KILL after jobGrace.
func (a *Agent) kill(_ context.Context, req *agent.Request, _ *rpc.Reply) error {
	j, err := a.find(req)
	if err != nil {
		return err
	}
	j.end()
	return nil
}

// Close ends all commands and waits until they have.
func (a *Agent) Close() error {
	a.mu.Lock()
	jobs := a.jobs
	a.jobs = nil
	a.mu.Unlock()
	for _, j := range jobs {
		j.end()
	}
	for _, j := range jobs {
		<-j.over
	}
	return nil
}

// uuid returns a random one, version 4.
func uuid() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var _ io.Closer = (*Agent)(nil)
