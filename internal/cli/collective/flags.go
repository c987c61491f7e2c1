// Package collective is what commands that talk to a collective have in common: their flags, the dialog with the user, and the exit code.
package collective

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/internal/cli"
	"mcollective/internal/operation"
	"mcollective/internal/usage"
)

// Flags are the options that every command has that talks to a collective,
// in the groups of Ruby's help. Which of them a command has no use for it says
// with refuse.
type Flags struct {
	// Always there.
	Config  string
	Verbose bool

	// Common options.
	target            string
	DiscoveryTimeout  cli.Seconds
	Timeout           cli.Seconds
	ttl               cli.Seconds
	ReplyTo           string
	Method            string
	methodOptions     []string
	nodes             string
	publishTimeout    cli.Seconds
	threaded          bool // accepted: publishing and receiving always overlap
	Sort              bool
	raw               bool
	connectionTimeout cli.Seconds

	Hosts   Hosts
	Results ResultFlags

	Cmd *cobra.Command // set by check
}

// ResultFlags are the options about results.
type ResultFlags struct {
	NoProgress bool
	one        bool
	Batch      string
	batchSleep cli.Seconds
	limitSeed  string
	limit      string
	JSON       bool
	display    string
}

// Add defines the flags. Those of the command itself come before, so that they
// stand first in the help text.
func (f *Flags) Add(set *pflag.FlagSet) {
	f.Results.add(set)
	cli.Text(set, cli.GroupAlways, &f.Config, "config", "c", "FILE", "Load configuration from file rather than default")
	set.BoolVarP(&f.Verbose, "verbose", "v", false, "Be verbose")
	set.BoolP("help", "h", false, "Display this screen")
	cli.Group(set, cli.GroupAlways, "verbose", "help")
	f.addCommon(set)
	f.Hosts.Add(set)
}

func (f *Flags) addCommon(set *pflag.FlagSet) {
	const g = cli.GroupCommon
	cli.Text(set, g, &f.target, "target", "T", "COLLECTIVE", "Target messages to a specific sub collective")
	cli.ValueFlag(set, g, &f.DiscoveryTimeout, "discovery-timeout", "", "SECONDS", "Timeout for doing discovery")
	cli.ValueFlag(set, g, &f.Timeout, "timeout", "t", "SECONDS", "Timeout for calling remote agents")
	set.BoolFuncP("quiet", "q", "Do not be verbose", func(string) error { f.Verbose = false; return nil })
	cli.ValueFlag(set, g, &f.ttl, "ttl", "", "TTL", "Set the message validity period")
	cli.Text(set, g, &f.ReplyTo, "reply-to", "", "TARGET", "Set a custom target for replies")
	cli.Text(set, g, &f.Method, "disc-method", "", "METHOD", "Which discovery method to use")
	set.StringArrayVar(&f.methodOptions, "disc-option", nil, "Options to pass to the discovery method")
	cli.Takes(set, "disc-option", "OPTION")
	cli.Text(set, g, &f.nodes, "nodes", "", "FILE", "List of nodes to address")
	cli.ValueFlag(set, g, &f.publishTimeout, "publish_timeout", "", "TIMEOUT", "Timeout for publishing requests to remote agents.")
	set.BoolVar(&f.threaded, "threaded", false, "Start publishing requests and receiving responses in threaded mode.")
	set.BoolVar(&f.Sort, "sort", false, "Sort the output of an RPC call before processing.")
	set.BoolVar(&f.raw, "raw", false, cli.RawUsage)
	cli.ValueFlag(set, g, &f.connectionTimeout, "connection-timeout", "", "TIMEOUT", "Set the timeout for establishing a connection to the middleware")
	cli.Group(set, g, "quiet", "disc-option", "threaded", "sort", "raw")
}

