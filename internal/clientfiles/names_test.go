package clientfiles

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/dirtest"
)

func TestLearn(t *testing.T) {
	files := private(t)
	if got := files.Load(); len(got.Identities)+len(got.Facts) > 0 {
		t.Fatalf("a new user knows %+v", got)
	}
	files.Remember(Names{Identities: []string{"web1", "web1", "evil\x1b[2J", "tab\tbed", strings.Repeat("x", 200), ""}, Agents: []string{"service"}, Facts: map[string][]string{"os": {"Debian", "a\nb"}}})
	files.Remember(Names{Identities: []string{"web2"}, Classes: []string{"role::db"}, Facts: map[string][]string{"os": {"CentOS", "Debian"}, "cpus": nil}})
	want := Names{
		Identities: []string{"web2", "web1"}, Agents: []string{"service"}, Classes: []string{"role::db"},
		Facts: map[string][]string{"os": {"CentOS", "Debian"}, "cpus": nil},
	}
	if diff := cmp.Diff(want, files.Load(), cmp.AllowUnexported(Names{})); diff != "" {
		t.Error(diff)
	}
	fi, err := os.Stat(files.Path())
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", fi, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(files.Path()), ".learned-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// Nothing new is no reason to write.
	if err := os.Chmod(files.Path(), 0o400); err != nil {
		t.Fatal(err)
	}
	files.Remember(Names{Identities: []string{"web1"}})
	if fi, err := os.Stat(files.Path()); err != nil || fi.Mode().Perm() != 0o400 {
		t.Errorf("the file was written again: %v, %v", fi, err)
	}
}

func TestLearnIsBounded(t *testing.T) {
	files := private(t)
	var l Names
	values := make([]string, 3*MostValues)
	for i := range values {
		values[i] = fmt.Sprintf("v%d", i)
	}
	for i := range MostNames + 10 {
		l.Identities = append(l.Identities, fmt.Sprintf("n%d", i))
	}
	l.Facts = map[string][]string{"f": values}
	files.Remember(l)
	files.Remember(Names{Identities: []string{"late"}})
	got := files.Load()
	if len(got.Identities) != MostNames || got.Identities[0] != "late" || len(got.Facts["f"]) != MostValues {
		t.Errorf("%d names, the first %s; %d values", len(got.Identities), got.Identities[0], len(got.Facts["f"]))
	}
}

func TestLearnWithoutAHome(t *testing.T) {
	files := Files{}
	files.Remember(Names{Identities: []string{"web1"}})
	if got := files.Load(); len(got.Identities) > 0 {
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
	files := private(f)
	if err := privateDir(filepath.Dir(files.Path())); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(files.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := files.Load()
		all := append(append(append([]string(nil), l.Identities...), l.Agents...), l.Classes...)
		for name, values := range l.Facts {
			all = append(append(all, name), values...)
		}
		for _, word := range all {
			if word == "" || word[0] == '-' || strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@%+,=-") != "" {
				t.Errorf("%q came out of %q", word, text)
			}
		}
	})
}

// private are the files of a user whose home is an empty directory.
func private(t testing.TB) Files {
	home := dirtest.New(t)
	return Files{Getenv: func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	}}
}
