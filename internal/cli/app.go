package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/usage"
)

// An application is a command for one agent. It makes the words that people like
// to type the action and the inputs of a call, which then goes the way of rpc:
//
//	mco service httpd restart             as with Ruby's command
//	mco service restart httpd             the other way round
//	mco service restart service=httpd     the short form of rpc, which every agent has
//
// Words with a name and = in front are inputs, wherever they stand.
type application struct {
	agent   string // its name, which is also the command's
	about   string
	usage   []string // what follows the command, a form each
	example string

	flags func(*pflag.FlagSet) // those that no other command has; may be nil

	// words makes the words that are no inputs an action, and adds to the inputs
	// what they and the flags say.
	words func(words []string, in *inputs) (action string, err error)

	// whole tells, by the first word, that those behind it are no inputs even with
	// an = in them. Nil means that none is so.
	whole func(first string) bool

	// does is the work of actions whose answers the application shows itself. It
	// returns false for what rpc does as well. Nil means all.
	does func(ctx context.Context, t *task) (done bool, err error)

	actions []string // what may follow the command, for the shell

	own []string // names of the flags
}

// inputs are what an application has understood.
type inputs struct {
	list  []argument
	flags *pflag.FlagSet
	from  map[string]string // the flag that an input is from
	used  map[string]bool   // flags that the words have use for
}

// set adds an input.
func (in *inputs) set(name, text string) {
	in.list = append(in.list, argument{name, text})
}

// has tells whether the words or flags give an input.
func (in *inputs) has(name string) bool {
	return slices.ContainsFunc(in.list, func(a argument) bool { return a.name == name })
}

// take adds an input for each flag that was given, under the name of the flag
// unless that is followed by = and another. --no-NAME means that NAME is false.
func (in *inputs) take(flags ...string) {
	for _, flag := range flags {
		flag, name, other := strings.Cut(flag, "=")
		if !other {
			name = flag
		}
		f := in.flags.Lookup(flag)
		if f == nil || !f.Changed {
			continue
		}
		base, no := strings.CutPrefix(name, "no-")
		in.used[flag], in.from[base] = true, flag
		if no {
			in.set(base, strconv.FormatBool(f.Value.String() != "true"))
		} else {
			in.set(name, f.Value.String())
		}
	}
}

// newApplication makes the command.
func newApplication(env *Env, a *application) *cobra.Command {
	o := &rpcOptions{agent: a.agent}
	lines := make([]string, 0, len(a.usage)+1)
	for _, u := range a.usage {
		lines = append(lines, a.agent+" [options] [filters] "+u)
	}
	lines = append(lines, a.agent+" [options] [filters] <action> [<key=val> ...]")
	cmd := &cobra.Command{Use: strings.Join(lines, "\n"), Short: a.about, Example: a.example}
	set := cmd.Flags()
	if a.flags != nil {
		a.flags(set)
		set.VisitAll(func(f *pflag.Flag) { a.own = append(a.own, f.Name) })
	}
	set.BoolVarP(&o.yes, "yes", "y", false, "Do not ask before an action that changes many nodes")
	set.BoolVar(&o.noop, "noop", false, "Let the action say what it would do, if it can")
	set.BoolVar(&o.noResults, "no-results", false, "Do not process results, just send request")
	o.outputFlags.add(set)
	o.clientFlags.add(set)
	cmd.ValidArgsFunction = a.complete(env)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t := &task{o: o, given: set}
		in, err := a.understand(t, args)
		if err != nil {
			return err
		}
		for _, flag := range a.own {
			if !in.used[flag] {
				if err := refuse(cmd, "its action "+t.words[0]+" has no use for it", flag); err != nil {
					return err
				}
			}
		}
		o.from = in.from
		if err := o.clientFlags.check(cmd, nil); err != nil {
			return err
		}
		if err := o.outputFlags.check(&o.clientFlags); err != nil {
			return err
		}
		return a.run(cmd.Context(), env, t)
	}
	return cmd
}

// understand makes words an action and inputs.
func (a *application) understand(t *task, args []string) (*inputs, error) {
	in := &inputs{flags: t.given, from: make(map[string]string), used: make(map[string]bool)}
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if ok && inputName(name) && (i == 0 || a.whole == nil || !a.whole(args[0])) {
			in.list = append(in.list, argument{name, value})
		} else {
			t.words = append(t.words, arg)
		}
	}
	if len(t.words) == 0 {
		return nil, usage.Hinted(usage.Errorf("mco %s needs to know what to do", a.agent), "Like this: "+a.forms())
	}
	var err error
	if t.o.action, err = a.words(t.words, in); err != nil {
		return nil, usage.Hinted(err, "Like this: "+a.forms())
	}
	t.args = in.list
	if t.o.noop && in.from["noop"] == "noop" {
		t.o.noop, t.o.yes = false, true // the application has an input for it, and nothing will change
	}
	return in, nil
}

// forms are what the command takes, one below the other.
func (a *application) forms() string {
	lines := make([]string, len(a.usage))
	for i, u := range a.usage {
		lines[i] = "mco " + a.agent + " " + u
	}
	return strings.Join(lines, "\n           ")
}

// inputName tells whether a word can be the name of an input.
func inputName(s string) bool {
	return s != "" && (s[0] < '0' || s[0] > '9') && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// run does the work.
func (a *application) run(ctx context.Context, env *Env, t *task) error {
	if a.does != nil {
		work, stop := env.Interruptible(ctx)
		defer stop()
		t.env = env
		done, err := a.does(work, t)
		if t.invocation != nil {
			t.Close()
		}
		if done || err != nil {
			return err
		}
		stop()
	}
	return t.o.run(ctx, env, t.args)
}

// complete offers the actions, and then what rpc offers.
func (a *application) complete(env *Env) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	inner := completeCall(env)
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return beginning(slices.Clone(a.actions), word), cobra.ShellCompDirectiveNoFileComp
		}
		return inner(cmd, append([]string{a.agent}, args...), word)
	}
}