func (r *ResultFlags) add(set *pflag.FlagSet) {
	const g = cli.GroupRPC
	set.BoolVar(&r.NoProgress, "no-progress", false, "Do not show the progress bar")
	set.BoolVarP(&r.one, "one", "1", false, "Send request to only one discovered nodes")
	cli.Text(set, g, &r.Batch, "batch", "", "SIZE", "Do requests in batches")
	cli.ValueFlag(set, g, &r.batchSleep, "batch-sleep", "", "SECONDS", "Sleep time between batches")
	cli.Text(set, g, &r.limitSeed, "limit-seed", "", "NUMBER", "Seed value for deterministic random batching")
	cli.Text(set, g, &r.limit, "limit-nodes", "", "COUNT", "Send request to only a subset of nodes, can be a percentage")
	set.BoolVarP(&r.JSON, "json", "j", false, "Produce JSON output")
	cli.Text(set, g, &r.display, "display", "", "MODE", "Influence how results are displayed. One of ok, all or failed")
	cli.Group(set, g, "no-progress", "one", "json")
}

// Check refuses what contradicts itself.
func (f *Flags) Check(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
		return usage.Hinted(fmt.Errorf("%s takes no arguments, but was given %q", cmd.Name(), args[0]),
			"A filter of several words needs its option before each, or quotes around all")
	case f.nodes != "" && (f.Method != "" || len(f.methodOptions) > 0):
		return usage.Errorf("Cannot mix --disc-method, --disc-option and --nodes")
	case f.Results.one && f.Results.limit != "":
		return usage.Errorf("Cannot mix --one and --limit")
	case f.ttl.IsSet && f.ttl.Duration == 0:
		return usage.Errorf("invalid argument: --ttl 0: a message that is never valid reaches nobody")
	case f.publishTimeout.IsSet && f.publishTimeout.Duration == 0:
		return usage.Errorf("invalid argument: --publish_timeout 0: no broker accepts a request in no time")
	case f.connectionTimeout.IsSet && f.connectionTimeout.Duration == 0:
		return usage.Errorf("invalid argument: --connection-timeout 0: no broker is reached in no time")
	case f.Timeout.IsSet && f.Timeout.Duration == 0:
		// The request would run everywhere, and everybody count as silent.
		return usage.Errorf("invalid argument: --timeout 0: no node answers in no time; --no-results sends a request without waiting")
	case f.DiscoveryTimeout.IsSet && f.DiscoveryTimeout.Duration == 0:
		return usage.Errorf("invalid argument: --discovery-timeout 0: no node is found in no time")
	}
	f.Cmd = cmd
	if f.nodes != "" {
		file, err := os.Open(f.nodes)
		if err != nil {
			return usage.Errorf("Cannot read the discovery file %s: %w", f.nodes, err)
		}
		file.Close()
	}
	return nil
}

// amount reads a number of nodes, or with % a share of them.
func amount(text string) (n int, percent bool, err error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err = strconv.Atoi(digits)
	if err == nil && (n < 0 || percent && (n == 0 || n > 100)) {
		err = strconv.ErrRange
	}
	return n, percent, err
}

// parseLimit reads --one and --limit.
func (r *ResultFlags) parseLimit() (client.Limit, error) {
	if r.one {
		return client.Limit{Count: 1}, nil
	}
	if r.limit == "" {
		return client.Limit{}, nil
	}
	n, percent, err := amount(r.limit)
	if err != nil || n == 0 {
		return client.Limit{}, usage.Errorf("Invalid limit specified: %s; valid limits are a number of nodes and a percentage, like 10 and 10%%", r.limit)
	}
	if percent {
		return client.Limit{Percent: float64(n)}, nil
	}
	return client.Limit{Count: n}, nil
}

// parseBatch reads --batch: a number of nodes, or a share of them. nil is what the
// configuration says.
func (r *ResultFlags) parseBatch() (*operation.Batch, error) {
	if r.Batch == "" {
		return nil, nil // not given
	}
	n, percent, err := amount(r.Batch)
	if err != nil {
		return nil, usage.Hinted(usage.Errorf("invalid argument: --batch %s", r.Batch), "It is a number of nodes or a percentage, like 10 and 10%; 0 is no batches")
	}
	return &operation.Batch{Size: n, Percent: percent}, nil
}
