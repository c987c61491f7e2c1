package packages

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"

	"mcollective/agent"
	"mcollective/internal/run"
	"mcollective/rpc"
)

const (
	maxList  = 16 << 20 // bytes of a list of all packages
	maxFound = 500      // packages that a search tells
)

// installed counts all packages or takes the sum of their list. The sums are
// those that Ruby's agent makes, so that a fleet of both kinds can be compared.
func (a *Agent) installed(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	m, err := a.opts.manager()
	if err != nil {
		return err
	}
	r, err := a.opts.must(ctx, ctx, m.installed())
	if err != nil {
		return err
	}
	reply.Set("exitcode", int64(r.Exit))
	out := string(r.Stdout)
	var lines []string
	for line := range strings.Lines(out) {
		if line = strings.TrimRight(line, "\n"); m.line(line) {
			lines = append(lines, line)
		}
	}
	if req.Action == "count" {
		reply.Set("output", strconv.Itoa(len(lines)))
		return nil
	}
	if m.name() == "apt" {
		out = strings.Join(lines, "\n")
	}
	sum := md5.Sum([]byte(out))
	reply.Set("output", hex.EncodeToString(sum[:]))
	return nil
}

func (a *Agent) yumClean(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	m, err := a.opts.manager()
	if err != nil {
		return err
	}
	y, ok := m.(yum)
	if !ok {
		return rpc.Errorf(rpc.Aborted, "Cannot find yum: this machine has %s", m.name())
	}
	mode, given := req.String("mode")
	if !given {
		mode = "all"
	}
	return a.show(ctx, reply, run.Command{Path: y.program, Args: []string{"clean", mode}})
}

func (a *Agent) refresh(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	m, err := a.opts.manager()
	if err != nil {
		return err
	}
	if req.Action == "apt_update" && m.name() != "apt" {
		return rpc.Errorf(rpc.Aborted, "Cannot find apt-get: this machine has %s", m.name())
	}
	if req.Action == "refresh" {
		reply.Set("package_manager", m.name())
	}
	return a.show(ctx, reply, m.refresh())
}

// show runs a program and gives its output and status to the caller.
func (a *Agent) show(ctx context.Context, reply *rpc.Reply, c run.Command) error {
	r, err := a.opts.must(ctx, ctx, a.opts.protected(c))
	if r != nil {
		reply.Set("output", text(r.Stdout))
		reply.Set("exitcode", int64(r.Exit))
	}
	return err
}

func (a *Agent) updates(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	m, err := a.opts.manager()
	if err != nil {
		return err
	}
	_, isYum := m.(yum)
	switch {
	case req.Action == "apt_checkupdates" && m.name() != "apt":
		return rpc.Errorf(rpc.Aborted, "Cannot find apt-get: this machine has %s", m.name())
	case req.Action == "yum_checkupdates" && !isYum:
		return rpc.Errorf(rpc.Aborted, "Cannot find yum: this machine has %s", m.name())
	}
	c := m.updates()
	c.MaxStdout = maxList
	r, err := a.opts.must(ctx, ctx, c)
	if r == nil || err != nil && !(isYum && r.Exit == 100) { // 100: there are some
		return err
	}
	list := []any{}
	for _, u := range m.update(string(r.Stdout)) {
		list = append(list, hash("package", u.name, "version", u.version, "repo", u.repo))
	}
	reply.Set("outdated_packages", list)
	if req.Action != "apt_checkupdates" && req.Action != "yum_checkupdates" {
		reply.Set("package_manager", m.name())
	}
	if req.Action == "upgradable" {
		reply.Set("count", int64(len(list)))
		return nil
	}
	reply.Set("output", text(r.Stdout))
	reply.Set("exitcode", int64(r.Exit))
	return nil
}

func (a *Agent) search(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	word, _ := req.String("pattern")
	if !isWord(word, "+.-_:~") {
		return rpc.Errorf(rpc.InvalidData, "%q is not a word to search for", word)
	}
	m, err := a.opts.manager()
	if err != nil {
		return err
	}
	c := m.search(word)
	c.MaxStdout = maxList
	r, err := a.opts.must(ctx, ctx, c)
	if r == nil || err != nil && len(r.Stderr)+len(r.Stdout) > 0 && !nothingFound(c, r) {
		return err
	}
	list := []any{}
	for _, f := range m.found(string(r.Stdout)) {
		if len(list) == maxFound {
			break
		}
		list = append(list, hash("name", f.name, "summary", strings.ToValidUTF8(f.summary, "\uFFFD")))
	}
	reply.Set("packages", list)
	reply.Set("count", int64(len(list)))
	reply.Set("package_manager", m.name())
	return nil
}

// nothingFound tells the program that found nothing from the one that failed.
func nothingFound(c run.Command, r *run.Result) bool {
	if c.Path == "zypper" && r.Exit == 104 {
		return true
	}
	out := string(r.Stderr) + string(r.Stdout)
	for _, sign := range []string{"No matches found", "No matching ", "No packages found"} { // dnf, its list, apt-cache
		if strings.Contains(out, sign) {
			return true
		}
	}
	return false
}
