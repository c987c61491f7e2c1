package config

import (
	"fmt"
	"maps"
	"slices"
	"sort"
)

// A feature is something of Ruby MCollective that one key switches on and others set. A
// node that went on without it, because this program does not have it or because the key
// is missing, would do more than its configuration allows, or less than it promises, so it
// refuses to start. A client never had it.
type feature struct {
	name    string // as in "NAME is not implemented"
	without string // what a node would do that went on
	key     string // the key that switches it on; the others of its rows are of no use without it
	on      func(*Config) bool
	check   func(*Config) error // of its settings when it is on; nil if it is not implemented
}

var (
	authorization = feature{
		name: "authorization", without: "every caller could run every action",
		key: "rpcauthorization", on: func(c *Config) bool { return c.RPCAuthorization },
		check: func(c *Config) error {
			if c.RPCAuthProvider == "action_policy" || c.RPCAuthProvider == "actionpolicy" {
				return nil
			}
			return fmt.Errorf("rpcauthprovider = %s: must be action_policy", shown("rpcauthprovider", c.RPCAuthProvider))
		},
	}
	auditing = feature{
		name: "an audit log", without: "nobody could see later who did what",
		key: "rpcaudit", on: func(c *Config) bool { return c.RPCAudit },
	}
	registering = feature{
		name: "registration", without: "what collects registrations would miss this node",
		key: "registerinterval", on: func(c *Config) bool { return c.RegisterInterval > 0 },
	}
)

// checkFeatures refuses what asks for a feature that there is not. Those who only
// name its plugin mean to have it, too: what nobody wants is switched off.
func (c *Config) checkFeatures() []error {
	if c.Role == Client {
		return nil
	}
	var errs []error
	for _, f := range []*feature{&authorization, &auditing, &registering} {
		var wishes []string
		for _, key := range c.keys() {
			if r := findRow(key); r != nil && r.feature == f && key != f.key {
				wishes = append(wishes, key)
			}
		}
		switch {
		case f.on(c) && f.check != nil:
			if err := f.check(c); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s is on, and %w", c.Origin(f.key), f.key, err))
			}
		case f.on(c):
			text, _ := c.Get(f.key)
			errs = append(errs, fmt.Errorf("%s: %s = %s: %s is not implemented, and without it %s; remove the line or set it to 0",
				c.Origin(f.key), f.key, text, f.name, f.without))
			errs = append(errs, c.refuse(f, wishes, f.name+" is not implemented; remove the line")...)
		case c.Origin(f.key) != Origin{}:
			for _, key := range wishes {
				c.ignore(key, f.key+" is off")
			}
		case f.check != nil:
			errs = append(errs, c.refuse(f, wishes, f.name+" is off; add "+f.key+" = 1, or = 0 if the node may run without it")...)
		default:
			errs = append(errs, c.refuse(f, wishes, f.name+" is not implemented; remove the line, or add "+f.key+" = 0 if the node may run without it")...)
		}
	}
	return errs
}

func (c *Config) refuse(f *feature, wishes []string, why string) (errs []error) {
	for _, key := range wishes {
		text, _ := c.Get(key)
		if key == "registration" && text == defaults(c.Role).Registration {
			c.ignore(key, "it is the default, and no registration is sent")
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s = %s: %s", c.Origin(key), key, shown(key, text), why))
	}
	return errs
}

// keys returns the keys that the files have, sorted.
func (c *Config) keys() []string {
	all := slices.Collect(maps.Keys(c.origins))
	for name := range c.plugin {
		all = append(all, "plugin."+name)
	}
	slices.Sort(all)
	return all
}

// ignore notes that a key which is there has no effect.
func (c *Config) ignore(key, why string) {
	c.Ignored = append(c.Ignored, fmt.Sprintf("%s: %s has no effect: %s", c.Origin(key), key, why))
}

// noteIgnored notes the keys that have no effect on who reads them.
func (c *Config) noteIgnored() {
	for _, key := range c.keys() {
		switch r := findRow(key); {
		case r == nil:
		case r.ignored != "":
			c.ignore(key, r.ignored)
		case r.by == byNode && c.Role == Client:
			c.ignore(key, "only nodes read it")
		case r.by == byClient && c.Role == Server:
			c.ignore(key, "only clients read it")
		}
	}
}

// PluginNames returns the plugin keys that are set, without "plugin.", sorted.
func (c *Config) PluginNames() []string {
	names := make([]string, 0, len(c.plugin))
	for name := range c.plugin {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
