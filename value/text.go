package value

import "mcollective/internal/plaintext"

// A Symbol is a Ruby symbol, without its leading colon. It is told apart from a
// string everywhere: Symbol("agent") and "agent" are two different hash keys.
type Symbol string

// Binary is a Ruby string without an encoding (ASCII-8BIT): raw bytes, which
// need not be text.
type Binary string

// A String is a Ruby string that a Go string cannot stand for: its bytes are in
// an encoding other than UTF-8 and US-ASCII, or something is attached to it.
// The bytes are never converted. In a [Value] every string is a *String, since
// there the identity of each counts.
type String struct {
	Bytes    string
	Encoding string // Ruby's name of it, as sent; "" is ASCII-8BIT
	Extra    *Extra // nil: nothing attached
}

// An EncodedSymbol is a symbol that is not UTF-8: the rare case for which
// [Symbol] would lose the encoding. It is a plain comparable value.
type EncodedSymbol struct {
	Name     string // bytes, in that encoding
	Encoding string // "" is ASCII-8BIT
}

// A Regexp is a regular expression as Ruby wrote it. This package never
// compiles one: the source may be hostile, and Ruby's syntax is not Go's.
type Regexp struct {
	Source   string
	Options  int    // sum of the Regexp constants below
	Encoding string // of the source; "" is ASCII-8BIT
	Extra    *Extra
}

// Bits of [Regexp.Options], with Ruby's values.
const (
	RegexpIgnoreCase    = 1
	RegexpExtended      = 2
	RegexpMultiline     = 4
	RegexpFixedEncoding = 16
	RegexpNoEncoding    = 32

	RegexpOptions = RegexpIgnoreCase | RegexpExtended | RegexpMultiline | RegexpFixedEncoding | RegexpNoEncoding
)

// NewRegexp returns the regular expression that Ruby's literal /source/ makes,
// with options i, x and m as bits. A source that is not ASCII is UTF-8.
func NewRegexp(source string, options int) *Regexp {
	if plaintext.IsASCII(source) {
		return &Regexp{Source: source, Options: options, Encoding: ASCII}
	}
	return &Regexp{Source: source, Options: options | RegexpFixedEncoding, Encoding: UTF8}
}

// The names of the two encodings that a Go string stands for.
const (
	UTF8  = "UTF-8"
	ASCII = "US-ASCII"
)
