package shell

import (
	"testing"

	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/application/applicationtest"
	"mcollective/internal/cli/clitest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestResultIsCleaned(t *testing.T) {
	evil := &rpc.Reply{Data: value.NewMap(value.Symbol("stdout"), "o\x1b[2J\nsecond\u009b", value.Symbol("stderr"), "e\x1b")}
	clitest.Cleans(t, func(env *cli.Env) error { printResult(env, "n", evil); return nil })
}

func TestWords2(t *testing.T) {
	s := &shell{}
	app := &application.Application{Agent: "shell", Words: s.words, Whole: func(first string) bool { return first == "run" }, Flags: func(set *pflag.FlagSet) { set.String("user", "", "") }}
	for _, test := range []struct{ line, want string }{
		{"run echo a=b c", "run command=echo a=b c"},
		{"run --user www id", "run command=id user=www"},
		{"run command=id timeout=3", "run command=id timeout=3"},
		{"kill", "kill"},
		{"kill a b", `"b" is one word too many`},
	} {
		t.Run(test.line, func(t *testing.T) {
			if got := applicationtest.Read(app, test.line); got != test.want {
				t.Errorf("%s: %s\nwant %s", test.line, got, test.want)
			}
		})
	}
}
