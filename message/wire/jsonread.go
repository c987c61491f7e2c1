package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeJSON reads the one value of data. What is valid is what encoding/json takes, within the limits; that is not
// used because its decoder takes a piece of memory for each word, and messages that are signed are all in JSON.
func decodeJSON(data string, lim limits) (any, error) {
	if !utf8.ValidString(data) {
		return nil, errors.New("json: not UTF-8")
	}
	d := jsonDecoder{limits: lim, in: data}
	v, err := d.value(0)
	if err == nil && d.next() != end {
		err = errors.New("more than one value")
	}
	if err != nil {
		return nil, fmt.Errorf("json: at byte %d: %w", d.at, err)
	}
	return v, nil
}

type jsonDecoder struct {
	limits
	in string
	at int
}

// end is what next returns behind the last byte.
const end = 0xff // in no UTF-8

// next skips blanks and returns the byte behind them, which it leaves there.
func (d *jsonDecoder) next() byte {
	for ; d.at < len(d.in); d.at++ {
		switch c := d.in[d.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return end
}

// unexpected is the error at a byte that cannot stand where it is.
func (d *jsonDecoder) unexpected(want string) error {
	if d.at >= len(d.in) {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%q in the place of %s", d.in[d.at], want)
}

func (d *jsonDecoder) value(depth int) (any, error) {
	if err := d.spend(depth); err != nil {
		return nil, err
	}
	switch c := d.next(); c {
	case '"':
		return d.text()
	case '[':
		return d.list(depth)
	case '{':
		return d.object(depth)
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	case 'n':
		return nil, d.word("null")
	default:
		return d.number()
	}
}

func (d *jsonDecoder) word(w string) error {
	if !strings.HasPrefix(d.in[d.at:], w) {
		return d.unexpected("a value")
	}
	d.at += len(w)
	return nil
}

// text reads a string. Those with escapes are left to encoding/json.
func (d *jsonDecoder) text() (string, error) {
	start, escaped := d.at, false
	for i := start + 1; i < len(d.in); i++ {
		switch c := d.in[i]; {
		case c == '"':
			d.at = i + 1
			if !escaped {
				return d.in[start+1 : i], nil
			}
			var s string
			err := json.Unmarshal([]byte(d.in[start:d.at]), &s)
			return s, err
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			d.at = i
			return "", d.unexpected("a text")
		}
	}
	d.at = len(d.in)
	return "", io.ErrUnexpectedEOF
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (d *jsonDecoder) number() (any, error) {
	start, whole := d.at, true
	d.skip("-")
	if !d.skip("0") && !d.digits() {
		return nil, d.unexpected("a value")
	}
	if d.skip(".") {
		if whole = false; !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	if d.skip("eE") {
		whole = false
		d.skip("+-")
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	if whole {
		return integer(d.in[start:d.at])
	}
	return strconv.ParseFloat(d.in[start:d.at], 64)
}

// skip passes one byte if it is one of those.
func (d *jsonDecoder) skip(bytes string) bool {
	if d.at < len(d.in) && strings.IndexByte(bytes, d.in[d.at]) >= 0 {
		d.at++
		return true
	}
	return false
}

func (d *jsonDecoder) digits() bool {
	start := d.at
	for d.at < len(d.in) && '0' <= d.in[d.at] && d.in[d.at] <= '9' {
		d.at++
	}
	return d.at > start
}

func (d *jsonDecoder) list(depth int) (any, error) {
	list := []any{}
	d.at++
	if d.next() == ']' {
		d.at++
		return list, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch d.next() {
		case ',':
			d.at++
		case ']':
			d.at++
			return list, nil
		default:
			return nil, d.unexpected("a comma or the end of a list")
		}
	}
}

func (d *jsonDecoder) object(depth int) (any, error) {
	var b hashBuilder
	d.at++
	if d.next() == '}' {
		d.at++
		return d.scalar(unmark(b.hash()))
	}
	for {
		if d.next() != '"' {
			return nil, d.unexpected("the name of a member")
		}
		k, err := d.text()
		if err != nil {
			return nil, err
		}
		if d.next() != ':' {
			return nil, d.unexpected("a colon")
		}
		d.at++
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := b.add(k, v); err != nil {
			return nil, err
		}
		switch d.next() {
		case ',':
			d.at++
		case '}':
			d.at++
			return d.scalar(unmark(b.hash()))
		default:
			return nil, d.unexpected("a comma or the end of a hash")
		}
	}
}
