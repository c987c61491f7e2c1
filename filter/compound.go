package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseCompound parses the text of -S: facts, classes and calls of data plugins
// that are joined by and, or, not and parentheses.
//
//	(web or /^db/) and not os=Linux and fstat('/etc/hosts').size > 10
//
// It takes what Ruby clients take and more: blanks around every operator,
// == != =~ and => =< in facts, && || and AND OR NOT, line breaks, a closing
// parenthesis right behind a regular expression. What it returns is always made
// of terms that Ruby nodes evaluate, so other writings are put in other words: a!=b
// becomes "not a=b", which unlike -F a!=b is true where there is no fact a.
// docs/filters.md has the language as a whole.
//
// The error is a *ParseError; an empty text is one.
func ParseCompound(text string) (Compound, error) {
	p := &compoundParser{text: text}
	for i, r := range text {
		// No node could compare it: Ruby raises, and a pattern would change it.
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return nil, p.fail(i, "this byte is not UTF-8", "")
		}
	}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.terms, nil
}

// A compoundParser alternates between wanting an operand and wanting an
// operator. Precedence is left to those who evaluate.
type compoundParser struct {
	text  string
	pos   int
	terms Compound
	open  []int // offsets of the parentheses that are not closed yet
}

func (p *compoundParser) parse() error {
	for {
		if err := p.operand(); err != nil {
			return err
		}
		more, err := p.operator()
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if n := p.terms.terms(); n > MaxTerms {
		return p.fail(0, fmt.Sprintf("it compares %d things, more than %d", n, MaxTerms), "")
	}
	if len(p.terms) > MaxTokens {
		return p.fail(0, fmt.Sprintf("it has %d tokens, more than %d", len(p.terms), MaxTokens), "")
	}
	return nil
}

func (p *compoundParser) fail(offset int, msg, hint string) error {
	return &ParseError{What: "compound filter", Text: p.text, Offset: offset, Msg: msg, Hint: hint}
}

func (p *compoundParser) rest() string { return p.text[p.pos:] }

func (p *compoundParser) skipSpace() {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func (p *compoundParser) add(kind TermKind, width int) {
	p.terms = append(p.terms, Term{Kind: kind})
	p.pos += width
}

// keyword reports whether the rest begins with the word, followed by a blank or
// an opening parenthesis. Anything else makes it the head of a name.
func (p *compoundParser) keyword(word string) bool {
	tail, ok := strings.CutPrefix(p.rest(), word)
	return ok && tail != "" && (isSpace(tail[0]) || tail[0] == '(')
}

// operand reads negations and opening parentheses up to and with what they
// apply to.
func (p *compoundParser) operand() error {
	for {
		p.skipSpace()
		rest := p.rest()
		switch {
		case rest == "" || rest[0] == ')':
			return p.missingOperand()
		case rest[0] == '(':
			if len(p.open) == MaxDepth {
				return p.fail(p.pos, fmt.Sprintf("parentheses are nested more than %d deep", MaxDepth), "")
			}
			p.open = append(p.open, p.pos)
			p.add(Open, 1)
		case strings.HasPrefix(rest, "!="):
			return p.fail(p.pos, "there is no name before the operator", "")
		case rest[0] == '!':
			p.add(Not, 1)
		case p.keyword("not"), p.keyword("NOT") && !p.isClassNOT():
			p.add(Not, len("not"))
		case p.keyword("and"), p.keyword("or"), strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
			return p.missingOperand()
		case rest[0] == '/':
			return p.classRegexp()
		default:
			return p.word()
		}
	}
}

func (p *compoundParser) missingOperand() error {
	msg := "a class, a fact comparison or a function is expected"
	if p.pos == len(p.text) {
		msg += ", but the text ends"
	}
	hint := ""
	if len(p.terms) == 0 && p.pos < len(p.text) && p.text[p.pos] != ')' {
		hint = "and and or go between two of them"
	}
	return p.fail(p.pos, msg, hint)
}

// isClassNOT reports whether an upper-case NOT is a class of that name, since
// what follows cannot be negated.
func (p *compoundParser) isClassNOT() bool {
	q := compoundParser{text: p.text, pos: p.pos + len("NOT")}
	q.skipSpace()
	rest := q.rest()
	return rest == "" || strings.IndexByte(")=<>&|", rest[0]) >= 0 || strings.HasPrefix(rest, "!=") ||
		q.keyword("and") || q.keyword("or") || q.keyword("AND") || q.keyword("OR")
}

// operator reads closing parentheses and the and or or behind them. It returns
// false at the end of the text.
func (p *compoundParser) operator() (bool, error) {
	for {
		p.skipSpace()
		rest := p.rest()
		switch {
		case rest == "":
			if len(p.open) > 0 {
				return false, p.fail(p.open[len(p.open)-1], "this parenthesis is not closed", "")
			}
			return false, nil
		case rest[0] == ')':
			if len(p.open) == 0 {
				return false, p.fail(p.pos, "this parenthesis was not opened", "put a value that holds a parenthesis in quotes")
			}
			p.open = p.open[:len(p.open)-1]
			p.add(Close, 1)
		case strings.HasPrefix(rest, "&&"):
			p.add(And, 2)
			return true, nil
		case strings.HasPrefix(rest, "||"):
			p.add(Or, 2)
			return true, nil
		case p.keyword("and"), p.keyword("AND"):
			p.add(And, 3)
			return true, nil
		case p.keyword("or"), p.keyword("OR"):
			p.add(Or, 2)
			return true, nil
		default:
			return false, p.missingOperator(rest)
		}
	}
}

func (p *compoundParser) missingOperator(rest string) error {
	switch rest {
	case "and", "or", "AND", "OR":
		return p.fail(len(p.text), "the text ends after "+rest, "")
	}
	hint := "put a value that holds blanks or slashes in quotes"
	if rest[0] == '(' || rest[0] == '!' || p.keyword("not") {
		hint = ""
	}
	return p.fail(p.pos, "and or or is expected here", hint)
}

// classRegexp reads a class that is a regular expression: up to the next blank,
// as long as its slashes are even, else up to the next slash. Closing
// parentheses at its end belong to it only as far as it opens them.
func (p *compoundParser) classRegexp() error {
	start, rest := p.pos, p.rest()
	end := strings.IndexFunc(rest, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) })
	if end < 0 {
		end = len(rest)
	}
	if strings.Count(rest[:end], "/")%2 == 1 {
		more := strings.IndexByte(rest[end:], '/')
		if more < 0 {
			return p.fail(start, "this regular expression has no closing slash", "a name that begins with a slash cannot be a class")
		}
		end += more + 1
		for end < len(rest) && !isSpace(rest[end]) {
			end++
		}
	}
	text := rest[:end]
	for excess := unopened(text); excess > 0 && strings.HasSuffix(text, ")"); excess-- {
		text = text[:len(text)-1]
	}
	for i := 2; i+2 < len(text); i++ {
		if text[i] == '/' && strings.IndexByte("=<>", text[i+1]) >= 0 {
			return p.fail(start+i+1, "a comparison cannot follow a regular expression", "only classes are regular expressions on the left side")
		}
	}
	if err := checkRegexp(strings.ReplaceAll(text, "/", ""), 0); err != nil {
		return p.fail(start+1, err.Error(), "")
	}
	p.terms = append(p.terms, Term{Kind: Statement, Text: text})
	p.pos += len(text)
	return nil
}

// unopened counts the groups that a regular expression closes but does not open.
func unopened(text string) int {
	n, depth, inSet := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case inSet:
			inSet = c != ']'
		case c == '[':
			inSet = true
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			n++
		case c == ')':
			depth--
		}
	}
	return n
}
