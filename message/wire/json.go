package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"mcollective/value"
)

// JSON has no symbols, byte strings, regular expressions or infinite numbers.
// Symbols are written as strings. The others are objects of one or two members
// whose first name begins with an exclamation mark; a member of a hash that begins
// so by itself gets one mark more. docs/wire.md has the table.
const (
	jsonBinary = "!binary"
	jsonRegexp = "!regexp"
	jsonFloat  = "!float"
)

// unmark decodes the types that JSON cannot represent and takes one mark off the other names.
func unmark(h *value.Map) (any, error) {
	for i := range h.Pairs {
		name := h.Pairs[i].Key.(string)
		if !strings.HasPrefix(name, "!") {
			continue
		}
		if strings.HasPrefix(name, "!!") {
			h.Pairs[i].Key = name[1:]
			continue
		}
		if i > 0 {
			return nil, fmt.Errorf("%q is not the first member", clip(name))
		}
		text, ok := h.Pairs[0].Value.(string)
		if !ok {
			return nil, fmt.Errorf("%q is not a string", clip(name))
		}
		switch {
		case name == jsonRegexp && len(h.Pairs) == 2 && h.Pairs[1].Key == "options":
			options, ok := h.Pairs[1].Value.(int64)
			if !ok || options < 0 || options > 7 {
				return nil, errors.New("options of a regular expression are not 0 to 7")
			}
			return value.NewRegexp(text, int(options)), nil
		case len(h.Pairs) != 1:
		case name == jsonBinary:
			b, err := base64.StdEncoding.DecodeString(text)
			return value.Binary(b), err
		case name == jsonFloat && text == "nan":
			return math.NaN(), nil
		case name == jsonFloat && text == "inf":
			return math.Inf(1), nil
		case name == jsonFloat && text == "-inf":
			return math.Inf(-1), nil
		}
		return nil, fmt.Errorf("no such special text %q", clip(name))
	}
	return h, nil
}

// appendJSON writes v on one line.
func appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxWriteDepth {
		return nil, errTooDeep
	}
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
		switch {
		case math.IsNaN(v):
			return append(dst, `{"!float":"nan"}`...), nil
		case math.IsInf(v, 0):
			return fmt.Appendf(dst, `{"!float":%q}`, strings.Trim(strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64)), "+")), nil
		}
		return append(dst, dotted(strconv.FormatFloat(v, 'g', -1, 64))...), nil
	case value.Symbol:
		if !utf8.ValidString(string(v)) {
			return nil, fmt.Errorf("symbol %q is not UTF-8", string(v))
		}
		return jsonString(dst, string(v)), nil
	case *value.Regexp:
		if !utf8.ValidString(v.Source) {
			return nil, fmt.Errorf("regular expression %q is not UTF-8", v.Source)
		}
		dst = jsonString(append(dst, `{"!regexp":`...), v.Source)
		return fmt.Appendf(dst, `,"options":%d}`, v.Options&7), nil
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendJSON(dst, x, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case *value.Map:
		return jsonObject(dst, v, depth)
	}
	b, isText, ok := stringBytes(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("JSON has no way to write %s", kindOf(v))
	case isText:
		return jsonString(dst, b), nil
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, `{"!binary":"`...), []byte(b))
	return append(dst, `"}`...), nil
}

func jsonObject(dst []byte, h *value.Map, depth int) ([]byte, error) {
	seen := make(map[string]struct{}, len(h.Pairs))
	dst = append(dst, '{')
	for i, p := range h.Pairs {
		name, err := jsonKey(p.Key)
		if err != nil {
			return nil, err
		}
		if _, twice := seen[name]; twice {
			return nil, fmt.Errorf("two keys of a hash are %q in JSON", name)
		}
		seen[name] = struct{}{}
		if i > 0 {
			dst = append(dst, ',')
		}
		if strings.HasPrefix(name, "!") {
			name = "!" + name
		}
		dst = append(jsonString(dst, name), ':')
		if dst, err = appendJSON(dst, p.Value, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// jsonKey returns the name of a hash key: texts as they are, other scalars as JSON
// would write their values.
func jsonKey(k any) (string, error) {
	switch k := k.(type) {
	case nil, bool, int, int64, *big.Int, float64:
		b, err := appendJSON(nil, k, 0)
		return string(b), err
	case value.Symbol:
		if utf8.ValidString(string(k)) {
			return string(k), nil
		}
	default:
		if b, isText, ok := stringBytes(k); ok && isText {
			return b, nil
		}
	}
	return "", fmt.Errorf("JSON cannot have %s as a key", kindOf(k))
}

func jsonString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c == 0x7f:
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
