package suggest

import (
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

func TestNearest(t *testing.T) {
	names := []string{"ping", "find", "completion", "help", "rpc", "yaml", "Group"}
	for name, want := range map[string]string{
		"pnig":       "ping",       // swapped
		"pings":      "ping",       // one too many
		"fnd":        "find",       // one missing
		"yml":        "yaml",       //
		"compltion":  "completion", //
		"PING":       "ping",       // case does not matter
		"group":      "Group",      // on either side
		"ping":       "ping",       // it is there
		"run":        "",           // two of three letters differ from rpc
		"xyz":        "",
		"x":          "",
		"":           "",
		"pingsender": "",
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			if got := Nearest(name, names); got != want {
				t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
			}
		})
	}
}

func TestTieIsBrokenByAlphabet(t *testing.T) {
	for _, names := range [][]string{{"cart", "card"}, {"card", "cart"}} {
		if got := Nearest("carx", names); got != "card" {
			t.Errorf("of %q %q is nearest, want card", names, got)
		}
	}
}

func TestWithin(t *testing.T) {
	if got := Within("descripshun", []string{"description"}, 2); got != "" {
		t.Errorf("%q is within 2 edits", got)
	}
	if got := Within("descripshun", []string{"description"}, 4); got != "description" {
		t.Errorf("got %q", got)
	}
	if got := Within("ab", []string{"cd"}, 5); got != "" {
		t.Errorf("%q shares nothing with ab", got)
	}
}

func TestLongNames(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	if got := Nearest(long, []string{long}); got != "" {
		t.Error("a name of a megabyte was compared")
	}
	if got := Nearest("aaaa", []string{long}); got != "" {
		t.Error("a candidate of a megabyte is near")
	}
}

func TestHint(t *testing.T) {
	if got := Hint("loglevle", []string{"logfile", "loglevel"}); got != `; did you mean "loglevel"?` {
		t.Error(got)
	}
	if got := Hint("x", []string{"logfile"}); got != "" {
		t.Error(got)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"Debian", "debain", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "xyz", 3}, {strings.Repeat("a", 200), "a", 200},
	} {
		t.Run(subtest.Name(tt.a, tt.b), func(t *testing.T) {
			if got := Distance(tt.a, tt.b); got != tt.want {
				t.Errorf("Distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
			}
		})
	}
}
