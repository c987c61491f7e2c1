package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/internal/suggest"
)

// A key is one top-level key of the file. The type that field points to says
// how its value is read: durations are written in seconds, lists with commas.
type key struct {
	name  string
	field func(*Config) any
	check func(string) error // on the text, before it is read
	lower bool               // names of plugins: Ruby does not tell cases apart
	whole bool               // a time in whole seconds only

	least, most int // of a number, or of a time in seconds

	ignored string // why it has no effect, for those that have none
}

// keys are all top-level keys, in the order in which they are shown.
var keys = [...]key{
	{name: "identity", field: func(c *Config) any { return &c.Identity }, check: checkIdentity},
	{name: "collectives", field: func(c *Config) any { return &c.Collectives }, check: checkCollectives},
	{name: "main_collective", field: func(c *Config) any { return &c.MainCollective }, check: checkCollective},
	{name: "connector", field: func(c *Config) any { return &c.Connector }, lower: true, check: oneOf("nats", "activemq", "rabbitmq")},
	{name: "securityprovider", field: func(c *Config) any { return &c.SecurityProvider }, lower: true, check: oneOf("psk")},
	{name: "factsource", field: func(c *Config) any { return &c.FactSource }, lower: true},
	{name: "fact_cache_time", field: func(c *Config) any { return &c.FactCacheTime }, whole: true, least: 1, most: year},
	{name: "facts_dir", field: func(c *Config) any { return (*paths)(&c.FactsDirs) }, check: checkPaths},
	{name: "classesfile", field: func(c *Config) any { return &c.ClassesFile }},
	{name: "libdir", field: func(c *Config) any { return (*stack)(&c.LibDirs) }, check: checkPaths},
	{name: "logger_type", field: func(c *Config) any { return &c.LoggerType }, lower: true, check: oneOf("file", "console", "syslog")},
	{name: "logfile", field: func(c *Config) any { return &c.LogFile }},
	{name: "keeplogs", field: func(c *Config) any { return &c.KeepLogs }, most: 1000},
	{name: "max_log_size", field: func(c *Config) any { return &c.MaxLogSize }, least: 1000, most: 1 << 40},
	{name: "loglevel", field: func(c *Config) any { return &c.LogLevel }, lower: true, check: oneOf("debug", "info", "warn", "error", "fatal")},
	{name: "logfacility", field: func(c *Config) any { return &c.LogFacility }, lower: true, check: oneOf(facilities...)},
	{name: "daemonize", field: func(c *Config) any { return &c.Daemonize }},
	{name: "direct_addressing", field: func(c *Config) any { return &c.DirectAddressing }},
	{name: "direct_addressing_threshold", field: func(c *Config) any { return &c.DirectAddressingThreshold }, most: 1_000_000},
	{name: "default_discovery_method", field: func(c *Config) any { return &c.DefaultDiscoveryMethod }},
	{name: "default_discovery_options", field: func(c *Config) any { return (*repeated)(&c.DefaultDiscoveryOptions) }},
	{name: "exact_discovery", field: func(c *Config) any { return &c.ExactDiscovery }},
	{name: "discovery_timeout", field: func(c *Config) any { return &c.DiscoveryTimeout }, whole: true, most: day},
	{name: "ttl", field: func(c *Config) any { return &c.TTL }, whole: true, least: 1, most: year},
	{name: "publish_timeout", field: func(c *Config) any { return &c.PublishTimeout }, whole: true, least: 1, most: hour},
	{name: "connection_timeout", field: func(c *Config) any { return &c.ConnectionTimeout }, whole: true, most: day},
	{name: "threaded", field: func(c *Config) any { return &c.Threaded }, ignored: "sending and receiving always overlap"},
	{name: "default_batch_size", field: func(c *Config) any { return &c.DefaultBatchSize }, most: 1_000_000},
	{name: "default_batch_sleep_time", field: func(c *Config) any { return &c.DefaultBatchSleepTime }, most: day},
	{name: "rpclimitmethod", field: func(c *Config) any { return &c.RPCLimitMethod }, check: oneOf("first", "random")},
	{name: "color", field: func(c *Config) any { return &c.Color }},
	{name: "registration", field: func(c *Config) any { return &c.Registration }, lower: true},
	{name: "registerinterval", field: func(c *Config) any { return &c.RegisterInterval }, whole: true, most: year},
	{name: "registration_collective", field: func(c *Config) any { return &c.RegistrationCollective }, check: checkCollective, ignored: noRegistration},
	{name: "registration_splay", field: func(c *Config) any { return &c.RegistrationSplay }, ignored: noRegistration},
	{name: "rpcaudit", field: func(c *Config) any { return &c.RPCAudit }},
	{name: "rpcauditprovider", field: func(c *Config) any { return &c.RPCAuditProvider }, lower: true},
	{name: "rpcauthorization", field: func(c *Config) any { return &c.RPCAuthorization }},
	{name: "rpcauthprovider", field: func(c *Config) any { return &c.RPCAuthProvider }, lower: true},
	{name: "agents_dir", field: func(c *Config) any { return (*paths)(&c.AgentsDirs) }, check: checkPaths},
	{name: "activate_agents", field: func(c *Config) any { return &c.ActivateAgents }},
	{name: "soft_shutdown", field: func(c *Config) any { return &c.SoftShutdown }},
	{name: "soft_shutdown_timeout", field: func(c *Config) any { return &c.SoftShutdownTimeout }, whole: true, most: day},
	{name: "ssl_cipher", field: func(c *Config) any { return &c.SSLCipher }, ignored: "only the security provider aes_security has a cipher, and it is not implemented"},
	{name: "filter_numeric", field: func(c *Config) any { return &c.FilterNumeric }},
	{name: "max_ttl", field: func(c *Config) any { return &c.MaxTTL }, whole: true, most: year},
	{name: "max_skew", field: func(c *Config) any { return &c.MaxSkew }, whole: true, most: year},
	{name: "workers", field: func(c *Config) any { return &c.Workers }, most: 10_000},
	{name: "queue_size", field: func(c *Config) any { return &c.QueueSize }, most: 1_000_000},
}

