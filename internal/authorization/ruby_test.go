package authorization

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rubyQuestion is what testdata/verdicts.rb reads.
type rubyQuestion struct {
	Files   map[string]string `json:"files"`
	Facts   map[string]any    `json:"facts"`
	Classes []string          `json:"classes"`
	Conf    map[string]string `json:"conf"`
	Agent   string            `json:"agent"`
	Caller  string            `json:"caller"`
	Action  string            `json:"action"`
}

// TestAgainstRuby compares verdicts on random policies with those of the published plugin.
// MCO_ACTIONPOLICY is its file util/actionpolicy.rb; Ruby's MCollective must be installed.
func TestAgainstRuby(t *testing.T) {
	plugin := os.Getenv("MCO_ACTIONPOLICY")
	if plugin == "" {
		t.Skip("MCO_ACTIONPOLICY does not name the published actionpolicy.rb")
	}
	questions := 3000
	if n, err := strconv.Atoi(os.Getenv("MCO_ACTIONPOLICY_QUESTIONS")); err == nil {
		questions = n
	}
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("MCO_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MCO_SEED=%d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	ruby := startRuby(t, plugin)
	counts := map[string]int{}
	for range questions {
		q := g.question()
		theirs := ruby(q)
		p, err := New(Options{
			Dir: files(t, q.Files), AllowUnconfigured: q.Conf["actionpolicy.allow_unconfigured"] == "1",
			EnableDefault: q.Conf["actionpolicy.enable_default"] == "1",
		})
		var ours Decision
		if err == nil {
			ours, err = p.Decide(t.Context(), q.Caller, q.Agent, q.Action, &machine{facts: q.Facts, classes: q.Classes})
		}
		kind := "the same"
		switch {
		case err != nil && theirs == "allow":
			if kind = refusal(err); kind == "" {
				t.Fatalf("%v, where the plugin allows:\n%s", err, shown(q))
			}
		case err != nil:
			kind = "unreadable, and denied by both"
		case ours.Allowed != (theirs == "allow"):
			if kind = difference(q, theirs); kind == "" {
				t.Fatalf("%s; the plugin: %s\n%s", ours, theirs, shown(q))
			}
		}
		switch {
		case kind != "the same":
		case theirs != "allow" && theirs != "deny":
			kind = "denied, and an error of the plugin"
		default:
			kind += ": " + theirs
		}
		counts[kind]++
	}
	for kind, n := range counts {
		t.Logf("%6d %s", n, kind)
	}
}

func shown(q rubyQuestion) string {
	b, _ := json.MarshalIndent(q, "", "  ")
	return strings.ReplaceAll(string(b), `\t`, "\t")
}

var (
	unreadByRuby = regexp.MustCompile(`[<>]=|==|!=`)
	fourColumns  = regexp.MustCompile(`(?m)^(allow|deny)\t+[^\t\n]+\t+[^\t\n]+\t+\*$`)
)

// refusal says which known fault of the plugin makes a policy an error here, or "".
func refusal(err error) string {
	for text, kind := range map[string]string{
		"compares no fact":   "a class in the column of facts never fits in the plugin",
		"compares a fact":    "a fact in the column of classes never fits in the plugin",
		"add a fifth column": "with four columns * never fits in the plugin",
		"is no comparison":   "the plugin never takes != for a comparison",
		"it begins with":     "the plugin passes over lines that it cannot read",
		"it has 1 columns":   "the plugin passes over lines that it cannot read",
		"no data plugin":     "data that cannot be had is false in the plugin",
	} {
		if strings.Contains(err.Error(), text) {
			return "denied here: " + kind
		}
	}
	return ""
}

// difference says which known fault of the plugin a question may meet, or "".
func difference(q rubyQuestion, theirs string) string {
	text := q.Files["puppet.policy"] + "\n" + q.Files["default.policy"]
	substring := false
	for _, word := range strings.Fields(text) {
		substring = substring || strings.Contains(word, q.Caller) && word != q.Caller
	}
	switch {
	case strings.Contains(theirs, "parsing -S input") && strings.Contains(text, "/)"):
		return "the plugin's parser stumbles over a parenthesis behind a regular expression"
	case unreadByRuby.MatchString(text):
		return "the plugin never takes <= >= == != for comparisons"
	case fourColumns.MatchString(text):
		return "with four columns * never fits in the plugin"
	case substring:
		return "the plugin looks for the caller's text in the column"
	}
	return ""
}

// startRuby returns a function that asks the plugin.
func startRuby(t *testing.T, plugin string) func(rubyQuestion) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ruby", "testdata/verdicts.rb", plugin)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	answers := bufio.NewReader(out)
	return func(q rubyQuestion) (verdict string) {
		b, err := json.Marshal(q)
		if err == nil {
			_, err = in.Write(append(b, '\n'))
		}
		if err == nil {
			b, err = answers.ReadBytes('\n')
		}
		if err == nil {
			err = json.Unmarshal(b, &verdict)
		}
		if err != nil {
			t.Fatalf("ask the plugin: %v", err)
		}
		return verdict
	}
}

