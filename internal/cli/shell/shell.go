// Package shell is mco shell, which runs commands on nodes.
package shell

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/usage"
)

// New makes the command shell.
func New(env *cli.Env) *cobra.Command {
	s := &shell{}
	return application.New(env, &application.Application{
		Agent: "shell",
		About: "Run commands on nodes whose configuration allows it",
		Usage: []string{"run [--tail] <command>", "start <command>", "watch <handle>", "list", "kill <handle>"},
		Example: "    mco shell run 'df -h /' -C webserver\n" +
			"    mco shell run --tail 'journalctl -n 5 -f' -I web1.example.net\n" +
			"    mco shell start 'make -C /srv/build' -1\n" +
			"    mco shell list",
		Flags: func(set *pflag.FlagSet) {
			set.BoolVar(&s.tail, "tail", false, "Print the output while the command runs")
			cli.Text(set, cli.GroupOwn, new(string), "user", "u", "USER", "Run the command as this user")
		},
		Words: s.words,
		// What stands behind is one command, which may well have an = in it.
		Whole:   func(first string) bool { return first == "run" || first == "start" },
		Does:    s.does,
		Actions: []string{"run", "start", "watch", "list", "kill", "status"},
	})
}

// shell is the application shell.
type shell struct {
	tail bool
	live map[string]*liveCommand // by node
}

func (s *shell) words(words []string, in *application.Inputs) (string, error) {
	action, rest := words[0], words[1:]
	in.Used["tail"] = action == "run"
	switch action {
	case "run", "start":
		// The short form of rpc still works: command=... and the other inputs.
		if len(rest) > 0 && strings.HasPrefix(rest[0], "command=") {
			for _, word := range rest {
				name, value, ok := strings.Cut(word, "=")
				if !ok || !application.InputName(name) {
					return "", usage.Errorf("%q is no input; a command of several words needs quotes", word)
				}
				in.Set(name, value)
			}
		} else if len(rest) > 0 {
			in.Set("command", strings.Join(rest, " "))
		}
		in.Take("user")
		return action, nil
	case "watch", "kill", "status":
		if len(rest) > 0 {
			in.Set("handle", rest[0])
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		return "", usage.Errorf("%q is one word too many", rest[0])
	}
	return action, nil
}

func (s *shell) does(ctx context.Context, t *application.Task) (bool, error) {
	action := t.RPC.Action
	if !t.Human() {
		if s.tail || action == "watch" {
			return true, usage.Errorf("output as it comes has no other format")
		}
		return false, nil
	}
	switch {
	case s.tail:
		return true, s.follow(ctx, t)
	case action == "watch":
		return true, s.watch(ctx, t)
	case action == "kill":
		return true, s.kill(ctx, t)
	case action == "run" || action == "start" || action == "list":
		return true, s.show(ctx, t)
	}
	return false, nil
}
