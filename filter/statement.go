package filter

import (
	"errors"
	"strings"
)

// A statement is what a node makes of the text of one: a class when it has no
// operator.
type statement struct {
	name, operator, value string
}

var errNoValue = errors.New("the comparison has no value")

// splitStatement reads a statement as Ruby nodes do: the leftmost operator
// splits it, what comes after a second one of the kind is lost, and a value that
// begins with a slash is a regular expression.
func splitStatement(text string) (statement, error) {
	at, width := statementOperator(text)
	if lineBeginsWithSlash(text) || width == 0 {
		return statement{name: text}, nil
	}
	operator, rest := text[at:at+width], text[at+width:]
	value, _, _ := strings.Cut(rest, operator)
	if value == "" && strings.ReplaceAll(rest, operator, "") == "" {
		return statement{}, errNoValue
	}
	switch {
	case value != "" && value[0] == '/':
		operator = "=~"
	case operator == "=":
		operator = "=="
	}
	return statement{text[:at], operator, value}, nil
}

// statementOperator finds the leftmost of >= <= = < >. The width is 0 when
// there is none.
func statementOperator(text string) (at, width int) {
	at = strings.IndexAny(text, "=<>")
	switch {
	case at < 0:
		return 0, 0
	case text[at] != '=' && at+1 < len(text) && text[at+1] == '=':
		return at, 2
	}
	return at, 1
}
