package subtest

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestName(t *testing.T) {
	for want, values := range map[string][]any{
		"nothing":               nil,
		"a":                     {"a"},
		"a-b":                   {" a / b\n"},
		"a-b-7":                 {"a b", 7},
		"a-b-c-true":            {[]string{"a", "b", "c"}, true},
		"fact=x.y-z":            {"fact=x.y && z"},
		"Grüße":                 {"Grüße"},
		strings.Repeat("x", 51): {strings.Repeat("x", 200)},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Name(values...); got != want {
				t.Errorf("%q is named %q, want %q", values, got, want)
			}
		})
	}
	if got := Name(strings.Repeat("ü ", 200)); !utf8.ValidString(got) || len([]rune(got)) > 52 {
		t.Errorf("a long text is named %q", got)
	}
	if got := Name("\xff\x00"); !utf8.ValidString(got) {
		t.Errorf("bytes that are no text are named %q", got)
	}
}
