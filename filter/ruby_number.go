package filter

import (
	"cmp"
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// A number is an integer of any size, or a float.
type number struct {
	isFloat bool
	float   float64
	small   int64
	big     *big.Int // instead of small, when it does not fit
}

// compare is -1, 0 or +1. An integer next to a float is taken for a float; no
// number here is ever NaN.
func (a number) compare(b number) int {
	switch {
	case a.isFloat || b.isFloat:
		return cmp.Compare(a.asFloat(), b.asFloat())
	case a.big == nil && b.big == nil:
		return cmp.Compare(a.small, b.small)
	}
	return a.asBig().Cmp(b.asBig())
}

func (a number) asFloat() float64 {
	switch {
	case a.isFloat:
		return a.float
	case a.big != nil:
		f, _ := new(big.Float).SetInt(a.big).Float64()
		return f
	}
	return float64(a.small)
}

func (a number) asBig() *big.Int {
	if a.big != nil {
		return a.big
	}
	return big.NewInt(a.small)
}

// maxDigits bounds the integers that are compared as numbers: making a number
// of digits takes more than linear time.
const maxDigits = 1 << 10

// rubyInteger reads a text as Ruby's Integer() does: blanks around it, a sign,
// the prefixes 0x 0b 0o 0d and a plain 0 for octal, underscores between digits.
func rubyInteger(text string) (number, bool) {
	s := trimSpace(text)
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	base := 10
	if len(s) > 1 && s[0] == '0' {
		base = 8
		switch s[1] | 0x20 {
		case 'x':
			base, s = 16, s[2:]
		case 'b':
			base, s = 2, s[2:]
		case 'd':
			base, s = 10, s[2:]
		case 'o':
			s = s[2:]
		}
	}
	if !digitsOf(s, base) || len(s) > maxDigits {
		return number{}, false
	}
	if strings.IndexByte(s, '_') >= 0 {
		s = strings.ReplaceAll(s, "_", "")
	}
	n := number{}
	var err error
	if n.small, err = strconv.ParseInt(s, base, 64); err != nil {
		n.big, _ = new(big.Int).SetString(s, base)
	}
	if negative {
		n.small = -n.small
		if n.big != nil {
			n.big.Neg(n.big)
		}
	}
	return n, true
}

// digitsOf reports whether s is digits of a base, with single underscores
// between them.
func digitsOf(s string, base int) bool {
	digit := false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '_':
			if !digit {
				return false
			}
			digit = false
			continue
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return false
		}
		if int(c) >= base {
			return false
		}
		digit = true
	}
	return digit
}

// rubyFloat reads a text as Ruby's Float() does, hexadecimal floats excepted.
func rubyFloat(text string) (number, bool) {
	s := trimSpace(text)
	if i := strings.IndexAny(s, "xX"); i >= 0 {
		n, ok := rubyInteger(s)
		return number{isFloat: true, float: n.asFloat()}, ok
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
		if exponent = unsigned(exponent); !digitsOf(exponent, 10) {
			return number{}, false
		}
	}
	whole, fraction, point := strings.Cut(unsigned(mantissa), ".")
	if whole != "" && !digitsOf(whole, 10) || point && !digitsOf(fraction, 10) || whole == "" && !point {
		return number{}, false
	}
	return parseFloat(s)
}

func parseFloat(s string) (number, bool) {
	if strings.IndexByte(s, '_') >= 0 {
		s = strings.ReplaceAll(s, "_", "")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // too large is infinite
		return number{}, false
	}
	return number{isFloat: true, float: f}, true
}

// decimal reads a number as people write it: a sign, digits, a fraction, an
// exponent. It knows no octal: "010" is ten.
func decimal(s string) (number, bool) {
	if plain := unsigned(s); allDigits(plain) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err == nil {
			return number{small: n}, true
		}
		if len(plain) > maxDigits {
			return number{}, false
		}
		wide, _ := new(big.Int).SetString(s, 10)
		return number{big: wide}, true
	}
	if s == "" || s[len(s)-1] > '9' || strings.IndexByte(s, '_') >= 0 {
		return number{}, false
	}
	if c := unsigned(s); c == "" || c[0] < '0' || c[0] > '9' || strings.ContainsAny(c, "xX \t\n\v\f\r") {
		return number{}, false
	}
	return rubyFloat(s)
}

func unsigned(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func trimSpace(s string) string { return strings.Trim(s, " \t\n\v\f\r") }
