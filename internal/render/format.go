package render

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxFormatWidth bounds what a format may ask for: definitions come from nodes.
const maxFormatWidth = 1024

// errArguments is Ruby's "too few arguments".
var errArguments = errors.New("the format wants more values than there are")

// format is Ruby's format: that of C, where %s takes anything, widths count
// characters, and %p inspects.
func format(f string, args []any) (string, error) {
	var b strings.Builder
	next := 0
	for {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			b.WriteString(f)
			return b.String(), nil
		}
		b.WriteString(f[:i])
		d, rest, err := parseDirective(f[i+1:])
		if err != nil {
			return "", err
		}
		f = rest
		if d.verb == '%' {
			b.WriteByte('%')
			continue
		}
		at := next
		if d.position > 0 {
			at = d.position - 1
		} else {
			next++
		}
		if at >= len(args) {
			return "", errArguments
		}
		s, err := d.write(args[at])
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
}

// A directive is one % of a format.
type directive struct {
	flags            string
	width, precision int // precision -1: none
	position         int // of the argument, from 1; 0: the next
	verb             byte
}

func parseDirective(f string) (directive, string, error) {
	d := directive{precision: -1}
	number := func() (int, bool) {
		n, start := 0, len(f)
		for f != "" && f[0] >= '0' && f[0] <= '9' {
			n, f = min(n*10+int(f[0]-'0'), maxFormatWidth+1), f[1:]
		}
		return n, len(f) < start
	}
	for f != "" {
		switch c := f[0]; {
		case strings.IndexByte("-+ 0#", c) >= 0:
			d.flags, f = d.flags+string(c), f[1:]
		case c >= '1' && c <= '9':
			n, _ := number()
			if strings.HasPrefix(f, "$") {
				d.position, f = n, f[1:]
			} else {
				d.width = n
			}
		case c == '.':
			f = f[1:]
			d.precision, _ = number()
		default:
			if d.width > maxFormatWidth || d.precision > maxFormatWidth {
				return d, "", fmt.Errorf("the format asks for more than %d columns", maxFormatWidth)
			}
			d.verb = c
			return d, f[1:], nil
		}
	}
	return d, "", errors.New("incomplete format: nothing follows %")
}

func (d directive) write(v any) (string, error) {
	switch d.verb {
	case 's':
		return d.text(Text(v)), nil
	case 'p':
		return d.text(Inspect(v)), nil
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b':
		n, err := integer(v)
		if err != nil {
			return "", err
		}
		if d.verb == 'i' || d.verb == 'u' {
			d.verb = 'd'
		}
		return fmt.Sprintf(d.spec(string(d.verb)), n), nil
	case 'f', 'e', 'E', 'g', 'G', 'a', 'A':
		return d.float(v)
	}
	return "", fmt.Errorf("malformed format: %%%c", d.verb)
}

func (d directive) text(s string) string {
	if n := utf8.RuneCountInString(s); d.precision >= 0 && d.precision < n {
		s = string([]rune(s)[:d.precision])
	}
	if strings.Contains(d.flags, "-") {
		return pad(s, d.width)
	}
	return blanks(d.width-utf8.RuneCountInString(s)) + s
}

// spec returns the directive in Go's notation.
func (d directive) spec(verb string) string {
	s := "%" + d.flags
	if d.width > 0 {
		s += strconv.Itoa(d.width)
	}
	if d.precision >= 0 {
		s += "." + strconv.Itoa(d.precision)
	}
	return s + verb
}

func (d directive) float(v any) (string, error) {
	if d.precision < 0 {
		d.precision = 6
	}
	if n, ok := wholeNumber(v); ok && d.verb == 'f' {
		return fmt.Sprintf(d.spec("f"), new(big.Float).SetPrec(uint(max(64, n.BitLen()))).SetInt(n)), nil
	}
	f, err := decimal(v)
	if err != nil {
		return "", err
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		word := map[bool]string{true: "Inf", false: "NaN"}[math.IsInf(f, 0)]
		if f < 0 {
			word = "-" + word
		}
		return directive{flags: d.flags, width: d.width, precision: -1}.text(word), nil
	}
	return fmt.Sprintf(d.spec(string(d.verb)), f), nil
}

func wholeNumber(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

// integer is Ruby's Integer(v): floats lose their fraction, text must be a number.
func integer(v any) (*big.Int, error) {
	if n, ok := wholeNumber(v); ok {
		return n, nil
	}
	switch v := v.(type) {
	case float64:
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			n, _ := big.NewFloat(math.Trunc(v)).Int(nil)
			return n, nil
		}
	case string:
		if n, ok := new(big.Int).SetString(strings.TrimSpace(v), 0); ok {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s is not an integer", Inspect(v))
}

func decimal(v any) (float64, error) {
	if n, ok := wholeNumber(v); ok {
		f, _ := new(big.Float).SetInt(n).Float64()
		return f, nil
	}
	switch v := v.(type) {
	case float64:
		return v, nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return f, nil
		}
	}
	return 0, fmt.Errorf("%s is not a number", Inspect(v))
}

// pad fills s with blanks at the right, to so many characters.
func pad(s string, width int) string { return s + blanks(width-utf8.RuneCountInString(s)) }

func blanks(n int) string { return strings.Repeat(" ", max(0, n)) }
