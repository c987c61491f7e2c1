package process

import (
	"testing"

	"github.com/spf13/pflag"

	"mcollective/internal/cli"
	"mcollective/internal/cli/application"
	"mcollective/internal/cli/application/applicationtest"
	"mcollective/internal/cli/clitest"
	"mcollective/internal/subtest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestTreeIsCleaned(t *testing.T) {
	evil := &rpc.Reply{Data: value.NewMap(value.Symbol("tree"), "1 \x1b]0;x\a")}
	clitest.Cleans(t, func(env *cli.Env) error { (&processes{}).tree(env, "n", evil); return nil })
}

func TestWords0(t *testing.T) {
	p := &processes{}
	app := &application.Application{Agent: "process", Words: p.words, Flags: func(set *pflag.FlagSet) { set.Bool("zombies", false, ""); set.String("user", "", "") }}
	for _, test := range []struct{ line, want string }{
		{"list java", "list pattern=java"},
		{"list --zombies=false a.*b", "list just_zombies=false pattern=a.*b"},
		{"list pattern=java user=root", "list pattern=java user=root"},
		{"list 1234", "list pattern=1234"},
		{"tree 1234", "tree pid=1234"},
		{"top 3 memory", "top count=3 by=memory"},
		{"signal sighup nginx --user www", "signal user=www signal=HUP pattern=nginx"},
		{"signal", "signal needs to know which processes get it"},
		{"signal HUP", "signal needs to know which processes get it"},
		{"zombies all", `"all" is one word too many`},
	} {
		t.Run(subtest.Name(test.line), func(t *testing.T) {
			if got := applicationtest.Read(app, test.line); got != test.want {
				t.Errorf("%s: %s\nwant %s", test.line, got, test.want)
			}
		})
	}
}
