// Package config reads the server.cfg and client.cfg of MCollective.
//
// A file is a list of "key = value" lines, read exactly as Ruby MCollective
// reads them, so that the files people have keep working unchanged. [Load]
// returns a [Config]: one typed field for each top-level key with its default
// filled in, and the free "plugin.*" keys behind getters that name file and
// line when a value is bad. Files named plugin.d/NAME.cfg beside the main file
// override it with plugin.NAME.* keys.
//
// A typing error must not go unnoticed on a thousand nodes: an unknown
// top-level key, a bad number and a bad boolean are errors that name the file,
// the line and, for keys, the nearest one that exists. Things that are legal
// but probably not meant are collected in [Config.Warnings].
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mcollective/internal/plainfile"
	"mcollective/internal/trust"
)

// maxFile bounds a configuration file. Real ones have a few kilobytes.
const maxFile = 1 << 20

// A Role says which side reads the file; some defaults differ.
type Role int

const (
	// Client is the mco command.
	Client Role = iota
	// Server is the node daemon.
	Server
)

// An Origin is where a value was written. The zero Origin is a default.
type Origin struct {
	File string // path as it was opened
	Line int    // counted from 1
}

// String is "FILE:LINE", or "default" for a value that no file gives.
func (o Origin) String() string {
	if o.File == "" {
		return "default"
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// A Config is the configuration of one client or node. Load fills every field;
// it is not changed afterwards and may be read by many goroutines.
type Config struct {
	// File is the main file, empty when there is none. Role is what it was read as.
	File string
	Role Role

	// Identity is the node's name in the collective: letters, digits, "_", "-" and "."
	// only. Default: the host name.
	Identity string
	// Collectives are the collectives that a node joins or a client may speak
	// to. Default: mcollective.
	Collectives []string
	// MainCollective is the one that requests and registration go to. Default:
	// mcollective if it is in Collectives, else the first of them.
	MainCollective string

	// Connector names how bytes travel: nats, activemq or rabbitmq. Default:
	// activemq or rabbitmq if the file has keys of that plugin, else nats.
	Connector string
	// SecurityProvider names how bytes are trusted. Default: psk.
	SecurityProvider string

	// FactSource is builtin, yaml or facter. Default: yaml if plugin.yaml is
	// given, as in Ruby, else builtin.
	FactSource string
	// FactCacheTime is how long facts may be old. Default: 300 s.
	FactCacheTime time.Duration
	// FactsDirs are the directories with external facts. Default for the builtin
	// source: facts.d beside the main file, then Facter's own; for the other
	// sources none.
	FactsDirs []string
	// ClassesFile lists the configuration management classes of a node, one a
	// line. Default: /var/lib/puppet/state/classes.txt.
	ClassesFile string

	// LibDirs are the directories with plugins, in the order to search them, which
	// is the reverse of the order in the file. All are absolute. Default: none.
	LibDirs []string

	// LoggerType is file, console or syslog. Default: file if LogFile is given,
	// else console.
	LoggerType string
	// LogFile is the path for LoggerType file.
	LogFile string
	// KeepLogs is the number of files that rotation leaves, the current one
	// included. 0 never rotates. Default: 5.
	KeepLogs int
	// MaxLogSize is the size in bytes that makes a log rotate. Default: 2097152.
	MaxLogSize int64
	// LogLevel is debug, info, warn, error or fatal. Default: info on a node,
	// warn for a client.
	LogLevel string
	// LogFacility is the syslog facility. Default: user.
	LogFacility string

	// Daemonize makes a node leave the terminal. Default: false.
	Daemonize bool

	// DirectAddressing lets requests go to named nodes. Default: true.
	DirectAddressing bool
	// DirectAddressingThreshold is the number of nodes up to which a client
	// addresses directly what it could also broadcast. Default: 10.
	DirectAddressingThreshold int
	// DefaultDiscoveryMethod is how a client finds nodes. Default: mc.
	DefaultDiscoveryMethod string
	// DefaultDiscoveryOptions are the options of that method.
	DefaultDiscoveryOptions []string
	// DiscoveryTimeout is how long discovery waits. 0, the default, leaves it
	// to the method.
	DiscoveryTimeout time.Duration
	// ExactDiscovery has discovery end as soon as each node has said yes or no,
	// where that can be known. Default: true.
	ExactDiscovery bool

	// TTL is how long a request stays valid. Default: 60 s.
	TTL time.Duration
	// PublishTimeout bounds the sending of one request. Default: 2 s.
	PublishTimeout time.Duration
	// ConnectionTimeout bounds a client's connecting to a broker. 0, the
	// default, leaves it to the client.
	ConnectionTimeout time.Duration
	// Threaded is accepted for old files; sending and receiving always overlap.
	Threaded bool
	// DefaultBatchSize is the number of nodes a client addresses at a time. 0,
	// the default, addresses all at once.
	DefaultBatchSize int
	// DefaultBatchSleepTime is the pause between batches. Default: 1 s.
	DefaultBatchSleepTime time.Duration
	// RPCLimitMethod is how --limit picks nodes: first or random. Default: first.
	RPCLimitMethod string
	// Color allows colours on a terminal. Default: true.
	Color bool

	// Registration names the plugin that makes registration messages. Default:
	// agentlist.
	Registration string
	// RegisterInterval is the time between registrations. 0, the default, sends
	// none.
	RegisterInterval time.Duration
	// RegistrationCollective is where they go. Default: MainCollective.
	RegistrationCollective string
	// RegistrationSplay delays the first one by a random part of the interval.
	// Default: false.
	RegistrationSplay bool

	// RPCAudit turns the audit plugin on. Default: false.
	RPCAudit bool
	// RPCAuditProvider names the audit plugin.
	RPCAuditProvider string
	// RPCAuthorization turns the authorization plugin on. Default: false.
	RPCAuthorization bool
	// RPCAuthProvider names the authorization plugin.
	RPCAuthProvider string

	// AgentsDirs are the directories with agents in any language. Default: agents
	// beside the main file.
	AgentsDirs []string
	// ActivateAgents is the default of plugin.AGENT.activate_agent. Default: true.
	ActivateAgents bool
	// SoftShutdown makes a node wait for running agents when it stops. Default: false.
	SoftShutdown bool
	// SoftShutdownTimeout bounds that wait. 0, the default, is no bound of its own.
	SoftShutdownTimeout time.Duration
	// SSLCipher is the cipher of the aes security provider. Default: aes-256-cbc.
	SSLCipher string

	// FilterNumeric compares fact and value as numbers when both are, where Ruby
	// would compare text (10 > 9.5). Default: false, as in Ruby.
	FilterNumeric bool
	// MaxTTL is the longest that a node takes a request to be good for, whatever
	// TTL it came with. 0 is no limit. Default: 600 s.
	MaxTTL time.Duration
	// MaxSkew is how far in the future a request's time may lie. 0 is no limit.
	// Default: 3600 s; Ruby has no limit, and PSK does not prove the time anyway.
	MaxSkew time.Duration
	// Workers is the number of requests that a node runs at the same time. 0,
	// the default, leaves it to the node.
	Workers int
	// QueueSize is the number of requests that may wait for a worker; more are
	// refused as busy. Default: 10000.
	QueueSize int

	// Warnings are sentences, each with its file and line, about things that
	// are legal but probably not meant. They never contain a secret.
	Warnings []string
	// Ignored are sentences about keys of Ruby MCollective that are there and have
	// no effect, which is no loss.
	Ignored []string

	origins map[string]Origin  // of top-level keys that were set
	plugin  map[string]written // key without the leading "plugin."
}

// A written is a plugin key's text in a file.
type written struct {
	text   string
	origin Origin
}

// Load reads the configuration file at path and the plugin.d directory beside it.
// An empty path gives the defaults alone, which is a working client
// configuration. All mistakes in the files are reported, joined into one error.
func Load(path string, role Role) (*Config, error) {
	c := defaults(role)
	c.File = path
	var mistakes []error
	if path != "" {
		lines, err := readLines(path)
		if err != nil {
			return nil, err
		}
		mistakes = c.read(path, lines)
	}
	c.applyDefaults()
	if err := errors.Join(append(mistakes, c.check()...)...); err != nil {
		return nil, err
	}
	c.addWarnings()
	c.noteIgnored()
	return c, nil
}

func defaults(role Role) *Config {
	c := &Config{Role: role, origins: map[string]Origin{}, plugin: map[string]written{}}
	for _, r := range keys {
		r.setDefault(c)
	}
	return c
}

// read takes in the lines of the main file, then plugin.d, whose keys win.
func (c *Config) read(path string, lines []line) (errs []error) {
	for _, l := range lines {
		if err := c.setLine(l); err != nil {
			errs = append(errs, err)
		}
	}
	dir := filepath.Join(filepath.Dir(path), "plugin.d")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, fmt.Errorf("cannot read the settings of plugins: %w", err))
	}
	for _, e := range entries {
		errs = append(errs, c.readPlugin(filepath.Join(dir, e.Name()))...)
	}
	return errs
}

