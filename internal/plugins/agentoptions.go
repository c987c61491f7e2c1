package plugins

import (
	"path"
	"path/filepath"
	"strings"

	"mcollective/internal/agents/file"
	"mcollective/internal/agents/nrpe"
	"mcollective/internal/config"
)

// fileOptions are those of the agents file and filemgr.
func fileOptions(cfg *config.Config) (file.Options, error) {
	r := pluginReader{cfg: cfg, plugin: "file"}
	o := file.Options{
		Allow:   folders(r.string("allow", "")),
		Deny:    folders(r.string("deny", "")),
		MaxSize: int64(r.int("max_size", 0)),
		Touch:   cfg.PluginString("filemgr.touch_file", ""),
	}
	return o, r.err
}

// nrpeOptions are those of the agent nrpe, under the keys of Ruby's.
func nrpeOptions(cfg *config.Config) (nrpe.Options, error) {
	r := pluginReader{cfg: cfg, plugin: "nrpe"}
	o := nrpe.Options{
		File:    r.string("conf_file", ""),
		Folders: folders(r.string("conf_dir", "")),
		Config:  r.string("config", ""),
		Timeout: r.seconds("timeout", 0),
		NoArgs:  !r.bool("allow_args", true),
	}
	if path := folders(r.string("conf_path", "")); len(path) > 0 && o.File == "" {
		o.Folders = path
	}
	return o, r.err
}

// folders are separated by colons, as in libdir.
func folders(text string) []string {
	var all []string
	for _, f := range filepath.SplitList(text) {
		if f = strings.TrimSpace(f); f != "" {
			all = append(all, path.Clean(f))
		}
	}
	return all
}
