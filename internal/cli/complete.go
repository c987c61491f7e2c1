package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/internal/render"
)

// completeCall completes the words of mco rpc: an agent, an action, inputs.
func completeCall(env *Env) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		const only = cobra.ShellCompDirectiveNoFileComp
		l := usualLibrary(env)
		if len(args) == 0 {
			return beginning(describedAgents(env, l), word), only
		}
		d, err := l.Find(ddl.Agent, args[0])
		if err != nil {
			return nil, only
		}
		if len(args) == 1 {
			var words []string
			for _, a := range d.Actions {
				words = append(words, described(a.Name, a.Description))
			}
			return beginning(words, word), only
		}
		action := d.Action(args[1])
		if action == nil {
			return nil, only
		}
		return beginning(inputWords(env, action, args[2:], word), word), only | cobra.ShellCompDirectiveNoSpace
	}
}

// beginning leaves the words that begin with what was typed, each once, and of
// these the ones that a shell takes for what they are: every word that is offered
// goes through here, whoever made it up.
func beginning(words []string, typed string) []string {
	seen := make(map[string]bool, len(words))
	return slices.DeleteFunc(words, func(w string) bool {
		w, _, _ = strings.Cut(w, "\t") // the description
		if !strings.HasPrefix(w, typed) || strings.HasPrefix(w, "-") || strings.ContainsFunc(w, special) || seen[w] {
			return true
		}
		seen[w] = true
		return false
	})
}

// described is a word with what is said about it, on one line.
func described(word, about string) string {
	return cobra.CompletionWithDesc(word, render.CleanLine(about))
}

// describedAgents are the agents that are known here.
func describedAgents(env *Env, l *ddl.Library) []string {
	var words []string
	seen := make(map[string]bool)
	for _, e := range l.List(ddl.Agent) {
		if e.Err == nil && speakable(e.Name) {
			seen[e.Name] = true
			words = append(words, described(e.Name, e.Description))
		}
	}
	for _, name := range learned(env).agents {
		if !seen[name] {
			words = append(words, name)
		}
	}
	return words
}

// inputWords are the inputs that were not given yet, or the values of the one that
// is being typed, where they are known.
func inputWords(env *Env, action *ddl.Action, given []string, word string) []string {
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
			for _, f := range knownFacts(env) {
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

// factWords are names of facts with an = behind, and then their values.
func factWords(env *Env, word string) []string {
	facts := learned(env).facts
	var words []string
	if name, _, typing := strings.Cut(word, "="); typing {
		for _, v := range facts[name] {
			words = append(words, name+"="+v)
		}
		return words
	}
	for _, name := range sortedKeys(facts) {
		words = append(words, name+"=")
	}
	return words
}

func knownFacts(env *Env) []string { return sortedKeys(learned(env).facts) }

// knownCollectives reads the collectives from the configuration, if there is one
// that can be read.
func knownCollectives(env *Env) []string {
	cfg, err := clientConfig(env, "")
	if err != nil {
		return nil
	}
	return cfg.Collectives
}
