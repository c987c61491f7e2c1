// Package cli is the mco command: it finds the subcommand that was asked for, reads its flags as the Ruby programs read theirs, and turns errors into text and an exit code.
//
// How one command runs:
//
//  1. cmd/mco calls Main with the arguments, an Env, the world around the run, and
//     the Program, the table of commands.
//  2. Main takes the name of the command from the first argument, or from the
//     name that the program was started under (mcollectived, mc-ping).
//  3. The table turns the name into a constructor; only this one
//     command is built, since start-up has a budget. The name of an agent that is
//     known here stands for rpc with that agent.
//  4. expand.go rewrites the words, MCOLLECTIVE_EXTRA_OPTS first: unique prefixes
//     and two-letter aliases of long flags become their full names. given.go
//     refuses options and arguments with nothing in them.
//  5. The command's RunE works with the Env's streams and returns an error.
//  6. exit.go decides from the error's type what is printed and the exit code.
//
// Data goes to Env.Out, talk to Env.Err. Nothing here touches os.Stdout or calls
// os.Exit.
package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/usage"
)

// Main runs a program with args, the words after its name, and returns the exit
// code.
func Main(args []string, env *Env, p *Program) int {
	env = env.WithDefaults()
	env.Out = &keptOutput{Writer: env.Out}
	name, args, named := commandName(env.Name, args)
	if !named {
		return intro(env, p, args)
	}
	if name == cobra.ShellCompRequestCmd {
		return failure(env, name, detailNone, p.Complete(env, args))
	}
	command, ok := p.Lookup(name)
	if !ok {
		short, words, known := p.Short(env, name, args)
		if command, ok = p.Lookup(short); !known || !ok {
			return unknownCommand(env, p, name)
		}
		name, args = short, words
	}
	if command.Client {
		warnRedirect(env)
	}
	cmd := command.New(env)
	Prepare(env, cmd)
	words, err := expand(env, p, command, cmd, args)
	if err != nil {
		return failure(env, name, detailOf(cmd), err)
	}
	cmd.SetArgs(words)
	err = cmd.ExecuteContext(context.Background())
	return failure(env, name, detailOf(cmd), rubyWords(err))
}

// commandName decides which command runs: the one that the program is named
// after, or the first argument.
func commandName(program string, args []string) (name string, rest []string, ok bool) {
	base := filepath.Base(program)
	if base == "mcollectived" {
		return "server", args, true
	}
	if app, found := strings.CutPrefix(base, "mc-"); found && app != "" {
		return app, args, true
	}
	// An option in the place of the command means that no command was named.
	if len(args) == 0 || strings.HasPrefix(args[0], "--") || args[0] == "-h" {
		return "", args, false
	}
	return args[0], args[1:], true
}

// Prepare gives a command the streams, and takes from cobra the printing that
// exit.go and usage.go do.
func Prepare(env *Env, cmd *cobra.Command) {
	cmd.SetIn(env.In)
	cmd.SetOut(env.Out)
	cmd.SetErr(env.Err)
	cmd.SilenceErrors = true
	cmd.SilenceUsage = true
	cmd.DisableSuggestions = true
	cmd.DisableFlagsInUseLine = true
	cmd.CompletionOptions.DisableDefaultCmd = true
	// pflag would sort what usage.go lays out in groups.
	cmd.Flags().SortFlags = false
	// The default flag of cobra has no place in a group.
	if cmd.Flags().Lookup("help") == nil {
		cmd.Flags().BoolP("help", "h", false, "Show this help")
	}
	cmd.SetHelpFunc(func(c *cobra.Command, _ []string) { printHelp(c.OutOrStdout(), c) })
	cmd.SetUsageFunc(func(c *cobra.Command) error { printHelp(c.OutOrStdout(), c); return nil })
	guard(cmd)
}

// rubyWords says flag errors as Ruby's option parser says them.
func rubyWords(err error) error {
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid) && errors.Is(err, errEmptyValue):
		return usage.Errorf("missing argument: --%s: %w", invalid.GetFlag().Name, errEmptyValue)
	case errors.As(err, &missing):
		return usage.Errorf("missing argument: %s", spelled(missing.GetFlag(), missing.GetSpecifiedShortnames()))
	case errors.As(err, &invalid):
		return usage.Errorf("invalid argument: --%s %s: %w", invalid.GetFlag().Name, invalid.GetValue(), errors.Unwrap(invalid))
	case errors.As(err, &unknown):
		if group := unknown.GetSpecifiedShortnames(); group != "" {
			return usage.Errorf("invalid option: -%s", group)
		}
		return usage.Errorf("invalid option: --%s", unknown.GetSpecifiedName())
	}
	return err
}

func spelled(f *pflag.Flag, shorts string) string {
	if shorts != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

// detailOf returns what the command says of a failure: the causes of it with its -v.
func detailOf(cmd *cobra.Command) detail {
	switch v, err := cmd.Flags().GetBool("verbose"); {
	case err != nil:
		return detailNone
	case v:
		return detailFull
	}
	return detailOffered
}
