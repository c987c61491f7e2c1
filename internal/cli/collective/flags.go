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
// in the groups of help. Which of them a command has no use for it says
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
	cli.Text(set, cli.GroupAlways, &f.Config, "config", "c", "FILE", "Read this configuration file")
	set.BoolVarP(&f.Verbose, "verbose", "v", false, "Print more details")
	set.BoolP("help", "h", false, "Show this help")
	cli.Group(set, cli.GroupAlways, "verbose", "help")
	f.addCommon(set)
	f.Hosts.Add(set)
}

func (f *Flags) addCommon(set *pflag.FlagSet) {
	const g = cli.GroupCommon
	cli.Text(set, g, &f.target, "target", "T", "COLLECTIVE", "Ask this collective")
	cli.ValueFlag(set, g, &f.DiscoveryTimeout, "discovery-timeout", "", "SECONDS", "How long to search for nodes (2)")
	cli.ValueFlag(set, g, &f.Timeout, "timeout", "t", "SECONDS", "How long to wait for replies")
	set.BoolFuncP("quiet", "q", "Print no details, the default", func(string) error { f.Verbose = false; return nil })
	cli.ValueFlag(set, g, &f.ttl, "ttl", "", "TTL", "How long the request is valid, in seconds")
	cli.Text(set, g, &f.ReplyTo, "reply-to", "", "TARGET", "Have replies sent to this address, not here")
	cli.Text(set, g, &f.Method, "disc-method", "", "METHOD", "mc, flatfile, stdin or external")
	set.StringArrayVar(&f.methodOptions, "disc-option", nil, "Option of the discovery method")
	cli.Takes(set, "disc-option", "OPTION")
	cli.Text(set, g, &f.nodes, "nodes", "", "FILE", "Call the nodes listed in this file")
	cli.ValueFlag(set, g, &f.publishTimeout, "publish_timeout", "", "TIMEOUT", "How long publishing may take (2)")
	set.BoolVar(&f.threaded, "threaded", false, "Accepted for old scripts, without effect")
	set.BoolVar(&f.Sort, "sort", false, "Sort by node, and print at the end")
	set.BoolVar(&f.raw, "raw", false, cli.RawUsage)
	cli.ValueFlag(set, g, &f.connectionTimeout, "connection-timeout", "", "TIMEOUT", "How long to try to reach a broker (3)")
	cli.Group(set, g, "quiet", "disc-option", "threaded")
	cli.Group(set, cli.GroupCall, "sort", "raw", "reply-to")
}

func (r *ResultFlags) add(set *pflag.FlagSet) {
	const g = cli.GroupCall
	set.BoolVar(&r.NoProgress, "no-progress", false, "Show no progress bar")
	set.BoolVarP(&r.one, "one", "1", false, "Call only one of the nodes found")
	cli.Text(set, g, &r.Batch, "batch", "", "SIZE", "Call so many nodes at a time, or a share")
	cli.ValueFlag(set, g, &r.batchSleep, "batch-sleep", "", "SECONDS", "Pause before the next node of a batch")
	cli.Text(set, g, &r.limitSeed, "limit-seed", "", "NUMBER", "Makes the choice of --limit repeatable")
	cli.Text(set, g, &r.limit, "limit-nodes", "", "COUNT", "Call only so many nodes, or a share (10%)")
	set.BoolVarP(&r.JSON, "json", "j", false, "Print results as JSON")
	cli.Text(set, g, &r.display, "display", "", "MODE", "Which results to show: ok, failed or all")
	cli.Group(set, g, "no-progress", "one", "json")
}

// Check refuses what contradicts itself.
func (f *Flags) Check(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
		takes := "no arguments"
		if cmd.Flags().NArg() > len(args) { // those before are the command's
			takes = "one argument"
		}
		return usage.Hinted(fmt.Errorf("%s takes %s, but was given %q", cmd.Name(), takes, args[0]),
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
