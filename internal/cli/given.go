package cli

import (
	"errors"
	"fmt"
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

// guard makes a command refuse empty options and empty arguments, whatever it does
// with those that have something in them.
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
