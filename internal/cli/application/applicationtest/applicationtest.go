// Package applicationtest tells tests what an application makes of words.
package applicationtest

import (
	"strings"

	"github.com/spf13/pflag"

	"mcollective/internal/cli/application"
	"mcollective/internal/cli/call"
	"mcollective/internal/cli/inputs"
)

// Read returns the action and the inputs that an application makes of words.
func Read(a *application.Application, line string) string {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	if a.Flags != nil {
		a.Flags(set)
	}
	if err := set.Parse(strings.Fields(line)); err != nil {
		return err.Error()
	}
	t := &application.Task{RPC: &call.Options{Reader: inputs.Reader{Agent: a.Agent}}, Given: set}
	if _, err := a.Understand(t, set.Args()); err != nil {
		return err.Error()
	}
	got := t.RPC.Action
	for _, arg := range t.Args {
		got += " " + arg.Name + "=" + arg.Text
	}
	return got
}
