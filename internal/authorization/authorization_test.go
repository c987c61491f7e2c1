package authorization

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mcollective/internal/plaintext"
	"mcollective/message"
	"mcollective/rpc"
)

// decide asks one policy of the agent puppet.
func decide(t *testing.T, text, caller, action string) (Decision, error) {
	t.Helper()
	p, err := New(Options{Dir: files(t, map[string]string{
		"puppet.policy": text,
		"groups":        "# who is who\nadmins cert=root cert=a.b-c\nempty\nops\tuid=7  uid=8\n",
	})})
	if err != nil {
		return Decision{}, err
	}
	return p.Decide(t.Context(), caller, "puppet", action, web)
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		policy, caller, action string
		allowed                bool
		line                   int
	}{
		"no rule at all":               {"", "uid=1", "run", false, 0},
		"comments only":                {"# a\n\n  # b\n", "uid=1", "run", false, 0},
		"default allow":                {"policy default allow\n", "uid=1", "run", true, 1},
		"default deny":                 {"\npolicy default deny\n", "uid=1", "run", false, 2},
		"default may come first":       {"policy default deny\nallow\t*\t*\t*\t*\n", "uid=1", "run", true, 2},
		"everybody":                    {"allow\t*\t*\t*\t*\n", "uid=1", "run", true, 1},
		"several tabs":                 {"allow\t\t\t*\t\t*\t*\t\t*\n", "uid=1", "run", true, 1},
		"blanks around columns":        {"allow\t * \t*  \t*\t*   \n", "uid=1", "run", true, 1},
		"no line break at the end":     {"allow\t*\t*\t*\t*", "uid=1", "run", true, 1},
		"carriage returns":             {"allow\t*\t*\t*\tweb\r\npolicy default deny\r\n", "uid=1", "run", true, 1},
		"byte order mark":              {"\ufeffallow\t*\t*\t*\t*\n", "uid=1", "run", true, 1},
		"the first that fits":          {"deny\tuid=1\t*\t*\t*\nallow\t*\t*\t*\t*\n", "uid=1", "run", false, 1},
		"another caller":               {"deny\tuid=1\t*\t*\t*\nallow\t*\t*\t*\t*\n", "uid=2", "run", true, 2},
		"a caller's beginning":         {"allow\tuid=1000\t*\t*\t*\n", "uid=1", "run", false, 0},
		"a caller's end":               {"allow\tcert=alice\t*\t*\t*\n", "cert=alice2", "run", false, 0},
		"one of several callers":       {"allow\tuid=5 uid=1 uid=6\t*\t*\t*\n", "uid=1", "run", true, 1},
		"a group":                      {"allow\tadmins\t*\t*\t*\n", "cert=a.b-c", "run", true, 1},
		"not in the group":             {"allow\tadmins\t*\t*\t*\n", "cert=a.b", "run", false, 0},
		"two groups":                   {"allow\tadmins ops\t*\t*\t*\n", "uid=8", "run", true, 1},
		"a group and a caller":         {"allow\tadmins uid=9\t*\t*\t*\n", "uid=9", "run", true, 1},
		"an empty group is nobody":     {"allow\tempty\t*\t*\t*\n", "uid=9", "run", false, 0},
		"an action":                    {"allow\t*\tstatus run\t*\t*\n", "uid=1", "run", true, 1},
		"another action":               {"allow\t*\tstatus runonce\t*\t*\n", "uid=1", "run", false, 0},
		"no action":                    {"allow\t*\tstatus\t*\t*\n", "uid=1", "", false, 0},
		"facts":                        {"allow\t*\t*\ta=1 b=2\t*\n", "uid=1", "run", true, 1},
		"one fact is not so":           {"allow\t*\t*\ta=1 b=3\t*\n", "uid=1", "run", false, 0},
		"at most":                      {"allow\t*\t*\ta<=1\t*\n", "uid=1", "run", true, 1},
		"at least":                     {"allow\t*\t*\tb>=3\t*\n", "uid=1", "run", false, 0},
		"compared as texts":            {"allow\t*\t*\tn<9\t*\n", "uid=1", "run", true, 1},
		"a fact that is not there":     {"allow\t*\t*\tnosuch=x\t*\n", "uid=1", "run", false, 0},
		"is the empty text":            {"allow\t*\t*\tnosuch<x\t*\n", "uid=1", "run", true, 1},
		"a part of a fact":             {"allow\t*\t*\tdeep.er=z\t*\n", "uid=1", "run", true, 1},
		"classes":                      {"allow\t*\t*\t*\tweb db::server\n", "uid=1", "run", true, 1},
		"one class is not there":       {"allow\t*\t*\t*\tweb mail\n", "uid=1", "run", false, 0},
		"a class by expression":        {"allow\t*\t*\t*\t/^db/\n", "uid=1", "run", true, 1},
		"facts and classes":            {"allow\t*\t*\ta=1\tmail\n", "uid=1", "run", false, 0},
		"an expression":                {"allow\t*\t*\ta=1 and not b=3\n", "uid=1", "run", true, 1},
		"of both":                      {"allow\t*\t*\ta=1 and web\n", "uid=1", "run", true, 1},
		"among the classes":            {"allow\t*\t*\t*\tmail or a=1\n", "uid=1", "run", true, 1},
		"a fact alone":                 {"allow\t*\t*\ta=1\n", "uid=1", "run", true, 1},
		"a class alone":                {"allow\t*\t*\tmail\n", "uid=1", "run", false, 0},
		"or and and bind alike":        {"allow\t*\t*\ta=1 or a=2 and a=3\n", "uid=1", "run", false, 0},
		"not binds closest":            {"allow\t*\t*\tnot a=2 and b=2\n", "uid=1", "run", true, 1},
		"not of parentheses":           {"allow\t*\t*\tnot (a=1 or b=3)\n", "uid=1", "run", false, 0},
		"parentheses in each other":    {"allow\t*\t*\t((a=2) or (b=2 and (web)))\n", "uid=1", "run", true, 1},
		"data":                         {"allow\t*\t*\t(puppet().enabled=false and environment=production) or environment=development\n", "uid=1", "run", true, 1},
		"data that is otherwise":       {"allow\t*\t*\tpuppet().enabled=true\n", "uid=1", "run", false, 0},
		"four columns deny everything": {"deny\tuid=1\t*\t*\nallow\t*\t*\t*\t*\n", "uid=1", "run", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := decide(t, c.policy, c.caller, c.action)
			if err != nil {
				t.Fatal(err)
			}
			if d.Allowed != c.allowed || d.Line != c.line {
				t.Errorf("%v at line %d, want %v at line %d", d.Allowed, d.Line, c.allowed, c.line)
			}
		})
	}
}

