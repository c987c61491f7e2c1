package cli

import "github.com/spf13/cobra"

// Main runs mco with args, the words after the program's name, and returns the
// exit code.
func Main(args []string, env *Env) int { return runProgram(args, env, mco()) }

// mco is the list of what mco can do. A new command is one row here, one package
// below internal/cli, one script under cmd/mco/testdata/script and one page under
// docs/commands.
func mco() *program {
	return &program{
		Short: func(env *Env, name string, args []string) (string, []string, bool) {
			return shortForm(env, mco(), name, args)
		},
		Complete: func(env *Env, args []string) error { return answer(env, mco(), args) },
		Commands: []command{
			{Name: "ping", About: "Ping all nodes", New: newPing, Client: true},
			{Name: "find", About: "Find hosts using the discovery system matching filter criteria", New: newFind, Client: true},
			{Name: "rpc", About: "Generic RPC agent client application", New: newRPC, Client: true},
			{Name: "facts", About: "Reports on usage for a specific fact", New: newFacts, Client: true},
			{Name: "inventory", About: "General reporting tool for nodes, collectives and subcollectives", New: newInventory, Client: true},
			{Name: "why", About: "Explain why nodes are not found", New: newWhy, Client: true},
			{Name: "describe_filter", About: "Display human readable interpretation of filters", New: newDescribeFilter},
			{Name: "plugin", About: "MCollective Plugin Application", New: newPlugin},
			{Name: "ddl", About: "Check, convert and show the definitions of plugins", New: newDDL},
			{Name: "file", About: "Copies files to and from nodes, reads and removes them", New: newFile, Client: true},
			{Name: "nettest", About: "Tests the network from the nodes", New: newNettest, Client: true},
			{Name: "nrpe", About: "Runs checks of Nagios that the nodes have configured", New: newNRPE, Client: true},
			{Name: "package", About: "Installs, updates and removes software packages", New: newPackage, Client: true},
			{Name: "process", About: "Lists processes and sends them signals", New: newProcess, Client: true},
			{Name: "puppet", About: "Schedules runs of Puppet, enables and disables it, and tells how it is", New: newPuppet, Client: true},
			{Name: "service", About: "Manages system services", New: newService, Client: true},
			{Name: "shell", About: "Runs commands on nodes whose configuration allows it", New: newShell, Client: true},
			{Name: "agent", About: "Write, try and list agents in any language", New: newAgent},
			{Name: "server", About: "Run the node of this machine", New: newServer},
			{Name: "broker", About: "Run the broker of a collective", New: newBroker},
			{Name: "demo", About: "Show a collective of simulated nodes on this machine", New: func(env *Env) *cobra.Command { return newDemo(env, Main) }},
			{Name: "help", About: "Application list and help", New: func(env *Env) *cobra.Command { return newHelp(env, mco()) }},
			{Name: "completion", About: "Helper for shell completion systems", New: func(env *Env) *cobra.Command { return newCompletion(env, mco()) }},
			{Name: "version", About: "Show the version of this program", New: newVersion},
		},
	}
}
