// Package application is what the commands for one agent have in common: words that people like to type become the action and the inputs of a call.
package application

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/call"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/inputs"
	"mcollective/internal/usage"
)

// An Application is a command for one agent. It makes the words that people like
// to type the action and the inputs of a call, which then goes the way of rpc:
//
//	mco service httpd restart             as with Ruby's command
//	mco service restart httpd             the other way round
//	mco service restart service=httpd     the short form of rpc, which every agent has
//
// Words with a name and = in front are inputs, wherever they stand.
type Application struct {
	Agent   string // its name, which is also the command's
	About   string
	Usage   []string // what follows the command, a form each
	Example string

	Flags func(*pflag.FlagSet) // those that no other command has; may be nil

	// words makes the words that are no inputs an action, and adds to the inputs
	// what they and the flags say.
	Words func(words []string, in *Inputs) (action string, err error)

	// whole tells, by the first word, that those behind it are no inputs even with
	// an = in them. Nil means that none is so.
	Whole func(first string) bool

	// does is the work of actions whose answers the application shows itself. It
	// returns false for what rpc does as well. Nil means all.
	Does func(ctx context.Context, t *Task) (done bool, err error)

	Actions []string // what may follow the command, for the shell

	own []string // names of the flags
}

// Inputs are those that an application has found in the words of the command line.
type Inputs struct {
	List  []inputs.Argument
	Flags *pflag.FlagSet
	from  map[string]string // the flag that an input is from
	Used  map[string]bool   // flags that the words have use for
}

// Set adds an input.
func (in *Inputs) Set(name, text string) {
	in.List = append(in.List, inputs.Argument{Name: name, Text: text})
}

// Has reports whether the words or flags give an input.
func (in *Inputs) Has(name string) bool {
	return slices.ContainsFunc(in.List, func(a inputs.Argument) bool { return a.Name == name })
}

// Take adds an input for each flag that was given, under the name of the flag
// unless that is followed by = and another. --no-NAME means that NAME is false.
func (in *Inputs) Take(flags ...string) {
	for _, flag := range flags {
		flag, name, other := strings.Cut(flag, "=")
		if !other {
			name = flag
		}
		f := in.Flags.Lookup(flag)
		if f == nil || !f.Changed {
			continue
		}
		base, no := strings.CutPrefix(name, "no-")
		in.Used[flag], in.from[base] = true, flag
		if no {
			in.Set(base, strconv.FormatBool(f.Value.String() != "true"))
		} else {
			in.Set(name, f.Value.String())
		}
	}
}

// New makes the command.
func New(env *cli.Env, a *Application) *cobra.Command {
	o := &call.Options{Reader: inputs.Reader{Agent: a.Agent}}
	lines := make([]string, 0, len(a.Usage)+1)
	for _, u := range a.Usage {
		lines = append(lines, a.Agent+" "+u)
	}
	lines = append(lines, a.Agent+" <action> [<key=val> ...] [options] [filters]")
	cmd := &cobra.Command{Use: strings.Join(lines, "\n"), Short: a.About, Example: a.Example}
	set := cmd.Flags()
	if a.Flags != nil {
		a.Flags(set)
		set.VisitAll(func(f *pflag.Flag) { a.own = append(a.own, f.Name) })
	}
	o.AddShared(set)
	cmd.ValidArgsFunction = a.complete(env)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t := &Task{RPC: o, Given: set}
		in, err := a.Understand(t, args)
		if err != nil {
			return err
		}
		for _, flag := range a.own {
			if !in.Used[flag] {
				if err := cli.Refuse(cmd, "its action "+t.Words[0]+" has no use for it", flag); err != nil {
					return err
				}
			}
		}
		o.From = in.from
		if err := o.Check(cmd); err != nil {
			return err
		}
		return a.run(cmd.Context(), env, t)
	}
	return cmd
}

// Understand makes words an action and inputs.
func (a *Application) Understand(t *Task, args []string) (*Inputs, error) {
	in := &Inputs{Flags: t.Given, from: make(map[string]string), Used: make(map[string]bool)}
	for i, arg := range args {
		given, ok := inputs.Parse(arg)
		if ok && InputName(given.Name) && (i == 0 || a.Whole == nil || !a.Whole(args[0])) {
			in.List = append(in.List, given)
		} else {
			t.Words = append(t.Words, arg)
		}
	}
	if len(t.Words) == 0 {
		return nil, usage.Hinted(usage.Errorf("mco %s needs to know what to do", a.Agent), "Like this: "+a.forms())
	}
	var err error
	if t.RPC.Action, err = a.Words(t.Words, in); err != nil {
		return nil, usage.Hinted(err, "Like this: "+a.forms())
	}
	t.Args = in.List
	if t.RPC.Noop && in.from["noop"] == "noop" {
		t.RPC.Noop, t.RPC.Yes = false, true // the application has an input for it, and nothing will change
	}
	return in, nil
}

// forms returns what the command takes, one below the other.
func (a *Application) forms() string {
	lines := make([]string, len(a.Usage))
	for i, u := range a.Usage {
		lines[i] = "mco " + a.Agent + " " + u
	}
	return strings.Join(lines, "\n           ")
}

// InputName reports whether a word can be the name of an input.
func InputName(s string) bool {
	return s != "" && (s[0] < '0' || s[0] > '9') && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// run does the work.
func (a *Application) run(ctx context.Context, env *cli.Env, t *Task) error {
	if a.Does != nil {
		work, stop := env.Interruptible(ctx)
		defer stop()
		t.Env = env
		done, err := a.Does(work, t)
		if t.Invocation != nil {
			t.Close()
		}
		if done || err != nil {
			return err
		}
		stop()
	}
	return t.RPC.Run(ctx, env, t.Args)
}

// complete offers the actions, and then what rpc offers.
func (a *Application) complete(env *cli.Env) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	inner := complete.Call(env)
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return complete.Matching(slices.Clone(a.Actions), word), cobra.ShellCompDirectiveNoFileComp
		}
		return inner(cmd, append([]string{a.Agent}, args...), word)
	}
}
