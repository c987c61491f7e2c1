package ddl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/subtest"
)

// TestHelpIsRubys compares with what Ruby's "mco plugin doc" prints for the
// same definitions in its own language.
func TestHelpIsRubys(t *testing.T) {
	files, _ := filepath.Glob("testdata/help/*.yaml")
	if len(files) < 10 {
		t.Fatalf("only %d definitions", len(files))
	}
	for _, file := range files {
		want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), readDefinition(t, file).Help(0)); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func readDefinition(t testing.TB, file string) *Definition {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHelpTellsWhatRubyHasNot(t *testing.T) {
	d, err := Parse("x.yaml", []byte("agent: x\nactions: {go: {destructive: true, noop: true, timeout: 1.5, input: {list: {default: [a, 1]}}}}"))
	if err != nil {
		t.Fatal(err)
	}
	text := d.Help(0)
	for _, want := range []string{"changes things", "noop=true", "Timeout: 1.5\n", "Default Value: [\"a\", 1]\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	d.Actions[0].Inputs[0].Default = "\x1b[2Jx"
	if text := d.Help(0); strings.Contains(text, "\x1b") {
		t.Errorf("an escape sequence comes through: %q", text)
	}
}

func TestAlignEnds(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 80, "   "},
		{"a", 3, "a"},
		{strings.Repeat("x", 100) + " y", 80, "   " + strings.Repeat("x", 100) + "\n   y"},
		{strings.Repeat(" ", 90) + "y", 80, strings.Repeat(" ", 80) + "\n   y"},
	} {
		t.Run(subtest.Name(test.text), func(t *testing.T) {
			if got := align(test.text, test.columns, 3); got != test.want {
				t.Errorf("%q: %q, want %q", test.text, got, test.want)
			}
		})
	}
}
