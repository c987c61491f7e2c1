// Package net is mco nettest and mco nrpe, which test from the nodes.
package net

import (
	"github.com/spf13/cobra"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/usage"
)

// NewNettest makes the command nettest.
func NewNettest(env *cli.Env) *cobra.Command {
	return application.New(env, &application.Application{
		Agent: "nettest",
		About: "Test the network from the nodes",
		Usage: []string{"ping <host>", "connect <host> <port>"},
		Example: "    mco nettest ping db1.example.net\n" +
			"    mco nettest connect db1.example.net 5432 -C webserver",
		Words: func(words []string, in *application.Inputs) (string, error) {
			most := map[string]int{"ping": 2, "connect": 3}[words[0]]
			if most > 0 && len(words) > most || most == 0 && len(words) > 1 {
				return "", usage.Errorf("%q is one word too many", words[max(most, 1)])
			}
			for i, input := range []string{"fqdn", "port"}[:len(words)-1] {
				in.Set(input, words[i+1])
			}
			return words[0], nil
		},
		Actions: []string{"ping", "connect"},
	})
}

// NewNRPE makes the command nrpe.
func NewNRPE(env *cli.Env) *cobra.Command {
	actions := []string{"runcommand", "runallcommands"}
	return application.New(env, &application.Application{
		Agent: "nrpe",
		About: "Run the Nagios checks that nodes have configured",
		Usage: []string{"<check> [<arguments with ! between them>]", "runallcommands"},
		Example: "    mco nrpe check_load\n" +
			"    mco nrpe check_disk -F 'processorcount>1' -o table",
		Words: func(words []string, in *application.Inputs) (string, error) {
			switch {
			case words[0] == actions[0] || words[0] == actions[1]:
				if len(words) > 1 {
					return "", usage.Errorf("%q is one word too many", words[1])
				}
				return words[0], nil
			case len(words) > 2:
				return "", usage.Errorf("%q is one word too many", words[2])
			case len(words) == 2:
				in.Set("args", words[1])
			}
			in.Set("command", words[0])
			return "runcommand", nil
		},
		Actions: actions,
	})
}
