package cli

import (
	"context"
	"slices"
	"strings"

	"mcollective/ddl"
)

// agentCommand is the short form of rpc: mco AGENT ACTION for an agent that this
// machine knows. ok is false for any other name.
func agentCommand(env *Env, name string, args []string) (row, []string, bool) {
	if !agentName(name) {
		return row{}, nil, false
	}
	cfg, err := clientConfig(env, configFlag(args))
	if err != nil {
		return row{}, nil, false
	}
	// A broken definition is one, too: rpc says what is wrong with it.
	l := libraryFor(env, cfg, name)
	if _, err := l.Find(context.Background(), ddl.Agent, name); err != nil && !slices.ContainsFunc(l.List(ddl.Agent), func(e ddl.Entry) bool { return e.Name == name }) {
		return row{}, nil, false
	}
	r, ok := lookup("rpc")
	return r, append([]string{name}, args...), ok
}

// agentName tells whether a word can be the name of an agent.
func agentName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// configFlag is the configuration file that a command line names. The words are
// not parsed yet, since nobody knows for which command.
func configFlag(args []string) string {
	for i, a := range args {
		switch {
		case a == "--":
			return ""
		case (a == "-c" || a == "--config") && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(a, "--config="):
			return a[len("--config="):]
		case strings.HasPrefix(a, "-c") && len(a) > 2:
			return a[2:]
		}
	}
	return ""
}
