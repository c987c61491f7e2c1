package cli

import (
	"mcollective/rpc"
	"mcollective/value"
	"testing"

	"github.com/spf13/pflag"
)

func TestResultIsCleaned(t *testing.T) {
	evil := &rpc.Reply{Data: value.NewMap(value.Symbol("stdout"), "o\x1b[2J\nsecond\u009b", value.Symbol("stderr"), "e\x1b")}
	cleans(t, func(env *Env) error { printResult(env, "n", evil); return nil })
}

func TestWords2(t *testing.T) {
	s := &shell{}
	app := &application{agent: "shell", words: s.words, whole: func(first string) bool { return first == "run" }, flags: func(set *pflag.FlagSet) { set.String("user", "", "") }}
	for _, test := range []struct{ line, want string }{
		{"run echo a=b c", "run command=echo a=b c"},
		{"run --user www id", "run command=id user=www"},
		{"run command=id timeout=3", "run command=id timeout=3"},
		{"kill", "kill"},
		{"kill a b", `"b" is one word too many`},
	} {
		if got := understood(app, test.line); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.line, got, test.want)
		}
	}
}
