package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"mcollective/internal/suggest"
)

// A pluginKey is one setting of a plugin that is built in. In its name N stands
// for a number, TYPE for a type of Puppet's resources.
type pluginKey struct {
	name    string
	check   func(string) error // nil takes any text
	ignored string             // why it has no effect, for those that have none
}

var pluginKeys = [...]pluginKey{
	{name: "activemq.agents_multiplex", check: boolean},
	{name: "activemq.back_off_multiplier", check: numbers(1, 1000)},
	{name: "activemq.backup", check: boolean, ignored: "there is no separate pool of backups; list them as brokers"},
	{name: "activemq.base64", check: boolean},
	{name: "activemq.connect_timeout", check: times(0, hour)},
	{name: "activemq.heartbeat_interval", check: times(0, day)},
	{name: "activemq.initial_reconnect_delay", check: times(0, day)},
	{name: "activemq.max_hbread_fails", check: between(0, 1000)},
	{name: "activemq.max_hbrlck_fails", check: count, ignored: "no lock delays the reading of heart-beats"},
	{name: "activemq.max_reconnect_attempts", check: between(0, 1_000_000_000)},
	{name: "activemq.max_reconnect_delay", check: times(0, day)},
	{name: "activemq.pool.N.host"},
	{name: "activemq.pool.N.password"},
	{name: "activemq.pool.N.port", check: port},
	{name: "activemq.pool.N.ssl", check: boolean},
	{name: "activemq.pool.N.ssl.ca", check: names},
	{name: "activemq.pool.N.ssl.cert"},
	{name: "activemq.pool.N.ssl.ciphers"},
	{name: "activemq.pool.N.ssl.fallback", check: boolean, ignored: "a broker whose certificate cannot be checked is not talked to"},
	{name: "activemq.pool.N.ssl.key"},
	{name: "activemq.pool.N.user"},
	{name: "activemq.pool.size", check: between(1, 1000)},
	{name: "activemq.priority", check: between(0, 9)},
	{name: "activemq.prompt_password", check: boolean},
	{name: "activemq.prompt_user", check: boolean},
	{name: "activemq.randomize", check: boolean},
	{name: "activemq.stomp_1_0_fallback", check: boolean},
	{name: "activemq.timeout", check: integer, ignored: "connect_timeout bounds the whole attempt"},
	{name: "activemq.use_exponential_back_off", check: boolean},
	{name: "activemq.vhost"},
	{name: "bolt.interpreters"},
	{name: "file.activate_agent", check: boolean},
	{name: "file.allow", check: folders},
	{name: "file.deny", check: folders},
	{name: "file.max_size", check: between(1, 1<<50)},
	{name: "filemgr.activate_agent", check: boolean},
	{name: "filemgr.touch_file"},
	{name: "nats.credentials"},
	{name: "nats.nkey"},
	{name: "nats.password"},
	{name: "nats.servers", check: names},
	{name: "nats.tls.ca"},
	{name: "nats.tls.cert"},
	{name: "nats.tls.key"},
	{name: "nats.token"},
	{name: "nats.user"},
	{name: "nrpe.allow_args", check: boolean},
	{name: "nrpe.conf_dir", check: folders},
	{name: "nrpe.conf_file"},
	{name: "nrpe.conf_path", check: folders},
	{name: "nrpe.config"},
	{name: "nrpe.timeout", check: times(0.001, day)},
	{name: "psk"},
	{name: "psk.callertype", check: oneOf("uid", "gid", "user", "group", "identity")},
	{name: "psk.serializer", check: oneOf("marshal", "yaml", "json")},
	{name: "puppet.allow_server_override", check: boolean},
	{name: "puppet.command"},
	{name: "puppet.config"},
	{name: "puppet.resource_allow_managed_resources", check: boolean},
	{name: "puppet.resource_name_blacklist.TYPE", check: names},
	{name: "puppet.resource_name_whitelist.TYPE", check: names},
	{name: "puppet.resource_type_blacklist", check: names},
	{name: "puppet.resource_type_whitelist", check: names},
	{name: "puppet.signal_daemon", check: boolean},
	{name: "puppet.splay", check: boolean},
	{name: "puppet.splaylimit", check: between(1, day)},
	{name: "rabbitmq.use_reply_exchange", check: boolean},
	{name: "rpc.graph", check: boolean},
	{name: "ruby.agents", check: boolean},
	{name: "ruby.interpreter"},
	{name: "ruby.loadpath"},
	{name: "shell.activate_agent", check: boolean},
	{name: "shell.limit", check: times(0.001, year)},
	{name: "shell.max_jobs", check: between(1, 10_000)},
	{name: "shell.max_output", check: between(1, 1<<30)},
	{name: "shell.users", check: names},
	{name: "yaml"},
}

