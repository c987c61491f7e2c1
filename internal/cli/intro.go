package cli

import (
	"fmt"
	"strings"

	"mcollective/internal/safetext"
	"mcollective/internal/suggest"
)

// intro is mco without a command: the version, how to call it, and what there
// is.
func intro(env *Env, p *Program, args []string) int {
	for _, a := range args {
		if a == "--version" {
			fmt.Fprintf(env.Out, "%s %s\n", env.Name, Version())
			return ExitOK
		}
	}
	PrintVersion(env)
	fmt.Fprintf(env.Out, "usage: %s command <options>\n\n", env.Name)
	printKnown(env, p)
	return ExitOK
}

// unknownCommand lists what there is, like intro, for a name that is none of it.
func unknownCommand(env *Env, p *Program, name string) int {
	name = safetext.CleanLine(name)
	PrintVersion(env)
	fmt.Fprintf(env.Out, "Unknown command '%s'\n\n", name)
	names := p.Names()
	near := ""
	for _, n := range names {
		if len(name) > 1 && strings.HasPrefix(n, name) {
			near = n
			break
		}
	}
	if near == "" {
		near = suggest.Nearest(name, names)
	}
	if near != "" {
		fmt.Fprintf(env.Out, "Did you mean '%s'?\n\n", near)
	}
	if strings.HasPrefix(name, "-") {
		fmt.Fprint(env.Out, "Options follow the name of the command\n\n")
	}
	printKnown(env, p)
	return ExitFailed
}

// PrintVersion prints the line that mco and its help begin with.
func PrintVersion(env *Env) {
	fmt.Fprintf(env.Out, "The Marionette Collective version %s\n\n", Version())
}

// printKnown prints the names of the commands, three to a row.
func printKnown(env *Env, p *Program) {
	fmt.Fprint(env.Out, "Known commands:\n\n")
	rows := p.Listed()
	for i := 0; i < len(rows); i += 3 {
		var cells [3]string
		for j := range cells {
			if i+j < len(rows) {
				cells[j] = rows[i+j].Name
			}
		}
		fmt.Fprintf(env.Out, "   %-20s %-20s %-20s\n", cells[0], cells[1], cells[2])
	}
	fmt.Fprintf(env.Out, "\nType '%[1]s help' for a detailed list of commands and '%[1]s help command'\nto get detailed help for a command\n\n", env.Name)
}
