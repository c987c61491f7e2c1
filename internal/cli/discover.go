package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/config"
	"mcollective/internal/render"
	"mcollective/internal/usage"
)

// What the methods of discovery take when nothing says otherwise, and what each
// data function in a compound filter may take on top.
const (
	broadcastTime = discovery.BroadcastTimeout
	functionTime  = time.Second
)

// The names of the discovery methods.
const (
	methodBroadcast = discovery.MethodBroadcast
	methodFlatfile  = discovery.MethodFlatfile
	methodStdin     = discovery.MethodStdin
	methodExternal  = discovery.MethodExternal
)

// A choice is the discovery method that the flags, the configuration and the
// filter lead to.
type choice struct {
	name    string
	local   discovery.Method // nil for the broadcast
	timeout time.Duration
}

// chooseMethod decides how nodes are found. With piped set, names on standard
// input are taken when no method was asked for.
func (f *clientFlags) chooseMethod(env *Env, cfg *config.Config, hosts filter.Filter, piped bool) (choice, error) {
	name, options := cfg.DefaultDiscoveryMethod, cfg.DefaultDiscoveryOptions
	// As in Ruby: what only the nodes can judge, they are asked.
	if len(hosts.Compound) > 0 {
		name, options = methodBroadcast, nil
	}
	piped = piped && env.InList
	switch {
	case f.nodes != "":
		name, options = methodFlatfile, []string{f.nodes}
	case f.method != "":
		name, options = f.method, f.methodOptions
	case len(f.methodOptions) > 0:
		options = f.methodOptions
	case piped:
		name, options = methodStdin, nil
	}
	asked := f.method != "" || !piped // for the method, by the user or the configuration
	option := ""
	if len(options) > 0 {
		option = options[0]
	}
	if err := f.checkOptions(name); err != nil {
		return choice{}, err
	}
	switch strings.ToLower(name) {
	case methodBroadcast:
		t := f.discoveryTimeout.or(cfg.DiscoveryTimeout, broadcastTime)
		return choice{name: methodBroadcast, timeout: t + time.Duration(functions(hosts))*functionTime}, nil
	case methodFlatfile:
		return f.direct(cfg, choice{name: methodFlatfile, local: &fixedList{Method: discovery.Flatfile{Path: option}}})
	case methodStdin:
		return f.direct(cfg, choice{name: methodStdin, local: &fixedList{Method: pipedNames{env, option, asked}}})
	case methodExternal:
		m, err := f.external(cfg, hosts, options)
		if err != nil {
			return choice{}, err
		}
		return f.direct(cfg, choice{name: methodExternal, local: m})
	}
	return choice{}, usage.Hinted(usage.Errorf("Unknown discovery method %s", name), "There are mc, flatfile, stdin and external")
}

// checkOptions refuses options that a method has no use for: --do FILE without
// --dm flatfile would ask everybody, and of two files only one would be read.
func (f *clientFlags) checkOptions(method string) error {
	n := len(f.methodOptions)
	switch strings.ToLower(method) {
	case methodBroadcast:
		if n > 0 {
			return usage.Hinted(usage.Errorf("--disc-option %s: the mc discovery method has no options", f.methodOptions[0]), "Names in a file are read with --nodes FILE")
		}
	case methodFlatfile, methodStdin:
		if n > 1 {
			return usage.Errorf("--disc-option %s: the %s discovery method has one option, and was given %s too", f.methodOptions[1], method, f.methodOptions[0])
		}
	}
	return nil
}

// An inquiry is a method that gets the whole filter of the command line, whatever
// part of it those have use for who ask.
type inquiry struct {
	discovery.Method
	query discovery.Query
}

// Discover asks the method.
func (i inquiry) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	i.query.Limit = q.Limit
	return i.Method.Discover(ctx, i.query)
}

// external makes the method of a command. The first option is the command, that of
// Choria's configuration when there is none; the others are settings for it.
func (f *clientFlags) external(cfg *config.Config, hosts filter.Filter, options []string) (discovery.Method, error) {
	m := discovery.External{Options: make(map[string]string)}
	for i, option := range options {
		key, value, ok := strings.Cut(option, "=")
		switch {
		case i == 0 && key == "command" && ok:
			m.Command = value
		case i == 0:
			m.Command = option
		case !ok || key == "":
			return nil, usage.Errorf("--disc-option %s: what follows the command is of the form name=value", option)
		default:
			m.Options[key] = value
		}
	}
	if m.Command == "" {
		m.Command, _ = cfg.Plugin("choria.discovery.external.command")
	}
	q := discovery.Query{Collective: cfg.MainCollective, Filter: hosts, Timeout: f.discoveryTimeout.or(cfg.DiscoveryTimeout)}
	if f.target != "" {
		q.Collective = f.target
	}
	return inquiry{m, q}, nil
}

// direct checks that nodes may be addressed by name, which the methods other than
// the broadcast are for.
func (f *clientFlags) direct(cfg *config.Config, c choice) (choice, error) {
	if !cfg.DirectAddressing {
		return choice{}, usage.Errorf("the %s discovery method needs direct addressing, which the configuration turns off (direct_addressing)", c.name)
	}
	return c, nil
}

// maxSilent is how many silent nodes are named.
const maxSilent = 10

// printSilent names the nodes that listen and said nothing, not even that they do
// not match. With a filter they may also be too old to say that.
func printSilent(w io.Writer, names []string, filtered bool) {
	if len(names) == 0 {
		return
	}
	what := "nodes listen and did not answer"
	if filtered {
		what = "nodes listen and did not say whether they match"
	}
	if len(names) == 1 {
		what = strings.NewReplacer("nodes listen", "node listens", "they match", "it matches").Replace(what)
	}
	fmt.Fprintf(w, "%d %s: %s\n", len(names), what, firstNames(names, maxSilent))
}

// firstNames are so many of some names, and how many more there are.
func firstNames(names []string, most int) string {
	list := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		list = append(list, render.CleanLine(name))
	}
	more := ""
	if n := len(names) - most; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ") + more
}
