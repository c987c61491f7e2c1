package nodeagents

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/agenthost/ruby"
	"mcollective/internal/config"
	"mcollective/internal/data"
	"mcollective/internal/plugins"
)

// Ruby makes the loader of the plugins in libdir that are written in Ruby, or returns
// nil if the configuration does not want them.
func Ruby(cfg *config.Config, facts func() map[string]any, log *slog.Logger) *ruby.Loader {
	if len(cfg.LibDirs) == 0 {
		return nil
	}
	if wanted, err := cfg.PluginBool("ruby.agents", true); err != nil {
		log.Warn("agents in Ruby are not loaded", "error", err)
		return nil
	} else if !wanted {
		return nil
	}
	return ruby.NewLoader(ruby.Options{
		Dirs: cfg.LibDirs, Ruby: cfg.PluginString("ruby.interpreter", ""), LoadPath: filepath.SplitList(cfg.PluginString("ruby.loadpath", "")),
		Config: rubyConfig(cfg), PluginConf: pluginConf(cfg), LogLevel: cfg.LogLevel,
		Wanted:     func(kind ddl.Kind, name string) bool { return rubyWanted(cfg, kind, name) },
		ConfigFile: cfg.File, Facts: facts, Log: log,
	})
}

// rubyWanted reports whether a plugin in Ruby is to be loaded: the configuration
// has not switched it off, and the program has none of that name or the
// configuration prefers Ruby's.
func rubyWanted(cfg *config.Config, kind ddl.Kind, name string) bool {
	if kind == ddl.Agent {
		if on, err := plugins.Enabled(cfg)(name); err != nil || !on {
			return false
		}
	}
	return prefersRuby(cfg, name) || !slices.Contains(plugins.Names(kind), name)
}

// prefersRuby reports whether a plugin in Ruby is to take the place of the
// program's own.
func prefersRuby(cfg *config.Config, name string) bool {
	yes, err := cfg.PluginBool(name+".ruby", false)
	return yes && err == nil
}

// RubyData returns the data plugins that are written in Ruby; none without a loader.
func RubyData(ctx context.Context, l *ruby.Loader) []data.Plugin {
	if l == nil {
		return nil
	}
	var all []data.Plugin
	for _, p := range l.Data(ctx) {
		all = append(all, p)
	}
	return all
}

// rubyConfig returns what Ruby agents find in Config.instance.
func rubyConfig(cfg *config.Config) map[string]any {
	all := cfg.AllPublic()
	all["configfile"], all["configdir"] = cfg.File, filepath.Dir(cfg.File)
	delete(all, "color") // what agents print goes to no terminal
	return all
}

// pluginConf returns what Ruby agents find in pluginconf. The secrets of connectors
// and security providers are none of theirs.
func pluginConf(cfg *config.Config) map[string]string {
	all := map[string]string{}
	for _, s := range cfg.Redacted() {
		name, isPlugin := strings.CutPrefix(s.Key, "plugin.")
		if v, _ := cfg.Get(s.Key); isPlugin && v == s.Value {
			all[name] = v
		}
	}
	return all
}
