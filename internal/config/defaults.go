package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How far ahead of a node's the clock of a client may be. A node that signs has to
// remember requests for so long, and refuses all for so long once it has forgotten them.
const (
	maxSkew       = time.Hour
	maxSkewSigned = 30 * time.Second
)

// applyDefaults fills in the defaults that depend on other values.
func (c *Config) applyDefaults() {
	if c.Identity == "" {
		c.Identity, _ = os.Hostname() // empty is refused by check
	}
	if c.MainCollective == "" {
		c.MainCollective = c.Collectives[0]
		if slices.Contains(c.Collectives, "mcollective") {
			c.MainCollective = "mcollective"
		}
	}
	if c.RegistrationCollective == "" {
		c.RegistrationCollective = c.MainCollective
	}
	if c.Connector == "" {
		c.Connector = c.guessConnector()
	}
	if c.Origin("max_skew") == (Origin{}) {
		c.MaxSkew = maxSkew
		if strings.EqualFold(c.SecurityProvider, "creds") {
			c.MaxSkew = maxSkewSigned
		}
	}
	if c.FactSource == "" {
		c.FactSource = "builtin"
		if _, ok := c.plugin["yaml"]; ok {
			c.FactSource = "yaml"
		}
	}
	if c.FactsDirs == nil && c.FactSource == "builtin" {
		c.FactsDirs = c.defaultFactsDirs()
	}
	if c.AgentsDirs == nil {
		c.AgentsDirs = []string{filepath.Join(c.Directory(), "agents")}
	}
	if c.LoggerType == "" {
		c.LoggerType = "console"
		if c.LogFile != "" {
			c.LoggerType = "file"
		}
	}
}

// guessConnector serves old files that rely on Ruby's default, activemq.
func (c *Config) guessConnector() string {
	for _, name := range []string{"activemq", "rabbitmq"} {
		for key := range c.plugin {
			if strings.HasPrefix(key, name+".") {
				return name
			}
		}
	}
	return "nats"
}

// Directory returns where the main file is, or would be.
func (c *Config) Directory() string {
	if c.File != "" {
		return filepath.Dir(c.File)
	}
	return "/etc/mcollective"
}

func (c *Config) defaultFactsDirs() []string {
	return []string{
		"/opt/puppetlabs/facter/facts.d",
		"/etc/puppetlabs/facter/facts.d",
		"/etc/facter/facts.d",
		filepath.Join(c.Directory(), "facts.d"),
	}
}

// check refuses what cannot work.
func (c *Config) check() (errs []error) {
	if c.origins["identity"] == (Origin{}) {
		if err := checkIdentity(c.Identity); err != nil {
			errs = append(errs, fmt.Errorf("the host name %q cannot be the identity: %w; set identity in the configuration", c.Identity, err))
		}
	}
	if c.LoggerType == "file" && c.LogFile == "" {
		errs = append(errs, fmt.Errorf("%s: logger_type = file needs logfile, the path of the log", c.Origin("logger_type")))
	}
	errs = append(errs, c.checkFeatures()...)
	errs = append(errs, c.checkPlugins()...)
	if c.Role == Server { // a client has no facts
		if err := c.checkFactSource(); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (c *Config) checkFactSource() error {
	if err := oneOf("builtin", "yaml", "facter")(c.FactSource); err != nil {
		return fmt.Errorf("%s: factsource = %s: %w", c.Origin("factsource"), c.FactSource, err)
	}
	if _, ok := c.plugin["yaml"]; c.FactSource == "yaml" && !ok {
		return fmt.Errorf("%s: factsource = yaml needs plugin.yaml, the path of the facts file", c.Origin("factsource"))
	}
	return nil
}

// addWarnings warns of what works, but probably not as meant.
func (c *Config) addWarnings() {
	if !slices.Contains(c.Collectives, c.MainCollective) {
		c.warn("%s: main_collective = %s is not one of collectives = %s", c.Origin("main_collective"), c.MainCollective, strings.Join(c.Collectives, ","))
	}
	if c.TTL > c.MaxTTL && c.MaxTTL > 0 {
		c.warn("%s: ttl = %d is more than the %d s that nodes accept by default (max_ttl)", c.Origin("ttl"), int(c.TTL.Seconds()), int(c.MaxTTL.Seconds()))
	}
	c.advisePlaces()
	exposed := map[string]bool{}
	for _, name := range c.PluginNames() {
		v := c.plugin[name]
		if pool, n, ok := poolMember(name); ok && pool == c.Connector {
			if size, err := c.PluginInt(pool+".pool.size", 0); err == nil && n > size {
				c.warn("%s: plugin.%s has no effect, since plugin.%s.pool.size is %d", v.origin, name, pool, size)
			}
		}
		if holdsSecret(name, v.text) && !exposed[v.origin.File] {
			exposed[v.origin.File] = true
			if fi, err := os.Stat(v.origin.File); err == nil && fi.Mode().Perm()&0o004 != 0 {
				c.warn("%s: holds a secret (plugin.%s) and every user of this machine can read it; run: chmod o-rwx %s", v.origin.File, name, v.origin.File)
			}
		}
	}
}
