// Package commands is the table of the commands of mco.
package commands

import (
	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/agent"
	"mcollective/internal/cli/broker"
	"mcollective/internal/cli/completion"
	"mcollective/internal/cli/ddl"
	"mcollective/internal/cli/demo"
	"mcollective/internal/cli/describefilter"
	"mcollective/internal/cli/facts"
	"mcollective/internal/cli/file"
	"mcollective/internal/cli/find"
	"mcollective/internal/cli/help"
	"mcollective/internal/cli/inventory"
	"mcollective/internal/cli/net"
	"mcollective/internal/cli/ping"
	"mcollective/internal/cli/plugin"
	"mcollective/internal/cli/process"
	"mcollective/internal/cli/puppet"
	"mcollective/internal/cli/rpc"
	"mcollective/internal/cli/server"
	"mcollective/internal/cli/service"
	"mcollective/internal/cli/shell"
	"mcollective/internal/cli/why"
)

// Main runs mco with args, the words after the program's name, and returns the
// exit code.
func Main(args []string, env *cli.Env) int { return cli.Main(args, env, Program()) }

// Program is the list of what mco can do. A new command is one row here, one package
// below internal/cli, one script under cmd/mco/testdata/script and one page under
// docs/commands.
func Program() *cli.Program {
	return &cli.Program{
		Short: func(env *cli.Env, name string, args []string) (string, []string, bool) {
			return rpc.ShortForm(env, Program(), name, args)
		},
		Complete: func(env *cli.Env, args []string) error { return completion.Answer(env, Program(), args) },
		Commands: []cli.Command{
			{Name: "ping", About: "Ping all nodes", New: ping.New, Client: true},
			{Name: "find", About: "Find hosts using the discovery system matching filter criteria", New: find.New, Client: true},
			{Name: "rpc", About: "Generic RPC agent client application", New: rpc.New, Client: true},
			{Name: "facts", About: "Reports on usage for a specific fact", New: facts.New, Client: true},
			{Name: "inventory", About: "General reporting tool for nodes, collectives and subcollectives", New: inventory.New, Client: true},
			{Name: "why", About: "Explain why nodes are not found", New: why.New, Client: true},
			{Name: "describe_filter", About: "Display human readable interpretation of filters", New: describefilter.New},
			{Name: "plugin", About: "MCollective Plugin Application", New: plugin.New},
			{Name: "ddl", About: "Check, convert and show the definitions of plugins", New: ddl.New},
			{Name: "file", About: "Copies files to and from nodes, reads and removes them", New: file.New, Client: true},
			{Name: "nettest", About: "Tests the network from the nodes", New: net.NewNettest, Client: true},
			{Name: "nrpe", About: "Runs checks of Nagios that the nodes have configured", New: net.NewNRPE, Client: true},
			{Name: "package", About: "Installs, updates and removes software packages", New: service.NewPackage, Client: true},
			{Name: "process", About: "Lists processes and sends them signals", New: process.New, Client: true},
			{Name: "puppet", About: "Schedules runs of Puppet, enables and disables it, and tells how it is", New: puppet.New, Client: true},
			{Name: "service", About: "Manages system services", New: service.New, Client: true},
			{Name: "shell", About: "Runs commands on nodes whose configuration allows it", New: shell.New, Client: true},
			{Name: "agent", About: "Write, try and list agents in any language", New: agent.New},
			{Name: "server", About: "Run the node of this machine", New: server.New},
			{Name: "broker", About: "Run the broker of a collective", New: broker.New},
			{Name: "demo", About: "Show a collective of simulated nodes on this machine", New: func(env *cli.Env) *cobra.Command { return demo.New(env, Main) }},
			{Name: "help", About: "Application list and help", New: func(env *cli.Env) *cobra.Command { return help.New(env, Program()) }},
			{Name: "completion", About: "Helper for shell completion systems", New: func(env *cli.Env) *cobra.Command { return completion.New(env, Program()) }},
			{Name: "version", About: "Show the version of this program", New: cli.NewVersion},
		},
	}
}
