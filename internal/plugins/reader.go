package plugins

import (
	"time"

	"mcollective/internal/config"
)

// A pluginReader reads the keys of one plugin; its first error sticks.
type pluginReader struct {
	cfg    *config.Config
	plugin string
	err    error
}

func (r *pluginReader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *pluginReader) string(key, def string) string {
	return r.cfg.PluginString(r.plugin+"."+key, def)
}

func (r *pluginReader) bool(key string, def bool) bool {
	v, err := r.cfg.PluginBool(r.plugin+"."+key, def)
	r.keep(err)
	return v
}

func (r *pluginReader) int(key string, def int) int {
	v, err := r.cfg.PluginInt(r.plugin+"."+key, def)
	r.keep(err)
	return v
}

func (r *pluginReader) float(key string, def float64) float64 {
	v, err := r.cfg.PluginFloat(r.plugin+"."+key, def)
	r.keep(err)
	return v
}

func (r *pluginReader) seconds(key string, def time.Duration) time.Duration {
	v, err := r.cfg.PluginSeconds(r.plugin+"."+key, def)
	r.keep(err)
	return v
}
