package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"mcollective/agent"
	"mcollective/rpc"
	"mcollective/value"
)

// defaultMatches is how many processes a pattern may mean, unless the caller
// says more: a pattern that fits everything is a slip.
const defaultMatches = 10

// errGone is that of a process that ended before the signal was sent.
var errGone = errors.New("no such process any more")

// signal sends a signal to the process of a number, or to those that a pattern
// or user means. It never reaches the first process, this one, or a thread of the
// kernel.
func (a *Agent) signal(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	name, _ := req.String("signal")
	name = strings.TrimPrefix(strings.ToUpper(cmp.Or(name, "TERM")), "SIG")
	procs, err := a.targets(req)
	if err != nil {
		return err
	}
	noop, _ := req.Bool("noop")
	done, names := []any{}, users{}
	var failed []string
	for i := range procs {
		p := &procs[i]
		if !noop {
			err := a.send(p, name)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil {
				failed = append(failed, fmt.Sprintf("%d: %v", p.pid, err))
				continue
			}
		}
		done = append(done, value.NewMap(
			value.Symbol("pid"), int64(p.pid),
			value.Symbol("username"), names.name(p.uid),
			value.Symbol("cmdline"), shown(p.cmdline, 200),
		))
	}
	reply.Set("signal", name)
	reply.Set("signalled", done)
	reply.Set("count", int64(len(done)))
	if failed != nil {
		return rpc.Errorf(rpc.Aborted, "cannot send %s to %d of %d processes: %s", name, len(failed), len(procs), strings.Join(failed[:min(len(failed), 5)], "; "))
	}
	return nil
}

// targets returns the processes that a request means, none of which is protected.
func (a *Agent) targets(req *agent.Request) ([]proc, error) {
	pid, byPID := req.Int("pid")
	pattern, _ := req.String("pattern")
	owner, _ := req.String("user")
	switch {
	case byPID && (pattern != "" || owner != ""):
		return nil, rpc.Errorf(rpc.InvalidData, "give either pid, or pattern and user")
	case byPID:
		p, ok := a.table.one(int(pid))
		if !ok {
			return nil, rpc.Errorf(rpc.Aborted, "there is no process %d", pid)
		}
		if why := protected(&p); why != "" {
			return nil, rpc.Errorf(rpc.Aborted, "process %d gets no signal from here: it is %s", pid, why)
		}
		return []proc{p}, nil
	case pattern == "" && owner == "":
		return nil, rpc.Errorf(rpc.MissingData, "which process? give pid, pattern or user")
	}
	want, err := newFilter(req)
	if err != nil {
		return nil, err
	}
	all, err := a.table.all()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p proc) bool {
		return p.state == "Z" || protected(&p) != "" || !want.match(&p)
	})
	limit := int64(defaultMatches)
	if n, ok := req.Int("max"); ok {
		limit = n
	}
	if int64(len(all)) > limit {
		return nil, rpc.Errorf(rpc.Aborted, "%d processes match, more than %d; nothing was done: say max=%d if you mean them all", len(all), limit, len(all))
	}
	return all, nil
}

// protected says what a process is that gets no signal, or "".
func protected(p *proc) string {
	switch {
	case p.pid <= 1:
		return "the first process of the system"
	case p.pid == os.Getpid():
		return "this agent itself"
	case p.kernel:
		return "a thread of the kernel"
	}
	return ""
}
