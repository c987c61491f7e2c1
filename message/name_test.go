package message

import (
	"regexp"
	"strings"
	"testing"
)

func TestNewIDLooksLikeRubys(t *testing.T) {
	form := regexp.MustCompile(`\A[0-9a-f]{12}5[0-9a-f]{3}[89ab][0-9a-f]{15}\z`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if !form.MatchString(id) || ValidRequestID(id) != nil {
			t.Fatalf("NewID() = %q, which is no version 5 UUID without dashes", id)
		}
		if seen[id] {
			t.Fatalf("NewID() returned %q twice", id)
		}
		seen[id] = true
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat
	for _, c := range []struct {
		kind  string
		check func(string) error
		good  []string
		bad   []string
	}{
		{"caller id", ValidCallerID,
			[]string{"uid=1000", "cert=foo-bar", "uid=foo.bar.123", "_=_", "Group=x", "cert=...", "u=" + long("x", 254)},
			[]string{"", "=", "uid=", "=0", "uid", "foo-bar", "foo=bar=baz", `uid=a\b`, "uid=a/b", "uid=a|b", "uid=0\nroot", "uid=0\n",
				"\nuid=0", "uid=ü", "üid=0", "uid=.", "cert=..", "cert=../../x", "uid=0 ", "uid=\x00", "u=" + long("x", 255)}},
		{"identity", ValidIdentity,
			[]string{"n1", "web-1.example.com", "A_b", long("x", 255)},
			[]string{"", ".", "..", "a b", "a/b", "a\nb", "n1\n", "a*", "ü", "a>", "a'b", long("x", 256)}},
		{"agent", ValidAgent,
			[]string{"discovery", "Foo_2", "my-agent", long("x", 64)},
			[]string{"", "a.b", "..", "../x", "a b", "a\n", "ü", long("x", 65)}},
		{"collective", ValidCollective,
			[]string{"mcollective", "uk_collective", "eu.west-1"},
			[]string{"", ".", "..", ".a", "a.", "a..b", "a b", "a*", "a>", long("x", 129)}},
		{"request id", ValidRequestID,
			[]string{"x", "7d827a9dde2556b9a293f86e5460a7e5", "b1f6-22/a"},
			[]string{"", "a b", "a\n", "\x7f", "ü", long("x", 129)}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			for _, name := range c.good {
				if err := c.check(name); err != nil {
					t.Errorf("%s %q is refused: %v", c.kind, name, err)
				}
			}
			for _, name := range c.bad {
				err := c.check(name)
				if err == nil {
					t.Errorf("%s %q is accepted", c.kind, name)
				} else if strings.ContainsAny(err.Error(), "\n\x00") {
					t.Errorf("%s %q: its raw bytes are in the error %q", c.kind, name, err)
				}
			}
		})
	}
}

func TestValidCallerIDDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { ValidCallerID("uid=1000") }); n != 0 {
		t.Errorf("%v allocations for one caller id", n)
	}
}

// FuzzNames: what is accepted is what one pattern over the whole text says, and
// nothing that could leave its place in a topic, path or log line.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"uid=0", "cert=../../x", "uid=0\nroot", "n1.example.com", "..", "a.b", "mcollective", "a..b", "é=1"} {
		f.Add(s)
	}
	callerID := regexp.MustCompile(`\A[A-Za-z0-9_]+=[A-Za-z0-9_.\-]+\z`)
	f.Fuzz(func(t *testing.T, s string) {
		if want := callerID.MatchString(s) && len(s) <= 256 && !strings.HasSuffix(s, "=.") && !strings.HasSuffix(s, "=.."); (ValidCallerID(s) == nil) != want {
			t.Errorf("ValidCallerID(%q): %v", s, ValidCallerID(s))
		}
		for kind, check := range map[string]func(string) error{"identity": ValidIdentity, "agent": ValidAgent, "collective": ValidCollective, "id": ValidRequestID} {
			if check(s) != nil {
				continue
			}
			if s == "" || (s == "." || s == "..") && kind != "id" || strings.ContainsAny(s, " \x00\r\n\t\x1b") || kind != "id" && strings.ContainsAny(s, "/\\*>'\"") {
				t.Errorf("%s %q is accepted", kind, s)
			}
		}
	})
}
