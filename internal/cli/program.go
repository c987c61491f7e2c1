package cli

import (
	"sort"

	"github.com/spf13/cobra"
)

// A Purpose is what people do with commands; it is their heading in help.
type Purpose string

// The purposes, in the order of Purposes.
const (
	LookAround    Purpose = "Look around"
	Act           Purpose = "Act"
	WriteAgents   Purpose = "Write agents"
	RunCollective Purpose = "Run the collective"
	ThisProgram   Purpose = "This program"
)

// Purposes returns the purposes in the order in which help shows them.
func Purposes() []Purpose { return []Purpose{LookAround, Act, WriteAgents, RunCollective, ThisProgram} }

// A Command is its name, what help says about it, and what builds it.
type Command struct {
	Name    string
	Purpose Purpose
	About   string
	New     func(*Env) *cobra.Command

	Client bool // talks to a collective: MCOLLECTIVE_EXTRA_OPTS counts
}

// A Program is the commands that there are.
type Program struct {
	Commands []Command

	// Short returns the command and the words that a name stands for which is none of
	// the commands; ok is false if it stands for nothing.
	Short func(env *Env, name string, args []string) (command string, words []string, ok bool)

	// Complete answers the completion script of a shell.
	Complete func(env *Env, args []string) error
}

// Lookup finds a command.
func (p *Program) Lookup(name string) (Command, bool) {
	for _, c := range p.Commands {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}

// Listed returns the commands sorted by name.
func (p *Program) Listed() []Command {
	list := append([]Command(nil), p.Commands...)
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Names returns the names of the commands, sorted.
func (p *Program) Names() []string {
	names := make([]string, 0, len(p.Commands))
	for _, c := range p.Listed() {
		names = append(names, c.Name)
	}
	return names
}
