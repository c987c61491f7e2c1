package plugins

import (
	"time"

	"mcollective/internal/config"
)

// A pluginReader reads the keys of one plugin, which have their defaults in their
// rows; its first error sticks.
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

func (r *pluginReader) string(key string) string {
	return r.cfg.PluginString(r.plugin+"."+key, "")
}

func (r *pluginReader) bool(key string) bool {
	v, err := r.cfg.PluginBool(r.plugin+"."+key, false)
	r.keep(err)
	return v
}

func (r *pluginReader) int(key string) int {
	v, err := r.cfg.PluginInt(r.plugin+"."+key, 0)
	r.keep(err)
	return v
}

func (r *pluginReader) float(key string) float64 {
	v, err := r.cfg.PluginFloat(r.plugin+"."+key, 0)
	r.keep(err)
	return v
}

// seconds returns a time, or otherwise if it is not set and has no default.
func (r *pluginReader) seconds(key string, otherwise time.Duration) time.Duration {
	v, err := r.cfg.PluginSeconds(r.plugin+"."+key, otherwise)
	r.keep(err)
	return v
}
