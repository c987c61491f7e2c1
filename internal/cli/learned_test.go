package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLearn(t *testing.T) {
	env := homely(t)
	if got := learned(env); len(got.identities)+len(got.facts) > 0 {
		t.Fatalf("a new user knows %+v", got)
	}
	learn(env, lesson{identities: []string{"web1", "web1", "evil\x1b[2J", "tab\tbed", strings.Repeat("x", 200), ""}, agents: []string{"service"}, facts: map[string][]string{"os": {"Debian", "a\nb"}}})
	learn(env, lesson{identities: []string{"web2"}, classes: []string{"role::db"}, facts: map[string][]string{"os": {"CentOS", "Debian"}, "cpus": nil}})
	want := lesson{
		identities: []string{"web2", "web1"}, agents: []string{"service"}, classes: []string{"role::db"},
		facts: map[string][]string{"os": {"CentOS", "Debian"}, "cpus": nil},
	}
	if diff := cmp.Diff(want, learned(env), cmp.AllowUnexported(lesson{})); diff != "" {
		t.Error(diff)
	}
	fi, err := os.Stat(learnedPath(env))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", fi, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(learnedPath(env)), ".learned-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// Nothing new is no reason to write.
	if err := os.Chmod(learnedPath(env), 0o400); err != nil {
		t.Fatal(err)
	}
	learn(env, lesson{identities: []string{"web1"}})
	if fi, err := os.Stat(learnedPath(env)); err != nil || fi.Mode().Perm() != 0o400 {
		t.Errorf("the file was written again: %v, %v", fi, err)
	}
}

func TestLearnIsBounded(t *testing.T) {
	env := homely(t)
	var l lesson
	values := make([]string, 3*mostValues)
	for i := range values {
		values[i] = fmt.Sprintf("v%d", i)
	}
	for i := range mostNames + 10 {
		l.identities = append(l.identities, fmt.Sprintf("n%d", i))
	}
	l.facts = map[string][]string{"f": values}
	learn(env, l)
	learn(env, lesson{identities: []string{"late"}})
	got := learned(env)
	if len(got.identities) != mostNames || got.identities[0] != "late" || len(got.facts["f"]) != mostValues {
		t.Errorf("%d names, the first %s; %d values", len(got.identities), got.identities[0], len(got.facts["f"]))
	}
}

func TestLearnWithoutAHome(t *testing.T) {
	env := (&Env{}).withDefaults()
	learn(env, lesson{identities: []string{"web1"}})
	if got := learned(env); len(got.identities) > 0 {
		t.Errorf("got %+v", got)
	}
}

// FuzzLearned: whatever is in the file, only words that a shell takes for words
// come out.
func FuzzLearned(f *testing.F) {
	f.Add("identity\tweb1\nfact\tos\nvalue\tos\tDebian\n")
	f.Add("identity\t\x1b[2J\nvalue\tx\t\xff\nclass\n\tagent\t\t\n")
	f.Add("fact\tos\nvalue\tos")
	f.Add("value\tos\t$(touch x)\nclass\t`id`\nagent\ta;b\nidentity\t-c\nfact\t~root\n")
	env := homely(f)
	if err := privateDir(filepath.Dir(learnedPath(env))); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(learnedPath(env), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := learned(env)
		all := append(append(append([]string(nil), l.identities...), l.agents...), l.classes...)
		for name, values := range l.facts {
			all = append(append(all, name), values...)
		}
		for _, word := range all {
			if !harmless(word) {
				t.Errorf("%q came out of %q", word, text)
			}
		}
	})
}
