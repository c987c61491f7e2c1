package wire

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mcollective/value"
)

// appendYAML writes v as one document that Psych and every other YAML reader take
// the same way: strings always in double quotes on one line, no aliases.
func appendYAML(dst []byte, v any) ([]byte, error) {
	return yamlValue(append(dst, "---"...), v, 0, 0)
}

// yamlValue writes v after a dash, a colon or the document's start, and the end of
// the line. What it begins on a line of its own is indented by indent blanks.
func yamlValue(dst []byte, v any, indent, depth int) ([]byte, error) {
	if depth > maxWriteDepth {
		return nil, errTooDeep
	}
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return append(dst, " []\n"...), nil
		}
		dst = append(dst, '\n')
		for _, x := range v {
			var err error
			dst = append(appendBlanks(dst, indent), '-')
			if dst, err = yamlValue(dst, x, indent+2, depth+1); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case *value.Map:
		if len(v.Pairs) == 0 {
			return append(dst, " {}\n"...), nil
		}
		dst = append(dst, '\n')
		for _, p := range v.Pairs {
			dst = appendBlanks(dst, indent)
			start := len(dst)
			if p.Key == "<<" { // Psych would merge the value, even with quotes
				dst = append(dst, "!!str "...)
			}
			var err error
			if dst, err = yamlScalar(dst, p.Key); err != nil {
				return nil, fmt.Errorf("as a key: %w", err)
			}
			// Readers give up on an unmarked key of more than 1024 characters.
			if len(dst)-start > 1000 {
				return nil, fmt.Errorf("a key of %d bytes is too long for YAML", len(dst)-start)
			}
			dst = append(dst, ':')
			if dst, err = yamlValue(dst, p.Value, indent+2, depth+1); err != nil {
				return nil, err
			}
		}
		return dst, nil
	}
	dst, err := yamlScalar(append(dst, ' '), v)
	return append(dst, '\n'), err
}

func appendBlanks(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, ' ')
	}
	return dst
}

func yamlScalar(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case *big.Int:
		return v.Append(dst, 10), nil
	case float64:
		return yamlFloatText(dst, v), nil
	case value.Symbol:
		if plainSymbol(string(v)) {
			return append(append(dst, ':'), v...), nil
		}
		if !utf8.ValidString(string(v)) {
			return nil, fmt.Errorf("symbol %q is not UTF-8", string(v))
		}
		return yamlQuoted(append(dst, "!ruby/symbol "...), string(v)), nil
	case *value.Regexp:
		if !utf8.ValidString(v.Source) {
			return nil, fmt.Errorf("regular expression %q is not UTF-8", v.Source)
		}
		return yamlQuoted(append(dst, "!ruby/regexp "...), "/"+v.Source+"/"+regexpLetters(v.Options)), nil
	}
	b, isText, ok := stringBytes(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("YAML has no way to write %s", kindOf(v))
	case isText:
		return yamlQuoted(dst, b), nil
	}
	dst = append(dst, `!binary "`...)
	dst = base64.StdEncoding.AppendEncode(dst, []byte(b))
	return append(dst, '"'), nil
}

// yamlFloatText writes a float with a dot, which is how Psych tells it from an
// integer or a text.
func yamlFloatText(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, ".nan"...)
	case math.IsInf(f, 1):
		return append(dst, ".inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-.inf"...)
	}
	return append(dst, dotted(strconv.FormatFloat(f, 'g', -1, 64))...)
}

// dotted puts ".0" into the text of a float that has no dot.
func dotted(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	mantissa, exponent, ok := strings.Cut(s, "e")
	if ok {
		return mantissa + ".0e" + exponent
	}
	return s + ".0"
}

func regexpLetters(options int) string {
	s := ""
	if options&4 != 0 {
		s += "m"
	}
	if options&1 != 0 {
		s += "i"
	}
	if options&2 != 0 {
		s += "x"
	}
	return s
}

// plainSymbol reports whether :name needs no quotes.
func plainSymbol(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

func yamlQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = fmt.Appendf(dst, `\x%02x`, r)
		case r < 0x7f || unicode.IsPrint(r) && r <= 0xffff:
			dst = utf8.AppendRune(dst, r)
		default:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		}
	}
	return append(dst, '"')
}
