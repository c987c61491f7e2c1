package rpcutil

import (
	"cmp"
	"context"
	"os"
	"strings"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/rpc"
	"mcollective/value"
)

func (a *Agent) ping(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	reply.Set("pong", a.opts.Now().Unix())
	return nil
}

func (a *Agent) collectiveInfo(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	reply.Set("main_collective", a.opts.MainCollective)
	reply.Set("collectives", a.opts.Collectives)
	return nil
}

func (a *Agent) inventory(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	reply.Set("agents", a.names())
	reply.Set("facts", a.opts.Machine.Facts())
	reply.Set("classes", a.opts.Machine.Classes())
	reply.Set("version", a.version())
	reply.Set("data_plugins", a.opts.Data.Names())
	if inactive := a.opts.Inactive(); len(inactive) > 0 {
		reply.Set("inactive_agents", inactive)
	}
	return a.collectiveInfo(ctx, req, reply)
}

// getFact knows a fact that the node has not as nil, like Ruby.
func (a *Agent) getFact(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	given, _ := req.Input("fact")
	name, _ := req.String("fact")
	reply.Set("fact", given)
	reply.Set("value", a.opts.Machine.Facts()[name])
	return nil
}

func (a *Agent) getFacts(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	text, _ := req.String("facts")
	facts, values := a.opts.Machine.Facts(), value.NewMap()
	for name := range strings.SplitSeq(text, ",") {
		name = strings.Trim(name, " \t\r\n\f\v")
		value, err := rpc.Value(facts[name])
		if err != nil {
			return err
		}
		values.Set(name, value)
	}
	reply.Set("values", values)
	return nil
}

func (a *Agent) daemonStats(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	s := a.opts.Daemon.Stats()
	reply.Set("threads", threads())
	reply.Set("agents", a.names())
	reply.Set("pid", os.Getpid())
	reply.Set("times", times())
	for name, n := range map[string]uint64{
		"validated": s.Validated, "unvalidated": s.Unvalidated, "passed": s.Passed, "filtered": s.Filtered,
		"total": s.Total, "replies": s.Replies, "ttlexpired": s.TTLExpired,
	} {
		reply.Set(name, n)
	}
	reply.Set("starttime", s.StartTime)
	reply.Set("configfile", a.opts.ConfigFile)
	reply.Set("version", a.version())
	return nil
}

// A description is an agent as agent_inventory has it.
type description struct {
	Agent       string `json:"agent"`
	License     string `json:"license"`
	Timeout     int64  `json:"timeout"`
	Description string `json:"description"`
	Name        string `json:"name"`
	URL         string `json:"url"`
	Version     string `json:"version"`
	Author      string `json:"author"`
}

// agentInventory says "unknown" for what an agent keeps to itself.
func (a *Agent) agentInventory(_ context.Context, _ *agent.Request, reply *rpc.Reply) error {
	agents := []description{}
	for _, m := range a.opts.Daemon.Agents() {
		agents = append(agents, description{
			Agent: m.Agent, Timeout: int64(m.Timeout.Seconds()), Name: cmp.Or(m.Name, m.Agent),
			License: cmp.Or(m.License, "unknown"), Description: cmp.Or(m.Description, "unknown"), URL: cmp.Or(m.URL, "unknown"),
			Version: cmp.Or(m.Version, "unknown"), Author: cmp.Or(m.Author, "unknown"),
		})
	}
	reply.Set("agents", agents)
	return nil
}

func (a *Agent) getConfigItem(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	given, _ := req.Input("item")
	name, _ := req.String("item")
	value, ok := a.opts.Daemon.ConfigItem(name)
	if !ok {
		return rpc.Errorf(rpc.Aborted, "Unknown config property %s", name)
	}
	reply.Set("item", given)
	reply.Set("value", value)
	return nil
}

// getData declares no outputs: they are the plugin's.
func (a *Agent) getData(ctx context.Context, req *agent.Request, reply *rpc.Reply) error {
	source, _ := req.String("source")
	var query *string
	if text, given := req.String("query"); given {
		query = &text
	}
	outputs, err := a.opts.Data.Lookup(ctx, source, query)
	if err != nil {
		return err
	}
	for _, o := range outputs {
		reply.Set(o.Name, o.Value)
	}
	return nil
}

// getDDL gives a definition, unless its hash says that the caller has it.
func (a *Agent) getDDL(_ context.Context, req *agent.Request, reply *rpc.Reply) error {
	name, _ := req.String("agent")
	kind := ddl.Agent
	if k, ok := req.String("kind"); ok {
		kind = ddl.Kind(k)
	}
	d := a.definition(kind, name)
	if d == nil {
		return rpc.Errorf(rpc.Aborted, "this node has no definition of the %s %s", kind, name)
	}
	text, err := d.JSON()
	if err != nil {
		return err
	}
	hash := d.Hash()
	reply.Set("agent", name)
	reply.Set("hash", hash)
	reply.Set("ddl", string(text))
	if known, _ := req.String("hash"); known == hash {
		reply.Set("ddl", "")
	}
	return nil
}

func (a *Agent) definition(kind ddl.Kind, name string) *ddl.Definition {
	if kind == ddl.Agent && name == Name {
		return Definition()
	}
	if a.opts.Definitions != nil {
		if d := a.opts.Definitions(kind, name); d != nil {
			return d
		}
	}
	if kind == ddl.Data {
		for _, d := range a.opts.Data.Definitions() {
			if d.Metadata.Agent == name {
				return d
			}
		}
	}
	return nil
}

func (a *Agent) version() string { return cmp.Or(a.opts.Version, "unknown") }

// names returns those of the node's agents.
func (a *Agent) names() []string {
	var names []string
	for _, m := range a.opts.Daemon.Agents() {
		names = append(names, m.Agent)
	}
	return names
}
