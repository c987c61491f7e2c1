package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of flags in help, in the order that they are shown. The required
// ones stand below the RPC options without a heading of their own, as in Ruby.
const (
	GroupOwn    = ""
	GroupRPC    = "RPC Options"
	GroupAlways = "always"
	GroupCommon = "Common Options"
	GroupFilter = "Host Filters"
)

// groupKey is the annotation of a flag that names its group.
const groupKey = "mco_group"

// Group puts a flag into a group of the help text.
func Group(set *pflag.FlagSet, heading string, names ...string) {
	for _, n := range names {
		if err := set.SetAnnotation(n, groupKey, []string{heading}); err != nil {
			panic("cli: flag " + n + " is grouped before it is defined")
		}
	}
}

// valueKey is the annotation of a flag that names its value in the help text.
const valueKey = "mco_value"

// Takes names the value of a flag for the help text; without it the name is that
// of the value's type.
func Takes(set *pflag.FlagSet, flag, value string) {
	if err := set.SetAnnotation(flag, valueKey, []string{value}); err != nil {
		panic("cli: the value of flag " + flag + " is named before it is defined")
	}
}

func valueName(f *pflag.Flag) string {
	if a := f.Annotations[valueKey]; len(a) == 1 {
		return a[0]
	}
	return strings.ToUpper(f.Value.Type())
}

// printHelp writes the help text of a command in the layout of Ruby's, but for the
// examples, which come before the options.
func printHelp(w io.Writer, cmd *cobra.Command) {
	fmt.Fprintf(w, "\n%s\n\n", cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(cmd.Long))
	}
	for _, line := range strings.Split(usageLines(cmd), "\n") {
		fmt.Fprintf(w, "Usage: mco %s\n", line)
	}
	fmt.Fprintln(w)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(w, "Commands")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(w, "    %-32s %s\n", c.Name(), c.Short)
			}
		}
		fmt.Fprintln(w)
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "Examples\n%s\n\n", strings.TrimRight(cmd.Example, "\n"))
	}
	for _, heading := range []string{GroupOwn, GroupRPC, GroupAlways, GroupCommon, GroupFilter} {
		printGroup(w, cmd.Flags(), heading)
	}
	fmt.Fprintf(w, "The Marionette Collective %s\n", Version())
}

func usageLines(cmd *cobra.Command) string {
	line := cmd.UseLine()
	if !strings.Contains(line, "[options]") && cmd.Flags().HasFlags() {
		line += " [options]"
	}
	return line
}

func printGroup(w io.Writer, set *pflag.FlagSet, heading string) {
	first := true
	set.VisitAll(func(f *pflag.Flag) {
		in := GroupOwn
		if a := f.Annotations[groupKey]; len(a) == 1 {
			in = a[0]
		} else if f.Name == "help" {
			in = GroupAlways
		}
		if in != heading || f.Hidden {
			return
		}
		if first {
			switch heading {
			case GroupOwn:
				fmt.Fprintln(w, "Application Options")
			case GroupAlways:
			default:
				fmt.Fprintln(w, heading)
			}
			first = false
		}
		printFlag(w, f)
	})
	// The RPC options and those below them form one block.
	if !first && heading != GroupRPC {
		fmt.Fprintln(w)
	}
}

// printFlag writes the spellings of a flag in 32 columns and its meaning behind.
func printFlag(w io.Writer, f *pflag.Flag) {
	var left strings.Builder
	if f.Shorthand != "" {
		left.WriteString("-" + f.Shorthand + ", ")
	} else {
		left.WriteString("    ")
	}
	names := append(Spellings(f.Name), f.Name)
	if len(names) > 2 {
		// As in Ruby: the full name first where there are several others.
		names = append(names[len(names)-1:], names[:len(names)-1]...)
	}
	left.WriteString("--" + strings.Join(names, ", --"))
	if f.NoOptDefVal == "" {
		left.WriteString(" " + valueName(f))
	}
	if left.Len() > 32 {
		fmt.Fprintf(w, "    %s\n%37s%s\n", left.String(), "", f.Usage)
		return
	}
	fmt.Fprintf(w, "    %-32s %s\n", left.String(), f.Usage)
}

// Spellings lists the other names of a flag, in the order that help shows them.
func Spellings(name string) []string {
	var list []string
	for _, alias := range []string{"np", "ln", "limit", "nr", "dt", "dm", "do", "wf", "wc", "wa", "wi", "arg", "lc", "cg", "map"} {
		if aliases()[alias] == name {
			list = append(list, alias)
		}
	}
	return list
}

// Text defines a flag whose value is a text.
func Text(set *pflag.FlagSet, heading string, p *string, name, short, what, usage string) {
	set.StringVarP(p, name, short, "", usage)
	Group(set, heading, name)
	Takes(set, name, what)
}

// ValueFlag defines a flag whose value has a form of its own.
func ValueFlag(set *pflag.FlagSet, heading string, v pflag.Value, name, short, what, usage string) {
	set.VarP(v, name, short, usage)
	Group(set, heading, name)
	Takes(set, name, what)
}

// RawUsage is what help says of --raw.
const RawUsage = "Print what nodes say byte for byte, control characters too"
