// Package complete knows which words may come next on a command line, from what this machine knows.
package complete

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/ddl/library"
	"mcollective/internal/cli"
	"mcollective/internal/clientfiles"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/safetext"
	"mcollective/sdk"
)

// Call completes the words of mco rpc: an agent, an action, inputs.
func Call(env *cli.Env) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		const only = cobra.ShellCompDirectiveNoFileComp
		l := clientlibrary.Usual(env.Files())
		if len(args) == 0 {
			return Matching(agents(env, l), word), only
		}
		d, err := l.Find(ddl.Agent, args[0])
		if err != nil {
			return nil, only
		}
		if len(args) == 1 {
			return Matching(actions(d), word), only
		}
		action := d.Action(args[1])
		if action == nil {
			return nil, only
		}
		return Matching(InputWords(env, action, args[2:], word), word), only | cobra.ShellCompDirectiveNoSpace
	}
}

// Languages are those that an agent can be written in.
func Languages() []string { return sdk.Languages() }

// ActionsOf are the actions of the agent that the option --agent of a command names.
func ActionsOf(l *library.Library, cmd *cobra.Command) []string {
	agent, err := cmd.Flags().GetString("agent")
	if err != nil || agent == "" {
		return nil
	}
	d, err := l.Find(ddl.Agent, agent)
	if err != nil {
		return nil
	}
	return actions(d)
}

func actions(d *ddl.Definition) []string {
	var words []string
	for _, a := range d.Actions {
		words = append(words, described(a.Name, a.Description))
	}
	return words
}

// Matching leaves the words that begin with what was typed, each once, and of
// these the ones that a shell takes for what they are: every word that is offered
// goes through here, no matter who made it up.
func Matching(words []string, typed string) []string {
	seen := make(map[string]bool, len(words))
	return slices.DeleteFunc(words, func(w string) bool {
		w, _, _ = strings.Cut(w, "\t") // the description
		if !strings.HasPrefix(w, typed) || strings.HasPrefix(w, "-") || strings.ContainsFunc(w, clientfiles.IsSpecial) || seen[w] {
			return true
		}
		seen[w] = true
		return false
	})
}

// described returns a word with what is said about it, on one line.
func described(word, about string) string {
	return cobra.CompletionWithDesc(word, safetext.CleanLine(about))
}

// Agents returns the agents that are known here.
func Agents(env *cli.Env) []string { return agents(env, clientlibrary.Usual(env.Files())) }

func agents(env *cli.Env, l *library.Library) []string {
	var words []string
	seen := make(map[string]bool)
	for _, e := range l.List(ddl.Agent) {
		if e.Err == nil && clientfiles.ShellSafe(e.Name) {
			seen[e.Name] = true
			words = append(words, described(e.Name, e.Description))
		}
	}
	for _, name := range env.Files().Load().Agents {
		if !seen[name] {
			words = append(words, name)
		}
	}
	return words
}

// InputWords returns the inputs that were not given yet, or the values of the one that
// is being typed, where they are known.
func InputWords(env *cli.Env, action *ddl.Action, given []string, word string) []string {
	var words []string
	if name, _, typing := strings.Cut(word, "="); typing {
		in := action.Input(name)
		if in == nil {
			return nil
		}
		list := in.List
		if len(list) == 0 {
			list = in.Validation.List
		}
		if in.Type == ddl.Boolean {
			list = []any{"true", "false"}
		}
		for _, v := range list {
			words = append(words, fmt.Sprintf("%s=%v", name, v))
		}
		if name == "fact" {
			for _, f := range KnownFacts(env) {
				words = append(words, name+"="+f)
			}
		}
		return words
	}
	for _, in := range action.Inputs {
		if !slices.ContainsFunc(given, func(g string) bool { return strings.HasPrefix(g, in.Name+"=") }) {
			words = append(words, described(in.Name+"=", in.Description))
		}
	}
	return words
}

// FactWords are names of facts with an = behind, and then their values.
func FactWords(env *cli.Env, word string) []string {
	facts := env.Files().Load().Facts
	var words []string
	if name, _, typing := strings.Cut(word, "="); typing {
		for _, v := range facts[name] {
			words = append(words, name+"="+v)
		}
		return words
	}
	for _, name := range cli.SortedKeys(facts) {
		words = append(words, name+"=")
	}
	return words
}

// KnownFacts returns the names of the facts that nodes were seen to have.
func KnownFacts(env *cli.Env) []string { return cli.SortedKeys(env.Files().Load().Facts) }

// KnownCollectives reads the collectives from the configuration, if there is one
// that can be read.
func KnownCollectives(env *cli.Env) []string {
	cfg, err := env.Files().Config("")
	if err != nil {
		return nil
	}
	return cfg.Collectives
}
