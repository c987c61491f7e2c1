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
		s, se, _ := Text(a)
		t, te, ok := Text(b)
		if !ok || s != t {
			return false
		}
		return se == te || s == "" || plaintext.IsASCII(s) && !IsWide(se) && !IsWide(te)
	case *big.Int:
		b, ok := b.(*big.Int)
		return ok && a != nil && b != nil && a.Cmp(b) == 0
	case *Float:
		return Equal(a.Value, b)
	case float64:
		if f, ok := b.(*Float); ok {
			return a == f.Value
		}
		b, ok := b.(float64)
		return ok && a == b
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
	case int:
		return Equal(int64(a), b)
	case nil, bool, int64, EncodedSymbol:
		if i, ok := b.(int); ok {
			return a == any(int64(i))
		}
		return a == b
	case *Object, *Struct, *UserDefined, *UserMarshal, *Data, *Class, *Module:
		return a == b
	}
	return false
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
