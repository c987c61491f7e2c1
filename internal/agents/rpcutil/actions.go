package rpcutil

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strings"

	"mcollective/marshal"
	"mcollective/rpc"
)

func (a *Agent) ping(_ *rpc.Request, reply *rpc.Reply) error {
	reply.Set("pong", a.opts.Now().Unix())
	return nil
}

func (a *Agent) collectiveInfo(_ *rpc.Request, reply *rpc.Reply) error {
	reply.Set("main_collective", a.opts.MainCollective)
	reply.Set("collectives", list(a.opts.Collectives))
	return nil
}

func (a *Agent) inventory(req *rpc.Request, reply *rpc.Reply) error {
	reply.Set("agents", a.names())
	reply.Set("facts", hash(a.opts.Machine.Facts()))
	reply.Set("classes", list(a.opts.Machine.Classes()))
	reply.Set("version", a.version())
	reply.Set("data_plugins", []any{})
	return a.collectiveInfo(req, reply)
}

// getFact knows a fact that the node has not as nil, like Ruby.
func (a *Agent) getFact(req *rpc.Request, reply *rpc.Reply) error {
	given, _ := req.Input("fact")
	name, _ := rpc.Text(given)
	reply.Set("fact", given)
	reply.Set("value", plain(a.opts.Machine.Facts()[name]))
	return nil
}

func (a *Agent) getFacts(req *rpc.Request, reply *rpc.Reply) error {
	given, _ := req.Input("facts")
	text, _ := rpc.Text(given)
	facts, values := a.opts.Machine.Facts(), marshal.NewHash()
	for name := range strings.SplitSeq(text, ",") {
		name = strings.Trim(name, " \t\r\n\f\v")
		values.Set(name, plain(facts[name]))
	}
	reply.Set("values", values)
	return nil
}

func (a *Agent) daemonStats(_ *rpc.Request, reply *rpc.Reply) error {
	s := a.opts.Daemon.Stats()
	reply.Set("threads", threads())
	reply.Set("agents", a.names())
	reply.Set("pid", int64(os.Getpid()))
	reply.Set("times", times())
	for name, n := range map[string]uint64{
		"validated": s.Validated, "unvalidated": s.Unvalidated, "passed": s.Passed, "filtered": s.Filtered,
		"total": s.Total, "replies": s.Replies, "ttlexpired": s.TTLExpired,
	} {
		reply.Set(name, int64(n))
	}
	reply.Set("starttime", s.StartTime.Unix())
	reply.Set("configfile", a.opts.ConfigFile)
	reply.Set("version", a.version())
	return nil
}

// agentInventory says "unknown" for what an agent keeps to itself.
func (a *Agent) agentInventory(_ *rpc.Request, reply *rpc.Reply) error {
	agents := []any{}
	for _, m := range a.opts.Daemon.Agents() {
		h := marshal.NewHash(marshal.Symbol("agent"), m.Agent)
		add := func(key, value, otherwise string) { h.Set(marshal.Symbol(key), cmp.Or(value, otherwise)) }
		add("license", m.License, "unknown")
		h.Set(marshal.Symbol("timeout"), int64(m.Timeout.Seconds()))
		add("description", m.Description, "unknown")
		add("name", m.Name, m.Agent)
		add("url", m.URL, "unknown")
		add("version", m.Version, "unknown")
		add("author", m.Author, "unknown")
		agents = append(agents, h)
	}
	reply.Set("agents", agents)
	return nil
}

func (a *Agent) getConfigItem(req *rpc.Request, reply *rpc.Reply) error {
	given, _ := req.Input("item")
	name, _ := rpc.Text(given)
	value, ok := a.opts.Daemon.ConfigItem(name)
	if !ok {
		return rpc.Errorf(rpc.Aborted, "Unknown config property %s", name)
	}
	reply.Set("item", given)
	reply.Set("value", value)
	return nil
}

// getData fails as in Ruby for a plugin that the node does not have, since no
// node of ours has one.
func (a *Agent) getData(req *rpc.Request, _ *rpc.Reply) error {
	given, _ := req.Input("source")
	source, _ := rpc.Text(given)
	if _, asked := req.Input("query"); asked {
		return rpc.Errorf(rpc.UnknownError, "Can't find DDL for data plugin '%s_data'", source)
	}
	return rpc.Errorf(rpc.UnknownError, "No plugin %s_data defined", source)
}

func (a *Agent) version() string { return cmp.Or(a.opts.Version, "unknown") }

// names are those of the node's agents.
func (a *Agent) names() []any {
	names := []any{}
	for _, m := range a.opts.Daemon.Agents() {
		names = append(names, m.Agent)
	}
	return names
}

func list(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
