package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mcollective/internal/config"
)

// completeCommand is what the completion scripts call for each press of the key.
const completeCommand = cobra.ShellCompRequestCmd

func newCompletion(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion [options] [bash|zsh|fish]",
		Short: "Helper for shell completion systems",
		Long: `With the name of a shell, prints the script that makes that shell complete the
words of an mco command line. With --list-applications, prints names for a
completion system of one's own; with -v each is followed by its description.`,
		Example: "    source <(mco completion bash)\n" +
			"    mco completion zsh > ~/.zsh/completions/_mco\n" +
			"    mco completion fish > ~/.config/fish/completions/mco.fish",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
	}
	applications := cmd.Flags().Bool("list-applications", false, "List all known applications")
	cmd.Flags().StringP("config", "c", "", "Load configuration from file rather than default")
	takes(cmd.Flags(), "config", "FILE")
	verbose := cmd.Flags().BoolP("verbose", "v", false, "Be verbose")
	group(cmd.Flags(), groupAlways, "config", "verbose")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		switch {
		case *applications && len(args) > 0:
			return usageErrorf("please choose either --list-applications or a shell")
		case *applications:
			for _, r := range listed() {
				if *verbose {
					fmt.Fprintf(env.Out, "%s:%s\n", r.name, r.about)
				} else {
					fmt.Fprintln(env.Out, r.name)
				}
			}
			return nil
		case len(args) == 0:
			fmt.Fprintln(env.Err, "Please choose either --list-applications or one of bash, zsh and fish")
			return exit(exitFailed)
		}
		return script(env, args[0])
	}
	return cmd
}

// script prints the completion script of a shell.
func script(env *Env, shell string) error {
	root := tree(env)
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(env.Out, true)
	case "zsh":
		return root.GenZshCompletion(env.Out)
	case "fish":
		return root.GenFishCompletion(env.Out, true)
	}
	return hinted(fmt.Errorf("there is no completion for the shell %q", shell), "There is one for bash, zsh and fish")
}

// complete answers a completion script: the words that may come next.
func complete(env *Env, args []string) error {
	root := tree(env)
	root.SetArgs(append([]string{completeCommand}, args...))
	err := root.ExecuteContext(context.Background())
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("could not complete the command line: %w", err)
	}
	return nil
}

// tree builds all commands below one root, which only completion needs.
func tree(env *Env) *cobra.Command {
	root := &cobra.Command{Use: "mco", Short: "The Marionette Collective"}
	prepare(env, root)
	for _, r := range listed() {
		cmd := r.new(env)
		prepare(env, cmd)
		completeValues(env, cmd)
		root.AddCommand(cmd)
	}
	return root
}

// completeValues tells which words may follow the flags of a command. Nothing here
// asks the network: it runs for each press of a key.
func completeValues(env *Env, cmd *cobra.Command) {
	fixed := func(words ...string) func() []string { return func() []string { return words } }
	for flag, words := range map[string]func() []string{
		"target":        func() []string { return knownCollectives(env) },
		"disc-method":   fixed(methodBroadcast, methodFlatfile, methodStdin),
		"display":       fixed("ok", "all", "failed"),
		"with-fact":     fixed(),
		"with-class":    fixed(),
		"with-agent":    fixed(),
		"with-identity": fixed(),
		"select":        fixed(),
		"with":          fixed(),
	} {
		if cmd.Flags().Lookup(flag) == nil {
			continue
		}
		// It only fails for flags that are not there.
		_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words(), cobra.ShellCompDirectiveNoFileComp
		})
	}
}

// knownCollectives reads the collectives from the configuration, if there is one
// that can be read.
func knownCollectives(env *Env) []string {
	path, _ := config.FindClient(env.Getenv, nil)
	cfg, err := config.Load(path, config.Client)
	if err != nil {
		return nil
	}
	return cfg.Collectives
}
