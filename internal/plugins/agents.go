package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"mcollective/agent"
	"mcollective/ddl"
	"mcollective/internal/agents/file"
	"mcollective/internal/agents/nettest"
	"mcollective/internal/agents/nrpe"
	"mcollective/internal/agents/packages"
	"mcollective/internal/agents/process"
	"mcollective/internal/agents/puppet"
	"mcollective/internal/agents/rpcutil"
	"mcollective/internal/agents/service"
	"mcollective/internal/agents/shell"
	"mcollective/internal/agents/sysctl"
	"mcollective/internal/agents/sysinfo"
	"mcollective/internal/config"
	"mcollective/internal/data"
)

// agents: the agents that ship, besides discovery, which is the engine's, and
// rpcutil, which tells of the node that it is on.
var agents = map[string]func(*config.Config) (agent.Agent, error){
	"file": func(cfg *config.Config) (agent.Agent, error) {
		o, err := fileOptions(cfg)
		if err != nil {
			return nil, err
		}
		return file.New(o)
	},
	"filemgr": func(cfg *config.Config) (agent.Agent, error) {
		o, err := fileOptions(cfg)
		if err != nil {
			return nil, err
		}
		return file.NewFilemgr(o)
	},
	"nettest": func(*config.Config) (agent.Agent, error) { return nettest.New(nettest.Options{}) },
	"nrpe": func(cfg *config.Config) (agent.Agent, error) {
		o, err := nrpeOptions(cfg)
		if err != nil {
			return nil, err
		}
		return nrpe.New(o)
	},
	"package": func(*config.Config) (agent.Agent, error) { return packages.New(packages.Options{}) },
	"process": func(*config.Config) (agent.Agent, error) { return process.New(process.Options{}) },
	"puppet": func(cfg *config.Config) (agent.Agent, error) {
		o, err := puppetOptions(cfg)
		if err != nil {
			return nil, err
		}
		return puppet.New(o)
	},
	"service": func(*config.Config) (agent.Agent, error) { return service.New(service.Options{}) },
	"shell": func(cfg *config.Config) (agent.Agent, error) {
		o, err := shellOptions(cfg)
		if err != nil {
			return nil, err
		}
		return shell.New(o)
	},
	"sysinfo": func(*config.Config) (agent.Agent, error) { return sysinfo.New(sysinfo.Options{}) },
}

// sources: the data plugins that ship, besides those of package data.
var sources = map[string]func(*config.Config) (data.Plugin, error){
	"fstat": func(cfg *config.Config) (data.Plugin, error) {
		o, err := fileOptions(cfg)
		if err != nil {
			return nil, err
		}
		return file.NewFstat(o)
	},
	"nettest": func(*config.Config) (data.Plugin, error) { return nettest.NewData(nettest.Options{}) },
	"nrpe": func(cfg *config.Config) (data.Plugin, error) {
		o, err := nrpeOptions(cfg)
		if err != nil {
			return nil, err
		}
		return nrpe.NewData(o)
	},
	"package": func(*config.Config) (data.Plugin, error) { return packages.NewData(packages.Options{}) },
	"process": func(*config.Config) (data.Plugin, error) { return process.NewData(process.Options{}) },
	"puppet": func(cfg *config.Config) (data.Plugin, error) {
		o, err := puppetOptions(cfg)
		if err != nil {
			return nil, err
		}
		return puppet.NewData(o)
	},
	"resource": func(cfg *config.Config) (data.Plugin, error) {
		o, err := puppetOptions(cfg)
		if err != nil {
			return nil, err
		}
		return puppet.NewResourceData(o)
	},
	"service": func(*config.Config) (data.Plugin, error) { return service.NewData(service.Options{}) },
	"sysctl":  func(*config.Config) (data.Plugin, error) { return sysctl.NewData(sysctl.Options{}) },
}

// Agents makes the agents that ship, and says why one cannot be made. Whether
// they can work on this machine is for agent.Activate to find out.
func Agents(cfg *config.Config) (made map[string]agent.Agent, failed map[string]error) {
	made, failed = map[string]agent.Agent{}, map[string]error{}
	for name, make := range agents {
		a, err := make(cfg)
		if err != nil {
			failed[name] = err
			continue
		}
		made[name] = a
	}
	return made, failed
}

// optIn are the agents by which a caller may do anything to a machine. They are
// off until the configuration names them, whatever it says of all agents: a node
// that is updated must not hand its callers more than it did.
var optIn = map[string]bool{"file": true, "filemgr": true, "shell": true}

// Enabled reports whether the configuration wants an agent: by the key
// plugin.NAME.activate_agent, else by activate_agents. The error says more than no.
func Enabled(cfg *config.Config) func(name string) (bool, error) {
	return func(name string) (bool, error) {
		key := name + ".activate_agent"
		if _, named := cfg.Plugin(key); !named && optIn[name] {
			return false, fmt.Errorf("it is off, since who may call it may do anything; plugin.%s = 1 in server.cfg switches it on", key)
		}
		return cfg.PluginBool(key, cfg.ActivateAgents)
	}
}

// Data makes the data plugins of a node, without those that cannot work on this
// machine. more are plugins from elsewhere, which win over those that ship.
func Data(ctx context.Context, cfg *config.Config, node data.Node, log *slog.Logger, more ...data.Plugin) *data.Set {
	all := data.BuiltIn(node, cfg.Collectives)
	add := func(p data.Plugin, err error, name string) {
		if asks, ok := p.(agent.Activator); ok && err == nil {
			err = agent.Ask(ctx, asks)
		}
		if err != nil {
			log.Debug("data plugin inactive", "plugin", name, "why", err)
			return
		}
		all = append(all, p)
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		p, err := sources[name](cfg)
		add(p, err, name)
	}
	for _, p := range more {
		add(p, nil, p.Definition().Metadata.Agent)
	}
	return data.NewSet(all...)
}

// Names returns those of the plugins of a kind that ship and have a definition.
func Names(kind ddl.Kind) []string {
	switch kind {
	case ddl.Agent:
		return slices.Sorted(maps.Keys(withKey(agents, rpcutil.Name)))
	case ddl.Data:
		return slices.Sorted(maps.Keys(withKey(sources, data.BuiltInNames()...)))
	}
	return nil
}

func withKey[V any](m map[string]V, more ...string) map[string]bool {
	all := make(map[string]bool, len(m)+len(more))
	for k := range m {
		all[k] = true
	}
	for _, k := range more {
		all[k] = true
	}
	return all
}

// Definition is that of a plugin that ships, or nil. It reads no other: a client
// needs one or two of them.
func Definition(kind ddl.Kind, name string) *ddl.Definition {
	cfg := &config.Config{}
	switch kind {
	case ddl.Agent:
		if name == rpcutil.Name {
			return rpcutil.Definition()
		}
		if make := agents[name]; make != nil {
			if a, err := make(cfg); err == nil {
				return a.Definition()
			}
		}
	case ddl.Data:
		if d := data.BuiltInDefinition(name); d != nil {
			return d
		}
		if make := sources[name]; make != nil {
			if p, err := make(cfg); err == nil {
				return p.Definition()
			}
		}
	}
	return nil
}

// Definitions returns all of a kind that ship, by name.
func Definitions(kind ddl.Kind) map[string]*ddl.Definition {
	all := map[string]*ddl.Definition{}
	for _, name := range Names(kind) {
		if d := Definition(kind, name); d != nil {
			all[name] = d
		}
	}
	return all
}
