package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// understood is the action and the inputs that an application makes of words.
func understood(a *application, line string) string {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	if a.flags != nil {
		a.flags(set)
	}
	if err := set.Parse(strings.Fields(line)); err != nil {
		return err.Error()
	}
	t := &task{o: &rpcOptions{agent: a.agent}, given: set}
	if _, err := a.understand(t, set.Args()); err != nil {
		return err.Error()
	}
	got := t.o.action
	for _, arg := range t.args {
		got += " " + arg.name + "=" + arg.text
	}
	return got
}
