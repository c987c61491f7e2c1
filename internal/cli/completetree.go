package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/internal/render"
	"mcollective/internal/usage"
	"slices"

	"github.com/spf13/cobra"
)

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
func script(env *Env, p *program, shell string) error {
	root := tree(env, p, nil)
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

// answer answers a completion script: the words that may come next. Nothing here
// asks the network: it runs for each press of a key.
func answer(env *Env, p *program, args []string) error {
	root := tree(env, p, args)
	root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, args...))
	err := root.ExecuteContext(context.Background())
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("could not complete the command line: %w", err)
	}
	return nil
}

// tree builds the commands below one root, which only completion needs. Agents are
// commands, too: mco AGENT ACTION.
func tree(env *Env, p *program, args []string) *cobra.Command {
	root := &cobra.Command{Use: "mco", Short: "The Marionette Collective"}
	prepare(env, root)
	add := func(cmd *cobra.Command) {
		prepare(env, cmd)
		completeValues(env, cmd)
		root.AddCommand(cmd)
	}
	taken := make(map[string]bool)
	for _, r := range p.Listed() {
		add(r.New(env))
		taken[r.Name] = true
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
