package shellwords

import (
	"slices"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                  nil,
		" \t\n ":            nil,
		"a b":               {"a", "b"},
		"  a\tb\nc ":        {"a", "b", "c"},
		`''`:                {""},
		`a '' "" b`:         {"a", "", "", "b"},
		`'a b'c"d e"`:       {"a bcd e"},
		`a\ b \'c\"`:        {"a b", `'c"`},
		`'\' "\\ \" \$ \n"`: {`\`, `\ " $ \n`},
		"\"\\`\"":           {"`"},
		`"it's" 'say "x"'`:  {"it's", `say "x"`},
		"größe é":           {"größe", "é"},
		`$HOME *.txt # x`:   {"$HOME", "*.txt", "#", "x"},
		"a;b|c":             {"a;b|c"},
		"\xff\xfe":          {"\xff\xfe"},
	} {
		t.Run(subtest.Name(line), func(t *testing.T) {
			got, err := Split(line)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q: %q, %v, want %q", line, got, err, want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for line, want := range map[string]string{
		`a 'b`: "position 3", `"a\"`: "position 1", `a\`: "last backslash", `"a\`: "last backslash", "a\x00": "zero byte at position 2",
	} {
		t.Run(subtest.Name(line), func(t *testing.T) {
			if got, err := Split(line); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %q, %v, want %s", line, got, err, want)
			}
		})
	}
	for _, c := range "|&;<>()`\n" {
		line := "a " + string(c) + " b"
		if got, err := SplitCommand(line); err == nil || !strings.Contains(err.Error(), "needs a shell") {
			t.Errorf("%q: %q, %v", line, got, err)
		}
		if got, err := SplitCommand("a '" + string(c) + "'"); err != nil || len(got) != 2 {
			t.Errorf("quoted %q: %q, %v", c, got, err)
		}
	}
}

// Whatever the words are, quoting them gives them back.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "a b", "it's", `"\`, "\xff'"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		Split(a)
		if strings.Contains(a+b, "\x00") {
			return
		}
		quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
		got, err := Split(quote(a) + " " + quote(b))
		if err != nil || !slices.Equal(got, []string{a, b}) {
			t.Errorf("%q %q: %q, %v", a, b, got, err)
		}
	})
}
