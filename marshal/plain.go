package marshal

import "mcollective/internal/plaintext"

// A Plain reads a value piece by piece, without building anything, as long as it
// has the plainest form: hashes, arrays, symbols, short strings, integers and
// nothing attached to them. It is for the few kinds of message of which a
// program reads very many, and only ever a short cut: whatever it is not sure
// of, links included, makes it give up, and then [Policy.UnmarshalString] has to
// decide. What it reads, that would have read as the same.
//
//	r := policy.Plain(data)
//	for range r.Hash() {
//		switch r.Symbol() {
//		case "agent":
//			agent, _ = r.Text()
//		default:
//			r.GiveUp()
//		}
//	}
//	if !r.End() {
//		err = policy.UnmarshalString(data, &v) // the general way
//	}
//
// Once it gave up every method returns a zero value. The policy's limits on
// bytes, values and symbols are kept; what depends on the shape of a message is
// left to who knows it: how deep it is, and that no key comes twice.
type Plain struct {
	in      string
	pos     int
	values  int // that may still come
	symbols [maxPlainSymbols]string
	known   int // of symbols
	failed  bool
}

// What a plain value has at most: so many different symbols, and so many bytes of
// an integer. Both are below every sensible limit of a policy.
const (
	maxPlainSymbols = 16
	maxPlainBignum  = 8
)

// Plain begins to read data, of which all strings that it returns are parts.
func (p *Policy) Plain(data string) Plain {
	limit := func(set, otherwise int) int {
		if set == 0 {
			return otherwise
		}
		return set
	}
	b := &BodyPolicy
	plain := len(data) > 2 && data[0] == major && data[1] == minor &&
		len(data) <= limit(p.MaxBytes, b.MaxBytes) &&
		maxPlainSymbols <= limit(p.MaxSymbols, b.MaxSymbols) &&
		maxShort <= limit(p.MaxSymbolBytes, b.MaxSymbolBytes) &&
		maxPlainBignum <= limit(p.MaxBignumBytes, b.MaxBignumBytes)
	return Plain{in: data, pos: 2, values: limit(p.MaxValues, b.MaxValues), failed: !plain}
}

// GiveUp makes this and everything that follows not plain.
func (r *Plain) GiveUp() { r.failed = true }

// End reports whether all of the input was read and was plain.
func (r *Plain) End() bool { return !r.failed && r.pos == len(r.in) }

// Hash begins a hash and returns how many keys with values follow.
func (r *Plain) Hash() int { return r.count(typeHash, 2) }

// List begins an array and returns how many values follow.
func (r *Plain) List() int { return r.count(typeArray, 1) }

func (r *Plain) count(c byte, each int) int {
	r.value()
	if r.byte() != c {
		r.failed = true
	}
	n := r.short()
	if n*each > len(r.in)-r.pos || n*each > r.values {
		r.failed = true
	}
	if r.failed {
		return 0
	}
	return n
}

// Symbol reads a symbol in ASCII.
func (r *Plain) Symbol() string {
	r.value()
	return r.symbol()
}

func (r *Plain) symbol() string {
	switch r.byte() {
	case typeSymlink:
		if n := r.short(); n < r.known && !r.failed {
			return r.symbols[n]
		}
	case typeSymbol:
		s := r.take(r.short())
		if r.failed || r.known == maxPlainSymbols || !plaintext.IsASCII(s) {
			break
		}
		r.symbols[r.known] = s
		r.known++
		return s
	}
	r.failed = true
	return ""
}

// Text reads a string: one that is marked as UTF-8 or US-ASCII, which is not
// checked, or a binary one.
func (r *Plain) Text() (s string, binary bool) {
	r.value()
	switch r.byte() {
	case typeString:
		return r.bytes(), true
	case typeIvars:
		if r.byte() != typeString {
			break
		}
		s = r.bytes()
		r.value() // the name of the attribute
		if r.byte() != 1+5 || r.symbol() != "E" {
			break
		}
		if c := r.byte(); r.failed || c != typeTrue && c != typeFalse {
			break
		}
		return s, false
	}
	r.failed = true
	return "", false
}

// Int reads an integer that is not negative.
func (r *Plain) Int() int64 {
	r.value()
	switch r.byte() {
	case typeFixnum:
		return r.long()
	case typeBignum:
		if r.byte() != '+' {
			break
		}
		mag := r.take(2 * r.short())
		if i, ok := parseInt64(mag, false); ok && len(mag) <= maxPlainBignum && !r.failed {
			return i
		}
	}
	r.failed = true
	return 0
}

// value counts one value. The names of attributes count here each time, in the
// general way not always.
func (r *Plain) value() {
	if r.values--; r.values < 0 {
		r.failed = true
	}
}

func (r *Plain) byte() byte {
	if r.failed || r.pos >= len(r.in) {
		r.failed = true
		return 0
	}
	c := r.in[r.pos]
	r.pos++
	return c
}

// maxShort is the largest count that is written as one byte.
const maxShort = 122

// short reads a count that is written as one byte.
func (r *Plain) short() int {
	c := int(r.byte())
	switch {
	case c == 0:
		return 0
	case c > 5 && c <= maxShort+5:
		return c - 5
	}
	r.failed = true
	return 0
}

// long reads a number in the form of [decoder.long], unless it is negative.
func (r *Plain) long() int64 {
	c := int(r.byte())
	if c < 1 || c > 4 {
		r.pos--
		return int64(r.short())
	}
	digits := r.take(c)
	n := int64(0)
	for i := range len(digits) {
		n |= int64(digits[i]) << (8 * i)
	}
	return n
}

func (r *Plain) bytes() string {
	n := r.long()
	if n > int64(len(r.in)) {
		r.failed = true
	}
	return r.take(int(n))
}

func (r *Plain) take(n int) string {
	if r.failed || n > len(r.in)-r.pos {
		r.failed = true
		return ""
	}
	r.pos += n
	return r.in[r.pos-n : r.pos]
}

// AppendLength appends a length of at most 2**31-1 as it stands before the bytes
// of a string, for programs that write a frequent message piece by piece.
func AppendLength(b []byte, n int) []byte { return appendLong(b, int64(n)) }

// AppendInt appends an integer, with its type.
func AppendInt(b []byte, i int64) []byte {
	if minFixnum <= i && i <= maxFixnum {
		return appendLong(append(b, typeFixnum), i)
	}
	if i < 0 {
		return appendBignum(b, true, -uint64(i))
	}
	return appendBignum(b, false, uint64(i))
}
