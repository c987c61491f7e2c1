package rpc

import (
	"strings"

	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/clientfiles"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/suggest"
)

// ShortForm returns the short form of rpc: mco AGENT ACTION, for an agent that this
// machine knows, or that a node may have: rpc asks. ok is false for a name that is
// none, and for one that rather is a command with a slip in it.
func ShortForm(env *cli.Env, p *cli.Program, name string, args []string) (command string, words []string, ok bool) {
	if !clientfiles.IsAgentName(name) {
		return "", nil, false
	}
	cfg, err := env.Files().Config(configFlag(args))
	if err != nil {
		return "", nil, false
	}
	// A broken definition is one, too: rpc says what is wrong with it.
	l := clientlibrary.For(env.Files(), cfg, name)
	if _, err := l.Find(ddl.Agent, name); err != nil && !l.Has(ddl.Agent, name) {
		if len(args) == 0 || !clientfiles.IsAgentName(args[0]) || suggest.Nearest(name, p.Names()) != "" {
			return "", nil, false
		}
	}
	return "rpc", append([]string{name}, args...), true
}

// configFlag returns the configuration file that a command line names. The words are
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
