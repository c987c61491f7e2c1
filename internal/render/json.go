package render

import (
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	"mcollective/client"
	"mcollective/internal/plaintext"
	"mcollective/internal/safetext"
	"mcollective/rpc"
	"mcollective/value"
)

// object returns a result as programs see it.
func (r *Results) object(sender string, reply *rpc.Reply) *value.Map {
	return value.NewMap("agent", r.agent, "action", r.action, "sender", sender,
		"statuscode", int64(reply.Status), "statusmsg", reply.Message, "data", r.data(reply))
}

// jsonView writes an array, or with lines an object for each line.
type jsonView struct {
	r     *Results
	lines bool
	n     int
	buf   []byte
}

func (v *jsonView) add(sender string, reply *rpc.Reply) {
	e := jsonEncoder{b: v.buf[:0], clean: !v.r.o.Raw, indent: v.r.o.Terminal && !v.lines}
	if !v.lines {
		if v.n++; v.n == 1 {
			e.b = append(e.b, '[')
		} else {
			e.b = append(e.b, ',')
		}
	}
	e.depth = 1
	if e.indent {
		e.newline()
	}
	e.value(v.r.object(sender, reply))
	if v.lines {
		e.b = append(e.b, '\n')
	}
	v.buf = e.b
	v.r.out.Write(e.b)
}

func (v *jsonView) close(*client.Account, Stats) {
	switch {
	case v.lines:
	case v.n == 0:
		v.r.out.WriteString("[]\n")
	case v.r.o.Terminal:
		v.r.out.WriteString("\n]\n")
	default:
		v.r.out.WriteString("]\n")
	}
}

// A jsonEncoder writes JSON as Ruby's generator does, where that writes any: it
// refuses text that is not UTF-8, of which U+FFFD is made here, and floats that
// are no numbers, which are null here.
type jsonEncoder struct {
	b      []byte
	clean  bool // escape what a terminal would obey
	indent bool
	depth  int
}

func (e *jsonEncoder) newline() {
	e.b = append(e.b, '\n')
	for range e.depth {
		e.b = append(e.b, "  "...)
	}
}

func (e *jsonEncoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.b = append(e.b, "null"...)
	case bool:
		e.b = strconv.AppendBool(e.b, v)
	case int64:
		e.b = strconv.AppendInt(e.b, v, 10)
	case *big.Int:
		e.b = v.Append(e.b, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			e.b = append(e.b, "null"...)
		} else {
			e.b = plaintext.AppendFloat(e.b, v)
		}
	case []any:
		e.list(v)
	case *value.Array:
		e.list(v.Items)
	case *value.Map:
		e.hash(v)
	default:
		e.text(utf8Text(v))
	}
}

func (e *jsonEncoder) list(items []any) {
	e.b = append(e.b, '[')
	e.depth++
	for i, item := range items {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		if e.indent {
			e.newline()
		}
		e.value(item)
	}
	if e.depth--; e.indent && len(items) > 0 {
		e.newline()
	}
	e.b = append(e.b, ']')
}

func (e *jsonEncoder) hash(h *value.Map) {
	e.b = append(e.b, '{')
	e.depth++
	n := 0
	for k, v := range h.All() {
		if n++; n > 1 {
			e.b = append(e.b, ',')
		}
		if e.indent {
			e.newline()
		}
		e.text(utf8Text(k))
		if e.b = append(e.b, ':'); e.indent {
			e.b = append(e.b, ' ')
		}
		e.value(v)
	}
	if e.depth--; e.indent && n > 0 {
		e.newline()
	}
	e.b = append(e.b, '}')
}

func (e *jsonEncoder) text(s string) {
	const hex = "0123456789abcdef"
	escape := func(u uint16) {
		e.b = append(e.b, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	e.b = append(e.b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			i += size
			switch {
			case !e.clean || !safetext.Hostile(r):
				e.b = utf8.AppendRune(e.b, r)
			case r > 0xffff:
				escape(uint16(0xd800 + (r-0x10000)>>10))
				escape(uint16(0xdc00 + (r-0x10000)&0x3ff))
			default:
				escape(uint16(r))
			}
			continue
		}
		i++
		switch c {
		case '"', '\\':
			e.b = append(e.b, '\\', c)
		case '\b':
			e.b = append(e.b, '\\', 'b')
		case '\f':
			e.b = append(e.b, '\\', 'f')
		case '\n':
			e.b = append(e.b, '\\', 'n')
		case '\r':
			e.b = append(e.b, '\\', 'r')
		case '\t':
			e.b = append(e.b, '\\', 't')
		default:
			if c < ' ' || c == 0x7f && e.clean {
				escape(uint16(c))
			} else {
				e.b = append(e.b, c)
			}
		}
	}
	e.b = append(e.b, '"')
}

// utf8Text is Text, with ISO 8859-1 converted as Ruby's JSON does.
func utf8Text(v any) string {
	s, ok := v.(*value.String)
	if !ok || s == nil || s.Encoding != "ISO-8859-1" {
		return Text(v)
	}
	runes := make([]rune, len(s.Bytes))
	for i := range runes {
		runes[i] = rune(s.Bytes[i])
	}
	return string(runes)
}
