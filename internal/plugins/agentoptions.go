package plugins

import (
	"path"
	"path/filepath"
	"strings"

	"mcollective/internal/agents/file"
	"mcollective/internal/agents/nrpe"
	"mcollective/internal/agents/puppet"
	"mcollective/internal/agents/shell"
	"mcollective/internal/config"
)

// fileOptions returns those of the agents file and filemgr.
func fileOptions(cfg *config.Config) (file.Options, error) {
	r := pluginReader{cfg: cfg, plugin: "file"}
	o := file.Options{
		Allow:   directories(r.string("allow")),
		Deny:    directories(r.string("deny")),
		MaxSize: int64(r.int("max_size")),
		Touch:   cfg.PluginString("filemgr.touch_file", ""),
	}
	return o, r.err
}

// nrpeOptions returns those of the agent nrpe, under the keys of Ruby's.
func nrpeOptions(cfg *config.Config) (nrpe.Options, error) {
	r := pluginReader{cfg: cfg, plugin: "nrpe"}
	o := nrpe.Options{
		File:        r.string("conf_file"),
		Directories: directories(r.string("conf_dir")),
		Config:      r.string("config"),
		Timeout:     r.seconds("timeout", 0),
		NoArgs:      !r.bool("allow_args"),
	}
	if path := directories(r.string("conf_path")); len(path) > 0 && o.File == "" {
		o.Directories = path
	}
	return o, r.err
}

// puppetOptions returns those of the agent puppet, under the keys of Ruby's.
func puppetOptions(cfg *config.Config) (puppet.Options, error) {
	r := pluginReader{cfg: cfg, plugin: "puppet"}
	o := puppet.Options{
		Config:      r.string("config"),
		Command:     strings.Fields(r.string("command")),
		NoSplay:     !r.bool("splay"),
		SplayLimit:  r.int("splaylimit"),
		NoSignal:    !r.bool("signal_daemon"),
		AllowServer: r.bool("allow_server_override"),
		ResourcePolicy: puppet.Resources{
			Types:   given(cfg, "puppet.resource_type_whitelist"),
			NoTypes: given(cfg, "puppet.resource_type_blacklist"),
			Managed: r.bool("resource_allow_managed_resources"),
			Names: func(kind string) (only, but []string) {
				return given(cfg, "puppet.resource_name_whitelist."+kind), given(cfg, "puppet.resource_name_blacklist."+kind)
			},
		},
	}
	return o, r.err
}

// shellOptions returns those of the agent shell, which is off unless the
// configuration names it, whatever it says of all agents.
func shellOptions(cfg *config.Config) (shell.Options, error) {
	r := pluginReader{cfg: cfg, plugin: "shell"}
	o := shell.Options{
		Enabled:   r.bool("activate_agent"),
		Users:     list(r.string("users")),
		MaxOutput: r.int("max_output"),
		MaxJobs:   r.int("max_jobs"),
		Limit:     r.seconds("limit", 0),
	}
	return o, r.err
}

// given returns a list that the configuration holds, and nil if it holds none; "none"
// is a list of nothing.
func given(cfg *config.Config, key string) []string {
	text, ok := cfg.Plugin(key)
	switch {
	case !ok:
		return nil
	case text == "none":
		return []string{}
	}
	return append([]string{}, list(text)...)
}

// directories are separated by colons, as in libdir.
func directories(text string) []string {
	var all []string
	for _, f := range filepath.SplitList(text) {
		if f = strings.TrimSpace(f); f != "" {
			all = append(all, path.Clean(f))
		}
	}
	return all
}
