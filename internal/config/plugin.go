package config

import (
	"fmt"
	"path/filepath"
	"time"
)

// Plugin returns the text of a plugin key, written without the leading "plugin.":
// Plugin("activemq.pool.size").
func (c *Config) Plugin(key string) (string, bool) {
	v, ok := c.plugin[key]
	return v.text, ok
}

// CredsDir returns the directory of the identity, plugin.creds.dir. A relative path is beside the main file, so that
// both can be moved; ok is false if there is none.
func (c *Config) CredsDir() (dir string, ok bool) {
	if dir = c.plugin["creds.dir"].text; dir == "" {
		return "", false
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(c.Directory(), dir)
	}
	return dir, true
}

// PluginString returns the text of a plugin key, or def if it is not set.
func (c *Config) PluginString(key, def string) string {
	if v, ok := c.plugin[key]; ok {
		return v.text
	}
	return standard(key, def, func(text string) (string, error) { return text, nil })
}

// standard returns the default of a key in its row, or def if that has none.
func standard[T any](key string, def T, read func(string) (T, error)) T {
	r := findRow("plugin." + key)
	if r == nil || r.def == "" {
		return def
	}
	v, err := read(r.def)
	if err != nil {
		panic("config: the default of " + r.name + ": " + err.Error()) // TestDefaults reads all
	}
	return v
}

// PluginBool returns the boolean value of a plugin key, or def if it is not set.
func (c *Config) PluginBool(key string, def bool) (bool, error) {
	return pluginValue(c, key, def, parseBool)
}

// PluginInt returns the integer value of a plugin key, or def if it is not set.
func (c *Config) PluginInt(key string, def int) (int, error) {
	return pluginValue(c, key, def, parseInt)
}

// PluginFloat returns the value of a plugin key as a number, or def if it is not set.
func (c *Config) PluginFloat(key string, def float64) (float64, error) {
	return pluginValue(c, key, def, parseFloat)
}

// PluginSeconds returns the value of a plugin key that gives a time in seconds,
// whole or not, or def if it is not set.
func (c *Config) PluginSeconds(key string, def time.Duration) (time.Duration, error) {
	return pluginValue(c, key, def, parseSeconds)
}

func pluginValue[T any](c *Config, key string, def T, read func(string) (T, error)) (T, error) {
	v, ok := c.plugin[key]
	if !ok {
		return standard(key, def, read), nil
	}
	got, err := read(v.text)
	if err != nil {
		return def, fmt.Errorf("%s: plugin.%s = %s: %w", v.origin, key, shown(key, v.text), err)
	}
	return got, nil
}
