package rpcutil

import (
	"path/filepath"
	"strings"
	"time"

	"mcollective/internal/config"
	"mcollective/value"
)

// items are the configuration keys that anybody may know, with the values as
// Ruby's daemon has them. A new key stays secret until it is put here; those of
// plugins are never given, because they hold the passwords.
var items = [...]struct {
	name  string
	value func(*config.Config) any
}{
	{"activate_agents", func(c *config.Config) any { return c.ActivateAgents }},
	{"agents_dir", func(c *config.Config) any { return list(c.AgentsDirs) }},
	{"classesfile", func(c *config.Config) any { return c.ClassesFile }},
	{"collectives", func(c *config.Config) any { return list(c.Collectives) }},
	{"color", func(c *config.Config) any { return c.Color }},
	{"configdir", func(c *config.Config) any { return filepath.Dir(c.File) }},
	{"configfile", func(c *config.Config) any { return c.File }},
	{"configured", func(*config.Config) any { return true }},
	{"connection_timeout", func(c *config.Config) any { return secondsOrNil(c.ConnectionTimeout) }},
	{"connector", func(c *config.Config) any { return capitalized(c.Connector) }},
	{"daemonize", func(c *config.Config) any { return c.Daemonize }},
	{"default_batch_size", func(c *config.Config) any { return int64(c.DefaultBatchSize) }},
	{"default_batch_sleep_time", batchSleepTime},
	{"default_discovery_method", func(c *config.Config) any { return c.DefaultDiscoveryMethod }},
	{"default_discovery_options", func(c *config.Config) any { return list(c.DefaultDiscoveryOptions) }},
	{"direct_addressing", func(c *config.Config) any { return c.DirectAddressing }},
	{"direct_addressing_threshold", func(c *config.Config) any { return int64(c.DirectAddressingThreshold) }},
	{"discovery_timeout", func(c *config.Config) any { return secondsOrNil(c.DiscoveryTimeout) }},
	{"exact_discovery", func(c *config.Config) any { return c.ExactDiscovery }},
	{"fact_cache_time", func(c *config.Config) any { return seconds(c.FactCacheTime) }},
	{"facts_dir", func(c *config.Config) any { return list(c.FactsDirs) }},
	{"factsource", func(c *config.Config) any { return capitalized(c.FactSource) }},
	{"filter_numeric", func(c *config.Config) any { return c.FilterNumeric }},
	{"identity", func(c *config.Config) any { return c.Identity }},
	{"keeplogs", func(c *config.Config) any { return int64(c.KeepLogs) }},
	{"libdir", func(c *config.Config) any { return list(c.LibDirs) }},
	{"logfacility", func(c *config.Config) any { return c.LogFacility }},
	{"logfile", func(c *config.Config) any { return textOrNil(c.LogFile) }},
	{"logger_type", func(c *config.Config) any { return c.LoggerType }},
	{"loglevel", func(c *config.Config) any { return c.LogLevel }},
	{"main_collective", func(c *config.Config) any { return c.MainCollective }},
	{"max_log_size", func(c *config.Config) any { return c.MaxLogSize }},
	{"max_skew", func(c *config.Config) any { return seconds(c.MaxSkew) }},
	{"max_ttl", func(c *config.Config) any { return seconds(c.MaxTTL) }},
	{"mode", func(*config.Config) any { return value.Symbol("server") }},
	{"publish_timeout", func(c *config.Config) any { return seconds(c.PublishTimeout) }},
	{"queue_size", func(c *config.Config) any { return int64(c.QueueSize) }},
	{"registerinterval", func(c *config.Config) any { return seconds(c.RegisterInterval) }},
	{"registration", func(c *config.Config) any { return capitalized(c.Registration) }},
	{"registration_collective", registrationCollective},
	{"registration_splay", func(c *config.Config) any { return c.RegistrationSplay }},
	{"rpcaudit", func(c *config.Config) any { return c.RPCAudit }},
	{"rpcauditprovider", func(c *config.Config) any { return capitalized(c.RPCAuditProvider) }},
	{"rpcauthorization", func(c *config.Config) any { return c.RPCAuthorization }},
	{"rpcauthprovider", func(c *config.Config) any { return capitalized(c.RPCAuthProvider) }},
	{"rpclimitmethod", func(c *config.Config) any { return value.Symbol(c.RPCLimitMethod) }},
	{"securityprovider", func(c *config.Config) any { return capitalized(c.SecurityProvider) }},
	{"soft_shutdown", func(c *config.Config) any { return c.SoftShutdown }},
	{"soft_shutdown_timeout", func(c *config.Config) any { return secondsOrNil(c.SoftShutdownTimeout) }},
	{"ssl_cipher", func(c *config.Config) any { return c.SSLCipher }},
	{"threaded", func(c *config.Config) any { return c.Threaded }},
	{"ttl", func(c *config.Config) any { return seconds(c.TTL) }},
	{"workers", func(c *config.Config) any { return int64(c.Workers) }},
}

// Item is the value of a configuration key as get_config_item answers it, for
// the keys that anybody may know. No secret is among them.
func Item(c *config.Config, name string) (value any, ok bool) {
	for i := range items {
		if items[i].name == name {
			return items[i].value(c), true
		}
	}
	return nil, false
}

func seconds(d time.Duration) any { return int64(d / time.Second) }

// secondsOrNil is for keys that are nil in Ruby until they are set.
func secondsOrNil(d time.Duration) any {
	if d == 0 {
		return nil
	}
	return seconds(d)
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// capitalized is the name of a plugin as Ruby keeps it: that of its class.
func capitalized(name string) any {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + strings.ToLower(name[1:])
}

// batchSleepTime is an integer in Ruby until it is set.
func batchSleepTime(c *config.Config) any {
	if c.Origin("default_batch_sleep_time") == (config.Origin{}) {
		return seconds(c.DefaultBatchSleepTime)
	}
	return c.DefaultBatchSleepTime.Seconds()
}

// registrationCollective is nil in Ruby until it is set.
func registrationCollective(c *config.Config) any {
	if c.Origin("registration_collective") == (config.Origin{}) {
		return nil
	}
	return c.RegistrationCollective
}

func list(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}
