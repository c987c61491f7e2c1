package completion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"mcollective/ddl"
	"mcollective/discovery"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/rpc"
	"mcollective/internal/clientfiles"
	"mcollective/internal/clientlibrary"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
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
func script(env *cli.Env, p *cli.Program, shell string) error {
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

// Answer answers a completion script: the words that may come next. Nothing here
// asks the network: it runs for each press of a key.
func Answer(env *cli.Env, p *cli.Program, args []string) error {
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
func tree(env *cli.Env, p *cli.Program, args []string) *cobra.Command {
	root := &cobra.Command{Use: "mco", Short: "The Marionette Collective"}
	cli.Prepare(env, root)
	add := func(cmd *cobra.Command) {
		cli.Prepare(env, cmd)
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
	l := clientlibrary.Usual(env.Files())
	for _, e := range l.List(ddl.Agent) {
		if e.Err != nil || taken[e.Name] || !clientfiles.IsAgentName(e.Name) {
			continue
		}
		cmd := rpc.New(env)
		cmd.Use, cmd.Short = e.Name+" [options] <action> [<key=val> ...]", safetext.CleanLine(e.Description)
		inner := complete.Call(env)
		cmd.ValidArgsFunction = func(c *cobra.Command, words []string, word string) ([]string, cobra.ShellCompDirective) {
			return inner(c, append([]string{c.Name()}, words...), word)
		}
		add(cmd)
	}
	return root
}

// completeValues tells which words may follow the flags of a command.
func completeValues(env *cli.Env, cmd *cobra.Command) {
	fixed := func(words ...string) func(string) []string {
		return func(string) []string { return slices.Clone(words) }
	}
	for flag, words := range map[string]func(string) []string{
		"target":        func(string) []string { return complete.KnownCollectives(env) },
		"disc-method":   fixed(discovery.MethodBroadcast, discovery.MethodFlatfile, discovery.MethodStdin, discovery.MethodExternal),
		"display":       fixed("ok", "all", "failed"),
		"output":        fixed(collective.Formats()...),
		"lang":          fixed(complete.Languages()...),
		"to":            fixed("yaml", "json", "ruby"),
		"action":        func(string) []string { return complete.ActionsOf(clientlibrary.Usual(env.Files()), cmd) },
		"agent":         func(string) []string { return complete.Agents(env) },
		"with-fact":     func(word string) []string { return complete.FactWords(env, word) },
		"with-class":    func(string) []string { return env.Files().Load().Classes },
		"with-agent":    func(string) []string { return env.Files().Load().Agents },
		"with-identity": func(string) []string { return env.Files().Load().Identities },
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
			return complete.Matching(words(word), word), directive
		})
	}
}
