package cli

import (
	"github.com/spf13/cobra"

	"mcollective/internal/usage"
)

func newNettest(env *Env) *cobra.Command {
	return newApplication(env, &application{
		agent: "nettest",
		about: "Tests the network from the nodes",
		usage: []string{"ping <host>", "connect <host> <port>"},
		example: "    mco nettest ping db1.example.net\n" +
			"    mco nettest connect db1.example.net 5432 -C webserver",
		words: func(words []string, in *inputs) (string, error) {
			most := map[string]int{"ping": 2, "connect": 3}[words[0]]
			if most > 0 && len(words) > most || most == 0 && len(words) > 1 {
				return "", usage.Errorf("%q is one word too many", words[max(most, 1)])
			}
			for i, input := range []string{"fqdn", "port"}[:len(words)-1] {
				in.set(input, words[i+1])
			}
			return words[0], nil
		},
		actions: []string{"ping", "connect"},
	})
}

func newNRPE(env *Env) *cobra.Command {
	actions := []string{"runcommand", "runallcommands"}
	return newApplication(env, &application{
		agent: "nrpe",
		about: "Runs checks of Nagios that the nodes have configured",
		usage: []string{"<check> [<arguments with ! between them>]", "runallcommands"},
		example: "    mco nrpe check_load\n" +
			"    mco nrpe check_disk -F 'processorcount>1' -o table",
		words: func(words []string, in *inputs) (string, error) {
			switch {
			case words[0] == actions[0] || words[0] == actions[1]:
				if len(words) > 1 {
					return "", usage.Errorf("%q is one word too many", words[1])
				}
				return words[0], nil
			case len(words) > 2:
				return "", usage.Errorf("%q is one word too many", words[2])
			case len(words) == 2:
				in.set("args", words[1])
			}
			in.set("command", words[0])
			return "runcommand", nil
		},
		actions: actions,
	})
}
