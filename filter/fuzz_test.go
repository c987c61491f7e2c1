package filter

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func FuzzParseFact(f *testing.F) {
	for _, text := range []string{"a=b", "a b = /c/", "cpus>=2", "a:gt:1", "a!=/x/", "processorcount", "a=~(b", "a=b\nc", "=", "a=/x/y/"} {
		f.Add(text)
	}
	n := sample()
	f.Fuzz(func(t *testing.T, text string) {
		fact, err := ParseFact(text)
		if err != nil {
			e := err.(*ParseError)
			if e.Offset < 0 || e.Offset > len(text) || strings.ContainsAny(err.Error()+strings.Replace(e.Caret(), "\n", "", 1), "\n\r\x1b") {
				t.Errorf("%q: %q", text, err)
			}
			return
		}
		if fact.Name == "" || fact.Value == "" || !strings.HasPrefix(text, fact.Name) || !strings.Contains(text, fact.Value) {
			t.Errorf("%q: %v", text, fact)
		}
		if back, err := ParseFact(fact.String()); err == nil && back != fact && len(text) < maxRendered && !strings.ContainsAny(fact.Name, "=<>!~") {
			t.Errorf("%q: rendered as %q: %v", text, fact.String(), back)
		}
		n.facts[fact.Name] = fact.Value
		for _, numeric := range []bool{false, true} {
			filter := &Filter{Facts: []Fact{fact}}
			mustMatch(t, filter, n, Rules{Numeric: numeric, Budget: 1 << 18})
			fact.Operator = "=="
			if ok, err := (&Filter{Facts: []Fact{fact}}).Match(context.Background(), n, Rules{Numeric: numeric}); !ok {
				t.Errorf("%q is not equal to itself: %v", fact.Value, err)
			}
		}
		delete(n.facts, fact.Name)
	})
}

func FuzzParseCompound(f *testing.F) {
	for _, text := range []string{
		"a and (b=c or not d>2)", "(/x(y)/) or f('a', 'b').c != /d/", "a!='b=c' and NOT b =~ 'x y'", "'it\\'s' && \"q\"", "!(!a)", "a=/b\\/c=d/", "x==''", "f().y=''", "a=b/c/d", "/a b/c/)",
		"nl='a\n/b'", "f(\"it's\").y=1", "' 'N''N\x04= <", "\"!!==>=\xb0\"", "\"!!==>=x\"",
	} {
		f.Add(text)
	}
	n := sample()
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCompound(text)
		if err != nil {
			e := err.(*ParseError)
			if c != nil || e.Offset < 0 || e.Offset > len(text) || strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("%q: %q", text, err)
			}
			_ = e.Caret()
			return
		}
		if text == "" {
			return
		}
		if err := wellFormed(c); err != nil {
			t.Errorf("%q: %s: %v", text, render(c), err)
		}
		for _, term := range c {
			if term.Kind == Statement {
				if s, err := splitStatement(term.Text); err != nil || s.name == "" {
					t.Errorf("%q: nodes cannot read the statement %q: %v", text, term.Text, err)
				}
			}
		}
		if back, err := ParseCompound(c.String()); (err != nil || !back.Equal(c)) && len(text) < maxRendered {
			t.Errorf("%q is %s, rendered as %q: %s, %v", text, render(c), c.String(), render(back), err)
		}
		mustMatch(t, &Filter{Compound: []Compound{c}}, n, Rules{Budget: 1 << 18})
	})
}

// FuzzMatch evaluates filters that no parser made. Each line of the input is an
// entry: its first byte says of which kind, the rest is cut at the bytes 0xfe.
func FuzzMatch(f *testing.F) {
	f.Add([]byte("Fcpus\xfe>\xfe2\nCcommon\nAmcollective\nI/web/"), false)
	f.Add([]byte("R\x07(?<a>x)\\h*+\nFcountry\xfe=~\xfe/(d|e)*$/"), true)
	f.Add([]byte("Ss common\n&&\n((\nSfstat\xfesize\xfe>\xfe1\n))"), false)
	f.Add([]byte("(\n)\n!\nSa=\n|\nPfstat\xfetype\xfe=~\xfe["), false)
	n := sample()
	f.Fuzz(func(t *testing.T, data []byte, numeric bool) {
		filter := &Filter{}
		var c Compound
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if len(line) == 0 {
				continue
			}
			parts := strings.Split(string(line[1:])+"\xfe\xfe\xfe\xfe", "\xfe")
			switch line[0] {
			case 'F':
				filter.Facts = append(filter.Facts, Fact{parts[0], parts[1], parts[2]})
			case 'C':
				filter.Classes = append(filter.Classes, Pattern{Text: parts[0]})
			case 'A':
				filter.Agents = append(filter.Agents, Pattern{Text: parts[0]})
			case 'I':
				filter.Identities = append(filter.Identities, Pattern{Text: parts[0]})
			case 'R':
				p := Pattern{Text: parts[0], Regexp: true}
				if p.Text != "" {
					p.Options, p.Text = int(p.Text[0]), p.Text[1:]
				}
				filter.Classes = append(filter.Classes, p)
			case 'S':
				c = append(c, Term{Kind: Statement, Text: parts[0]})
			case 'P':
				c = append(c, Term{Kind: Call, Call: &Function{Name: parts[0], Params: "x", Output: parts[1], Operator: parts[2], Compare: Pattern{Text: parts[3], Regexp: parts[4] != ""}}})
			case '&':
				c = append(c, Term{Kind: And})
			case '|':
				c = append(c, Term{Kind: Or})
			case '!':
				c = append(c, Term{Kind: Not})
			case ';':
				filter.Compound = append(filter.Compound, c)
				c = nil
			default:
				c = append(c, Term{Kind: TermKind(line[:1])})
			}
		}
		if c != nil {
			filter.Compound = append(filter.Compound, c)
		}
		rules := Rules{Numeric: numeric, Budget: 1 << 18}
		ok := mustMatch(t, filter, n, rules)
		if plain, err := filter.MatchPlain(n, rules); ok && !plain || plain && err != nil {
			t.Errorf("%s: match %v, plain %v, %v", filter, ok, plain, err)
		}
		if text := filter.String(); len(text) > maxRendered+100 || strings.ContainsAny(text, "\x1b\n\x00") {
			t.Errorf("%q", text)
		}
		_ = filter.Check()
	})
}
