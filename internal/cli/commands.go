package cli

import (
	"sort"

	"github.com/spf13/cobra"
)

// A row is one command: its name, what help says about it, and what builds it.
type row struct {
	name  string
	about string
	new   func(*Env) *cobra.Command

	client bool // talks to a collective: MCOLLECTIVE_EXTRA_OPTS counts
	hidden bool // not listed
}

// commands is the list of what mco can do. A new command is one row here, one
// file beside this one, one script under cmd/mco/testdata/script and one page
// under docs/commands.
func commands() []row {
	return []row{
		{name: "ping", about: "Ping all nodes", new: newPing, client: true},
		{name: "find", about: "Find hosts using the discovery system matching filter criteria", new: newFind, client: true},
		{name: "rpc", about: "Generic RPC agent client application", new: newRPC, client: true},
		{name: "facts", about: "Reports on usage for a specific fact", new: newFacts, client: true},
		{name: "inventory", about: "General reporting tool for nodes, collectives and subcollectives", new: newInventory, client: true},
		{name: "why", about: "Explain why nodes are not found", new: newWhy, client: true},
		{name: "describe_filter", about: "Display human readable interpretation of filters", new: newDescribeFilter},
		{name: "plugin", about: "MCollective Plugin Application", new: newPlugin},
		{name: "ddl", about: "Check, convert and show the definitions of plugins", new: newDDL},
		{name: "file", about: "Copies files to and from nodes, reads and removes them", new: newFile, client: true},
		{name: "nettest", about: "Tests the network from the nodes", new: newNettest, client: true},
		{name: "nrpe", about: "Runs checks of Nagios that the nodes have configured", new: newNRPE, client: true},
		{name: "package", about: "Installs, updates and removes software packages", new: newPackage, client: true},
		{name: "process", about: "Lists processes and sends them signals", new: newProcess, client: true},
		{name: "puppet", about: "Schedules runs of Puppet, enables and disables it, and tells how it is", new: newPuppet, client: true},
		{name: "service", about: "Manages system services", new: newService, client: true},
		{name: "shell", about: "Runs commands on nodes whose configuration allows it", new: newShell, client: true},
		{name: "agent", about: "Write, try and list agents in any language", new: newAgent},
		{name: "server", about: "Run the node of this machine", new: newServer},
		{name: "broker", about: "Run the broker of a collective", new: newBroker},
		{name: "demo", about: "Show a collective of simulated nodes on this machine", new: newDemo},
		{name: "help", about: "Application list and help", new: newHelp},
		{name: "completion", about: "Helper for shell completion systems", new: newCompletion},
		{name: "version", about: "Show the version of this program", new: newVersion},
		{name: completeCommand, new: newVersion, hidden: true},
	}
}

// lookup finds the row of a command.
func lookup(name string) (row, bool) {
	for _, r := range commands() {
		if r.name == name {
			return r, true
		}
	}
	return row{}, false
}

// listed returns the commands that help shows, sorted by name.
func listed() []row {
	var rows []row
	for _, r := range commands() {
		if !r.hidden {
			rows = append(rows, r)
		}
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].name < rows[j].name })
	return rows
}
