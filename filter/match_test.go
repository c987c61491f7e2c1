package filter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

func matchFact(n Node, r Rules, name, op, value string) (bool, error) {
	return (&Filter{Facts: []Fact{{name, op, value}}}).Match(context.Background(), n, r)
}

// The table of the comparison rules, with those that make a Ruby node raise.
func TestCompareLikeRuby(t *testing.T) {
	for _, test := range []struct {
		fact, op, value string
		want            any
	}{
		{"1", "==", "1", true}, {"1", "==", "1.0", false}, {"5", ">", "10", false}, {"10", ">", "9.5", false}, {"5", ">", "1.5", true},
		{"100", ">", "9.5", true}, {"1.5", ">", "1.25", true}, {"-5", "<", "-3", false}, {"010", "<", "9", true}, {"08", ">", "1", nil},
		{"10:30", ">", "10:00", nil}, {"2.10.1", ">", "2.9", false}, {"8.00 GB", ">", "10", true}, {"true", "==", "true", true}, {"", "!=", "x", true},
		{"1_0", "<", "100", true}, {"1e2", "<", "2e1", false}, {"1_000", ">", "2", false}, {"123456789012345678901234567890", ">", "9", true},
		{"9", "<", "123456789012345678901234567890", true}, {"9223372036854775808", ">", "9223372036854775807", true}, {"1.10", "!=", "1.1", false},
		{"12\n", "==", "12", false}, {"12\n", "<=", "12", true}, {"one\n12", "<", "13", nil}, {"0.5", "<", "0x5", true}, {"a", "~", "a", false}, {"a", "", "a", false},
	} {
		n := &testNode{facts: map[string]any{"f": test.fact}}
		ok, err := matchFact(n, Rules{}, "f", test.op, test.value)
		verdict(t, fmt.Sprintf("%q %s %q", test.fact, test.op, test.value), test.want, ok, err)
	}
}

func TestCompareNumeric(t *testing.T) {
	for _, test := range []struct {
		fact, op, value string
		want            bool
	}{
		{"1", "==", "1.0", true}, {"1", "!=", "1.0", false}, {"10", ">", "9.5", true}, {"5", ">", "10.5", false}, {"-5", "<", "-3", true}, {"-5", "<", "3", true},
		{"010", "<", "9", false}, {"08", ">", "1", true}, {"1e3", "==", "1000", true}, {"1e3", ">", "999", true}, {"+5", "==", "5", true}, {"2.5E-1", "==", "0.25", true},
		{"10:30", ">", "10:00", true}, {"2.10.1", ">", "2.9", false}, {"0x10", "==", "16", false}, {"1_0", "==", "10", false}, {"Inf", ">", "5", true}, {"nan", "==", "nan", true},
		{"", "==", "0", false}, {" 5", "==", "5", false}, {"5 ", ">=", "5", true}, {"123456789012345678901234567890", ">", "123456789012345678901234567889", true},
		{"1.", "==", "1", false}, {".5", "==", "0.5", false}, {"de", "==", "de", true}, {"de", "<", "fr", true}, {"-", "<", "5", true}, {"1e", "==", "1", false}, {"4", "=~", "^4$", true},
	} {
		t.Run(subtest.Name(test.fact, test.op), func(t *testing.T) {
			n := &testNode{facts: map[string]any{"f": test.fact}}
			if ok, err := matchFact(n, Rules{Numeric: true}, "f", test.op, test.value); ok != test.want || err != nil {
				t.Errorf("%q %s %q: %v, %v", test.fact, test.op, test.value, ok, err)
			}
		})
	}
}

