// Package describefilter is mco describe_filter, which says in words what a filter asks for.
package describefilter

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mcollective/filter"
	"mcollective/internal/cli"
	"mcollective/internal/cli/collective"
	"mcollective/internal/safetext"
	"mcollective/internal/usage"
)

// New makes the command describe_filter.
func New(env *cli.Env) *cobra.Command {
	var hosts collective.Hosts
	cmd := &cobra.Command{
		Use:   "describe_filter -S <filter> -F <filter> -C <filter>",
		Short: "Say in words what a filter asks for",
		Example: "    mco describe_filter -F country=de -C /^web/\n" +
			"    mco describe_filter -S \"web and not (country=de or cpus>8)\"",
	}
	set := cmd.Flags()
	set.StringP("config", "c", "", "Read this configuration file")
	cli.Takes(set, "config", "FILE")
	set.BoolP("verbose", "v", false, "Print more details")
	cli.Group(set, cli.GroupAlways, "config", "verbose")
	hosts.Add(set)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage.Hinted(fmt.Errorf("describe_filter takes no arguments, but was given %q", args[0]),
				"A filter of several words needs its option before each, or quotes around all")
		}
		f, err := hosts.Parse(env)
		if err != nil {
			return err
		}
		describeFilter(env.Out, f)
		return nil
	}
	return cmd
}

// describeFilter says in words what a filter asks of a node.
func describeFilter(w io.Writer, f filter.Filter) {
	block := func(heading string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(w, "%s\n\n", heading)
		for _, line := range lines {
			fmt.Fprintf(w, "  %s\n", safetext.CleanLine(line))
		}
		fmt.Fprintln(w)
	}
	facts := make([]string, len(f.Facts))
	for i, t := range f.Facts {
		facts[i] = factInWords(t)
	}
	block("-F filter expands to the following fact comparisons:", facts)
	patterns := func(list []filter.Pattern, say func(filter.Pattern) string) []string {
		lines := make([]string, len(list))
		for i, p := range list {
			lines[i] = say(p)
		}
		return lines
	}
	block("-C filter expands to the following class checks:", patterns(f.Classes, classInWords))
	block("-A filter expands to the following agent checks:", patterns(f.Agents, func(p filter.Pattern) string {
		return fmt.Sprintf("Check if agent '%s' is present on the host", p)
	}))
	block("-I filter expands to the following identity checks, of which one is enough:", patterns(f.Identities, func(p filter.Pattern) string {
		return fmt.Sprintf("Check if the identity is '%s'", p)
	}))
	for _, c := range f.Compound {
		block("-S Query expands to the following instructions:", compoundInWords(c))
	}
}

func factInWords(t filter.Fact) string {
	return fmt.Sprintf("Check if fact '%s' %s '%s'", t.Name, t.Operator, t.Value)
}

func classInWords(p filter.Pattern) string {
	return fmt.Sprintf("Check if class '%s' is present on the host", p)
}

// compoundInWords returns one line for each term of an expression, set in by the
// parentheses around it. The margins are Ruby's: each parenthesis doubles it, and
// where one ends the lines go back to the margin of the last that began.
func compoundInWords(c filter.Compound) []string {
	lines := make([]string, 0, len(c))
	const first, most = 2, 32
	margin, last := first, first
	for _, t := range c {
		if t.Kind == filter.Close {
			margin = last
		}
		lines = append(lines, strings.Repeat(" ", margin-first)+termInWords(t))
		if t.Kind == filter.Open {
			last, margin = margin, min(2*margin, most)
		}
	}
	return lines
}

func termInWords(t filter.Term) string {
	switch t.Kind {
	case filter.Statement:
		if name, op, value, ok := collective.Comparison(t.Text); ok {
			return fmt.Sprintf("Check if fact '%s' %s '%s'", name, op, value)
		}
		return fmt.Sprintf("Check if class '%s' is present on the host", t.Text)
	case filter.Call:
		with := ""
		if t.Call.Params != nil {
			with = fmt.Sprintf(" with parameters (%v)", t.Call.Params)
		}
		// Two blanks end the line in Ruby, too.
		return fmt.Sprintf("Execute the Data Query '%s'%s. Check if the query's '%s' value %s '%s'  ",
			t.Call.Name, with, t.Call.Output, t.Call.Operator, inRuby(t.Call.Compare))
	}
	return strings.ToUpper(string(t.Kind))
}

// inRuby returns a pattern as Ruby prints it.
func inRuby(p filter.Pattern) string {
	if !p.Regexp {
		return p.Text
	}
	on, off := "", "-"
	for _, letter := range []struct {
		bit  int
		name string
	}{{4, "m"}, {1, "i"}, {2, "x"}} {
		if p.Options&letter.bit != 0 {
			on += letter.name
		} else {
			off += letter.name
		}
	}
	return "(?" + on + strings.TrimSuffix(off, "-") + ":" + p.Text + ")"
}
