package filter

import "strings"

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

// source is the pattern's regular expression, still with the slashes that a
// text has, and false when it is an exact name.
func (p *Pattern) source() (string, bool) {
	return p.Text, p.Regexp || lineBeginsWithSlash(p.Text)
}

// lineBeginsWithSlash tells regular expressions from names in the way Ruby
// does, where ^ is the beginning of any line.
func lineBeginsWithSlash(text string) bool {
	return text != "" && (text[0] == '/' || strings.Contains(text, "\n/"))
}

// regexpSource is the regular expression in the value of a fact comparison: one
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