func TestStructuredFacts(t *testing.T) {
	n := sample()
	n.facts["nested"] = []any{[]any{"x"}, "y"}
	n.facts["scalars"] = map[string]any{"int": 5, "nil": nil}
	n.facts["ages"] = map[string]any{"1": "", "08": "", "09": ""}
	for _, test := range []struct {
		name, op, value string
		want            any
	}{
		{"os.release.major", "==", "12", true}, {"os.release.major", ">", "9", true}, {"os.release.minor", "!=", "12", false}, {"os.family", "=~", "^Deb", true},
		{"a.b", "==", "literal", true}, {"a.c", "==", "1", true}, {"a.b.c", "==", "x", false}, {"interfaces.1", "==", "eth0", true}, {"interfaces.2", "==", "eth0", false},
		{"interfaces.01", "==", "eth0", false}, {"interfaces.-1", "==", "eth0", false}, {"disks.1.name", "==", "sdb", true}, {"os.release", "==", "full", true}, {"os", "==", "family", true},
		{"mounts./.size", "<", "20", true}, {"mounts./srv/a.b.size", "==", "20", true}, {"interfaces", "==", "lo", true}, {"interfaces", "!=", "lo", true}, {"country.x", "==", "de", false},
		{"missing", "!=", "x", false}, {"missing.x", "==", "", false}, {"nested", "!=", "y", true}, {"nested", "==", "y", true}, {"nested.0", "==", "x", true}, {"scalars.int", "<", "6", true},
		{"scalars.nil", "==", "", true}, {"ages", ">", "0", true}, {"ages", ">", "1", nil}, {".", "==", "", false}, {"os.", "==", "", false}, {"os..family", "==", "Debian", false},
		{strings.Repeat("a.", 40), "==", "", false},
	} {
		ok, err := matchFact(n, Rules{}, test.name, test.op, test.value)
		verdict(t, fmt.Sprintf("%s %s %q", test.name, test.op, test.value), test.want, ok, err)
	}
}

func TestPatterns(t *testing.T) {
	n := sample()
	for _, test := range []struct {
		p    Pattern
		want any
	}{
		{Pattern{Text: "common"}, true}, {Pattern{Text: "/comm/"}, true}, {Pattern{Text: "comm", Regexp: true}, true}, {Pattern{Text: "COMM", Regexp: true}, false},
		{Pattern{Text: "COMM", Regexp: true, Options: 1}, true}, {Pattern{Text: "c o m m # x", Regexp: true, Options: 2}, true}, {Pattern{Text: "c o m m", Regexp: true}, false},
		{Pattern{Text: "with.space", Regexp: true, Options: 16}, true}, {Pattern{Text: "a/b", Regexp: true}, false}, {Pattern{Text: "/(?=c)/"}, nil}, {Pattern{Text: "/(c)\\1/"}, nil},
		{Pattern{Text: "/" + strings.Repeat("x", 2000)}, nil}, {Pattern{Text: "/" + strings.Repeat("x", 5000)}, nil}, {Pattern{Text: "/((a{1,100}){1,10}){1,10}/"}, nil}, {Pattern{Text: "/[a-z]{1000}{1000}/"}, nil},
		{Pattern{Text: "/\\p{Nonsense}/"}, nil}, {Pattern{Text: "/\\p{Lu}pper/"}, true}, {Pattern{Text: "/\xff/"}, nil}, {Pattern{Text: ""}, false},
	} {
		ok, err := (&Filter{Classes: []Pattern{test.p}}).Match(context.Background(), n, Rules{})
		verdict(t, fmt.Sprintf("%+.40v", test.p), test.want, ok, err)
	}
	ok, err := (&Filter{Identities: []Pattern{{Text: "/[/"}, {Text: "other"}}}).Match(context.Background(), n, Rules{})
	verdict(t, "broken identity", nil, ok, err)
	ok, err = (&Filter{Identities: []Pattern{{Text: "/[/"}, {Text: "/web/"}}}).Match(context.Background(), n, Rules{})
	verdict(t, "one identity is enough", true, ok, err)
}

