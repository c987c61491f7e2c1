package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/client"
	"mcollective/internal/operation"
	"mcollective/internal/usage"
)

// clientFlags are the options that every command has that talks to a collective,
// in the groups of Ruby's help. Which of them a command has no use for it says
// with refuse.
type clientFlags struct {
	// Always there.
	config  string
	verbose bool

	// Common options.
	target            string
	discoveryTimeout  seconds
	timeout           seconds
	ttl               seconds
	replyTo           string
	method            string
	methodOptions     []string
	nodes             string
	publishTimeout    seconds
	threaded          bool // accepted: publishing and receiving always overlap
	sort              bool
	raw               bool
	connectionTimeout seconds

	hosts hostFilters
	rpc   rpcFlags

	cmd *cobra.Command // set by check
}

// rpcFlags are the options about results.
type rpcFlags struct {
	noProgress bool
	one        bool
	batch      string
	batchSleep seconds
	limitSeed  string
	limit      string
	json       bool
	display    string
}

// add defines the flags. Those of the command itself come before, so that they
// stand first in the help text.
func (f *clientFlags) add(set *pflag.FlagSet) {
	f.rpc.add(set)
	text(set, groupAlways, &f.config, "config", "c", "FILE", "Load configuration from file rather than default")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "Be verbose")
	set.BoolP("help", "h", false, "Display this screen")
	group(set, groupAlways, "verbose", "help")
	f.addCommon(set)
	f.hosts.add(set)
}

func (f *clientFlags) addCommon(set *pflag.FlagSet) {
	const g = groupCommon
	text(set, g, &f.target, "target", "T", "COLLECTIVE", "Target messages to a specific sub collective")
	valueFlag(set, g, &f.discoveryTimeout, "discovery-timeout", "", "SECONDS", "Timeout for doing discovery")
	valueFlag(set, g, &f.timeout, "timeout", "t", "SECONDS", "Timeout for calling remote agents")
	set.BoolFuncP("quiet", "q", "Do not be verbose", func(string) error { f.verbose = false; return nil })
	valueFlag(set, g, &f.ttl, "ttl", "", "TTL", "Set the message validity period")
	text(set, g, &f.replyTo, "reply-to", "", "TARGET", "Set a custom target for replies")
	text(set, g, &f.method, "disc-method", "", "METHOD", "Which discovery method to use")
	set.StringArrayVar(&f.methodOptions, "disc-option", nil, "Options to pass to the discovery method")
	takes(set, "disc-option", "OPTION")
	text(set, g, &f.nodes, "nodes", "", "FILE", "List of nodes to address")
	valueFlag(set, g, &f.publishTimeout, "publish_timeout", "", "TIMEOUT", "Timeout for publishing requests to remote agents.")
	set.BoolVar(&f.threaded, "threaded", false, "Start publishing requests and receiving responses in threaded mode.")
	set.BoolVar(&f.sort, "sort", false, "Sort the output of an RPC call before processing.")
	set.BoolVar(&f.raw, "raw", false, rawUsage)
	valueFlag(set, g, &f.connectionTimeout, "connection-timeout", "", "TIMEOUT", "Set the timeout for establishing a connection to the middleware")
	group(set, g, "quiet", "disc-option", "threaded", "sort", "raw")
}

func (r *rpcFlags) add(set *pflag.FlagSet) {
	const g = groupRPC
	set.BoolVar(&r.noProgress, "no-progress", false, "Do not show the progress bar")
	set.BoolVarP(&r.one, "one", "1", false, "Send request to only one discovered nodes")
	text(set, g, &r.batch, "batch", "", "SIZE", "Do requests in batches")
	valueFlag(set, g, &r.batchSleep, "batch-sleep", "", "SECONDS", "Sleep time between batches")
	text(set, g, &r.limitSeed, "limit-seed", "", "NUMBER", "Seed value for deterministic random batching")
	text(set, g, &r.limit, "limit-nodes", "", "COUNT", "Send request to only a subset of nodes, can be a percentage")
	set.BoolVarP(&r.json, "json", "j", false, "Produce JSON output")
	text(set, g, &r.display, "display", "", "MODE", "Influence how results are displayed. One of ok, all or failed")
	group(set, g, "no-progress", "one", "json")
}

// check refuses what contradicts itself.
func (f *clientFlags) check(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
		return usage.Hinted(fmt.Errorf("%s takes no arguments, but was given %q", cmd.Name(), args[0]),
			"A filter of several words needs its option before each, or quotes around all")
	case f.nodes != "" && (f.method != "" || len(f.methodOptions) > 0):
		return usage.Errorf("Cannot mix --disc-method, --disc-option and --nodes")
	case f.rpc.one && f.rpc.limit != "":
		return usage.Errorf("Cannot mix --one and --limit")
	case f.ttl.set && f.ttl.Duration == 0:
		return usage.Errorf("invalid argument: --ttl 0: a message that is never valid reaches nobody")
	case f.publishTimeout.set && f.publishTimeout.Duration == 0:
		return usage.Errorf("invalid argument: --publish_timeout 0: no broker accepts a request in no time")
	case f.connectionTimeout.set && f.connectionTimeout.Duration == 0:
		return usage.Errorf("invalid argument: --connection-timeout 0: no broker is reached in no time")
	case f.timeout.set && f.timeout.Duration == 0:
		// The request would run everywhere, and everybody count as silent.
		return usage.Errorf("invalid argument: --timeout 0: no node answers in no time; --no-results sends a request without waiting")
	case f.discoveryTimeout.set && f.discoveryTimeout.Duration == 0:
		return usage.Errorf("invalid argument: --discovery-timeout 0: no node is found in no time")
	}
	f.cmd = cmd
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
func (r *rpcFlags) parseLimit() (client.Limit, error) {
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
func (r *rpcFlags) parseBatch() (*operation.Batch, error) {
	if r.batch == "" {
		return nil, nil // not given
	}
	n, percent, err := amount(r.batch)
	if err != nil {
		return nil, usage.Hinted(usage.Errorf("invalid argument: --batch %s", r.batch), "It is a number of nodes or a percentage, like 10 and 10%; 0 is no batches")
	}
	return &operation.Batch{Size: n, Percent: percent}, nil
}