// What Ruby's plugin passes over, or takes for what nobody meant, is an error with its place.
func TestUnreadable(t *testing.T) {
	for name, c := range map[string]struct{ policy, want string }{
		"blanks for tabs":           {"allow uid=1 * * *\n", "puppet.policy:1: it has 1 columns"},
		"three columns":             {"\nallow\tuid=1\t*\n", "puppet.policy:2: it has 3 columns"},
		"six columns":               {"allow\tuid=1\t*\t*\t*\tx\n", "it has 6 columns"},
		"blanks before":             {" deny\tuid=1\t*\t*\t*\n", "blanks stand before it"},
		"a capital":                 {"Allow\t*\t*\t*\t*\n", `it begins with "Allow"`},
		"a misspelled default":      {"policy defautl deny\n", "policy default"},
		"another default":           {"policy default perhaps\n", "policy default"},
		"two defaults":              {"policy default deny\npolicy default allow\n", "puppet.policy:2: line 1 says policy default already"},
		"an unknown group":          {"deny\tadmin\t*\t*\t*\n", `caller "admin" is neither`},
		"everybody and somebody":    {"allow\t* uid=1\t*\t*\t*\n", "* stands for everybody"},
		"all and one action":        {"deny\t*\t* run\t*\t*\n", "* stands for all actions"},
		"a class among facts":       {"deny\t*\t*\tweb\t*\n", `"web" compares no fact`},
		"a fact among classes":      {"deny\t*\t*\t*\ta=1\n", `"a=1" compares a fact`},
		"blanks around an operator": {"deny\t*\t*\ta = 1\t*\n", `"a" compares no fact`},
		"no value":                  {"deny\t*\t*\ta=\t*\n", `"a=" is no comparison`},
		"unlike":                    {"deny\t*\t*\ta!=1\t*\n", `"a!=1" is no comparison`},
		"a regular expression":      {"deny\t*\t*\tos=/Lin/\t*\n", "regular expression"},
		"in an expression":          {"deny\t*\t*\tnot os=/Lin/\n", "regular expression"},
		"two without an operator":   {"deny\t*\t*\ta=1 b=2\n", "puppet.policy:1: "},
		"an open end":               {"deny\t*\t*\ta=1 and\n", "puppet.policy:1: "},
		"an open parenthesis":       {"deny\t*\t*\t(a=1\n", "puppet.policy:1: "},
		"a broken class pattern":    {"deny\t*\t*\t*\t/(/\n", "puppet.policy:1: "},
		"four columns allow":        {"allow\t*\t*\t*\n", "add a fifth column"},
		"each of them":              {"allow\t*\t*\t*\nfoo\n", "puppet.policy:2: "},
		"UTF-16":                    {"\xff\xfea\x00", "UTF-8"},
		"too large":                 {strings.Repeat("# x\n", maxFile/4+1), "puppet.policy"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decide(t, c.policy, "uid=1", "run")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// A rule that cannot be evaluated may be the one that denies.
func TestWhatCannotBeEvaluated(t *testing.T) {
	for name, column := range map[string]string{
		"data that is not there": "not nosuch().x=1",
		"a list":                 "not list=x",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := decide(t, "deny\tuid=1\t*\t"+column+"\nallow\t*\t*\t*\t*\n", "uid=1", "run")
			if err == nil || d.Allowed || !strings.Contains(err.Error(), "puppet.policy:1: ") {
				t.Errorf("%+v, %v", d, err)
			}
			d, err = decide(t, "deny\tuid=1\t*\t"+column+"\nallow\t*\t*\t*\t*\n", "uid=2", "run")
			if err != nil || !d.Allowed {
				t.Errorf("whom the rule is not for: %+v, %v", d, err)
			}
		})
	}
}

// Facts that are lost make no rule fit, that which denies neither.
func TestUnknownFacts(t *testing.T) {
	dir := files(t, map[string]string{
		"puppet.policy":  "deny\tuid=1\t*\ta=1\t*\nallow\t*\t*\t*\t*\n",
		"service.policy": "allow\t*\t*\t*\t*\n",
	})
	lost := errors.New("the facts are lost")
	p, err := New(Options{Dir: dir, Unknown: func() error { return lost }})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := p.Decide(t.Context(), "uid=1", "puppet", "run", web); !errors.Is(err, lost) || d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
	for caller, agent := range map[string]string{"uid=2": "puppet", "uid=1": "service"} {
		if d, err := p.Decide(t.Context(), caller, agent, "run", web); err != nil || !d.Allowed {
			t.Errorf("%s %s: %+v, %v", caller, agent, d, err)
		}
	}
	lost = nil
	if d, err := p.Decide(t.Context(), "uid=1", "puppet", "run", web); err != nil || d.Allowed || d.Line != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestGroupsThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct{ groups, want string }{
		"a name":          {"ad:mins uid=1\n", `groups:1: group "ad:mins"`},
		"a group inside":  {"\na uid=1 b\n", `groups:2: group a: "b" is no caller id`},
		"the same again":  {"a uid=1\na uid=2\n", "groups:2: group a is there already"},
		"not even a text": {"\xfe\xff", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, map[string]string{"groups": c.groups, "puppet.policy": "allow\t*\t*\t*\t*\n"})
			p, err := New(Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if d, err := p.Decide(t.Context(), "uid=1", "puppet", "run", web); err == nil || d.Allowed {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
}

// Which file decides, and what holds without one.
func TestUnconfigured(t *testing.T) {
	allowAll := map[string]string{"default.policy": "allow\tuid=1\t*\t*\t*\n", "service.policy": "# nothing\n", "site.policy": "policy default allow\n"}
	for name, c := range map[string]struct {
		opts          Options
		agent, caller string
		allowed       bool
		file          string
	}{
		"no policy":               {Options{}, "puppet", "uid=1", false, ""},
		"allowed without":         {Options{AllowUnconfigured: true}, "puppet", "uid=2", true, ""},
		"an empty policy":         {Options{}, "service", "uid=1", false, "service.policy"},
		"allowed where it ends":   {Options{AllowUnconfigured: true}, "service", "uid=1", true, "service.policy"},
		"the default":             {Options{EnableDefault: true}, "puppet", "uid=1", true, "default.policy"},
		"the default comes first": {Options{EnableDefault: true, AllowUnconfigured: true}, "puppet", "uid=2", true, "default.policy"},
		"the default denies":      {Options{EnableDefault: true}, "puppet", "uid=2", false, "default.policy"},
		"its name":                {Options{EnableDefault: true, DefaultName: "site"}, "puppet", "uid=2", true, "site.policy"},
		"is not there":            {Options{EnableDefault: true, DefaultName: "nosuch"}, "puppet", "uid=1", false, ""},
		"not for those with one":  {Options{EnableDefault: true}, "service", "uid=1", false, "service.policy"},
	} {
		t.Run(name, func(t *testing.T) {
			c.opts.Dir = files(t, allowAll)
			p, err := New(c.opts)
			if err != nil {
				t.Fatal(err)
			}
			d, err := p.Decide(t.Context(), c.caller, c.agent, "run", web)
			if err != nil || d.Allowed != c.allowed || d.File != "" && filepath.Base(d.File) != c.file || (d.File == "") != (c.file == "") {
				t.Errorf("%+v, %v; want %v by %q", d, err, c.allowed, c.file)
			}
		})
	}
}

// The name of an agent comes from the network, and becomes one of a file.
func TestNamesOfAgents(t *testing.T) {
	dir := files(t, nil)
	write(t, filepath.Join(filepath.Dir(dir), "x.policy"), "policy default allow\n")
	p, err := New(Options{Dir: dir, AllowUnconfigured: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, agent := range []string{"", "../x", "a/b", "x\x00", strings.Repeat("x", 65), ".."} {
		if d, err := p.Decide(t.Context(), "uid=1", agent, "run", web); err == nil || d.Allowed {
			t.Errorf("%q: %+v, %v", plaintext.Clip(agent, 20), d, err)
		}
	}
	write(t, filepath.Join(dir, "not an agent.policy"), "")
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "not an agent.policy: ") {
		t.Errorf("error %v", err)
	}
}

// Files are read again when they change, and what is lost allows nothing.
func TestChanges(t *testing.T) {
	dir := files(t, map[string]string{"puppet.policy": "deny\tops\t*\t*\t*\npolicy default allow\n", "groups": "ops uid=1\n"})
	p, err := New(Options{Dir: dir, AllowUnconfigured: true})
	if err != nil {
		t.Fatal(err)
	}
	policyFile, groups := filepath.Join(dir, "puppet.policy"), filepath.Join(dir, "groups")
	want := func(what string, allowed bool, text string) {
		t.Helper()
		d, err := p.Decide(t.Context(), "uid=1", "puppet", "run", web)
		if d.Allowed != allowed || (err != nil) != (text != "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %+v, %v; want %v, %q", what, d, err, allowed, text)
		}
	}
	replace := func(path, text string) {
		t.Helper()
		write(t, path+".new", text)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	want("at first", false, "")
	replace(groups, "ops uid=2\n")
	want("another group", true, "")
	replace(policyFile, "policy default deny\n")
	want("another policy", false, "")
	replace(policyFile, "policy default deny\nnonsense\n")
	want("a broken policy", false, "puppet.policy:2: ")
	replace(policyFile, "deny\tops\t*\t*\t*\npolicy default allow\n")
	want("mended", true, "")
	if err := os.Remove(groups); err != nil {
		t.Fatal(err)
	}
	want("the groups are gone", false, `caller "ops"`)
	if err := os.Remove(policyFile); err != nil {
		t.Fatal(err)
	}
	want("unconfigured", true, "")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	want("the directory is gone", false, "no such file")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	want("and back", true, "")
	if runtime.GOOS != "windows" { // where files have modes
		replace(policyFile, "policy default allow\n")
		if err := os.Chmod(policyFile, 0o666); err != nil {
			t.Fatal(err)
		}
		want("everybody may write it", false, "puppet.policy")
		replace(policyFile, "policy default allow\n")
		want("a new one", true, "")
		if err := os.Chmod(dir, 0o777); err != nil { // the file itself is as it was
			t.Fatal(err)
		}
		want("everybody may replace it", false, "policies")
	}
}

func TestNoDirectory(t *testing.T) {
	dir := filepath.Join(files(t, nil), "nosuch")
	if _, err := New(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "allow_unconfigured") {
		t.Errorf("error %v", err)
	}
	p, err := New(Options{Dir: dir, AllowUnconfigured: true})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := p.Decide(t.Context(), "uid=1", "puppet", "run", web); err != nil || !d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := New(Options{Dir: dir, DefaultName: "../x"}); err == nil {
		t.Error("a default in another directory")
	}
}

// What the node asks, and what the caller hears.
func TestAuthorize(t *testing.T) {
	p, err := New(Options{Dir: files(t, map[string]string{"puppet.policy": "allow\tuid=1\tstatus\t*\t*\n"})})
	if err != nil {
		t.Fatal(err)
	}
	body := (&rpc.Request{Agent: "puppet", Action: "status"}).Body()
	for name, c := range map[string]struct {
		caller, agent string
		body          any
		why           string // "" is allowed
	}{
		"allowed":                 {"uid=1", "puppet", body, ""},
		"another caller":          {"uid=2", "puppet", body, "no rule of"},
		"another agent":           {"uid=1", "service", body, "no policy file"},
		"a body that is none":     {"uid=1", "puppet", "status", "no rule of"},
		"a name that is none":     {"uid=1", "../puppet", body, "cannot be read"},
		"data of a search":        {"uid=1", "discovery", "ping", ""},
		"of who may do nothing":   {"uid=2", "discovery", "ping", "no policy file"},
		"a caller without a name": {"", "puppet", body, "no rule of"},
	} {
		t.Run(name, func(t *testing.T) {
			err := p.Authorize(t.Context(), &message.Request{Caller: c.caller, Agent: c.agent, Body: c.body}, web)
			var denied *Denied
			switch {
			case c.why == "":
				if err != nil {
					t.Error(err)
				}
			case !errors.As(err, &denied) || !strings.Contains(denied.Why, c.why) || err.Error() != rpc.TextDenied:
				t.Errorf("error %v, %+v", err, denied)
			default:
				var log strings.Builder
				slog.New(slog.NewTextHandler(&log, nil)).Warn("request refused", "error", err)
				if !strings.Contains(log.String(), c.why) {
					t.Errorf("the log of the node does not say why: %s", log.String())
				}
			}
		})
	}
}

func TestDecisionString(t *testing.T) {
	for d, want := range map[Decision]string{
		{}:                      "denied: no policy file for this agent",
		{Allowed: true}:         "allowed: no policy file for this agent",
		{File: "/etc/x.policy"}: "denied: no rule of /etc/x.policy fits, and it has no policy default",
		{Allowed: true, File: "/etc/x.policy", Line: 3, Rule: "allow\t\tuid=1\t*"}: "allowed by /etc/x.policy:3: allow uid=1 *",
	} {
		t.Run(want, func(t *testing.T) {
			if got := d.String(); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

// FuzzPolicy has texts as somebody may write them: no panic, and nobody is allowed by
// a file that is not read.
func FuzzPolicy(f *testing.F) {
	f.Add("allow\tuid=1\trun\ta=1 and (web or not b<=2)\t/x/\npolicy default deny\n", "admins uid=1\n", "uid=1", "run")
	f.Add("deny\t*\t*\tpuppet('x').y>3\n", "", "", "")
	f.Fuzz(func(t *testing.T, text, groupText, caller, action string) {
		groups, err := parseGroups("groups", groupText)
		if err != nil {
			groups = nil
		}
		p, err := parse("x.policy", text, groups, false)
		if err != nil {
			return
		}
		d, err := p.decide(t.Context(), question{caller: caller, action: action, node: web})
		if err != nil && d.Allowed {
			t.Errorf("%+v, %v", d, err)
		}
		if d.Allowed && d.Line == 0 {
			t.Errorf("allowed by nothing: %+v", d)
		}
		if d.Line > strings.Count(text, "\n")+1 {
			t.Errorf("line %d", d.Line)
		}
	})
}

func ExampleDecision() {
	fmt.Println(Decision{Allowed: true, File: "puppet.policy", Line: 2, Rule: "allow\tadmins\t*\t*\t*"})
	// Output: allowed by puppet.policy:2: allow admins * * *
}
