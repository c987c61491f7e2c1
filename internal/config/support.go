package config

import (
	"fmt"
	"sort"
	"strings"
)

// A feature is something that Ruby MCollective has and this program does not. A
// node that went on without it would do more than its configuration allows, or
// less than it promises, so it refuses to start. A client never had it.
type feature struct {
	name    string // as in "NAME is not implemented"
	without string // what a node would do that went on
	key     string // the key that switches it on
	on      func(*Config) bool
	wishes  []string // keys that are of no use without it; one with "." at its end stands for all that begin so
}

var features = [...]feature{
	{
		name: "authorization", without: "every caller could run every action",
		key: "rpcauthorization", on: func(c *Config) bool { return c.RPCAuthorization },
		wishes: []string{"rpcauthprovider", "plugin.actionpolicy."},
	},
	{
		name: "an audit log", without: "nobody could see later who did what",
		key: "rpcaudit", on: func(c *Config) bool { return c.RPCAudit },
		wishes: []string{"rpcauditprovider", "plugin.rpcaudit."},
	},
	{
		name: "registration", without: "what collects registrations would miss this node",
		key: "registerinterval", on: func(c *Config) bool { return c.RegisterInterval > 0 },
		wishes: []string{"registration", "plugin.registration."},
	},
}

// harmless are the plugin keys of Ruby MCollective that may be ignored. One with
// "." or "_" at its end stands for all that begin so.
var harmless = [...]struct{ key, why string }{
	{"aes.", "the security provider aes_security is not implemented, and is refused when securityprovider names it"},
	{"ssl_", "the security provider ssl is not implemented, and is refused when securityprovider names it"},
	{"ssl.", "the security provider ssl is not implemented, and is refused when securityprovider names it"},
	{"debian_packager.", "there is no command that makes packages"},
	{"metadata.", "there is no command that makes packages"},
}

// obsolete holds for the keys that Ruby MCollective 2.x ignores with a warning.
func obsolete(name string) bool {
	switch name {
	case "topicprefix", "topicsep", "queueprefix", "rpchelptemplate", "helptemplatedir":
		return true
	}
	return false
}

// covers reports whether a key is pattern, or begins with one that ends in a
// separator.
func covers(pattern, key string) bool {
	if strings.HasSuffix(pattern, ".") || strings.HasSuffix(pattern, "_") {
		return strings.HasPrefix(key, pattern)
	}
	return pattern == key
}

// whyHarmless returns why a plugin key, without "plugin.", may be ignored.
func whyHarmless(name string) string {
	for _, h := range harmless {
		if covers(h.key, name) {
			return h.why
		}
	}
	if k := findPluginKey(name); k != nil {
		return k.ignored
	}
	return ""
}

// checkFeatures refuses what asks for a feature that there is not. Those who only
// name its plugin mean to have it, too: what nobody wants is switched off.
func (c *Config) checkFeatures() []error {
	var errs []error
	for i := range features {
		f := &features[i]
		wishes := c.written(f.wishes)
		switch {
		case c.Role == Client:
			for _, key := range append(wishes, c.written([]string{f.key})...) {
				c.ignore(key, "only nodes read it")
			}
		case f.on(c):
			text, _ := c.Get(f.key)
			errs = append(errs, fmt.Errorf("%s: %s = %s: %s is not implemented, and without it %s; remove the line or set it to 0",
				c.Origin(f.key), f.key, text, f.name, f.without))
			errs = append(errs, c.refuse(f, wishes, "remove the line")...)
		case c.Origin(f.key) != Origin{}:
			for _, key := range wishes {
				c.ignore(key, f.key+" is off")
			}
		default:
			errs = append(errs, c.refuse(f, wishes, "remove the line, or add "+f.key+" = 0 if the node may run without it")...)
		}
	}
	return errs
}

func (c *Config) refuse(f *feature, wishes []string, mend string) (errs []error) {
	for _, key := range wishes {
		text, _ := c.Get(key)
		if key == "registration" && text == defaults(c.Role).Registration {
			c.ignore(key, "it is the default, and no registration is sent")
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s = %s: %s is not implemented; %s", c.Origin(key), key, shown(key, text), f.name, mend))
	}
	return errs
}

// written are the keys of a configuration that patterns cover, in the order of
// their names.
func (c *Config) written(patterns []string) []string {
	var keys []string
	for _, pattern := range patterns {
		for name := range c.origins {
			if covers(pattern, name) {
				keys = append(keys, name)
			}
		}
		for name := range c.plugin {
			if covers(pattern, "plugin."+name) {
				keys = append(keys, "plugin."+name)
			}
		}
	}
	sort.Strings(keys)
	return keys
}

// ignore notes that a key which is there has no effect.
func (c *Config) ignore(key, why string) {
	c.Ignored = append(c.Ignored, fmt.Sprintf("%s: %s has no effect: %s", c.Origin(key), key, why))
}

// noteIgnored notes the keys that never have an effect.
func (c *Config) noteIgnored() {
	for i := range keys {
		if k := &keys[i]; k.ignored != "" && c.Origin(k.name) != (Origin{}) {
			c.ignore(k.name, k.ignored)
		}
	}
	for _, name := range c.PluginNames() {
		if why := whyHarmless(name); why != "" {
			c.ignore("plugin."+name, why)
		}
	}
}

// PluginNames are the plugin keys that are set, without "plugin.", sorted.
func (c *Config) PluginNames() []string {
	names := make([]string, 0, len(c.plugin))
	for name := range c.plugin {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
