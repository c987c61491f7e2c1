package yaml

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mcollective/internal/plaintext"
)

var errDate = errors.New("a date or time, which Ruby refuses in facts; put it in quotes")

// resolve returns what Ruby prints for a scalar that is neither quoted nor tagged.
// Ruby's YAML is version 1.1 with peculiarities; each of them is in the golden
// table of the tests.
func resolve(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if wordy(s) || strings.Contains(s, "\n") {
		if len(s) <= 5 {
			return keyword(s), nil
		}
		return s, nil
	}
	if isDate(s) || isTime(s) {
		return "", fmt.Errorf("%q is %w", s, errDate)
	}
	switch lower := strings.ToLower(s); lower {
	case ".inf", "+.inf":
		return "Infinity", nil
	case "-.inf":
		return "-Infinity", nil
	case ".nan":
		return "NaN", nil
	}
	if s[0] == ':' && len(s) > 1 {
		return symbol(s[1:]), nil
	}
	if t, ok := sexagesimal(s); ok {
		return t, nil
	}
	if isFloat(s) {
		if strings.Trim(s, "+-") == "." {
			return s, nil
		}
		f, ok := rubyFloat(ungroup(s))
		if !ok {
			return "", fmt.Errorf("%q looks like a number, but is none; put it in quotes", s)
		}
		return plaintext.Float(f), nil
	}
	return integer(s)
}

// wordy holds for text that starts like a word, perhaps after one other sign.
func wordy(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	if wordRune(r) {
		return true
	}
	if r >= '0' && r <= '9' || r == '.' || r == ':' || r == '-' || n == len(s) {
		return false
	}
	r, _ = utf8.DecodeRuneInString(s[n:])
	return wordRune(r)
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.Is(unicode.Other_Alphabetic, r) || unicode.Is(unicode.Nl, r) ||
		strings.ContainsRune("_ \t\r\n\f\v!@#$%^&*(){}<>|/\\~;=", r)
}

func keyword(s string) string {
	switch strings.ToLower(s) {
	case "~", "null":
		return ""
	case "yes", "true", "on":
		return "true"
	case "no", "false", "off":
		return "false"
	}
	return s
}

// symbol returns the name of a symbol, which may be quoted behind its colon.
func symbol(s string) string {
	if s[0] == '"' || s[0] == '\'' {
		if end := strings.LastIndexByte(s[1:], s[0]); end >= 0 {
			return strings.TrimPrefix(s[1:1+end], ":")
		}
	}
	return s
}

// digits counts the digits at the start of s, at most limit.
func digits(s string, limit int) int {
	n := 0
	for n < len(s) && n < limit && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// isDate holds for YYYY-M-D with a month and a day that exist in some year.
func isDate(s string) bool {
	if digits(s, 5) != 4 || len(s) < 8 || s[4] != '-' {
		return false
	}
	month, day, ok := strings.Cut(s[5:], "-")
	if !ok || digits(month, 3) != len(month) || digits(day, 3) != len(day) || month == "" || day == "" || len(month) > 2 || len(day) > 2 {
		return false
	}
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	return m <= 12 && d <= 31
}

// isTime holds for a date of any digits, then T or blanks, then a time of day.
func isTime(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if digits(s, 5) != 4 || !strings.HasPrefix(s[4:], "-") {
		return false
	}
	s = s[5:]
	n := digits(s, 2)
	if n == 0 || !strings.HasPrefix(s[n:], "-") {
		return false
	}
	s = s[n+1:]
	if n = digits(s, 2); n == 0 || n == len(s) {
		return false
	}
	s = s[n:]
	if s[0] == 'T' || s[0] == 't' {
		s = s[1:]
	} else {
		rest := strings.TrimLeft(s, " \t")
		if len(rest) == len(s) {
			return false
		}
		s = rest
	}
	n = digits(s, 2)
	if n == 0 || len(s) < n+6 || s[n] != ':' || digits(s[n+1:], 2) != 2 || s[n+3] != ':' || digits(s[n+4:], 2) != 2 {
		return false
	}
	s = s[n+6:]
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		s = s[digits(s, len(s)):]
	}
	if s == "" {
		return true
	}
	s = strings.TrimLeft(s, " \t")
	if s == "Z" {
		return true
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return false
	}
	s = s[1:]
	if n = digits(s, 2); n == 0 {
		return false
	}
	s = strings.TrimPrefix(s[n:], ":")
	return s == "" || len(s) == 2 && digits(s, 2) == 2
}

