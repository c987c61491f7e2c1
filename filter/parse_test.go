package filter

import (
	"errors"
	"strings"
	"testing"

	"mcollective/internal/subtest"
)

func TestParseFactForms(t *testing.T) {
	for text, want := range map[string]Fact{
		"processorcount:gt:1": {"processorcount", ">", "1"},
		"a:eq:b":              {"a", "==", "b"},
		"a:ne:b":              {"a", "!=", "b"},
		"a:lt:1":              {"a", "<", "1"},
		"a:le:1":              {"a", "<=", "1"},
		"a:ge:1":              {"a", ">=", "1"},
		"a:re:^x":             {"a", "=~", "^x"},
		"a:re:/x/":            {"a", "=~", "/x/"},
		"a:gt:b=c":            {"a:gt:b", "==", "c"}, // Ruby reads it, so it keeps its meaning
		"os.release.major=12": {"os.release.major", "==", "12"},
		"key=Zm9vYg==":        {"key", "==", "Zm9vYg=="},
		"ipaddress::eth0=::1": {"ipaddress::eth0", "==", "::1"},
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			got, err := ParseFact(text)
			if got != want || err != nil {
				t.Errorf("%q: %v, %v", text, got, err)
			}
			if back, err := ParseFact(got.String()); back != got || err != nil {
				t.Errorf("%q: rendered as %q: %v, %v", text, got.String(), back, err)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	fact := func(text string) error { _, err := ParseFact(text); return err }
	pattern := func(text string) error { _, err := ParsePattern(text); return err }
	with := func(text string) error { _, _, err := ParseWith(text); return err }
	compound := func(text string) error { _, err := ParseCompound(text); return err }
	identity := func(text string) error { _, err := ParseIdentity(text); return err }
	for _, test := range []struct {
		parse  func(string) error
		text   string
		offset int
		says   string
	}{
		{fact, "processorcount", 14, `quotes: -F 'processorcount>1'`},
		{fact, "cpus>", 5, "no value"},
		{fact, "cpus>=", 6, "no value after >="},
		{fact, "cpus =~", 7, "no value after =~"},
		{fact, "=de", 0, "no fact name"},
		{fact, "a b=c", 1, "cannot hold blanks"},
		{fact, "a!b", 1, "! is no operator"},
		{fact, "", 0, "empty"},
		{fact, "a=~(", 3, "not closed"},
		{fact, "a = /[/", 4, "not closed"},
		{fact, "site::gt::x", 11, "quotes"},
		{pattern, "", 0, "empty"},
		{pattern, "/(/", 1, "not closed"},
		{pattern, " ", 0, "empty"},
		{pattern, "/", 1, "match everything"},
		{pattern, "//", 1, "match everything"},
		{pattern, "/()/", 1, "match everything"},
		{pattern, "/web|/", 1, "match everything"},
		{pattern, "/|db/", 1, "match everything"},
		{pattern, "/(?:web||db)/", 1, "match everything"},
		{fact, "a=~()", 3, "match everything"},
		{fact, "a=/x|/", 2, "match everything"},
		{identity, "", 0, "empty"},
		{identity, "//", 1, "match everything"},
		{identity, "web1\nweb2", 4, "only letters, digits and the signs . _ -; write an expression between slashes, as /^web/"},
		{identity, "web1\n", 4, "only letters"},
		{identity, "\x1b[2J", 0, "only letters"},
		{identity, "web*", 3, "only letters"},
		{identity, "web1,web2", 4, "only letters"},
		{identity, "wéb", 1, "only letters"},
		{identity, "..", 0, "neither . nor .."},
		{identity, strings.Repeat("a", 256), 0, "at most 255 bytes"},
		{identity, "/web1\nweb2/", 5, "there is a control character"},
		{identity, "/web\x00/", 4, "there is a control character"},
		{with, "common //", 1, "match everything"},
		{with, "common cpus>", 5, "no value"},
		{with, " ", 0, "empty"},
		{with, "a=b /[/", 1, "not closed"},
		{compound, "", 0, "the text ends"},
		{compound, " ", 1, "the text ends"},
		{compound, "common and //", 12, "match everything"},
		{compound, "a=//", 2, "match everything"},
		{compound, "f('a').b=~''", 10, "match everything"},
		{compound, "f('a').b!=//", 10, "match everything"},
		{compound, "common and", 10, "ends after and"},
		{compound, "common and ", 11, "the text ends"},
		{compound, "and common", 0, "go between"},
		{compound, "common common", 7, "and or or is expected"},
		{compound, "(common", 0, "not closed"},
		{compound, "common and (x or (y)", 11, "not closed"},
		{compound, "common)", 6, "not opened"},
		{compound, "()", 1, "expected"},
		{compound, "a=", 2, "no value"},
		{compound, "a= and b", 7, "and or or is expected"},
		{compound, "!=b", 0, "no name"},
		{compound, "path=/usr/bin", 10, "in quotes"},
		{compound, "path=/usr", 5, "no closing slash"},
		{compound, "/apache", 0, "no closing slash"},
		{compound, "/foo/=bar", 5, "cannot follow"},
		{compound, "x='a", 2, "quote is not closed"},
		{compound, "x=a(b", 3, "in quotes"},
		{compound, "a(b)", 2, "in quotes"},
		{compound, "f('a'", 1, "not closed"},
		{compound, "f('a').", 7, "name of an output"},
		{compound, "f('a').b", 8, "compared"},
		{compound, "f('a', \"b\").c=1", 7, "one kind"},
		{compound, "f('a' 'b').c=1", 6, "comma"},
		{compound, "a=/(/", 2, "not closed"},
		{compound, "a=/(?=x)/", 2, "-F"},
		{compound, "a<'b<c'", 2, "-F"},
		{compound, "a<'=b'", 2, "-F"},
		{compound, "a</x/", 2, "-F"},
		{compound, "a>''", 2, "-F"},
		{compound, "f('x').y>/x/", 9, "ordered"},
		{compound, "x and y\x1b[31m z", 13, "expected"},
		{compound, strings.Repeat("(", 65) + "a" + strings.Repeat(")", 65), 64, "deep"},
		{compound, "a" + strings.Repeat(" and a", 64), 0, "65 things"},
		{compound, strings.Repeat("!", 1024) + "a", 0, "tokens"},
	} {
		t.Run(subtest.Name(test.text, test.offset), func(t *testing.T) {
			err := test.parse(test.text)
			e, ok := errors.AsType[*ParseError](err)
			if !ok {
				t.Errorf("%q: %v", test.text, err)
				return
			}
			line := e.Error()
			if e.Offset != test.offset || !strings.Contains(line, test.says) {
				t.Errorf("%q: offset %d, %s; want %d and %q", test.text, e.Offset, line, test.offset, test.says)
			}
			if strings.ContainsAny(line, "\n\x1b") || strings.Count(e.Caret(), "\n") != 1 || strings.ContainsAny(e.Caret(), "\x1b") {
				t.Errorf("%q: not fit for a terminal: %q, %q", test.text, line, e.Caret())
			}
		})
	}
}

func TestCaret(t *testing.T) {
	for _, test := range []struct {
		e    ParseError
		want string
	}{
		{ParseError{Text: "a and and b", Offset: 6}, "a and and b\n      ^"},
		{ParseError{Text: "ü=ö x", Offset: 6}, "ü=ö x\n    ^"},
		{ParseError{Text: "a\tb", Offset: 99}, "a·b\n   ^"},
		{ParseError{Text: strings.Repeat("x", 100) + "!" + strings.Repeat("y", 100), Offset: 100},
			"..." + strings.Repeat("x", 60) + "!" + strings.Repeat("y", 59) + "...\n" + strings.Repeat(" ", 63) + "^"},
	} {
		t.Run(subtest.Name(test.e), func(t *testing.T) {
			if got := test.e.Caret(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestParseWith(t *testing.T) {
	facts, classes, err := ParseWith("country=de  common /^role/ cpus:gt:2 site::gt::x /(?<n>a)/")
	if err != nil || len(facts) != 2 || len(classes) != 4 {
		t.Fatal(facts, classes, err)
	}
	f := Filter{Facts: facts, Classes: classes}
	if want := `-F country=de -F 'cpus>2' -C common -C /^role/ -C site::gt::x -C '/(?<n>a)/'`; f.String() != want {
		t.Errorf("%s", f.String())
	}
}

// The superset of -S: what we take, and what goes to the nodes for it.
func TestParseCompoundSuperset(t *testing.T) {
	for text, want := range map[string]string{
		"(/apache/)":                  "( </apache/> )",
		"(x or /apache/)":             "( <x> or </apache/> )",
		"((x) or (/a/))":              "( ( <x> ) or ( </a/> ) )",
		"/(a|b)/":                     "</(a|b)/>",
		"(/(a|b)/)":                   "( </(a|b)/> )",
		"(/[)]/)":                     "( </[)]/> )",
		"/one two/ or x":              "</one two/> or <x>",
		"(/one two/)":                 "( </one two/> )",
		"a  !=  b":                    "not <a=b>",
		"not a != b":                  "not not <a=b>",
		"a != /b c/ and x":            "not <a=/b c/> and <x>",
		"a == /b/":                    "<a=/b/>",
		"a =~ b":                      "<a=/b/>",
		"a =~ 'b c'":                  "<a=/b c/>",
		"a =~ /b/":                    "<a=/b/>",
		"path == '/usr/bin'":          `<path=/\A/usr/bin\z/>`,
		"path != '/usr/bin'":          `not <path=/\A/usr/bin\z/>`,
		"path='/usr/bin'":             "<path=/usr/bin>",
		"url=http://x/y":              "<url=http://x/y>",
		"a='b=c.d'":                   `<a=/\Ab\x3dc\.d\z/>`,
		`a=/b=c\=d/`:                  `<a=/b\x3dc\x3dd/>`,
		`a=/b\\=c/`:                   `<a=/b\\\x3dc/>`,
		"a=''":                        `<a=/\A\z/>`,
		"a!=''":                       `not <a=/\A\z/>`,
		"a => 5":                      "<a>=5>",
		"a =< 5":                      "<a<=5>",
		"a<>b":                        "<a<>b>",
		"a && b || !c":                "<a> and <b> or not <c>",
		"a AND b OR NOT c":            "<a> and <b> or not <c>",
		"NOT and x":                   "<NOT> and <x>",
		"NOT=1":                       "<NOT=1>",
		"NOT = 1":                     "<NOT=1>",
		"NOT(a)":                      "not ( <a> )",
		"AND":                         "<AND>",
		"\tcommon\nor\nx ":            "<common> or <x>",
		"and":                         "<and>",
		"x or and":                    "<x> or <and>",
		"(not)":                       "( <not> )",
		"android":                     "<android>",
		"a and(b)or(c)":               "<a> and ( <b> ) or ( <c> )",
		"lines=/^two$/and(b)":         "<lines=/^two$/> and ( <b> )",
		"'with space'":                "<with space>",
		"'a=b'":                       "<a=b>",
		"'a!=b'":                      "not <a=b>",
		"f('a)b').c=1":                `{f "a)b" c == "1" false}`,
		"f( ).c == 1":                 `{f <nil> c == "1" false}`,
		"f('x').c =~ ^a":              `{f "x" c =~ "^a" true}`,
		"f('x').c=/a=b/":              `{f "x" c =~ "a=b" true}`,
		"f('x').c == '/a/'":           `{f "x" c == "/a/" false}`,
		"f('x').c = ''":               `{f "x" c == "" false}`,
		"f('x').c => 5":               `{f "x" c >= "5" false}`,
		"f('x').c=a=b":                `{f "x" c == "a=b" false}`,
		"(f('x').c=1)":                `( {f "x" c == "1" false} )`,
		"f('a','b').c!=/x y/ and not": `{f "a','b" c !=~ "x y" true} and <not>`,
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			got, err := ParseCompound(text)
			if err != nil || render(got) != want {
				t.Errorf("%q: %s, %v, want %s", text, render(got), err, want)
				return
			}
			if back, err := ParseCompound(got.String()); err != nil || !back.Equal(got) {
				t.Errorf("%q: rendered as %q: %s, %v", text, got.String(), render(back), err)
			}
			if err := wellFormed(got); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		})
	}
}

func TestStringIsForLogs(t *testing.T) {
	c, err := ParseCompound("web and x='it\\'s \x1b[31m'")
	if err != nil {
		t.Fatal(err)
	}
	f := Filter{
		Facts:      []Fact{{"a", "==", "/x/"}, {"b", "==", "c d"}, {"n", "zz", "\u202e"}},
		Classes:    []Pattern{{Text: "web", Regexp: true}},
		Agents:     []Pattern{{Text: "\xff"}},
		Identities: []Pattern{{Text: "n1"}},
		Compound:   []Compound{c},
	}
	if got, want := f.String(), `-F a==/x/ -F 'b=c d' -F 'nzz\u202e' -C /web/ -A '\xff' -I n1 -S 'web and x='\''it\'\''s \u001b[31m'\'''`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if (&Filter{}).String() != "" {
		t.Error("the zero filter has a text")
	}
	for range 5000 {
		f.Identities = append(f.Identities, Pattern{Text: "node.example.net"})
	}
	if got := f.String(); len(got) > maxRendered+100 || !strings.HasSuffix(got, "(5007 entries)") {
		t.Errorf("%d bytes, %s", len(got), got[len(got)-40:])
	}
	f = Filter{Agents: []Pattern{{Text: strings.Repeat("\x00", 1<<20)}}}
	if got := f.String(); len(got) > maxRendered+100 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestEqualAndEmpty(t *testing.T) {
	call := func(params any) Filter {
		return Filter{Compound: []Compound{{{Kind: Call, Call: &Function{Name: "f", Params: params, Operator: "=="}}}}}
	}
	a, b, c := call("x"), call("x"), call([]any{1})
	if !a.Equal(&b) || a.Equal(&c) || !c.Equal(&c) || a.Empty() {
		t.Error("calls")
	}
	zero, lists := Filter{}, Filter{Facts: []Fact{}, Compound: []Compound{}}
	if !zero.Equal(&lists) || !lists.Empty() || !zero.Empty() || zero.Equal(&Filter{Irregular: true}) || zero.Equal(&a) {
		t.Error("empty filters")
	}
}
