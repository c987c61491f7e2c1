package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mcollective/internal/usage"
)

func newShell(env *Env) *cobra.Command {
	s := &shell{}
	return newApplication(env, &application{
		agent: "shell",
		about: "Runs commands on nodes whose configuration allows it",
		usage: []string{"run [--tail] <command>", "start <command>", "watch <handle>", "list", "kill <handle>"},
		example: "    mco shell run 'df -h /' -C webserver\n" +
			"    mco shell run --tail 'journalctl -n 5 -f' -I web1.example.net\n" +
			"    mco shell start 'make -C /srv/build' -1\n" +
			"    mco shell list",
		flags: func(set *pflag.FlagSet) {
			set.BoolVar(&s.tail, "tail", false, "Show what the command prints as it does")
			text(set, groupOwn, new(string), "user", "u", "USER", "Run the command as this user")
		},
		words: s.words,
		// What stands behind is one command, which may well have an = in it.
		whole:   func(first string) bool { return first == "run" || first == "start" },
		does:    s.does,
		actions: []string{"run", "start", "watch", "list", "kill", "status"},
	})
}

// shell is the application shell.
type shell struct {
	tail bool
	live map[string]*liveCommand // by node
}

func (s *shell) words(words []string, in *inputs) (string, error) {
	action, rest := words[0], words[1:]
	in.used["tail"] = action == "run"
	switch action {
	case "run", "start":
		// The short form of rpc still works: command=... and the other inputs.
		if len(rest) > 0 && strings.HasPrefix(rest[0], "command=") {
			for _, word := range rest {
				name, value, ok := strings.Cut(word, "=")
				if !ok || !inputName(name) {
					return "", usage.Errorf("%q is no input; a command of several words needs quotes", word)
				}
				in.set(name, value)
			}
		} else if len(rest) > 0 {
			in.set("command", strings.Join(rest, " "))
		}
		in.take("user")
		return action, nil
	case "watch", "kill", "status":
		if len(rest) > 0 {
			in.set("handle", rest[0])
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		return "", usage.Errorf("%q is one word too many", rest[0])
	}
	return action, nil
}

func (s *shell) does(ctx context.Context, t *task) (bool, error) {
	action := t.o.action
	if !t.human() {
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
