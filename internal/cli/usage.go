package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of flags in help, by heading. What a command alone has and its filters
// are described on its page. The others are the same for many commands: a page that has
// GroupCall or GroupCommon only names them, and mco help options describes them.
const (
	GroupOwn    = "Options"
	GroupFilter = "Which nodes"
	GroupCall   = "Calls and results"
	GroupCommon = "Search, times and connection"
	GroupAlways = "Every command"
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

// pageWidth is how many columns help takes, whatever the terminal has.
const pageWidth = 80

// printHelp writes the page of a command: examples before options, and of options
// that many commands share only the names.
func printHelp(w io.Writer, cmd *cobra.Command) {
	fmt.Fprintf(w, "%s\n\n", cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(cmd.Long))
	}
	head := "Usage: "
	for line := range strings.SplitSeq(usageLines(cmd), "\n") {
		fmt.Fprintln(w, wrap(head+"mco "+line, pageWidth, strings.Repeat(" ", len("Usage: mco "))))
		head = "       "
	}
	fmt.Fprintln(w)
	if cmd.Example != "" {
		fmt.Fprintf(w, "Examples\n%s\n\n", strings.TrimRight(cmd.Example, "\n"))
	}
	names := sharedNames(cmd.Flags())
	if names == "" {
		printGroup(w, cmd.Flags(), GroupOwn, GroupAlways)
		printGroup(w, cmd.Flags(), GroupFilter)
		return
	}
	printGroup(w, cmd.Flags(), GroupOwn)
	printGroup(w, cmd.Flags(), GroupFilter)
	fmt.Fprintf(w, "Options of many commands; 'mco help options' describes them\n%s\n\n", wrap("    "+names, pageWidth, "    "))
}

// PrintOptions describes the options that a command shares with others.
func PrintOptions(w io.Writer, cmd *cobra.Command) {
	for _, heading := range []string{GroupFilter, GroupCall, GroupCommon, GroupAlways} {
		printGroup(w, cmd.Flags(), heading)
	}
}

// sharedNames names the flags of a command that other pages have, too; "" if it has only
// those of every command.
func sharedNames(set *pflag.FlagSet) string {
	var names []string
	talks := false
	for _, heading := range []string{GroupCall, GroupCommon, GroupAlways} {
		visitGroup(set, heading, func(f *pflag.Flag) {
			talks = talks || heading != GroupAlways
			name := "--" + f.Name
			for _, alias := range Spellings(f.Name) {
				name += "/--" + alias
			}
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + "/" + name
			}
			names = append(names, name)
		})
	}
	if !talks {
		return ""
	}
	return strings.Join(names, ", ")
}

func usageLines(cmd *cobra.Command) string {
	line := cmd.UseLine()
	if !strings.Contains(line, "[options]") && cmd.Flags().HasFlags() {
		line += " [options]"
	}
	return line
}

// wrap breaks a line at blanks; those after the first begin with indent. The blanks that
// line begins with stay.
func wrap(line string, width int, indent string) string {
	var b strings.Builder
	rest := strings.TrimLeft(line, " ")
	column := len(line) - len(rest)
	b.WriteString(line[:column])
	for i, word := range strings.Fields(rest) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

func visitGroup(set *pflag.FlagSet, heading string, visit func(*pflag.Flag)) {
	set.VisitAll(func(f *pflag.Flag) {
		in := GroupOwn
		if a := f.Annotations[groupKey]; len(a) == 1 {
			in = a[0]
		} else if f.Name == "help" {
			in = GroupAlways
		}
		if in == heading && !f.Hidden {
			visit(f)
		}
	})
}

// printGroup describes the flags of a group, and of others under its heading.
func printGroup(w io.Writer, set *pflag.FlagSet, headings ...string) {
	first := true
	for _, heading := range headings {
		visitGroup(set, heading, func(f *pflag.Flag) {
			if first {
				fmt.Fprintln(w, headings[0])
				first = false
			}
			printFlag(w, f)
		})
	}
	if !first {
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
	indent := strings.Repeat(" ", 37)
	if left.Len() > 32 {
		fmt.Fprintf(w, "    %s\n%s\n", left.String(), wrap(indent+f.Usage, pageWidth, indent))
		return
	}
	fmt.Fprintf(w, "    %-32s %s\n", left.String(), strings.TrimLeft(wrap(indent+f.Usage, pageWidth, indent), " "))
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

// RawUsage describes --raw in help.
const RawUsage = "Print control characters of nodes, too"
