package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/shellwords"
	"mcollective/internal/usage"
)

// extraVariable is the environment variable whose options stand in front of those of
// every command that talks to a collective. It is read by all of them, so that it may
// hold what only some of them take.
const extraVariable = "MCOLLECTIVE_EXTRA_OPTS"

// fromEnvironment is the annotation of flags that only the variable sets: where one does
// not apply, that is no mistake of this command line.
const fromEnvironment = "mco_from_environment"

// narrowing are the options that have fewer nodes asked, fewer at a time, or nothing
// done. Who leaves one out does more than was asked for.
var narrowing = []string{
	"with", "select", "with-fact", "with-class", "with-agent", "with-identity", "target",
	"one", "limit-nodes", "batch", "nodes", "disc-method", "disc-option", "noop",
}

// extraOptions reads the variable for one command.
type extraOptions struct {
	env     *Env
	program *Program
	command string
	cmd     *cobra.Command
	own     *longFlags

	others  []*longFlags // of the other commands that read the variable; made when needed
	skipped []string     // full names of options that only those know
}

// read makes the options of the variable the defaults of the command; named are those
// that its line gives.
func (x *extraOptions) read(named map[string]bool) error {
	words, err := shellwords.Split(x.env.Getenv(extraVariable))
	if err != nil {
		return err
	}
	if words, err = x.known(words); err != nil {
		return err
	}
	for _, name := range x.skipped {
		if slices.Contains(narrowing, name) {
			return usage.Hinted(usage.Errorf("%s has no --%s, and without it would do more than you asked for", x.command, name),
				"Run it with the variable unset, as in "+extraVariable+"= mco "+x.command)
		}
	}
	words, common, err := x.own.expand(words)
	if err != nil {
		return err
	}
	for name := range common {
		if name == "" {
			return errors.New("it holds a word that is not an option")
		}
		if !named[name] {
			if f := x.cmd.Flags().Lookup(name); f != nil {
				_ = x.cmd.Flags().SetAnnotation(name, fromEnvironment, []string{extraVariable})
			}
		}
	}
	if err := setDefaults(x.cmd, words); err != nil {
		return err
	}
	if len(x.skipped) > 0 {
		x.cmd.Annotations = map[string]string{unknownExtras: strings.Join(x.skipped, " ")}
	}
	return nil
}

// known returns the words without the options that only other commands know, and their
// values. What nobody knows stays, for the error of it.
func (x *extraOptions) known(words []string) ([]string, error) {
	var kept []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			return append(kept, words[i:]...), nil
		}
		var flag *pflag.Flag
		var mine, takesNext bool
		var err error
		switch {
		case strings.HasPrefix(w, "--"):
			name, _, hasValue := strings.Cut(w[2:], "=")
			flag, mine, err = x.find(w, func(l *longFlags) *pflag.Flag {
				full, err := l.resolve(name)
				if err != nil {
					return nil
				}
				return l.set.Lookup(full)
			})
			takesNext = flag != nil && flag.NoOptDefVal == "" && !hasValue
			if flag == nil || mine {
				kept = append(kept, w)
			}
		case len(w) > 1 && w[0] == '-':
			kept, mine, takesNext, err = x.bundle(kept, w[1:])
		default:
			kept = append(kept, w)
		}
		if err != nil {
			return nil, err
		}
		if takesNext && i+1 < len(words) {
			i++
			if mine {
				kept = append(kept, words[i])
			}
		}
	}
	return kept, nil
}

// bundle is known for short options that are written together. mine and takesNext are
// about the last of them.
func (x *extraOptions) bundle(kept []string, letters string) (all []string, mine, takesNext bool, err error) {
	for i := range letters {
		letter, rest := letters[i:i+1], letters[i+1:]
		var flag *pflag.Flag
		flag, mine, err = x.find("-"+letter, func(l *longFlags) *pflag.Flag { return l.set.ShorthandLookup(letter) })
		switch {
		case err != nil:
			return nil, false, false, err
		case flag == nil:
			return append(kept, "-"+letters[i:]), true, false, nil
		case flag.NoOptDefVal == "" || strings.HasPrefix(rest, "="): // the rest is its value
			if mine {
				kept = append(kept, "-"+letters[i:])
			}
			return kept, mine, flag.NoOptDefVal == "" && rest == "", nil
		case mine:
			kept = append(kept, "-"+letter)
		}
	}
	return kept, mine, false, nil
}

// find returns the flag that an option means: that of the command itself, or else that of
// another command, which it notes as skipped. nil is none.
func (x *extraOptions) find(word string, in func(*longFlags) *pflag.Flag) (flag *pflag.Flag, mine bool, err error) {
	if f := in(x.own); f != nil {
		return f, true, nil
	}
	if x.others == nil {
		for _, c := range x.program.Commands {
			if c.Client && c.Name != x.command {
				x.others = append(x.others, newLongFlags(c.New(x.env).Flags()))
			}
		}
	}
	for _, l := range x.others {
		f := in(l)
		switch {
		case f == nil:
		case flag == nil:
			flag = f
		case (f.NoOptDefVal == "") != (flag.NoOptDefVal == ""):
			// Which of the words behind it are its value nobody can say.
			return nil, false, usage.Errorf("%s has no %s, and other commands have different ones: write its full name, as in --%s", x.command, word, flag.Name)
		}
		if f != nil && !slices.Contains(x.skipped, f.Name) {
			x.skipped = append(x.skipped, f.Name)
		}
	}
	return flag, false, nil
}

// unknownExtras is the annotation of a command that names the options of the environment
// that it does not have.
const unknownExtras = "mco_unknown_extras"

// saySkipped tells of the options of the environment that the command does not have.
func saySkipped(cmd *cobra.Command) {
	for option := range strings.FieldsSeq(cmd.Annotations[unknownExtras]) {
		noteSkipped(cmd, option, "the command has no such option")
	}
}

// noteSkipped tells that an option of the environment has no effect: always where that
// does more than the option asks for, else with --verbose.
func noteSkipped(cmd *cobra.Command, option, why string) {
	verbose, err := cmd.Flags().GetBool("verbose")
	if err == nil && verbose || slices.Contains(narrowing, option) {
		fmt.Fprintf(cmd.ErrOrStderr(), "--%s of %s is skipped: %s\n", option, extraVariable, why)
	}
}
