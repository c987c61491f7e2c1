package marshal

import (
	"math"
	"math/big"
	"reflect"
	"slices"
	"sync"
	"unicode/utf8"

	"mcollective/internal/plaintext"
	"mcollective/value"
)

// An encoder appends one value to buf and numbers symbols and objects as Ruby
// would. The first error sticks.
type encoder struct {
	buf     []byte
	err     error
	depth   int
	objects int // numbers given so far

	symbols   table          // Symbol, and EncodedSymbol under its own kind
	keys      table          // strings that were hash keys
	encodings table          // names of encodings, which are objects too
	pointers  map[any]int    // everything with an identity
	floats    map[uint64]int // flonums by their bits
}

// The kinds of string that a table of keys tells apart.
const (
	textKey byte = iota
	binaryKey
)

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// AppendMarshal appends the encoding of v to dst. In case of an error it
// returns dst as it was.
func AppendMarshal(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	defer e.release()
	e.buf = append(dst, major, minor)
	e.value(v)
	if e.err != nil {
		return dst, e.err
	}
	return e.buf, nil
}

func (e *encoder) release() {
	e.symbols.reset()
	e.keys.reset()
	e.encodings.reset()
	if len(e.pointers) > keepTable {
		e.pointers = nil
	}
	if len(e.floats) > keepTable {
		e.floats = nil
	}
	clear(e.pointers)
	clear(e.floats)
	*e = encoder{symbols: e.symbols, keys: e.keys, encodings: e.encodings, pointers: e.pointers, floats: e.floats}
	encoders.Put(e)
}

func (e *encoder) unsupported(v any, why string) {
	if e.err == nil {
		e.err = &UnsupportedTypeError{Type: reflect.TypeOf(v), Why: why}
	}
}

func (e *encoder) enter(v any) bool {
	if e.err != nil {
		return false
	}
	if e.depth++; e.depth > hardDepth {
		e.unsupported(v, "nested more than 10000 deep, or contains itself")
		return false
	}
	return true
}

func (e *encoder) number() int {
	e.objects++
	return e.objects - 1
}

// value writes any value of a type that the package comment lists.
func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, typeNil)
	case bool:
		e.bool(v)
	case string:
		e.text(v)
	case value.Symbol:
		e.symbol(v)
	case int64:
		e.integer(v)
	case int:
		e.integer(int64(v))
	case int8:
		e.integer(int64(v))
	case int16:
		e.integer(int64(v))
	case int32:
		e.integer(int64(v))
	case uint:
		e.unsigned(uint64(v))
	case uint8:
		e.integer(int64(v))
	case uint16:
		e.integer(int64(v))
	case uint32:
		e.integer(int64(v))
	case uint64:
		e.unsigned(v)
	case float32:
		e.float(float64(v))
	case float64:
		e.float(v)
	case value.Binary:
		e.binary(string(v))
	case []byte:
		e.objects++
		e.buf = append(appendLong(append(e.buf, typeString), int64(len(v))), v...)
		e.checkLen(len(v))
	case []any:
		e.items(v)
	case *value.Map:
		e.hash(v)
	case []string:
		e.texts(v)
	case map[string]any:
		e.stringMap(v)
	case Value:
		e.value(v.Node)
	default:
		e.object(v)
	}
}

func (e *encoder) texts(v []string) {
	if !e.start(typeArray, len(v), v) {
		return
	}
	for _, s := range v {
		e.text(s)
	}
	e.depth--
}

func (e *encoder) bool(v bool) {
	if v {
		e.buf = append(e.buf, typeTrue)
	} else {
		e.buf = append(e.buf, typeFalse)
	}
}

// checkLen refuses what a count cannot hold.
func (e *encoder) checkLen(n int) {
	if int64(n) > math.MaxInt32 {
		e.unsupported(n, "longer than 2**31-1")
	}
}

// long writes a count.
func (e *encoder) long(n int) {
	e.checkLen(n)
	e.buf = appendLong(e.buf, int64(n))
}

// raw writes a length and bytes.
func (e *encoder) raw(s string) {
	e.long(len(s))
	e.buf = append(e.buf, s...)
}

// start begins an array or hash of n elements.
func (e *encoder) start(c byte, n int, v any) bool {
	if !e.enter(v) {
		return false
	}
	e.objects++
	e.buf = append(e.buf, c)
	e.long(n)
	return true
}

func (e *encoder) binary(s string) {
	e.objects++
	e.buf = append(e.buf, typeString)
	e.raw(s)
}