// closed are the plugins whose settings are all known; those of others are free.
var closed = map[string]bool{
	"activemq": true, "bolt": true, "file": true, "filemgr": true, "nats": true, "nrpe": true, "psk": true, "puppet": true, "rabbitmq": true, "ruby": true,
	"shell": true,
}

// anyAgent are the settings that every agent has.
var anyAgent = map[string]bool{"activate_agent": true, "ruby": true}

// findPluginKey returns the built-in setting of a name, or nil. RabbitMQ has all of
// ActiveMQ's.
func findPluginKey(name string) *pluginKey {
	name = general(name)
	for i := range pluginKeys {
		if pluginKeys[i].name == name {
			return &pluginKeys[i]
		}
	}
	if rest, ok := strings.CutPrefix(name, "rabbitmq."); ok {
		return findPluginKey("activemq." + rest)
	}
	return nil
}

// checkPlugins refuses the plugin settings that a built-in plugin would not
// understand: a misspelled one may be the limit of what callers may do.
func (c *Config) checkPlugins() []error {
	var errs []error
	for _, name := range c.PluginNames() {
		if err := c.checkPlugin(name); err != nil {
			v := c.plugin[name]
			errs = append(errs, fmt.Errorf("%s: plugin.%s = %s: %w", v.origin, name, shown(name, v.text), err))
		}
	}
	return errs
}

func (c *Config) checkPlugin(name string) error {
	text := c.plugin[name].text
	if k := findPluginKey(name); k != nil {
		if k.check == nil {
			return nil
		}
		return k.check(text)
	}
	plugin, rest, ok := strings.Cut(name, ".")
	switch {
	case !ok:
		return nil
	case anyAgent[rest]:
		return boolean(text)
	case closed[plugin]:
		if rubys, err := c.PluginBool(plugin+".ruby", false); rubys && err == nil {
			return nil // the agent in Ruby has settings of its own
		}
		return fmt.Errorf("%s has no such setting%s", plugin, suggest.Hint(general(name), settingsOf(plugin)))
	}
	if near := suggest.Within(rest, []string{"activate_agent"}, 3); near != "" {
		return fmt.Errorf("unknown setting; did you mean %q?", plugin+"."+near)
	}
	return nil
}

// settingsOf are the names of all settings of a built-in plugin.
func settingsOf(plugin string) []string {
	names := []string{plugin + ".activate_agent", plugin + ".ruby"}
	for i := range pluginKeys {
		of, rest, _ := strings.Cut(pluginKeys[i].name, ".")
		if of == plugin || of == "activemq" && plugin == "rabbitmq" {
			names = append(names, plugin+"."+rest)
		}
	}
	return names
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

// poolMember returns of which connector and which of its brokers a setting is.
func poolMember(name string) (connector string, n int, ok bool) {
	connector, rest, ok := strings.Cut(name, ".pool.")
	if !ok || connector != "activemq" && connector != "rabbitmq" {
		return "", 0, false
	}
	number, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	return connector, n, err == nil
}

func boolean(s string) error {
	_, err := parseBool(s)
	return err
}

func integer(s string) error {
	_, err := parseInt(s)
	return err
}

func count(s string) error {
	_, err := parseCount(s)
	return err
}

// numbers takes a number, whole or not.
func numbers(least, most int) func(string) error {
	return func(s string) error {
		f, err := parseFloat(s)
		if err == nil {
			err = within(f, least, most)
		}
		return err
	}
}

// times takes a time in seconds, whole or not.
func times(least float64, most int) func(string) error {
	return func(s string) error {
		d, err := parseSeconds(s)
		if err == nil && (d.Seconds() < least || d.Seconds() > float64(most)) {
			return fmt.Errorf("must be from %v to %d seconds", least, most)
		}
		return err
	}
}

// between takes a whole number.
func between(least, most int) func(string) error {
	return func(s string) error {
		n, err := parseInt(s)
		if err == nil {
			err = within(float64(n), least, most)
		}
		return err
	}
}

// names refuses a list that holds nothing but commas: as no list at all, it would
// permit everything.
func names(s string) error {
	if strings.Trim(s, ", \t") == "" {
		return errors.New("there is no name in the list")
	}
	return nil
}

// folders refuses a list of paths that means other folders than it seems to, or
// none: what allows would allow everything then, and what denies nothing.
func folders(s string) error {
	n := 0
	for _, dir := range filepath.SplitList(s) {
		switch dir = strings.TrimSpace(dir); {
		case dir == "":
		case !filepath.IsAbs(dir):
			return relative(dir)
		case strings.Contains(strings.ReplaceAll(dir, " ", ""), ",/"):
			return fmt.Errorf("write %c, and no comma, between two paths", filepath.ListSeparator)
		default:
			n++
		}
	}
	if n == 0 {
		return errors.New("there is no path in the list")
	}
	return nil
}

func port(s string) error { return between(1, 65535)(s) }
