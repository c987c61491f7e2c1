package plugins

import (
	"strings"
	"time"

	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/rpc"
)

// BuiltIn returns the definitions of the plugins of a kind that are part of this
// program; of agents and data plugins only the one of a name, if a name is given, since
// each has to be read. Plugins that have no file to describe them are as old as the
// program, whose version is given.
func BuiltIn(kind ddl.Kind, name, version string) map[string]*ddl.Definition {
	switch {
	case kind != ddl.Agent && kind != ddl.Data:
		return undescribed(kind, version)
	case name == "":
		return Definitions(kind)
	}
	if d := Definition(kind, name); d != nil {
		return map[string]*ddl.Definition{name: d}
	}
	return nil
}

// undescribed makes the definitions of plugins that have no file.
func undescribed(kind ddl.Kind, version string) map[string]*ddl.Definition {
	all := make(map[string]*ddl.Definition)
	for _, p := range ownPlugins() {
		if p.kind != kind {
			continue
		}
		d := &ddl.Definition{
			Kind: kind,
			Metadata: rpc.Metadata{
				Agent: p.name, Name: p.name, Description: p.about, Author: "The mcollective authors",
				License: "Apache-2.0", Version: version, URL: "docs/commands/common.md", Timeout: p.time,
			},
		}
		if p.can != "" {
			d.Capabilities = strings.Fields(p.can)
		}
		all[p.name] = d
	}
	return all
}

// An ownPlugin is a plugin of this program that has no file to describe it.
type ownPlugin struct {
	kind  ddl.Kind
	name  string
	about string
	time  time.Duration
	can   string // what a discovery method filters by
}

func ownPlugins() []ownPlugin {
	return []ownPlugin{
		{kind: ddl.Discovery, name: discovery.MethodBroadcast, about: "MCollective Broadcast based discovery", time: discovery.BroadcastTimeout, can: "classes facts identity agents compound"},
		{kind: ddl.Discovery, name: discovery.MethodExternal, about: "Discovery by a command of your own", can: "classes facts identity agents compound"},
		{kind: ddl.Discovery, name: discovery.MethodFlatfile, about: "Flatfile based discovery for node identities", can: "identity"},
		{kind: ddl.Discovery, name: discovery.MethodStdin, about: "STDIN based discovery for node identities", can: "identity"},
		{kind: ddl.Connector, name: "activemq", about: "Connector plugin for ActiveMQ middleware", time: time.Minute},
		{kind: ddl.Connector, name: "nats", about: "Connector plugin for NATS, which mco broker runs", time: time.Minute},
		{kind: ddl.Connector, name: "rabbitmq", about: "Connector plugin for RabbitMQ middleware", time: time.Minute},
		{kind: ddl.Aggregate, name: "average", about: "Displays the average of a set of numeric values"},
		{kind: ddl.Aggregate, name: "boolean_summary", about: "Displays how many values are true and how many false"},
		{kind: ddl.Aggregate, name: "sum", about: "Determine the total added value of a set of values"},
		{kind: ddl.Aggregate, name: "summary", about: "Displays the summary of a set of results"},
		{kind: ddl.Validator, name: "array", about: "Validates that a value is included in a list"},
		{kind: ddl.Validator, name: "ipv4address", about: "Validates that a value is an ipv4 address"},
		{kind: ddl.Validator, name: "ipv6address", about: "Validates that a value is an ipv6 address"},
		{kind: ddl.Validator, name: "length", about: "Validates that the length of a string is less or equal to a specified value"},
		{kind: ddl.Validator, name: "regex", about: "Validates that a string matches a supplied regular expression"},
		{kind: ddl.Validator, name: "shellsafe", about: "Validates that a string is shellsafe"},
		{kind: ddl.Validator, name: "typecheck", about: "Validates that a value is of a certain type"},
	}
}
