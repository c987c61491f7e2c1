package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// compareFact compares a fact's value, which is one text, with that of the
// filter. An error is what makes a Ruby node drop the message.
func (e *evaluation) compareFact(fact, operator, value string) (bool, error) {
	switch operator {
	case "==":
		if e.rules.Numeric && fact != value {
			return compareDecimal(fact, operator, value)
		}
		return fact == value, nil
	case "=~":
		return e.matchRegexp(matcherKey{text: regexpSource(value)}, fact)
	case "<", ">", "<=", ">=", "!=":
	default:
		return false, nil
	}
	if e.rules.Numeric {
		return compareDecimal(fact, operator, value)
	}
	return compareLikeRuby(fact, operator, value)
}

// compareDecimal compares two numbers, or else two texts.
func compareDecimal(fact, operator, value string) (bool, error) {
	if a, ok := decimal(fact); ok {
		if b, ok := decimal(value); ok {
			return ordered(a.compare(b), operator), nil
		}
	}
	return ordered(strings.Compare(fact, value), operator), nil
}

// compareLikeRuby compares integers if both texts are digits, floats if both
// are digits, any character, digits, and else texts byte by byte.
func compareLikeRuby(fact, operator, value string) (bool, error) {
	var a, b number
	var ok bool
	switch {
	case anyLine(value, allDigits) && anyLine(fact, allDigits):
		if a, ok = rubyInteger(fact); !ok {
			return false, notNumberError(fact, "integer")
		}
		if b, ok = rubyInteger(value); !ok {
			return false, notNumberError(value, "integer")
		}
	case anyLine(value, digitsAnyDigits) && anyLine(fact, digitsAnyDigits):
		if a, ok = rubyFloat(fact); !ok {
			return false, notNumberError(fact, "float")
		}
		if b, ok = rubyFloat(value); !ok {
			return false, notNumberError(value, "float")
		}
	default:
		return ordered(strings.Compare(fact, value), operator), nil
	}
	return ordered(a.compare(b), operator), nil
}

func notNumberError(text, kind string) error {
	hint := ""
	if len(text) > 1 && text[0] == '0' && kind == "integer" {
		hint = " (digits after a 0 are octal)"
	}
	return fmt.Errorf("%s has the looks of a number but is no %s%s", shown(text), kind, hint)
}

func ordered(order int, operator string) bool {
	switch operator {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return false
}

// anyLine reports whether one of the lines is as wanted: in Ruby ^ and $ stand
// for the ends of a line.
func anyLine(text string, wanted func(string) bool) bool {
	for {
		end := strings.IndexByte(text, '\n')
		if end < 0 {
			return wanted(text)
		}
		if wanted(text[:end]) {
			return true
		}
		text = text[end+1:]
	}
}

// digitsAnyDigits matches [0-9]+.[0-9]+, so also three digits and more.
func digitsAnyDigits(s string) bool {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i == 0 || i == len(s) {
		return i >= 3
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	return allDigits(s[i+size:])
}
