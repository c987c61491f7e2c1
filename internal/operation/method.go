package operation

import (
	"context"
	"strings"
	"time"

	"mcollective/discovery"
	"mcollective/filter"
	"mcollective/internal/usage"
)

// Discovery is how nodes are to be found. The zero value leaves it to the
// configuration, the filter and standard input.
type Discovery struct {
	Method  string
	Options []string      // of the method
	File    string        // a list of nodes, in the place of a method
	Timeout time.Duration // how long the collective is asked

	// Stdin reports whether names on standard input count when no method was asked for.
	Stdin bool
}

// A Method is the discovery method that the options, the configuration and the
// filter lead to.
type Method struct {
	Name    string
	Timeout time.Duration // how long the collective is asked; 0 for methods that ask nobody

	local discovery.Method // nil for the broadcast
}

// Broadcast reports whether the method asks the collective.
func (m Method) Broadcast() bool { return m.local == nil }

// Discover finds nodes by a method that does not ask the collective.
func (m Method) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	return m.local.Discover(ctx, q)
}

// Method decides once how nodes are found.
func (o *Operation) Method() (Method, error) {
	if o.method == nil {
		m, err := o.chooseMethod(o.opts.Filter, o.opts.Discovery.Stdin)
		if err != nil {
			return Method{}, err
		}
		o.method = &m
	}
	return *o.method, nil
}

// chooseMethod decides how nodes are found. With stdin set, names on standard
// input are taken when no method was asked for.
func (o *Operation) chooseMethod(hosts filter.Filter, stdin bool) (Method, error) {
	cfg, d := o.session.Config(), o.opts.Discovery
	name, options := cfg.DefaultDiscoveryMethod, cfg.DefaultDiscoveryOptions
	// As in Ruby: what only the nodes can judge, they are asked.
	if len(hosts.Compound) > 0 {
		name, options = discovery.MethodBroadcast, nil
	}
	stdin = stdin && o.env.StdinHasData
	switch {
	case d.File != "":
		name, options = discovery.MethodFlatfile, []string{d.File}
	case d.Method != "":
		name, options = d.Method, d.Options
	case len(d.Options) > 0:
		options = d.Options
	case stdin:
		name, options = discovery.MethodStdin, nil
	}
	asked := d.Method != "" || !stdin // for the method, by the user or the configuration
	option := ""
	if len(options) > 0 {
		option = options[0]
	}
	if err := d.checkOptions(name); err != nil {
		return Method{}, err
	}
	switch strings.ToLower(name) {
	case discovery.MethodBroadcast:
		return Method{Name: discovery.MethodBroadcast, Timeout: o.discoveryTimeout() + functionsTime(hosts)}, nil
	case discovery.MethodFlatfile:
		return o.direct(Method{Name: discovery.MethodFlatfile, local: &fixedList{Method: discovery.Flatfile{Path: option}}})
	case discovery.MethodStdin:
		return o.direct(Method{Name: discovery.MethodStdin, local: &fixedList{Method: stdinNames{o, option, asked}}})
	case discovery.MethodExternal:
		m, err := o.external(hosts, options)
		if err != nil {
			return Method{}, err
		}
		return o.direct(Method{Name: discovery.MethodExternal, local: m})
	}
	return Method{}, usage.Hinted(usage.Errorf("Unknown discovery method %s", name), "There are mc, flatfile, stdin and external")
}

// checkOptions refuses options that a method has no use for: --do FILE without
// --dm flatfile would ask everybody, and of two files only one would be read.
func (d Discovery) checkOptions(method string) error {
	n := len(d.Options)
	switch strings.ToLower(method) {
	case discovery.MethodBroadcast:
		if n > 0 {
			return usage.Hinted(usage.Errorf("--disc-option %s: the mc discovery method has no options", d.Options[0]), "Names in a file are read with --nodes FILE")
		}
	case discovery.MethodFlatfile, discovery.MethodStdin:
		if n > 1 {
			return usage.Errorf("--disc-option %s: the %s discovery method has one option, and was given %s too", d.Options[1], method, d.Options[0])
		}
	}
	return nil
}

// A fixedQuery is a method that gets the whole filter of the command line, whatever
// part of it those have use for who ask.
type fixedQuery struct {
	discovery.Method
	query discovery.Query
}

// Discover asks the method.
func (f fixedQuery) Discover(ctx context.Context, q discovery.Query) ([]string, error) {
	f.query.Limit = q.Limit
	return f.Method.Discover(ctx, f.query)
}

// external makes the method of a command. The first option is the command, that of
// Choria's configuration when there is none; the others are settings for it.
func (o *Operation) external(hosts filter.Filter, options []string) (discovery.Method, error) {
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
		m.Command, _ = o.session.Config().Plugin("choria.discovery.external.command")
	}
	wait := o.opts.Discovery.Timeout
	if wait == 0 {
		wait = o.session.Config().DiscoveryTimeout
	}
	q := discovery.Query{Collective: o.opts.Collective, Filter: hosts, Timeout: wait}
	return fixedQuery{m, q}, nil
}

// direct checks that nodes may be addressed by name, which the methods other than
// the broadcast are for.
func (o *Operation) direct(m Method) (Method, error) {
	if !o.session.Config().DirectAddressing {
		return Method{}, usage.Errorf("the %s discovery method needs direct addressing, which the configuration turns off (direct_addressing)", m.Name)
	}
	return m, nil
}

// discoveryTimeout returns how long the collective is asked for its nodes.
func (o *Operation) discoveryTimeout() time.Duration {
	for _, t := range []time.Duration{o.opts.Discovery.Timeout, o.session.Config().DiscoveryTimeout} {
		if t > 0 {
			return t
		}
	}
	return discovery.BroadcastTimeout
}
