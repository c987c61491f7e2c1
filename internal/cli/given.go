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
// refused, for anyone who gave it meant something else.
type rule struct {
	Command  string // "" is every command that has the option
	Options  []string
	Words    []string // the options are for these first words only
	Needs    []string // and only with one of these options
	Excludes []string // and with none of these
	Why      string   // of excludes; alone, why the command never has a use for the options
}

// Never reports whether the command has no use for the options at all. Help does not
// show these.
func (r *rule) Never() bool { return r.Words == nil && r.Needs == nil && r.Excludes == nil }

// firstWords are those that commands with rules for them know. Another is misspelled,
// which is what the command says.
var firstWords = map[string][]string{
	"agent": {"list", "new", "run", "test"},
	"ddl":   {"check", "convert", "schema", "show"},
}

// Rules are those of all commands. What depends on the configuration, on values
// or on the action of an application is judged there.
var Rules = []rule{
	{Command: "ping", Options: []string{"one", "limit-nodes", "limit-seed", "batch", "batch-sleep"}, Why: "every node that matches is asked at once; find takes a limit"},
	{Command: "ping", Options: []string{"reply-to", "display"}, Why: "it shows the replies itself, each as it comes"},
	{Command: "find", Options: []string{"batch", "batch-sleep", "reply-to", "display"}, Why: "it asks nothing of the nodes it finds"},
	{Command: "find", Options: []string{"limit-seed"}, Why: "nodes are picked anew each time"},
	{Command: "facts", Options: []string{"reply-to", "display"}, Why: "it counts the answers itself"},
	{Command: "inventory", Options: []string{"reply-to", "display"}, Why: "it prints reports of its own"},
	{Command: "inventory", Options: []string{"template"}, Excludes: []string{"list-collectives", "collective-graph"}, Why: "the report is about collectives"},
	{Command: "why", Options: []string{"one", "limit-nodes", "limit-seed", "batch", "batch-sleep", "reply-to", "display", "nodes", "disc-method", "disc-option"},
		Why: "it asks every node of the collective"},
	{Command: "shell", Options: []string{"sort"}, Excludes: []string{"tail"}, Why: "output is printed as it comes"},
	{Command: "agent", Options: []string{"lang"}, Words: []string{"new"}},
	{Command: "agent", Options: []string{"config", "raw", "verbose"}, Words: []string{"list", "run", "test"}},
	{Command: "agent", Options: []string{"json", "output"}, Words: []string{"list", "run"}},
	{Command: "agent", Options: []string{"fields", "jq"}, Words: []string{"run"}},
	{Command: "completion", Options: []string{"agent"}, Needs: []string{"list-actions", "list-inputs"}},
	{Command: "completion", Options: []string{"action"}, Needs: []string{"list-inputs"}},
	{Command: "completion", Options: []string{"config", "verbose"}, Needs: []string{"list-agents", "list-actions", "list-inputs", "list-applications"}},
	{Command: "ddl", Options: []string{"to"}, Words: []string{"convert"}},
	{Command: "process", Options: []string{"silent"}, Excludes: []string{"fields", "output", "json", "jq", "no-results", "reply-to"}, Why: "only the sum is shown, as text"},
	{Options: []string{"output", "json", "fields", "jq", "display"}, Excludes: []string{"no-results", "reply-to"}, Why: "nothing is shown of answers that nobody awaits"},
	{Options: []string{"limit-seed"}, Needs: []string{"one", "limit-nodes"}},
}

// hideUnused takes the options for which the command has no use out of its help and its
// completion.
func hideUnused(cmd *cobra.Command) {
	for _, r := range Rules {
		for _, option := range r.Options {
			if f := cmd.Flags().Lookup(option); f != nil && r.Command == cmd.Name() && r.Never() {
				f.Hidden = true
			}
		}
	}
}

// obeyRules applies the rules to a command line.
func obeyRules(cmd *cobra.Command, args []string) error {
	given := func(name string) bool {
		f := cmd.Flags().Lookup(name)
		return f != nil && f.Changed
	}
	for _, r := range Rules {
		if r.Command != "" && r.Command != cmd.Name() {
			continue
		}
		for _, option := range r.Options {
			why := ""
			if r.Never() {
				why = r.Why
			}
			if r.Words != nil && len(args) > 0 && slices.Contains(firstWords[r.Command], args[0]) && !slices.Contains(r.Words, args[0]) {
				why = "it is for " + strings.Join(r.Words, ", ")
			}
			if r.Needs != nil && !slices.ContainsFunc(r.Needs, given) {
				why = "it needs --" + strings.Join(r.Needs, " or --")
			}
			for _, other := range r.Excludes {
				if given(other) {
					why = "with --" + other + " " + r.Why
				}
			}
			if why == "" {
				continue
			}
			if err := Refuse(cmd, why, option); err != nil {
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
	hideUnused(cmd)
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
		saySkipped(cmd)
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

// CommaList reads a list of words with commas between them, none of them empty.
func CommaList(option, text string) ([]string, error) {
	list := strings.Split(text, ",")
	for i, word := range list {
		if list[i] = strings.TrimSpace(word); list[i] == "" {
			return nil, usage.Errorf("invalid argument: --%s %s: there is nothing between two commas, or before or after one", option, text)
		}
	}
	return list, nil
}

// Refuse says of flags that they make no sense with this command, if they stand
// on its line. In MCOLLECTIVE_EXTRA_OPTS they are meant for other commands, and
// skipped.
func Refuse(cmd *cobra.Command, why string, names ...string) error {
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		switch {
		case f == nil || !f.Changed:
		case len(f.Annotations[fromEnvironment]) > 0:
			noteSkipped(cmd, name, "it does not apply to "+cmd.Name()+": "+why)
		default:
			return usage.Errorf("--%s does not apply to %s: %s", name, cmd.Name(), why)
		}
	}
	return nil
}

// OnLine reports whether an option stands on the command line itself.
func OnLine(cmd *cobra.Command, name string) bool {
	f := cmd.Flags().Lookup(name)
	return f != nil && f.Changed && len(f.Annotations[fromEnvironment]) == 0
}