// The bounds of times, in seconds. They are far from what anybody means, and near
// enough for a value in milliseconds to stand out.
const (
	hour = 3600
	day  = 24 * hour
	year = 365 * day
)

const noRegistration = "no registration is sent"

// facilities are those of syslog.
var facilities = []string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

type (
	paths    []string // one list of paths, a later line replaces it
	stack    []string // lists of paths, the last one written is searched first
	repeated []string // one element a line
)

func findKey(name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

// set reads text into the key's field.
func (k *key) set(c *Config, text string) (err error) {
	if k.lower {
		text = strings.ToLower(text)
	}
	if k.check != nil {
		if err := k.check(text); err != nil {
			return err
		}
	}
	switch p := k.field(c).(type) {
	case *string:
		*p = text
	case *bool:
		*p, err = parseBool(text)
	case *int:
		*p, err = k.count(text)
	case *int64:
		var n int
		n, err = k.count(text)
		*p = int64(n)
	case *time.Duration:
		if k.whole {
			n, err := k.count(text)
			if err != nil {
				return fmt.Errorf("%w (whole seconds)", err)
			}
			text = strconv.Itoa(n)
		}
		if *p, err = parseSeconds(text); err == nil {
			err = within(p.Seconds(), k.least, k.most)
		}
	case *[]string:
		*p = splitList(text)
	case *paths:
		*p = filepath.SplitList(text)
	case *stack:
		for _, dir := range filepath.SplitList(text) {
			*p = slices.DeleteFunc(*p, func(d string) bool { return d == dir })
			*p = slices.Insert(*p, 0, dir)
		}
	case *repeated:
		*p = append(*p, text)
	}
	return err
}

// count reads a whole number within the bounds of the key.
func (k *key) count(text string) (int, error) {
	n, err := parseCount(text)
	if err == nil {
		err = within(float64(n), k.least, k.most)
	}
	return n, err
}

// within refuses what is out of bounds.
func within(n float64, least, most int) error {
	if n < float64(least) || n > float64(most) {
		return fmt.Errorf("must be from %d to %d", least, most)
	}
	return nil
}

// show is the field's value as a file would say it.
func (k *key) show(c *Config) string {
	switch p := k.field(c).(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *int64:
		return strconv.FormatInt(*p, 10)
	case *time.Duration:
		return strconv.FormatFloat(p.Seconds(), 'f', -1, 64)
	case *[]string:
		return strings.Join(*p, ",")
	case *paths:
		return strings.Join(*p, string(filepath.ListSeparator))
	case *stack:
		dirs := slices.Clone(*p)
		slices.Reverse(dirs)
		return strings.Join(dirs, string(filepath.ListSeparator))
	case *repeated:
		return strings.Join(*p, " ")
	}
	return ""
}

// parseCount reads a whole number, zero or more: no key counts below zero.
func parseCount(s string) (int, error) {
	n, err := parseInt(s)
	if err == nil && n < 0 {
		return 0, errors.New("cannot be negative")
	}
	return n, err
}

// splitList splits at commas. As in Ruby, empty elements at the end do not count.
func splitList(s string) []string {
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.Trim(list[i], space)
	}
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

func checkIdentity(s string) error {
	if !allBytes(s, isName) {
		return errors.New("an identity has only letters, digits and the signs . _ -")
	}
	return nil
}

func checkCollective(s string) error {
	if !allBytes(s, isName) {
		return fmt.Errorf("the name of a collective has only letters, digits and the signs . _ -, not %q", s)
	}
	return nil
}

func checkCollectives(s string) error {
	list := splitList(s)
	if len(list) == 0 {
		return errors.New("names no collective")
	}
	for _, name := range list {
		if err := checkCollective(name); err != nil {
			return err
		}
	}
	return nil
}

func checkPaths(s string) error {
	for _, dir := range filepath.SplitList(s) {
		if !filepath.IsAbs(dir) {
			return relative(dir)
		}
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		return fmt.Errorf("must be one of %s%s", strings.Join(words, ", "), suggest.Hint(s, words))
	}
}

// suggestion is "; did you mean ...?" with the top-level key nearest to name.
func suggestion(name string) string {
	names := make([]string, 0, len(keys))
	for i := range keys {
		names = append(names, keys[i].name)
	}
	return suggest.Hint(name, names)
}

func relative(dir string) error {
	return fmt.Errorf("the path %q is relative; write an absolute one", dir)
}
