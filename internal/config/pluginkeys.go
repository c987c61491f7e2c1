package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mcollective/internal/suggest"
)

// closed are the plugins whose settings are all known; those of others are free.
var closed = closedPlugins()

func closedPlugins() map[string]bool {
	all := map[string]bool{}
	for _, s := range pluginSections {
		for i := range s.rows {
			plugin, _, ok := strings.Cut(strings.TrimPrefix(s.rows[i].name, "plugin."), ".")
			if ok && !s.open && plugin != "AGENT" {
				all[plugin] = true
			}
		}
	}
	return all
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
	if r := findRow("plugin." + name); r != nil {
		return r.verify(c.plugin[name].text)
	}
	plugin, rest, ok := strings.Cut(name, ".")
	switch {
	case !ok:
		return checkFamily(name)
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

// checkFamily refuses an unknown setting without a dot, if there are such settings of the
// plugin that it begins with, like those of ssl.
func checkFamily(name string) error {
	family, _, _ := strings.Cut(name, "_")
	var known []string
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if setting := strings.TrimPrefix(key, "plugin."); strings.HasPrefix(setting, family+"_") && setting != key {
			known = append(known, setting)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return fmt.Errorf("%s has no such setting%s", family, suggest.Hint(name, known))
}

// settingsOf returns the names of all settings of a built-in plugin.
func settingsOf(plugin string) []string {
	names := []string{plugin + ".activate_agent", plugin + ".ruby"}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		of, rest, _ := strings.Cut(strings.TrimPrefix(name, "plugin."), ".")
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

// oneOrZero is boolean where Ruby's plugin takes true for a no.
func oneOrZero(s string) error {
	if err := boolean(s); err != nil {
		return err
	}
	if c := s[0] | 0x20; c != '1' && c != '0' && c != 'y' && c != 'n' {
		return errors.New("write 1 or 0: the plugin of Ruby MCollective takes this word for a no")
	}
	return nil
}

// never takes only no, for this reason.
func never(why string) func(string) error {
	return func(s string) error {
		yes, err := parseBool(s)
		if err == nil && yes {
			err = errors.New(why)
		}
		return err
	}
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

// directories refuses a list of paths that means other directories than it seems to, or
// none: what allows would allow everything then, and what denies nothing.
func directories(s string) error {
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
