package cli

import (
	"slices"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/suggest"
)

// agentCommand is the short form of rpc: mco AGENT ACTION, for an agent that this
// machine knows, or that a node may have: rpc asks. ok is false for a name that is
// none, and for one that rather is a command with a slip in it.
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
	if _, err := l.Find(ddl.Agent, name); err != nil && !slices.ContainsFunc(l.List(ddl.Agent), func(e ddl.Entry) bool { return e.Name == name }) {
		if len(args) == 0 || !agentName(args[0]) || suggest.Nearest(name, commandNames()) != "" {
			return row{}, nil, false
		}
	}
	r, ok := lookup("rpc")
	return r, append([]string{name}, args...), ok
}

// commandNames are those that help lists.
func commandNames() []string {
	var names []string
	for _, r := range listed() {
		names = append(names, r.name)
	}
	return names
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