func (e *encoder) text(s string) {
	e.objects++
	e.buf = append(e.buf, typeIvars, typeString)
	e.raw(s)
	e.buf = append(e.buf, 1+5)
	e.symbol("E")
	e.bool(true)
}

func (e *encoder) symbol(s value.Symbol) {
	if e.symlink(string(s), 0) {
		return
	}
	if plaintext.IsASCII(string(s)) {
		e.buf = append(e.buf, typeSymbol)
		e.raw(string(s))
		return
	}
	if !utf8.ValidString(string(s)) {
		e.unsupported(s, "symbol that is not UTF-8")
		return
	}
	e.buf = append(e.buf, typeIvars, typeSymbol)
	e.raw(string(s))
	e.buf = append(e.buf, 1+5)
	e.symbol("E")
	e.bool(true)
}

// symlink writes a link if the symbol was there before, and otherwise gives it
// the next number.
func (e *encoder) symlink(s string, kind byte) bool {
	n, seen := e.symbols.find(s, kind, len(e.symbols.entries))
	if seen {
		e.buf = appendLong(append(e.buf, typeSymlink), int64(n))
	}
	return seen
}

func (e *encoder) link(number int) {
	e.buf = appendLong(append(e.buf, typeLink), int64(number))
}

// key writes a hash key. Ruby keeps one object of each plain string that is a
// key anywhere, so it writes the second as a link.
func (e *encoder) key(k any) {
	switch k := k.(type) {
	case string:
		e.stringKey(k)
	case value.Binary:
		if n, seen := e.keys.find(string(k), binaryKey, e.objects); seen {
			e.link(n)
			return
		}
		e.binary(string(k))
	default:
		e.value(k)
	}
}

func (e *encoder) stringKey(k string) {
	if n, seen := e.keys.find(k, textKey, e.objects); seen {
		e.link(n)
		return
	}
	e.text(k)
}

func (e *encoder) integer(i int64) {
	if minFixnum <= i && i <= maxFixnum {
		e.buf = appendLong(append(e.buf, typeFixnum), i)
		return
	}
	e.objects++
	mag := uint64(i)
	if i < 0 {
		mag = -mag
	}
	e.buf = appendBignum(e.buf, i < 0, mag)
}

func (e *encoder) unsigned(u uint64) {
	if u <= math.MaxInt64 {
		e.integer(int64(u))
		return
	}
	e.objects++
	e.buf = appendBignum(e.buf, false, u)
}

func (e *encoder) float(f float64) {
	if isFlonum(f) {
		bits := math.Float64bits(f)
		if n, seen := e.floats[bits]; seen {
			e.link(n)
			return
		}
		if e.floats == nil {
			e.floats = make(map[uint64]int)
		}
		e.floats[bits] = e.objects
	}
	e.objects++
	e.floatText(f)
}

func (e *encoder) floatText(f float64) {
	var buf [maxFloatText]byte
	text := appendFloat(buf[:0], f)
	e.buf = append(appendLong(append(e.buf, typeFloat), int64(len(text))), text...)
}

func (e *encoder) items(items []any) {
	if !e.start(typeArray, len(items), items) {
		return
	}
	for _, v := range items {
		e.value(v)
	}
	e.depth--
}

// stringMap writes a Go map as a hash with its keys in order, so that equal
// maps give equal bytes.
func (e *encoder) stringMap(m map[string]any) {
	if !e.start(typeHash, len(m), m) {
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		e.stringKey(k)
		e.value(m[k])
	}
	e.depth--
}

// seen writes a link if the object was there before, and otherwise gives it the
// next number.
func (e *encoder) seen(pointer any) bool {
	if n, ok := e.pointers[pointer]; ok {
		e.link(n)
		return true
	}
	e.remember(pointer)
	return false
}

func (e *encoder) remember(pointer any) {
	if e.pointers == nil {
		e.pointers = make(map[any]int)
	}
	e.pointers[pointer] = e.number()
}

// big writes an integer of any size. Ruby keeps those of up to 62 bits without
// identity, so they are never linked.
func (e *encoder) big(x *big.Int) {
	switch {
	case x == nil:
		e.buf = append(e.buf, typeNil)
	case x.IsInt64() && x.Int64() >= -1<<62 && x.Int64() < 1<<62:
		e.integer(x.Int64())
	case !e.seen(x):
		e.buf = appendBig(e.buf, x)
	}
}
