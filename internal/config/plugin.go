package config

import (
	"fmt"
	"strings"
	"time"

	"mcollective/internal/suggest"
)

// Plugin is the text of a plugin key, written without the leading "plugin.":
// Plugin("activemq.pool.size").
func (c *Config) Plugin(key string) (string, bool) {
	v, ok := c.plugin[key]
	return v.text, ok
}

// PluginString is the text of a plugin key, or def if it is not set.
func (c *Config) PluginString(key, def string) string {
	if v, ok := c.plugin[key]; ok {
		return v.text
	}
	return def
}

// PluginBool is the boolean value of a plugin key, or def if it is not set.
func (c *Config) PluginBool(key string, def bool) (bool, error) {
	return pluginValue(c, key, def, parseBool)
}

// PluginInt is the integer value of a plugin key, or def if it is not set.
func (c *Config) PluginInt(key string, def int) (int, error) {
	return pluginValue(c, key, def, parseInt)
}

// PluginFloat is the value of a plugin key as a number, or def if it is not set.
func (c *Config) PluginFloat(key string, def float64) (float64, error) {
	return pluginValue(c, key, def, parseFloat)
}

// PluginSeconds is the value of a plugin key that gives a time in seconds,
// whole or not, or def if it is not set.
func (c *Config) PluginSeconds(key string, def time.Duration) (time.Duration, error) {
	return pluginValue(c, key, def, parseSeconds)
}

func pluginValue[T any](c *Config, key string, def T, read func(string) (T, error)) (T, error) {
	v, ok := c.plugin[key]
	if !ok {
		return def, nil
	}
	got, err := read(v.text)
	if err != nil {
		return def, fmt.Errorf("%s: plugin.%s = %s: %w", v.origin, key, shown(key, v.text), err)
	}
	return got, nil
}

// pluginKeys are the settings of the plugins that are built in. N stands for a
// number, TYPE for a type of Puppet's resources.
var pluginKeys = [...]string{
	"activemq.agents_multiplex",
	"activemq.back_off_multiplier",
	"activemq.backup",
	"activemq.base64",
	"activemq.connect_timeout",
	"activemq.heartbeat_interval",
	"activemq.initial_reconnect_delay",
	"activemq.max_hbread_fails",
	"activemq.max_hbrlck_fails",
	"activemq.max_reconnect_attempts",
	"activemq.max_reconnect_delay",
	"activemq.pool.N.host",
	"activemq.pool.N.password",
	"activemq.pool.N.port",
	"activemq.pool.N.ssl",
	"activemq.pool.N.ssl.ca",
	"activemq.pool.N.ssl.cert",
	"activemq.pool.N.ssl.ciphers",
	"activemq.pool.N.ssl.fallback",
	"activemq.pool.N.ssl.key",
	"activemq.pool.N.user",
	"activemq.pool.size",
	"activemq.priority",
	"activemq.prompt_password",
	"activemq.prompt_user",
	"activemq.randomize",
	"activemq.stomp_1_0_fallback",
	"activemq.timeout",
	"activemq.use_exponential_back_off",
	"activemq.vhost",
	"bolt.interpreters",
	"file.activate_agent",
	"file.allow",
	"file.deny",
	"file.max_size",
	"filemgr.activate_agent",
	"filemgr.touch_file",
	"nats.credentials",
	"nats.nkey",
	"nats.password",
	"nats.servers",
	"nats.tls.ca",
	"nats.tls.cert",
	"nats.tls.key",
	"nats.token",
	"nats.user",
	"nrpe.allow_args",
	"nrpe.conf_dir",
	"nrpe.conf_file",
	"nrpe.conf_path",
	"nrpe.config",
	"nrpe.timeout",
	"psk",
	"psk.callertype",
	"psk.serializer",
	"puppet.allow_server_override",
	"puppet.command",
	"puppet.config",
	"puppet.resource_allow_managed_resources",
	"puppet.resource_name_blacklist.TYPE",
	"puppet.resource_name_whitelist.TYPE",
	"puppet.resource_type_blacklist",
	"puppet.resource_type_whitelist",
	"puppet.signal_daemon",
	"puppet.splay",
	"puppet.splaylimit",
	"rabbitmq.use_reply_exchange",
	"rpc.graph",
	"ruby.agents",
	"ruby.interpreter",
	"ruby.loadpath",
	"shell.activate_agent",
	"shell.limit",
	"shell.max_jobs",
	"shell.max_output",
	"shell.users",
	"yaml",
}

// knownPlugin says whether name is a setting of a built-in plugin. RabbitMQ has
// all of ActiveMQ's.
func knownPlugin(name string) bool {
	name = general(name)
	for _, k := range pluginKeys {
		if k == name {
			return true
		}
	}
	rest, ok := strings.CutPrefix(name, "rabbitmq.")
	return ok && knownPlugin("activemq."+rest)
}

// unknownPlugin reports a setting that looks like one of a built-in plugin, but
// is none. Other plugins are free to have what settings they like.
func unknownPlugin(name string) (hint string, unknown bool) {
	plugin, rest, ok := strings.Cut(name, ".")
	if !ok || knownPlugin(name) {
		return "", false
	}
	switch plugin {
	case "file", "filemgr", "nrpe", "puppet", "shell":
		if rest == "activate_agent" || rest == "ruby" { // settings of every agent
			return "", false
		}
		return suggest.Hint(general(name), pluginKeys[:]), true
	case "activemq", "bolt", "nats", "psk":
		return suggest.Hint(general(name), pluginKeys[:]), true
	case "rabbitmq":
		hint = suggest.Hint("activemq."+general(rest), pluginKeys[:])
		return strings.Replace(hint, "activemq.", "rabbitmq.", 1), true
	}
	return "", false
}

// general replaces the numbers in a setting's name by N, and the type of a list of
// names by TYPE.
func general(name string) string {
	for _, list := range []string{"puppet.resource_name_whitelist.", "puppet.resource_name_blacklist."} {
		if strings.HasPrefix(name, list) {
			return list + "TYPE"
		}
	}
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if allBytes(p, func(b byte) bool { return b >= '0' && b <= '9' }) {
			parts[i] = "N"
		}
	}
	return strings.Join(parts, ".")
}
