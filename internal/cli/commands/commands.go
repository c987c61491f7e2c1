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
	"mcollective/internal/cli/join"
	"mcollective/internal/cli/net"
	"mcollective/internal/cli/ping"
	"mcollective/internal/cli/plugin"
	"mcollective/internal/cli/policy"
	"mcollective/internal/cli/process"
	"mcollective/internal/cli/puppet"
	"mcollective/internal/cli/rpc"
	"mcollective/internal/cli/server"
	"mcollective/internal/cli/service"
	"mcollective/internal/cli/shell"
	"mcollective/internal/cli/token"
	"mcollective/internal/cli/trust"
	"mcollective/internal/cli/whoami"
	"mcollective/internal/cli/why"
	"mcollective/internal/plugins"
)

// Main runs mco with args, the words after the program's name, and returns the
// exit code.
func Main(args []string, env *cli.Env) int { return cli.Main(args, wired(env), Program()) }

// wired returns the world of a run in which what is not given makes the plugins that a
// configuration names.
func wired(env *cli.Env) *cli.Env {
	w := *env
	if w.Connect == nil {
		w.Connect = plugins.Connect
	}
	if w.ClientSecurity == nil {
		w.ClientSecurity = plugins.ClientSecurity
	}
	if w.BuiltIn == nil {
		w.BuiltIn = plugins.BuiltIn
	}
	return &w
}

// Program returns the list of what mco can do. A new command is one row here, one package
// below internal/cli, one script under cmd/mco/testdata/script and one page under
// docs/commands.
func Program() *cli.Program {
	return &cli.Program{
		Short: func(env *cli.Env, name string, args []string) (string, []string, bool) {
			return rpc.ShortForm(env, Program(), name, args)
		},
		Complete: func(env *cli.Env, args []string) error { return completion.Answer(env, Program(), args) },
		Commands: []cli.Command{
			{Name: "ping", Purpose: cli.LookAround, About: "Ping all nodes", New: ping.New, Client: true},
			{Name: "find", Purpose: cli.LookAround, About: "Find the nodes that a filter matches", New: find.New, Client: true},
			{Name: "rpc", Purpose: cli.Act, About: "Call an action of any agent", New: rpc.New, Client: true},
			{Name: "facts", Purpose: cli.LookAround, About: "Show the values of a fact and how many nodes have each", New: facts.New, Client: true},
			{Name: "inventory", Purpose: cli.LookAround, About: "Report on nodes and collectives", New: inventory.New, Client: true},
			{Name: "why", Purpose: cli.LookAround, About: "Explain why nodes are not found", New: why.New, Client: true},
			{Name: "describe_filter", Purpose: cli.LookAround, About: "Say in words what a filter asks for", New: describefilter.New},
			{Name: "plugin", Purpose: cli.LookAround, About: "Describe agents and other plugins", New: plugin.New},
			{Name: "ddl", Purpose: cli.WriteAgents, About: "Check, convert and show the definitions of plugins", New: ddl.New},
			{Name: "file", Purpose: cli.Act, About: "Copy files to and from nodes, read and remove them", New: file.New, Client: true},
			{Name: "nettest", Purpose: cli.Act, About: "Test the network from the nodes", New: net.NewNettest, Client: true},
			{Name: "nrpe", Purpose: cli.Act, About: "Run the Nagios checks that nodes have configured", New: net.NewNRPE, Client: true},
			{Name: "package", Purpose: cli.Act, About: "Install, update and remove software packages", New: service.NewPackage, Client: true},
			{Name: "process", Purpose: cli.Act, About: "List processes and send them signals", New: process.New, Client: true},
			{Name: "puppet", Purpose: cli.Act, About: "Run, enable and disable Puppet, and show how it is", New: puppet.New, Client: true},
			{Name: "service", Purpose: cli.Act, About: "Manage system services", New: service.New, Client: true},
			{Name: "shell", Purpose: cli.Act, About: "Run commands on nodes whose configuration allows it", New: shell.New, Client: true},
			{Name: "agent", Purpose: cli.WriteAgents, About: "Write, try and list agents in any language", New: agent.New},
			{Name: "policy", Purpose: cli.RunCollective, About: "Check this node's policies and what they decide", New: policy.New},
			{Name: "server", Purpose: cli.RunCollective, About: "Run the node of this machine", New: server.New},
			{Name: "broker", Purpose: cli.RunCollective, About: "Run the broker of a collective", New: broker.New},
			{Name: "join", Purpose: cli.RunCollective, About: "Make this machine a node of a collective", New: join.New},
			{Name: "token", Purpose: cli.RunCollective, About: "Let machines join the collective of this broker", New: token.New},
			{Name: "trust", Purpose: cli.RunCollective, About: "Make callers, and revoke credentials", New: trust.New},
			{Name: "whoami", Purpose: cli.RunCollective, About: "Show who this machine is in the collective", New: whoami.New},
			{Name: "demo", Purpose: cli.RunCollective, About: "Show a collective of simulated nodes on this machine", New: func(env *cli.Env) *cobra.Command { return demo.New(env, Main) }},
			{Name: "help", Purpose: cli.ThisProgram, About: "List the commands, or describe one", New: func(env *cli.Env) *cobra.Command { return help.New(env, Program()) }},
			{Name: "completion", Purpose: cli.ThisProgram, About: "Complete command lines in bash, zsh and fish", New: func(env *cli.Env) *cobra.Command { return completion.New(env, Program()) }},
			{Name: "version", Purpose: cli.ThisProgram, About: "Show the version of this program", New: cli.NewVersion},
		},
	}
}
