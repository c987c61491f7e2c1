package value

import (
	"math/big"
	"strings"

	"mcollective/internal/plaintext"
)

// Text returns the bytes and encoding of a string of any kind.
func Text(k any) (s, encoding string, ok bool) {
	switch k := k.(type) {
	case string:
		return k, UTF8, true
	case Binary:
		return string(k), "", true
	case *String:
		if k.Encoding == ASCII {
			return k.Bytes, UTF8, true // a Go string stands for both
		}
		return k.Bytes, k.Encoding, true
	}
	return "", "", false
}

// IsWide reports whether ASCII characters take more than a byte in the encoding,
// or can mean something else. Ruby ignores the case of names.
func IsWide(encoding string) bool {
	switch encoding {
	case "", UTF8, ASCII:
		return false
	}
	switch strings.ToUpper(encoding) {
	case "UTF-16", "UTF-16BE", "UTF-16LE", "UCS-2BE", "UTF-32", "UTF-32BE", "UTF-32LE", "UCS-4BE", "UCS-4LE", "UTF-7", "CP65000",
		"ISO-2022-JP", "ISO2022-JP", "ISO-2022-JP-2", "ISO2022-JP2", "ISO-2022-JP-KDDI", "CP50220", "CP50221", "IBM037", "EBCDIC-CP-US":
		return true
	}
	return false
}

// Equal is Ruby's eql? for everything whose equality does not depend on the
// methods of a class.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case Symbol:
		b, ok := b.(Symbol)
		return ok && a == b
	case string, Binary, *String:
		return textsEqual(a, b)
	case *big.Int, *Float, float64, int, int64:
		return numbersEqual(a, b)
	case *Regexp:
		b, ok := b.(*Regexp)
		return ok && a.Source == b.Source && a.Options == b.Options && a.Encoding == b.Encoding
	case []any:
		return itemsEqual(a, b)
	case *Array:
		return itemsEqual(a.Items, b)
	case *Map:
		b, ok := b.(*Map)
		return ok && mapsEqual(a, b)
	case nil, bool, EncodedSymbol, *Object, *Struct, *UserDefined, *UserMarshal, *Data, *Class, *Module:
		return a == b
	}
	return false
}

// textsEqual compares strings of any kind: the same bytes are the same text if they
// are in one encoding, or are ASCII in both.
func textsEqual(a, b any) bool {
	s, se, _ := Text(a)
	t, te, ok := Text(b)
	if !ok || s != t {
		return false
	}
	return se == te || s == "" || plaintext.IsASCII(s) && !IsWide(se) && !IsWide(te)
}

// numbersEqual compares numbers: an integer is never a float.
func numbersEqual(a, b any) bool {
	a, b = number(a), number(b)
	if x, ok := a.(*big.Int); ok {
		y, ok := b.(*big.Int)
		return ok && x != nil && y != nil && x.Cmp(y) == 0
	}
	switch b.(type) {
	case int64, float64:
		return a == b
	}
	return false
}

// number returns a number in the form that others of its kind have.
func number(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case *Float:
		return v.Value
	}
	return v
}

func itemsEqual(a []any, other any) bool {
	var b []any
	switch other := other.(type) {
	case []any:
		b = other
	case *Array:
		b = other.Items
	default:
		return false
	}
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func mapsEqual(a, b *Map) bool {
	if a == b {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	for i, p := range a.Pairs {
		// Looking pairs up would be quadratic, which hostile keys would use; the
		// order counts instead.
		if q := b.Pairs[i]; !Equal(p.Key, q.Key) || !Equal(p.Value, q.Value) {
			return false
		}
	}
	return true
}
