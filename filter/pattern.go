package filter

import (
	"strings"
	"unicode"
)

// ParsePattern parses a word of -C, -A or -I: an exact name, or a regular
// expression when it begins with a slash. As on every node, all slashes are
// taken out of the expression before it is used, so it cannot ask for one.
// The error is a *ParseError: the text is blank, or its regular expression is
// one that no node can read, or one that is empty and so matches everything.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{Text: text}
	if strings.TrimSpace(text) == "" {
		return Pattern{}, &ParseError{What: "pattern", Text: text, Msg: "it is empty"}
	}
	if source, ok := p.source(); ok {
		if err := checkRegexp(strings.ReplaceAll(source, "/", ""), p.Options); err != nil {
			return Pattern{}, &ParseError{What: "pattern", Text: text, Offset: 1, Msg: err.Error()}
		}
	}
	return p, nil
}

// ParseIdentity is ParsePattern for identities. A plain one has to be a name that a
// node can have, and an expression has no control characters: neither would match
// any node, and a name with a line break is two names to anyone who reads it.
func ParseIdentity(text string) (Pattern, error) {
	p, err := ParsePattern(text)
	if err != nil {
		return Pattern{}, err
	}
	fail := func(at int, msg string) (Pattern, error) {
		return Pattern{}, &ParseError{What: "identity", Text: text, Offset: at, Msg: msg, Hint: "write an expression between slashes, as /^web/"}
	}
	if _, ok := p.source(); ok {
		if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
			return fail(i, "there is a control character")
		}
		return p, nil
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !isNameRune(r) }); i >= 0 {
		return fail(i, "an identity has only letters, digits and the signs . _ -")
	}
	if !IsIdentity(text) {
		return fail(0, "an identity has at most 255 bytes, and is neither . nor ..")
	}
	return p, nil
}

// IsIdentity reports whether a name can be the identity of a node: 1 to 255 ASCII
// letters, digits, underscores, dots and dashes, but neither "." nor "..".
func IsIdentity(name string) bool {
	return name != "" && len(name) <= 255 && name != "." && name != ".." &&
		strings.IndexFunc(name, func(r rune) bool { return !isNameRune(r) }) < 0
}

func isNameRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '.' || r == '-'
}

// ParseWith parses the text of -W: words with blanks between them, each a fact
// comparison or else a class. A word that begins with a slash is always a class.
// One that has the looks of a comparison but is none is an error, a *ParseError;
// Ruby asks for a class of that name.
func ParseWith(text string) ([]Fact, []Pattern, error) {
	var facts []Fact
	var classes []Pattern
	for _, word := range strings.Fields(text) {
		if word[0] != '/' {
			fact, err := ParseFact(word)
			if err == nil {
				facts = append(facts, fact)
				continue
			}
			if strings.ContainsAny(word, "=<>") {
				return nil, nil, err
			}
		}
		class, err := ParsePattern(word)
		if err != nil {
			return nil, nil, err
		}
		classes = append(classes, class)
	}
	if facts == nil && classes == nil {
		return nil, nil, &ParseError{What: "combined filter", Text: text, Msg: "it is empty"}
	}
	return facts, classes, nil
}

// source returns the pattern's regular expression, still with the slashes that a
// text has, and false when it is an exact name.
func (p *Pattern) source() (string, bool) {
	return p.Text, p.Regexp || lineBeginsWithSlash(p.Text)
}

// lineBeginsWithSlash tells regular expressions from names in the way Ruby
// does, where ^ is the beginning of any line.
func lineBeginsWithSlash(text string) bool {
	return text != "" && (text[0] == '/' || strings.Contains(text, "\n/"))
}

// regexpSource returns the regular expression in the value of a fact comparison: one
// enclosing pair of slashes is dropped. Ruby looks for that pair on each line.
func regexpSource(value string) string {
	for rest, more := value, true; more; {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		if len(line) >= 3 && line[0] == '/' && line[len(line)-1] == '/' {
			return line[1 : len(line)-1]
		}
	}
	return value
}
