package cli

import (
	"sort"

	"github.com/spf13/cobra"
)

// A command is its name, what help says about it, and what builds it.
type command struct {
	Name  string
	About string
	New   func(*Env) *cobra.Command

	Client bool // talks to a collective: MCOLLECTIVE_EXTRA_OPTS counts
}

// A program is the commands that there are.
type program struct {
	Commands []command

	// Short returns the command and the words that a name stands for which is none of
	// the commands; ok is false if it stands for nothing.
	Short func(env *Env, name string, args []string) (command string, words []string, ok bool)

	// Complete answers the completion script of a shell.
	Complete func(env *Env, args []string) error
}

// Lookup finds a command.
func (p *program) Lookup(name string) (command, bool) {
	for _, c := range p.Commands {
		if c.Name == name {
			return c, true
		}
	}
	return command{}, false
}

// Listed returns the commands sorted by name.
func (p *program) Listed() []command {
	list := append([]command(nil), p.Commands...)
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Names returns the names of the commands, sorted.
func (p *program) Names() []string {
	names := make([]string, 0, len(p.Commands))
	for _, c := range p.Listed() {
		names = append(names, c.Name)
	}
	return names
}