// A generator makes policies that people could have written, and some they should not have.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g generator) question() rubyQuestion {
	q := rubyQuestion{
		Files:   map[string]string{"groups": "# groups\nadmins cert=root uid=0\nops uid=77\nempty\n"},
		Facts:   map[string]any{},
		Classes: []string{},
		Conf:    map[string]string{"actionpolicy.allow_unconfigured": g.one("0", "1"), "actionpolicy.enable_default": g.one("0", "1")},
		Agent:   "puppet",
		Caller:  g.one("uid=0", "uid=77", "uid=500", "cert=root", "cert=dev", "uid=5"),
		Action:  g.one("status", "run", "disable", "stat"),
	}
	for _, name := range []string{"os", "n", "site"} {
		if g.chance(75) {
			q.Facts[name] = g.value()
		}
	}
	for _, c := range []string{"web", "db", "web::server"} {
		if g.chance(50) {
			q.Classes = append(q.Classes, c)
		}
	}
	if g.chance(85) {
		q.Files["puppet.policy"] = g.policy()
	}
	if g.chance(50) {
		q.Files["default.policy"] = g.policy()
	}
	return q
}

func (g generator) value() string { return g.one("Linux", "9", "10", "de", "x") }

func (g generator) policy() string {
	var lines []string
	for range g.IntN(6) {
		lines = append(lines, g.rule())
	}
	if g.chance(50) {
		lines = slices.Insert(lines, g.IntN(len(lines)+1), "policy default "+g.one("allow", "deny"))
	}
	if g.chance(10) {
		lines = append(lines, g.one("# comment", "", "junk", "allow junk by blanks"))
	}
	return strings.Join(lines, "\n") + g.one("", "\n")
}

func (g generator) rule() string {
	columns := []string{
		g.one("allow", "deny"),
		g.one("*", "uid=0", "uid=500 cert=dev", "admins", "ops empty", "cert=root", "uid=77", "uid=5"),
		g.one("*", "*", "status", "run disable", "status run"),
	}
	if g.chance(30) {
		columns = append(columns, g.one("*", g.fact(), g.class(), g.expression(2)))
	} else {
		columns = append(columns,
			g.one("*", "*", g.fact(), g.fact()+" "+g.fact(), g.expression(2)),
			g.one("*", "*", g.class(), g.class()+" "+g.class(), g.expression(2)))
	}
	return strings.Join(columns, g.one("\t", "\t\t"))
}

func (g generator) fact() string {
	operator := g.one("=", "=", "=", "<", ">")
	if g.chance(5) {
		operator = g.one("<=", ">=", "==", "!=")
	}
	return g.one("os", "n", "site", "nosuch") + operator + g.value()
}

func (g generator) class() string {
	return g.one("web", "db", "web::server", "/^web/", "/ser/", "mail")
}

func (g generator) expression(depth int) string {
	if depth == 0 || g.chance(30) {
		if g.chance(3) {
			return "nosuch().x=1"
		}
		return g.one(g.fact(), g.class())
	}
	left, right := g.expression(depth-1), g.expression(depth-1)
	text := left + " " + g.one("and", "or") + " " + right
	switch g.IntN(5) {
	case 0:
		return "(" + text + ")"
	case 1:
		return "not (" + text + ")"
	case 2:
		return "not " + text
	case 3:
		return text + " " + g.one("and", "or") + " !" + g.one(g.fact(), g.class())
	}
	return text
}