// What no client of ours sends, but the network may.
func TestMalformedStacks(t *testing.T) {
	n := sample()
	yes := Term{Kind: Statement, Text: "common"}
	op := func(kind TermKind) Term { return Term{Kind: kind} }
	for name, c := range map[string]Compound{
		"(a)(b)":       {op(Open), yes, op(Close), op(Open), yes, op(Close)},
		"a b":          {yes, yes},
		"a and":        {yes, op(And)},
		"and a":        {op(And), yes},
		"a and or b":   {yes, op(And), op(Or), yes},
		"a not b":      {yes, op(Not), yes},
		"not":          {op(Not)},
		"()":           {op(Open), op(Close)},
		"(":            {op(Open)},
		"(a":           {op(Open), yes},
		"a)":           {yes, op(Close)},
		")a(":          {op(Close), yes, op(Open)},
		"unknown":      {{Kind: "system"}},
		"empty kind":   {{}},
		"nil call":     {op(Not), {Kind: Call}},
		"no operator":  {op(Not), {Kind: Call, Call: &Function{Name: "fstat", Params: "x", Output: "size"}}},
		"no value":     {op(Not), {Kind: Statement, Text: "country="}},
		"just =":       {op(Not), {Kind: Statement, Text: "="}},
		"raises":       {yes, op(Or), {Kind: Statement, Text: "odd>1"}},
		"broken":       {yes, op(Or), {Kind: Statement, Text: "/[/"}},
		"no plugin":    {yes, op(Or), {Kind: Call, Call: &Function{Name: "nosuch", Operator: "=="}}},
		"deep":         append(append(repeat(op(Open), 65), yes), repeat(op(Close), 65)...),
		"deeper":       append(append(repeat(op(Open), 500), yes), repeat(op(Close), 500)...),
		"long":         append(repeat(op(Not), 2000), yes),
		"many":         append(flatten(repeat2(yes, op(And), 64)), yes),
		"bad operator": {{Kind: Call, Call: &Function{Name: "fstat", Params: "x", Output: "size", Operator: "send", Compare: Pattern{Text: "1"}}}},
	} {
		f := &Filter{Compound: []Compound{c}}
		ok, err := f.Match(context.Background(), n, Rules{})
		verdict(t, name, nil, ok, err)
		_ = f.String()
		_ = f.Check()
	}
	ok, err := (&Filter{Compound: []Compound{{}}}).Match(context.Background(), n, Rules{})
	verdict(t, "nothing", false, ok, err)
	ok, err = (&Filter{Compound: []Compound{append(append(repeat(op(Open), 64), yes), repeat(op(Close), 64)...)}}).Match(context.Background(), n, Rules{})
	verdict(t, "just deep enough", true, ok, err)
}

func repeat(t Term, n int) Compound {
	c := make(Compound, n)
	for i := range c {
		c[i] = t
	}
	return c
}

func repeat2(a, b Term, n int) [][2]Term {
	list := make([][2]Term, n)
	for i := range list {
		list[i] = [2]Term{a, b}
	}
	return list
}

func flatten(list [][2]Term) (c Compound) {
	for _, pair := range list {
		c = append(c, pair[0], pair[1])
	}
	return c
}

func TestDataFunctions(t *testing.T) {
	n := sample()
	for text, want := range map[string]any{
		"f('x').size=100": nil, "fstat('x').size=100": true, "fstat('x').size=0x64": true, "fstat('x').size=0144": true, "fstat('x').size=' 1_00 '": true, "fstat('x').size=1e2": true,
		"fstat('x').size>99.5": true, "fstat('x').size!=100": false, "fstat('x').size=abc": nil, "fstat('x').size=/1/": false, "fstat('x').type>a": false, "fstat('x').type!=dir": true,
		"fstat('x').type=/^F/": false, "fstat('x').type!=/^F/": true, "fstat('x').present=true": true, "fstat('x').present=' true'": true, "fstat('x').present=1": nil, "fstat('x').present>true": false, "fstat('x').present>x": false,
		"fstat('x').load<1": true, "fstat('x').load=0.5": true, "fstat('x').none=1": false, "not fstat('x').none=1": true, "fstat('x').nosuch=1": false, "fstat('`x`').size=100": false,
		"fstat('x')=1": false, "fstat().size=100": nil, "not nosuch('x').y=1": nil, "common or nosuch('x').y=1": nil, "fstat('x').type=/[^/": nil, "common and (nope or fstat('x').size>10)": true,
		"common or nope and nope": true, "(common or nope) and nope": false, "!nope and common": true, "not (nope or common)": false, "!!common": true,
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			c, err := ParseCompound(text)
			if err != nil {
				if want != nil {
					t.Errorf("%q: %v", text, err)
				}
				return
			}
			ok, err := (&Filter{Compound: []Compound{c}}).Match(context.Background(), n, Rules{})
			verdict(t, text, want, ok, err)
		})
	}
}

