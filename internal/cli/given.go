package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/usage"
)

// errEmptyValue refuses an option that was given with nothing in it. That is what
// is left of --limit "$N" when the variable is not set, and as the default it would
// do more than was asked for. No option has a meaning for an empty value.
var errEmptyValue = errors.New("its value is empty; leave the option away to have the default")

// A givenValue is the value of an option as the command line gives it. It refuses
// what is empty, and a second value that contradicts the first.
type givenValue struct {
	pflag.Value
	given string // the value so far, of an option that takes one
}

// Set takes one value from the command line.
func (g *givenValue) Set(text string) error {
	if strings.TrimSpace(text) == "" {
		return errEmptyValue
	}
	if _, list := g.Value.(pflag.SliceValue); list {
		return g.Value.Set(text)
	}
	if g.given != "" && g.given != text {
		return fmt.Errorf("it was given as %s before", g.given)
	}
	if err := g.Value.Set(text); err != nil {
		return err
	}
	g.given = text
	return nil
}

// A rule says where an option has no effect. An option that asks for nothing is
// refused, for whoever gave it meant something else.
type rule struct {
	command  string // "" is every command that has the option
	options  []string
	words    []string // the options are for these first words only
	needs    []string // and only with one of these options
	excludes []string // and with none of these
	why      string   // of excludes
}

// rules are those of all commands. What depends on the configuration, on values
// or on the action of an application is judged there.
var rules = []rule{
	{command: "agent", options: []string{"lang"}, words: []string{"new"}},
	{command: "agent", options: []string{"config", "raw", "verbose"}, words: []string{"list", "run", "test"}},
	{command: "agent", options: []string{"json", "output"}, words: []string{"list", "run"}},
	{command: "agent", options: []string{"fields", "jq"}, words: []string{"run"}},
	{command: "completion", options: []string{"agent"}, needs: []string{"list-actions", "list-inputs"}},
	{command: "completion", options: []string{"action"}, needs: []string{"list-inputs"}},
	{command: "completion", options: []string{"config", "verbose"}, needs: []string{"list-agents", "list-actions", "list-inputs", "list-applications"}},
	{command: "ddl", options: []string{"to"}, words: []string{"convert"}},
	{command: "plugin", options: []string{"config"}, words: []string{"doc"}},
	{command: "process", options: []string{"silent"}, excludes: []string{"fields", "output", "json", "jq", "no-results", "reply-to"}, why: "only the sum is shown, as text"},
	{options: []string{"output", "json", "fields", "jq", "display"}, excludes: []string{"no-results", "reply-to"}, why: "nothing is shown of answers that nobody awaits"},
	{options: []string{"limit-seed"}, needs: []string{"one", "limit-nodes"}},
}

// obeyRules applies the rules to a command line. Options from the environment are
// meant for other commands.
func obeyRules(cmd *cobra.Command, args []string) error {
	given := func(name string) bool {
		f := cmd.Flags().Lookup(name)
		return f != nil && f.Changed
	}
	for _, r := range rules {
		if r.command != "" && r.command != cmd.Name() {
			continue
		}
		for _, option := range r.options {
			why := ""
			if r.words != nil && len(args) > 0 && !slices.Contains(r.words, args[0]) {
				why = "it is for " + strings.Join(r.words, ", ")
			}
			if r.needs != nil && !slices.ContainsFunc(r.needs, given) {
				why = "it needs --" + strings.Join(r.needs, " or --")
			}
			for _, other := range r.excludes {
				if given(other) {
					why = "with --" + other + " " + r.why
				}
			}
			if why == "" {
				continue
			}
			if err := refuse(cmd, why, option); err != nil {
				return err
			}
		}
	}
	return nil
}

// guard makes a command refuse empty options and empty arguments, whatever it does
// with those that have something in them, and options without effect.
func guard(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Value = &givenValue{Value: f.Value} })
	run := cmd.RunE
	if run == nil {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for i, arg := range args {
			if strings.TrimSpace(arg) == "" {
				return usage.Hinted(usage.Errorf("argument %d of %s is empty", i+1, cmd.Name()), "A variable of the shell may not be set")
			}
		}
		if err := obeyRules(cmd, args); err != nil {
			return err
		}
		return run(cmd, args)
	}
}

// setDefaults reads options that those of the command line override.
func setDefaults(cmd *cobra.Command, words []string) error {
	if err := cmd.ParseFlags(words); err != nil {
		return rubyWords(err)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if g, ok := f.Value.(*givenValue); ok {
			g.given = ""
		}
	})
	return nil
}

// commaList reads a list of words with commas between them, none of them empty.
func commaList(option, text string) ([]string, error) {
	list := strings.Split(text, ",")
	for i, word := range list {
		if list[i] = strings.TrimSpace(word); list[i] == "" {
			return nil, usage.Errorf("invalid argument: --%s %s: there is nothing between two commas, or before or after one", option, text)
		}
	}
	return list, nil
}

// refuse says of flags that they make no sense with this command, if they stand
// on its line. In MCOLLECTIVE_EXTRA_OPTS they are meant for other commands.
func refuse(cmd *cobra.Command, why string, names ...string) error {
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		if f != nil && f.Changed && len(f.Annotations[fromEnvironment]) == 0 {
			return usage.Errorf("--%s does not apply to %s: %s", name, cmd.Name(), why)
		}
	}
	return nil
}
