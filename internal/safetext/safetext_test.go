package safetext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mcollective/internal/subtest"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":              "plain",
		"Grüße \u65e5":       "Grüße \u65e5",
		"a\x1b]0;x\a":        `a\x1b]0;x\x07`,
		"\xff\u009b2J":       `\xff\x9b2J`,
		"a\u202eb\U000e0001": `a\u202eb\ue0001`,
		"a\nb\tc":            `a\x0ab\x09c`,
	} {
		t.Run(subtest.Name(in), func(t *testing.T) {
			if got := CleanLine(in); got != want {
				t.Errorf("CleanLine(%q) = %q, want %q", in, got, want)
			}
		})
	}
	if got := Clean("a\n\tb\r"); got != "a\n\tb\\x0d" {
		t.Errorf("clean keeps line ends and tabs: %q", got)
	}
}

func FuzzCleanLine(f *testing.F) {
	f.Add("web1\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := CleanLine(s)
		if strings.ContainsFunc(got, Hostile) || !utf8.ValidString(got) {
			t.Errorf("%q became %q", s, got)
		}
		if utf8.ValidString(s) && !strings.ContainsFunc(s, Hostile) && got != s {
			t.Errorf("harmless %q became %q", s, got)
		}
	})
}
