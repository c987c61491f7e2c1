package commands

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"mcollective/ddl"
	"mcollective/internal/cli"
	"mcollective/internal/cli/clitest"
	"mcollective/internal/cli/complete"
	"mcollective/internal/cli/completion"
	"mcollective/internal/clientfiles"
)

// offered is what the shell is offered for a command line.
func offered(t *testing.T, env *cli.Env, words ...string) []string {
	t.Helper()
	var out bytes.Buffer
	here := *env
	here.Out = &out
	if err := completion.Answer(&here, Program(), words); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[:len(lines)-1] // the last is what the shell is to do about them
}

// evil are names that a shell would act on if they stood in a command line.
var evil = []string{"$(touch pwned)", "`id`", "a;id", "a b", "a'b", `a"b`, "a|b", "a&b", "~root", "{a,b}", "*", "!!", "<x", "\x1b[2J", "\u202eabc", "-c"}

func TestNothingThatAShellActsOnIsLearned(t *testing.T) {
	env := clitest.Env(t)
	l := clientfiles.Names{
		Identities: append([]string{"web1"}, evil...), Agents: append([]string{"zzz"}, evil...), Classes: append([]string{"role::db"}, evil...),
		Facts: map[string][]string{"os": append([]string{"Debian/12", "a+b,c=d@e%f"}, evil...)},
	}
	for _, e := range evil {
		l.Facts[e] = []string{"x"}
	}
	env.Files().Remember(l)
	text, err := os.ReadFile(env.Files().Path())
	if err != nil || bytes.ContainsAny(text, "$`;'\"|&~{*!<\x1b") {
		t.Errorf("the file holds %q, %v", text, err)
	}
	for _, tc := range []struct{ words, want string }{
		{"find -F o", "os="},
		{"find -F os=", "os=Debian/12 os=a+b,c=d@e%f"},
		{"find -F ", "os="},
		{"find -I ", "web1"},
		{"find -C ", "role::db"},
		{"find -A zz", "zzz"},
		{"inventory w", "web1"},
		{"facts ", "os"},
	} {
		t.Run(tc.words, func(t *testing.T) {
			// The file of an older version, which took all of them.
			if got := strings.Join(offered(t, env, strings.Split(tc.words, " ")...), " "); got != tc.want {
				t.Errorf("%q: offered %q", tc.words, got)
			}
		})
	}
}

// A definition comes from a node, too.
func TestNothingThatAShellActsOnIsOffered(t *testing.T) {
	env := clitest.Env(t)
	good := &ddl.Input{Name: "mode", Description: "$(id)\x1b]0;x\a\nsecond", Type: ddl.List, List: []any{"fast", "slow"}}
	for _, e := range evil {
		good.List = append(good.List, "x"+e)
	}
	action := &ddl.Action{Name: "go", Inputs: []*ddl.Input{good, good}}
	for _, e := range evil {
		action.Inputs = append(action.Inputs, &ddl.Input{Name: e, Type: ddl.String})
	}
	if got := complete.Matching(complete.InputWords(env, action, nil, ""), ""); len(got) != 1 || !strings.HasPrefix(got[0], "mode=\t$(id)") || strings.ContainsAny(got[0], "\x1b\a\n") {
		t.Errorf("inputs %q", got)
	}
	got := complete.Matching(complete.InputWords(env, action, nil, "mode="), "mode=")
	if len(got) != 3 || got[0] != "mode=fast" || got[1] != "mode=slow" || got[2] != "mode=x-c" {
		t.Errorf("values %q", got)
	}
	words := append([]string{"good\tabout", "good\tagain"}, evil...)
	if got := complete.Matching(words, ""); len(got) != 1 || got[0] != "good\tabout" {
		t.Errorf("words %q", got)
	}

	// And as a whole, from the directory in which definitions of nodes are kept.
	const text = `{"agent": "zap", "description": "d", "actions": {"go": {"description": "x", "input": {"mode": {"type": "list", "list": ["fast", "$(id)"], "description": "how"}}}}}`
	if err := env.Files().Definitions().Put("zap", []byte(text)); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"rpc", "zap", "go", "mode="}, {"zap", "go", "mode="}} {
		if got := strings.Join(offered(t, env, words...), " "); got != "mode=fast" {
			t.Errorf("%q: offered %q", words, got)
		}
	}
}