// Filters that run code come after authorization: MatchPlain must not call.
func TestPlainCallsNothing(t *testing.T) {
	n := sample()
	call, _ := ParseCompound("fstat('x').size=100")
	plain, _ := ParseCompound("common and country=de")
	f := &Filter{Facts: []Fact{{"country", "==", "de"}}, Compound: []Compound{call, plain}, Irregular: true}
	if !f.NeedsData() || (&Filter{Compound: []Compound{plain}}).NeedsData() {
		t.Error("NeedsData")
	}
	if ok, err := f.MatchPlain(n, Rules{}); !ok || err != nil || n.calls != 0 {
		t.Errorf("%v, %v, %d calls", ok, err, n.calls)
	}
	if ok, err := f.Match(context.Background(), n, Rules{}); !ok || err != nil || n.calls != 1 {
		t.Errorf("%v, %v, %d calls", ok, err, n.calls)
	}
	f.Facts[0].Value = "fr"
	if ok, err := f.Match(context.Background(), n, Rules{}); ok || err != nil || n.calls != 1 {
		t.Errorf("a plugin ran though a fact does not match: %v, %v, %d calls", ok, err, n.calls)
	}
	f.Facts, f.Compound[0] = nil, append(Compound{}, append(call, call...)...)
	if ok, err := f.Match(context.Background(), n, Rules{}); ok || err == nil || n.calls != 1 {
		t.Errorf("a plugin ran for a malformed expression: %v, %v, %d calls", ok, err, n.calls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.Compound[0] = call
	if ok, err := f.Match(ctx, n, Rules{}); ok || !errors.Is(err, context.Canceled) || n.calls != 1 {
		t.Errorf("a plugin ran in vain: %v, %v, %d calls", ok, err, n.calls)
	}
}

func TestBudget(t *testing.T) {
	n := sample()
	n.facts["long"] = strings.Repeat("a", 1<<20)
	n.facts["wide"] = make([]any, 1<<20)
	ok, err := matchFact(n, Rules{}, "long", "=~", "(a?){50}b")
	if ok || !errors.Is(err, errBudget) {
		t.Errorf("%v, %v", ok, err)
	}
	ok, err = matchFact(n, Rules{Budget: 1000}, "wide", "==", "x")
	if ok || !errors.Is(err, errBudget) {
		t.Errorf("%v, %v", ok, err)
	}
	f := &Filter{}
	for range MaxTerms + 1 {
		f.Classes = append(f.Classes, Pattern{Text: "common"})
	}
	if ok, err := f.Match(context.Background(), n, Rules{}); ok || err == nil {
		t.Errorf("%v, %v", ok, err)
	}
	many := &Filter{}
	for i := range 5000 {
		many.Identities = append(many.Identities, Pattern{Text: fmt.Sprint("n", i)})
	}
	many.Identities = append(many.Identities, Pattern{Text: n.identity})
	if ok, err := many.Match(context.Background(), n, Rules{}); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// The worst that a filter within the bounds can cost. The limit is generous: it
// tells seconds from milliseconds, on any machine.
func TestHostileFilterIsBounded(t *testing.T) {
	n := sample()
	for i := range MaxTerms {
		n.facts[fmt.Sprint("f", i)] = strings.Repeat("ab", 2000)
	}
	f := &Filter{}
	for i := range MaxTerms {
		f.Facts = append(f.Facts, Fact{fmt.Sprint("f", i), "=~", fmt.Sprintf("(a?b?){%d}(.*x){%d}$|b", 200+i, 20)})
	}
	start := time.Now()
	_, err := f.Match(context.Background(), n, Rules{})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v: %v", took, err)
	}
}

func TestMatcherCache(t *testing.T) {
	var c matcherCache
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 250 {
				text := fmt.Sprintf("^x{1,%d}$", 1+(i+w)%200)
				if ok, err := c.get(matcherKey{text: text}).match("x"); !ok || err != nil {
					t.Errorf("%s: %v, %v", text, ok, err)
				}
				if c.get(matcherKey{text: "["}).err == nil {
					t.Error("a broken expression was compiled")
				}
			}
		})
	}
	waittest.Return(t, "the matches", wg.Wait)
	if n := len(c.young) + len(c.old); n > 2*maxCachedMatchers || c.size > maxCachedSize {
		t.Errorf("%d entries, size %d", n, c.size)
	}
	first := c.get(matcherKey{text: "abc"})
	if c.get(matcherKey{text: "abc"}) != first {
		t.Error("an expression is compiled again")
	}
}