// sexagesimal reads numbers of base 60. Ruby takes the first of two parts for
// hours, as it does with three.
func sexagesimal(s string) (string, bool) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return "", false
	}
	head := strings.TrimLeft(parts[0], "+-")
	if len(parts[0])-len(head) > 1 || head == "" || head[0] < '0' || head[0] > '9' || !only(head, "0123456789_") {
		return "", false
	}
	last, fraction, isFloat := strings.Cut(parts[len(parts)-1], ".")
	for i, p := range parts[1:] {
		if i == len(parts)-2 {
			p = last
		}
		if n := digits(p, 3); n != len(p) || n == 0 || n > 2 || n == 2 && p[0] > '5' {
			return "", false
		}
	}
	if isFloat && !only(fraction, "0123456789_") {
		return "", false
	}
	weights := [...]int64{3600, 60, 1}
	if isFloat {
		sum := 0.0
		for i, p := range parts {
			f, _ := strconv.ParseFloat(leading(p), 64)
			sum += f * float64(weights[i])
		}
		return plaintext.Float(sum), true
	}
	sum := new(big.Int)
	for i, p := range parts {
		n, ok := new(big.Int).SetString(leading(p), 10)
		if !ok {
			return "", false
		}
		sum.Add(sum, n.Mul(n, big.NewInt(weights[i])))
	}
	return sum.String(), true
}

// leading returns the number at the start of s without its underscores, of which
// only one may stand between two digits.
func leading(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '_' && i > 0 && i+1 < len(s) && s[i-1] != '_' && s[i-1] != '.' && s[i+1] != '_' && s[i+1] != '.':
			continue
		case c >= '0' && c <= '9', i == 0 && (c == '-' || c == '+'), c == '.':
			b.WriteByte(c)
			continue
		}
		break
	}
	return strings.TrimSuffix(b.String(), ".")
}

func only(s, set string) bool { return strings.Trim(s, set) == "" }

// isFloat holds for digits with a point, perhaps grouped and with an exponent
// that must have its sign.
func isFloat(s string) bool {
	s = trimSign(s)
	whole, rest, ok := strings.Cut(s, ".")
	if !ok || whole != "" && (whole[0] < '0' || whole[0] > '9' || !only(whole, "0123456789_,")) {
		return false
	}
	rest = rest[digits(rest, len(rest)):]
	if rest == "" {
		return true
	}
	return len(rest) > 2 && (rest[0] == 'e' || rest[0] == 'E') && (rest[1] == '+' || rest[1] == '-') && digits(rest[2:], len(rest)) == len(rest)-2
}

func trimSign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

// rubyFloat reads what Ruby's Float() reads of the texts that get here.
func rubyFloat(s string) (float64, bool) {
	switch s {
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	case "NaN":
		return math.NaN(), true
	}
	body := trimSign(s)
	if body == "" || body[0] != '.' && (body[0] < '0' || body[0] > '9') || strings.HasPrefix(strings.ToLower(body), ".e") || strings.ContainsAny(body, "_xXpPiIbBoO") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// integer reads the forms of whole numbers that Ruby knows; anything else is
// text.
func integer(s string) (string, error) {
	sign, body := s[:len(s)-len(trimSign(s))], trimSign(s)
	base, ok := 0, false
	switch {
	case strings.HasPrefix(body, "0b"):
		body, base, ok = body[2:], 2, only(body[2:], "01_,")
	case strings.HasPrefix(body, "0x"):
		body, base, ok = body[2:], 16, only(body[2:], "0123456789abcdefABCDEF_,")
	case len(body) > 1 && body[0] == '0':
		base, ok = 8, only(body[1:], "01234567_,")
	default:
		base, ok = 10, isDecimal(body)
	}
	if !ok || body == "" {
		return s, nil
	}
	body = ungroup(body)
	n, ok := new(big.Int).SetString(strings.TrimPrefix(sign, "+")+body, base)
	if !ok {
		return "", fmt.Errorf("%q looks like a number, but is none; put it in quotes", s)
	}
	return n.String(), nil
}

// ungroup drops the signs that group digits.
func ungroup(s string) string {
	if !strings.ContainsAny(s, ",_") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == ',' || r == '_' {
			return -1
		}
		return r
	}, s)
}

// isDecimal holds for digits with single commas or underscores between them.
func isDecimal(s string) bool {
	if s == "0" {
		return true
	}
	if s == "" || s[0] < '1' || s[0] > '9' || !only(s, "0123456789_,") {
		return false
	}
	for i := 1; i < len(s); i++ {
		if (s[i] == '_' || s[i] == ',') && (i+1 == len(s) || s[i+1] == '_' || s[i+1] == ',') {
			return false
		}
	}
	return true
}
