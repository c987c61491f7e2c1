package render

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mcollective/internal/plaintext"
	"mcollective/rpc"
	"mcollective/value"
)

// Text is v as Ruby's to_s makes it: strings as they are, structures as Inspect.
func Text(v any) string {
	if s, ok := rpc.Text(v); ok {
		return s
	}
	switch v := v.(type) {
	case nil:
		return ""
	case value.Symbol:
		return string(v)
	case value.EncodedSymbol:
		return v.Name
	}
	return Inspect(v)
}

// Inspect is v as Ruby 3.1 shows it to programmers: {:a=>1, "b"=>[nil, 2.0]}.
func Inspect(v any) string { return string(appendInspect(nil, v)) }

func appendInspect(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "nil"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case *big.Int:
		return v.Append(b, 10)
	case float64:
		return plaintext.AppendFloat(b, v)
	case *value.Float:
		return plaintext.AppendFloat(b, v.Value)
	case string:
		return appendQuoted(b, v, true)
	case value.Binary:
		return appendQuoted(b, string(v), false)
	case *value.String:
		return appendQuoted(b, v.Bytes, v.Encoding == "UTF-8")
	case value.Symbol:
		return appendSymbol(b, string(v))
	case value.EncodedSymbol:
		return appendSymbol(b, v.Name)
	case []any:
		return appendList(b, v)
	case *value.Array:
		return appendList(b, v.Items)
	case *value.Map:
		b = append(b, '{')
		n := 0
		for k, e := range v.All() {
			if n++; n > 1 {
				b = append(b, ", "...)
			}
			b = append(appendInspect(b, k), "=>"...)
			b = appendInspect(b, e)
		}
		return append(b, '}')
	case *value.Regexp:
		return appendRegexp(b, v)
	case *value.Class:
		return append(b, v.Name...)
	case *value.Module:
		return append(b, v.Name...)
	case *value.Cycle, value.Cycle:
		return append(b, "[...]"...)
	}
	return appendObject(b, v)
}

func appendList(b []byte, items []any) []byte {
	b = append(b, '[')
	for i, e := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendInspect(b, e)
	}
	return append(b, ']')
}

// appendObject shows what no Ruby client without the class could load.
func appendObject(b []byte, v any) []byte {
	class, vars := value.Symbol("?"), []value.Ivar(nil)
	switch v := v.(type) {
	case *value.Object:
		class, vars = v.Class, v.Ivars
	case *value.Struct:
		class, vars = "struct "+v.Class, v.Members
	case *value.UserDefined:
		class = v.Class
	case *value.UserMarshal:
		class, vars = v.Class, []value.Ivar{{Name: "value", Value: v.Value}}
	case *value.Data:
		class, vars = v.Class, []value.Ivar{{Name: "value", Value: v.Value}}
	}
	b = append(append(b, "#<"...), class...)
	for i, m := range vars {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, ' '), m.Name...), '=')
		b = appendInspect(b, m.Value)
	}
	return append(b, '>')
}

func appendRegexp(b []byte, r *value.Regexp) []byte {
	b = append(append(append(b, '/'), r.Source...), '/')
	for _, o := range []struct {
		bit    int
		letter byte
	}{{value.RegexpMultiline, 'm'}, {value.RegexpIgnoreCase, 'i'}, {value.RegexpExtended, 'x'}} {
		if r.Options&o.bit != 0 {
			b = append(b, o.letter)
		}
	}
	return b
}

// appendQuoted writes a string as a literal of Ruby. What is not text, or not to
// be seen, is escaped.
func appendQuoted(b []byte, s string, text bool) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf && text {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				b = appendRune(b, r)
				i += size
				continue
			}
		}
		i++
		switch at := strings.IndexByte("\a\b\t\n\v\f\r\x1b\"\\", c); {
		case at >= 0:
			b = append(b, '\\', `abtnvfre"\`[at])
		case c == '#' && i < len(s) && strings.IndexByte("{$@", s[i]) >= 0:
			b = append(b, '\\', '#')
		case c >= ' ' && c < 0x7f:
			b = append(b, c)
		case text && c < utf8.RuneSelf:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}

func appendRune(b []byte, r rune) []byte {
	if printable(r) {
		return utf8.AppendRune(b, r)
	}
	digits := strings.ToUpper(strconv.FormatInt(int64(r), 16))
	if r > 0xffff {
		return append(append(append(b, `\u{`...), digits...), '}')
	}
	return append(append(append(b, `\u`...), "0000"[:4-len(digits)]...), digits...)
}

// printable is Ruby's notion beyond ASCII, which is wider than Go's: it counts
// marks of formatting and private characters.
func printable(r rune) bool {
	return unicode.IsPrint(r) || unicode.In(r, unicode.Zs, unicode.Cf, unicode.Co) || r == '\u0085'
}

func appendSymbol(b []byte, s string) []byte {
	b = append(b, ':')
	if plainSymbol(s) {
		return append(b, s...)
	}
	return appendQuoted(b, s, strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }))
}

// plainSymbol reports names that need no quotes after the colon.
func plainSymbol(s string) bool {
	switch s {
	case "", "$", "=", "@", "@@":
		return false
	case "+", "-", "*", "/", "%", "**", "+@", "-@", "~", "!", "[]", "[]=", "<", "<=", ">", ">=", "==", "===", "!=", "=~", "!~", "<=>", "<<", ">>", "&", "|", "^", "`":
		return true
	}
	switch {
	case s[0] == '$':
		return plainGlobal(s[1:])
	case strings.HasPrefix(s, "@@"):
		return identifier(s[2:])
	case s[0] == '@':
		return identifier(s[1:])
	}
	if last := len(s) - 1; last > 0 && strings.IndexByte("?!=", s[last]) >= 0 {
		s = s[:last]
	}
	return identifier(s)
}

func plainGlobal(s string) bool {
	if len(s) == 1 && strings.Contains("~*$?!@/\\;,.=:<>\"&`'+", s) {
		return true
	}
	if s[0] == '-' {
		s = s[1:]
		return utf8.RuneCountInString(s) == 1 && (identifier(s) || s[0] >= '0' && s[0] <= '9')
	}
	return identifier(s) || strings.Trim(s, "0123456789") == "" && (s[0] != '0' || len(s) == 1)
}

func identifier(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < utf8.RuneSelf || !printable(r)) {
			return false
		}
	}
	return true
}