func TestCheck(t *testing.T) {
	good, _ := ParseCompound("/web/ and a=/b/ and fstat('x').y=/z/ and country=de")
	f := &Filter{Facts: []Fact{{"a", "=~", "^b"}}, Identities: []Pattern{{Text: "/n/"}}, Compound: []Compound{good}}
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	bad, _ := ParseCompound("/(?!web)/ and a=/b++/ and fstat('x').y=/(z)\\1/")
	f = &Filter{Facts: []Fact{{"a", "=~", "(?<!b)"}}, Classes: []Pattern{{Text: "/x*+/"}}, Agents: []Pattern{{Text: "\\G", Regexp: true}}, Compound: []Compound{bad}}
	if err := f.Check(); err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Error(err)
	}
}

func TestSimpleMatchesTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	n := sample()
	compound, _ := ParseCompound("common and (country=de or cpus>2) and not os.release.major=11")
	for _, f := range []*Filter{
		{},
		{Facts: []Fact{{"country", "==", "de"}}},
		{Facts: []Fact{{"cpus", ">", "2"}}},
		{Facts: []Fact{{"memory", ">", "1024.5"}}},
		{Facts: []Fact{{"os.release.major", ">=", "12"}}},
		{Facts: []Fact{{"country", "=~", "^d"}}, Classes: []Pattern{{Text: "/^role/"}}, Identities: []Pattern{{Text: "/web/"}}, Agents: []Pattern{{Text: "rpcutil"}}},
		{Compound: []Compound{compound}},
	} {
		var ok bool
		allocs := testing.AllocsPerRun(100, func() { ok, _ = f.Match(context.Background(), n, Rules{}) })
		if !ok || allocs != 0 {
			t.Errorf("%s: %v, %v allocations", f, ok, allocs)
		}
	}
}

// What is empty, or has an empty alternative, matches nothing and not everything,
// also where it is negated.
func TestEmptyExpressionsMatchNothing(t *testing.T) {
	n := sample()
	n.facts["os"] = "Debian"
	for _, source := range []string{"", "()", "(?i)", "web|", "|web"} {
		for kind, f := range map[string]Filter{
			"identity": {Identities: []Pattern{{Text: "/" + source + "/"}}},
			"class":    {Classes: []Pattern{{Text: "/" + source + "/"}}},
			"agent":    {Agents: []Pattern{{Text: source, Regexp: true}}},
			"fact":     {Facts: []Fact{{"os", "=~", source}}},
			"compound": {Compound: []Compound{{{Kind: Not}, {Kind: Statement, Text: "/" + source + "/"}}}},
		} {
			t.Run(kind, func(t *testing.T) {
				if ok, err := f.Match(context.Background(), n, Rules{}); ok || !errors.Is(err, errEmptyRegexp) {
					t.Errorf("%s %q: %v, %v", kind, source, ok, err)
				}
			})
		}
	}
	f := Filter{Identities: []Pattern{{Text: "/.*/"}}, Facts: []Fact{{"os", "=~", "^"}}}
	if !mustMatch(t, &f, n, Rules{}) {
		t.Error("what asks for everything in words does not match")
	}
}
