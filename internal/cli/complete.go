package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/internal/render"
	"mcollective/internal/usage"
)

// completeCommand is what the completion scripts call for each press of the key.
const completeCommand = cobra.ShellCompRequestCmd

// bashValues corrects what bash makes of name=value: it counts the = among the
// ends of words, so that the part before it is on the command line already.
const bashValues = `
__mco_start() {
    __start_mco
    local word=${COMP_LINE:0:COMP_POINT}
    word=${word##*[[:space:]]}
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        local before=${word%"${word##*=}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}
if [[ $(type -t compopt) = "builtin" ]]; then
    complete -o default -F __mco_start mco
else
    complete -o default -o nospace -F __mco_start mco
fi
`

// script prints the completion script of a shell.
func script(env *Env, shell string) error {
	root := tree(env, nil)
	switch shell {
	case "bash":
		if err := root.GenBashCompletionV2(env.Out, true); err != nil {
			return err
		}
		_, err := io.WriteString(env.Out, bashValues)
		return err
	case "zsh":
		return root.GenZshCompletion(env.Out)
	case "fish":
		return root.GenFishCompletion(env.Out, true)
	}
	return usage.Hinted(fmt.Errorf("there is no completion for the shell %q", shell), "There is one for bash, zsh and fish")
}

// complete answers a completion script: the words that may come next. Nothing here
// asks the network: it runs for each press of a key.
func complete(env *Env, args []string) error {
	root := tree(env, args)
	root.SetArgs(append([]string{completeCommand}, args...))
	err := root.ExecuteContext(context.Background())
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("could not complete the command line: %w", err)
	}
	return nil
}

// tree builds the commands below one root, which only completion needs. Agents are
// commands, too: mco AGENT ACTION.
func tree(env *Env, args []string) *cobra.Command {
	root := &cobra.Command{Use: "mco", Short: "The Marionette Collective"}
	prepare(env, root)
	add := func(cmd *cobra.Command) {
		prepare(env, cmd)
		completeValues(env, cmd)
		root.AddCommand(cmd)
	}
	taken := make(map[string]bool)
	for _, r := range listed() {
		add(r.new(env))
		taken[r.name] = true
	}
	if len(args) == 0 || len(args) > 1 && taken[args[0]] {
		return root
	}
	l := usualLibrary(env)
	for _, e := range l.List(ddl.Agent) {
		if e.Err != nil || taken[e.Name] || !agentName(e.Name) {
			continue
		}
		cmd := newRPC(env)
		cmd.Use, cmd.Short = e.Name+" [options] <action> [<key=val> ...]", render.CleanLine(e.Description)
		inner := completeCall(env)
		cmd.ValidArgsFunction = func(c *cobra.Command, words []string, word string) ([]string, cobra.ShellCompDirective) {
			return inner(c, append([]string{c.Name()}, words...), word)
		}
		add(cmd)
	}
	return root
}

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

// completeValues tells which words may follow the flags of a command.
func completeValues(env *Env, cmd *cobra.Command) {
	fixed := func(words ...string) func(string) []string {
		return func(string) []string { return slices.Clone(words) }
	}
	for flag, words := range map[string]func(string) []string{
		"target":        func(string) []string { return knownCollectives(env) },
		"disc-method":   fixed(discovery.MethodBroadcast, discovery.MethodFlatfile, discovery.MethodStdin, discovery.MethodExternal),
		"display":       fixed("ok", "all", "failed"),
		"output":        fixed(formats()...),
		"agent":         func(string) []string { return describedAgents(env, usualLibrary(env)) },
		"with-fact":     func(word string) []string { return factWords(env, word) },
		"with-class":    func(string) []string { return learned(env).classes },
		"with-agent":    func(string) []string { return learned(env).agents },
		"with-identity": func(string) []string { return learned(env).identities },
		"select":        fixed(),
		"with":          fixed(),
	} {
		if cmd.Flags().Lookup(flag) == nil {
			continue
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if flag == "with-fact" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		// It only fails for flags that are not there.
		_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return beginning(words(word), word), directive
		})
	}
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
