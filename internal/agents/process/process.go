// Package process is the agent that lists the processes of a machine and sends them signals.
//
// It reads /proc itself: nothing is started, and a thousand processes take less
// time than ps does. The action list has the name, inputs and output of the
// agent published for Ruby MCollective, so that its client and scripts work.
package process

import (
	"cmp"
	"context"
	_ "embed"
	"os/user"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/agent"
	"mcollective/internal/pause"
	"mcollective/rpc"
	"mcollective/value"
)

//go:embed process.yaml
var definition []byte

// Options configure the agent.
type Options struct {
	Proc string // where the kernel shows processes; default: /proc

	Now  func() time.Time                           // default: time.Now
	Wait func(context.Context, time.Duration) error // between two looks at the processes; default: a timer
}

// An Agent is the agent process.
type Agent struct {
	*agent.Mux
	opts  Options
	table table
}

// New makes the agent.
func New(o Options) (*Agent, error) {
	o.Proc = cmp.Or(o.Proc, "/proc")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = pause.For
	}
	a := &Agent{opts: o, table: table{o.Proc}}
	var err error
	a.Mux, err = agent.NewMux("process.yaml", definition, map[string]agent.ActionFunc{
		"list": a.list, "zombies": a.zombies, "tree": a.tree, "top": a.top, "signal": a.signal,
	})
	return a, err
}

// Active says no where there is no /proc as Linux has it.
func (a *Agent) Active(context.Context) error { return a.table.active() }

func (a *Agent) list(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	want, err := newFilter(req)
	if err != nil {
		return err
	}
	if zombies, _ := req.Bool("just_zombies"); zombies {
		want.states = "Z"
	}
	all, err := a.table.all()
	if err != nil {
		return err
	}
	return a.answer(reply, slices.DeleteFunc(all, func(p proc) bool { return !want.match(&p) }))
}

// answer sets the outputs that most actions have.
func (a *Agent) answer(reply *rpc.Reply, procs []proc) error {
	m, err := a.table.machine(a.opts.Now())
	if err != nil {
		return err
	}
	list, names := make([]any, len(procs)), users{}
	for i := range procs {
		list[i] = m.hash(&procs[i], names)
	}
	reply.Set("pslist", list)
	reply.Set("count", int64(len(list)))
	return nil
}

// zombies names the parents too, since they are who has to be woken up.
func (a *Agent) zombies(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	all, err := a.table.all()
	if err != nil {
		return err
	}
	var dead []proc
	parents := []any{}
	for _, p := range all {
		if p.state != "Z" {
			continue
		}
		dead = append(dead, p)
		text := strconv.Itoa(p.ppid)
		if i, ok := byPID(all, p.ppid); ok {
			text += " " + shown(all[i].cmdline, 200)
		}
		if !slices.Contains(parents, any(text)) {
			parents = append(parents, text)
		}
	}
	reply.Set("parents", parents)
	return a.answer(reply, dead)
}

// A filter says which processes are meant.
type filter struct {
	pattern *regexp.Regexp // nil: any
	byUser  bool
	uid     uint32
	nobody  bool   // the user does not exist, and has no processes
	states  string // letters; "" is any
}

func newFilter(req *agent.Request) (filter, error) {
	var f filter
	if text, _ := req.String("pattern"); text != "" {
		var err error
		if f.pattern, err = regexp.Compile(text); err != nil {
			return f, rpc.Errorf(rpc.InvalidData, "pattern %q: %v", text, err)
		}
	}
	if name, _ := req.String("user"); name != "" {
		f.byUser = true
		id := name
		if u, err := user.Lookup(name); err == nil {
			id = u.Uid
		}
		n, err := strconv.ParseUint(id, 10, 32)
		f.uid, f.nobody = uint32(n), err != nil
	}
	f.states, _ = req.String("state")
	return f, nil
}

func (f *filter) match(p *proc) bool {
	switch {
	case f.byUser && (f.nobody || p.uid != f.uid):
		return false
	case f.states != "" && !strings.Contains(f.states, p.state):
		return false
	}
	return f.pattern == nil || f.pattern.MatchString(p.cmdline)
}

// users remembers the names of users during one action.
type users map[uint32]string

// name is that of a user, or the number of one that has none.
func (u users) name(uid uint32) string {
	name, ok := u[uid]
	if !ok {
		name = strconv.FormatUint(uint64(uid), 10)
		if found, err := user.LookupId(name); err == nil {
			name = found.Username
		}
		u[uid] = name
	}
	return name
}

// hash returns a process as it is sent. The keys are those that Ruby's library for
// processes has; rss is in KiB because the published client takes it for that.
func (m machine) hash(p *proc, names users) *value.Map {
	h := &value.Map{Pairs: make([]value.Pair, 0, 24)}
	add := func(key string, v any) {
		h.Pairs = append(h.Pairs, value.Pair{Key: value.Symbol(key), Value: v})
	}
	add("pid", int64(p.pid))
	add("ppid", int64(p.ppid))
	add("username", names.name(p.uid))
	add("uid", int64(p.uid))
	add("euid", int64(p.euid))
	add("gid", int64(p.gid))
	add("state", p.state)
	add("name", shown(p.name, 64))
	add("cmdline", shown(p.cmdline, 4096))
	add("pctcpu", m.cpu(p))
	add("pctmem", m.mem(p))
	add("rss", int64(p.rss>>10))
	add("vsize", int64(p.vsize))
	add("tty_nr", p.tty)
	add("pgrp", int64(p.pgrp))
	add("session", int64(p.session))
	add("priority", p.priority)
	add("nice", p.nice)
	add("nlwp", p.threads)
	add("utime", int64(p.utime))
	add("stime", int64(p.stime))
	add("starttime", int64(p.start))
	add("started", m.boot.Unix()+int64(p.start/ticks))
	return h
}

// shown is text of a process as it may be sent: the end of a very long command
// line is left out, and what is not UTF-8 replaced.
func shown(text string, limit int) string {
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
