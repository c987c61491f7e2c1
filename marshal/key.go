package marshal

import (
	"hash/maphash"
	"math"
	"math/big"
	"strings"
)

// keyText returns the bytes and encoding of a string of any kind.
func keyText(k any) (s, encoding string, ok bool) {
	switch k := k.(type) {
	case string:
		return k, utf8Name, true
	case Binary:
		return string(k), "", true
	case *String:
		if k.Encoding == usASCII {
			return k.Bytes, utf8Name, true // a Go string stands for both
		}
		return k.Bytes, k.Encoding, true
	}
	return "", "", false
}

// wide reports whether ASCII characters take more than a byte in the encoding,
// or can mean something else. Ruby ignores the case of names.
func wide(encoding string) bool {
	switch encoding {
	case "", utf8Name, usASCII:
		return false
	}
	switch strings.ToUpper(encoding) {
	case "UTF-16", "UTF-16BE", "UTF-16LE", "UCS-2BE", "UTF-32", "UTF-32BE", "UTF-32LE", "UCS-4BE", "UCS-4LE", "UTF-7", "CP65000",
		"ISO-2022-JP", "ISO2022-JP", "ISO-2022-JP-2", "ISO2022-JP2", "ISO-2022-JP-KDDI", "CP50220", "CP50221", "IBM037", "EBCDIC-CP-US":
		return true
	}
	return false
}

// keysEqual is Ruby's eql? for everything whose equality does not depend on the
// methods of a class.
func keysEqual(a, b any) bool {
	switch a := a.(type) {
	case Symbol:
		b, ok := b.(Symbol)
		return ok && a == b
	case string, Binary, *String:
		s, se, _ := keyText(a)
		t, te, ok := keyText(b)
		if !ok || s != t {
			return false
		}
		return se == te || s == "" || isASCII(s) && !wide(se) && !wide(te)
	case *big.Int:
		b, ok := b.(*big.Int)
		return ok && a != nil && b != nil && a.Cmp(b) == 0
	case *Float:
		return keysEqual(a.Value, b)
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
	case *Hash:
		b, ok := b.(*Hash)
		return ok && hashesEqual(a, b)
	case int:
		return keysEqual(int64(a), b)
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
		if !keysEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

func hashesEqual(a, b *Hash) bool {
	if a == b {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	for i, p := range a.Pairs {
		// Looking pairs up would be quadratic, which hostile keys would use; the
		// order counts instead.
		if q := b.Pairs[i]; !keysEqual(p.Key, q.Key) || !keysEqual(p.Value, q.Value) {
			return false
		}
	}
	return true
}

// isScalar reports whether a decoded value is a key that needs no look inside.
func isScalar(k any) bool {
	switch k.(type) {
	case nil, bool, int64, float64, string, Symbol, Binary, EncodedSymbol, *String, *Float, *big.Int:
		return true
	}
	return false
}

// keySet finds repeated keys. Its hash is seeded, so that nobody outside can
// choose keys that collide.
type keySet struct {
	seed    maphash.Seed
	slots   []int32 // index+1 into the pairs; 0 is free
	shallow bool    // keys may hold cycles: only scalars are compared
}

// skips reports whether a key takes no part: NaN is equal to nothing, yet all
// NaNs look alike to a hash.
func (s *keySet) skips(k any) bool {
	switch k := k.(type) {
	case float64:
		return k != k
	case *Float:
		return k.Value != k.Value
	}
	return s.shallow && !isScalar(k)
}

// fewKeys is up to how many keys comparing with each other is quickest.
const fewKeys = 16

// firstRepeat returns the index of the first pair whose key an earlier pair
// has, or -1.
func (s *keySet) firstRepeat(pairs []Pair) int {
	if len(pairs) <= fewKeys {
		return s.firstOfFew(pairs)
	}
	s.reset(len(pairs))
	for i := range pairs {
		if s.add(pairs, i) != i {
			return i
		}
	}
	return -1
}

// firstOfFew compares only keys that look alike: most pairs of keys do not.
func (s *keySet) firstOfFew(pairs []Pair) int {
	var looks uint64
	for i := range pairs {
		bit := uint64(1) << look(pairs[i].Key)
		if looks&bit != 0 && !s.skips(pairs[i].Key) {
			for j := range i {
				if keysEqual(pairs[i].Key, pairs[j].Key) {
					return i
				}
			}
		}
		looks |= bit
	}
	return -1
}

// look returns a number below 64 that is the same for equal keys.
func look(k any) uint {
	text := ""
	switch k := k.(type) {
	case Symbol:
		text = string(k)
	case string:
		text = k
	case Binary:
		text = string(k)
	case *String:
		text = k.Bytes
	case int64:
		return uint(k) & 63
	}
	return uint(quickHash(text)) & 63
}

// merge drops repeated keys: the first place and the last value stay.
func (s *keySet) merge(pairs []Pair) []Pair {
	s.reset(len(pairs))
	out := pairs[:0]
	for _, p := range pairs {
		out = append(out, p)
		last := len(out) - 1
		if j := s.add(out, last); j != last {
			out[j].Value = p.Value
			out = out[:last]
		}
	}
	clear(pairs[len(out):])
	return out
}

func (s *keySet) reset(n int) {
	if s.seed == (maphash.Seed{}) {
		s.seed = maphash.MakeSeed()
	}
	size := 16
	for size < 2*n {
		size *= 2
	}
	if cap(s.slots) < size {
		s.slots = make([]int32, size)
		return
	}
	s.slots = s.slots[:size]
	clear(s.slots)
}

// add enters the key of pairs[i] and returns the index of the pair that holds
// it, which is i if the key is new.
func (s *keySet) add(pairs []Pair, i int) int {
	key := pairs[i].Key
	if s.skips(key) {
		return i
	}
	mask := uint64(len(s.slots) - 1)
	for h := s.hash(key) & mask; ; h = (h + 1) & mask {
		j := int(s.slots[h]) - 1
		if j < 0 {
			s.slots[h] = int32(i + 1)
			return i
		}
		if keysEqual(pairs[j].Key, key) {
			return j
		}
	}
}

const mix = 0x9e3779b97f4a7c15 // spreads what is combined; any odd number would do

func (s *keySet) hash(k any) uint64 {
	switch k := k.(type) {
	case Symbol:
		return maphash.String(s.seed, string(k)) * mix
	case string, Binary, *String:
		t, _, _ := keyText(k)
		return maphash.String(s.seed, t)
	case *big.Int:
		return maphash.Bytes(s.seed, k.Bytes())
	case *Float:
		return s.hash(k.Value)
	case float64:
		if k == 0 {
			k = 0 // -0.0 is the same key
		}
		return maphash.Comparable(s.seed, math.Float64bits(k))
	case *Regexp:
		return maphash.String(s.seed, k.Source) * mix
	case []any:
		return s.hashItems(k)
	case *Array:
		return s.hashItems(k.Items)
	case *Hash:
		h := uint64(k.Len())
		for _, p := range k.Pairs {
			h = (h*mix^s.hash(p.Key))*mix ^ s.hash(p.Value)
		}
		return h
	}
	return maphash.Comparable(s.seed, k)
}

func (s *keySet) hashItems(items []any) uint64 {
	h := uint64(len(items)) + 1
	for _, v := range items {
		h = h*mix ^ s.hash(v)
	}
	return h
}
