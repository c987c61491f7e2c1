package filter

import (
	"strings"
)

// factOperators are the operators of the third form of a fact's text. The order
// matters: where one begins another, the longer stands first.
var factOperators = [...]string{"<=", ">=", "<", ">", "!=", "==", "=~"}

// wordOperators are the names of operators in name:op:value, for shells and
// tools that make the characters < > ! hard to type.
var wordOperators = [...]struct{ word, operator string }{
	{"eq", "=="}, {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}, {"re", "=~"},
}

// ParseFact parses the text of -F, the way Ruby clients do: the first of these
// forms that fits is taken.
//
//	name=>value  name=<value                       at least, at most
//	name OP value, OP of <= >= < > != == =~
//	name=/regexp/                                  the operator is =~
//	name=value                                     the operator is ==
//	name:op:value, op of eq ne lt le gt ge re      only here, not in Ruby
//
// Blanks may stand around the operator. As in Ruby the value ends with its
// line. The error is a *ParseError; text that is no comparison is never taken
// for a filter that lets everything through.
func ParseFact(text string) (Fact, error) {
	fact, rest, ok := scanFact(text)
	if !ok {
		return Fact{}, factError(text)
	}
	if isOperator(rest) {
		return Fact{}, &ParseError{What: "fact filter", Text: text, Offset: len(text), Msg: "there is no value after " + rest, Hint: "a value that is an operator can be given as a regular expression, like name=/^" + rest + "$/"}
	}
	if fact.Operator == "=~" {
		if err := checkRegexp(regexpSource(fact.Value), 0); err != nil {
			return Fact{}, &ParseError{What: "fact filter", Text: text, Offset: len(text) - len(rest) + max(0, strings.Index(rest, fact.Value)), Msg: err.Error()}
		}
	}
	return fact, nil
}

// scanFact tries the forms in their order. rest is what follows the name,
// without blanks.
func scanFact(text string) (fact Fact, rest string, ok bool) {
	forms := [...]struct {
		operators []string
		becomes   string
	}{{[]string{"=>"}, ">="}, {[]string{"=<"}, "<="}, {factOperators[:], ""}}
	for _, form := range forms {
		if name, op, value, ok := nameOperatorValue(text, form.operators); ok {
			if form.becomes != "" {
				op = form.becomes
			}
			return Fact{name, op, value}, afterName(text, name), true
		}
	}
	if name, value, ok := nameRegexp(text); ok {
		return Fact{name, "=~", value}, afterName(text, name), true
	}
	if end := strings.IndexAny(text, "= "); end > 0 {
		if name, _, value, ok := nameOperatorValue(text, []string{"="}); ok && len(name) == end {
			return Fact{name, "==", value}, afterName(text, name), true
		}
	}
	if fact, ok := wordFact(text); ok {
		return fact, text[len(fact.Name):], true
	}
	return Fact{}, "", false
}

func afterName(text, name string) string { return strings.TrimLeft(text[len(name):], " ") }

// nameOperatorValue splits at the first place where a name without blanks, an
// operator and a value are found.
func nameOperatorValue(text string, operators []string) (name, operator, value string, ok bool) {
	for i := 1; i <= len(text) && text[i-1] != ' '; i++ {
		rest := strings.TrimLeft(text[i:], " ")
		for _, op := range operators {
			if tail, found := strings.CutPrefix(rest, op); found {
				if value, ok := valueOf(tail); ok {
					return text[:i], op, value, true
				}
			}
		}
	}
	return "", "", "", false
}

// valueOf returns the value at the head of tail: up to the line's end, without
// leading blanks unless there is nothing else.
func valueOf(tail string) (string, bool) {
	line, _, _ := strings.Cut(tail, "\n")
	if value := strings.TrimLeft(line, " "); value != "" {
		return value, true
	}
	if line != "" {
		return " ", true
	}
	return "", false
}

// nameRegexp matches name=/regexp/. Only in this form may a name hold blanks.
func nameRegexp(text string) (name, value string, ok bool) {
	line, _, _ := strings.Cut(text, "\n")
	if len(line) == 0 || line[len(line)-1] != '/' {
		return "", "", false
	}
	for i := 1; i < len(line); i++ {
		if line[i-1] == ' ' && i > 1 {
			continue // what follows was looked at already
		}
		rest, found := strings.CutPrefix(strings.TrimLeft(line[i:], " "), "=")
		if !found {
			continue
		}
		rest = strings.TrimLeft(rest, " ")
		if len(rest) >= 3 && rest[0] == '/' {
			return line[:i], rest, true
		}
	}
	return "", "", false
}

// wordFact matches name:op:value. Colons next to the two are refused, so that
// no class name, like site::gt::x, is ever taken for a fact.
func wordFact(text string) (Fact, bool) {
	for i := 1; i+4 < len(text) && text[i-1] != ' '; i++ {
		if text[i] != ':' || text[i+3] != ':' || text[i-1] == ':' || text[i+4] == ':' {
			continue
		}
		for _, w := range wordOperators {
			if value, ok := valueOf(text[i+4:]); ok && text[i+1:i+3] == w.word {
				return Fact{text[:i], w.operator, value}, true
			}
		}
	}
	return Fact{}, false
}

func isOperator(text string) bool {
	switch text {
	case "=", "=>", "=<", "<=", ">=", "<", ">", "!=", "==", "=~":
		return true
	}
	return false
}

// factError finds out what is wrong with a text that fits none of the forms.
func factError(text string) error {
	e := &ParseError{What: "fact filter", Text: text, Offset: len(text)}
	at := strings.IndexAny(text, "=<>!")
	switch {
	case strings.TrimSpace(text) == "":
		e.Msg, e.Hint = "it is empty", "write name=value, or name>value in quotes"
	case at < 0:
		e.Msg = "a name alone is no comparison"
		e.Hint = `a shell takes < and > for redirections, so put the whole expression in quotes: -F '` + plainName(text) + `>1'`
	case strings.TrimLeft(text[:at], " ") == "":
		e.Offset, e.Msg = at, "there is no fact name before the operator"
	case strings.Contains(text[:at], " ") && strings.Contains(strings.TrimRight(text[:at], " "), " "):
		e.Offset = strings.IndexByte(text, ' ')
		e.Msg, e.Hint = "a fact name cannot hold blanks", "only name=/regexp/ takes such names"
	case text[at] == '!' && !strings.HasPrefix(text[at:], "!="):
		e.Offset, e.Msg, e.Hint = at, "! is no operator", "write != or ="
	default:
		e.Msg = "there is no value after the operator"
	}
	return e
}

// plainName makes a name fit for a hint.
func plainName(text string) string {
	text = strings.TrimSpace(text)
	for _, r := range text {
		if !isWord(r) && r != '.' && r != '-' && r != ':' {
			return "name"
		}
	}
	if len(text) > 40 {
		return "name"
	}
	return text
}

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