func (c *Config) setLine(l line) error {
	if l.err != nil {
		return fmt.Errorf("%s: %w", l.origin, l.err)
	}
	if name, ok := strings.CutPrefix(l.key, "plugin."); ok && name != "" {
		c.plugin[name] = written{l.val, l.origin}
		return nil
	}
	r := findRow(l.key)
	if r == nil || r.field == nil && !r.obsolete {
		return fmt.Errorf("%s: unknown key %q%s", l.origin, l.key, suggestion(l.key))
	}
	if r.obsolete {
		c.warn("%s: %q has had no effect since MCollective 2.3; remove the line", l.origin, l.key)
		return nil
	}
	if err := r.set(c, l.val); err != nil {
		return fmt.Errorf("%s: %s = %s: %w", l.origin, r.name, l.val, err)
	}
	c.origins[r.name] = l.origin
	return nil
}

// readPlugin takes in one file of plugin.d. As in Ruby only names made of
// letters, digits and underscores count.
func (c *Config) readPlugin(path string) (errs []error) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".cfg")
	if !ok {
		return nil
	}
	if !allBytes(name, isWord) {
		c.warn("%s: ignored, because the name of a plugin has only letters, digits and _", path)
		return nil
	}
	lines, err := readLines(path)
	if err != nil {
		return []error{fmt.Errorf("cannot read the settings of plugin %s: %w", name, err)}
	}
	for _, l := range lines {
		if l.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.origin, l.err))
			continue
		}
		c.plugin[name+"."+l.key] = written{l.val, l.origin}
	}
	return errs
}

func readLines(path string) ([]line, error) {
	if path == os.DevNull {
		return nil, nil // asked for: the defaults
	}
	data, err := plainfile.Text(path, maxFile)
	if errors.Is(err, plainfile.ErrNotRegular) && (path == "/dev/stdin" || filepath.Dir(path) == "/dev/fd") {
		data, err = readHanded(path)
	}
	if err != nil {
		return nil, err
	}
	// Anyone who can write to it decides what a node runs, and whom it believes.
	if err := trust.Check(path); err != nil {
		return nil, err
	}
	return parse(path, data), nil
}

// readHanded reads the pipe that a shell makes of <(COMMAND), within maxFile: a secret need not be on a disk.
func readHanded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes; this is no configuration file", path, maxFile)
	}
	return plainfile.DecodeText(data)
}

func (c *Config) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}
