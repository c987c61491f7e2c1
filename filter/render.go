package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxRendered bounds what String returns, in bytes.
const maxRendered = 1024

// String renders the filter as the flags that ask for it, quoted for a shell,
// like "-F country=de -C /web/". It is for logs and messages: control characters
// are escaped, and after about 1 KiB it is cut. The zero filter is "".
func (f *Filter) String() string {
	var b strings.Builder
	flags := f.flags(maxRendered)
	for i, arg := range flags {
		text := shellQuote(arg)
		if b.Len()+len(text)+1 > maxRendered {
			fmt.Fprintf(&b, " ... (%d entries)", len(f.Facts)+len(f.Classes)+len(f.Agents)+len(f.Identities)+len(f.Compound))
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text)
	}
	return b.String()
}

// Flags returns the filter as arguments of mco, a flag and its text in turn. A
// filter that was made by the parsers of this package comes back when they
// parse the texts.
func (f *Filter) Flags() []string { return f.flags(0) }

// flags stops when the texts are longer than most, if that is not 0.
func (f *Filter) flags(most int) []string {
	var flags []string
	size := 0
	add := func(flag, text string) bool {
		flags = append(flags, flag, text)
		size += len(text)
		return most == 0 || size <= most
	}
	for _, t := range f.Facts {
		if !add("-F", t.String()) {
			return flags
		}
	}
	for _, list := range [...]struct {
		flag     string
		patterns []Pattern
	}{{"-C", f.Classes}, {"-A", f.Agents}, {"-I", f.Identities}} {
		for _, p := range list.patterns {
			if !add(list.flag, p.String()) {
				return flags
			}
		}
	}
	for _, c := range f.Compound {
		if !add("-S", c.text(most)) {
			return flags
		}
	}
	return flags
}

// String returns the text of -F for the fact, the shortest that ParseFact reads as
// this fact again.
func (t Fact) String() string {
	operators := []string{t.Operator, "="}
	switch {
	case t.Operator == "==" || t.Operator == "=~" && enclosed(t.Value):
		operators[0], operators[1] = "=", t.Operator
	case t.Operator == ">=":
		operators[1] = "=>"
	case t.Operator == "<=":
		operators[1] = "=<"
	}
	for _, op := range append(operators, t.Operator+" ") {
		if text := t.Name + op + t.Value; parsesAsFact(text, t) {
			return text
		}
	}
	return t.Name + t.Operator + t.Value
}

func parsesAsFact(text string, t Fact) bool {
	if len(text) > maxRendered {
		return false
	}
	back, _, ok := scanFact(text)
	return ok && back == t
}

// String returns the text of -C, -A or -I for the pattern.
func (p Pattern) String() string {
	if !p.Regexp {
		return p.Text
	}
	return "/" + p.Text + "/"
}

// String returns a text of -S that means the same, terms separated by single blanks.
func (c Compound) String() string { return c.text(0) }

// text stops when it is longer than most, if that is not 0.
func (c Compound) text(most int) string {
	var b strings.Builder
	for i := range c {
		if most > 0 && b.Len() > most {
			break
		}
		if i > 0 && c[i].Kind != Close && c[i-1].Kind != Open {
			b.WriteByte(' ')
		}
		switch t := &c[i]; t.Kind {
		case Statement:
			b.WriteString(statementText(t.Text, i+1 < len(c) && c[i+1].Kind == Close))
		case Call:
			if t.Call != nil {
				b.WriteString(t.Call.String())
			}
		default:
			b.WriteString(string(t.Kind))
		}
	}
	return b.String()
}

// statementText writes a statement so that it parses as itself: bare, with its
// value, its name or both in quotes, or in quotes as a whole.
func statementText(text string, closing bool) string {
	candidates := []string{text}
	if at, width := statementOperator(text); width > 0 && !lineBeginsWithSlash(text) {
		name, operator, value := text[:at], text[at:at+width], text[at+width:]
		candidates = append(candidates, name+operator+quote(value), quote(name)+operator+quote(value), quote(name)+operator+value)
	}
	whole := quote(text)
	if len(text) > maxRendered {
		return whole
	}
	for _, candidate := range candidates {
		probe := candidate
		if closing {
			probe = "(" + candidate + ")"
		}
		c, err := ParseCompound(probe)
		if closing && len(c) == 3 {
			c = c[1:2]
		}
		if err == nil && len(c) == 1 && c[0].Kind == Statement && c[0].Text == text {
			return candidate
		}
	}
	return whole
}

// quote puts a text in quotes as ParseCompound reads them.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// String returns the text of the call in -S.
func (f *Function) String() string {
	var b strings.Builder
	b.WriteString(f.Name)
	b.WriteByte('(')
	if f.Params != nil {
		params := fmt.Sprint(f.Params)
		mark := "'"
		if strings.Contains(params, "'") && (!strings.Contains(params, `"`) || strings.Contains(params, `",`)) {
			mark = `"`
		}
		b.WriteString(mark + params + mark)
	}
	b.WriteByte(')')
	if f.Output != "" {
		b.WriteString("." + f.Output)
	}
	switch operator := f.Operator; {
	case !f.Compare.Regexp:
		if operator == "==" && !enclosed(f.Compare.Text) && f.Compare.Text != "//" {
			operator = "="
		}
		b.WriteString(operator + bareOrQuoted(f.Compare.Text))
	case operator == "!=~":
		b.WriteString("!=" + slashedOrQuoted(f.Compare.Text))
	default:
		b.WriteString("=" + slashedOrQuoted(f.Compare.Text))
	}
	return b.String()
}

func bareOrQuoted(text string) string {
	if text == "" || strings.ContainsAny(text, " \t\n\v\f\r()'\"/\\") || strings.IndexByte("=~<>", text[0]) >= 0 {
		return quote(text)
	}
	return text
}

func slashedOrQuoted(source string) string {
	if p := (&compoundParser{text: "/" + source + "/"}); !strings.Contains(source, "\n") {
		if v, err := p.slashedValue(value{}); err == nil && len(v.text) == len(p.text) {
			return p.text
		}
	}
	return quote("/" + source + "/")
}

// shellQuote makes a text one word of a shell, as far as that can be printed.
func shellQuote(text string) string {
	plain := text != ""
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
			plain = false
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
			plain = false
		case r == '\'':
			b.WriteString(`'\''`)
			plain = false
		default:
			b.WriteRune(r)
			plain = plain && (isWord(r) || r > utf8.RuneSelf || strings.ContainsRune("-./:=@%+,^", r))
		}
		if b.Len() > maxRendered {
			b.WriteString("...")
			break
		}
	}
	if plain {
		return b.String()
	}
	return "'" + b.String() + "'"
}
