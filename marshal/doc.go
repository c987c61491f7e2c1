// Package marshal translates between Go values and Ruby's Marshal format 4.8.
//
// # Use
//
// [Marshal] and [Unmarshal] translate one value; a [Policy] says what may be
// decoded.
//
//	v, err := marshal.EnvelopePolicy.Unmarshal(data)
//	envelope, ok := v.(*value.Map)
//	agent, ok := envelope.Get(value.Symbol("agent"))
//
// Bytes from outside are decoded under a [Policy], which bounds their size,
// depth, number and expansion and says which kinds of value may occur. There
// are three for the messages of a collective, and [DefaultPolicy]. Nothing in
// the input is ever looked up, instantiated, compiled or run; memory is only
// allocated for what the input has the bytes for.
//
// # Ruby to Go
//
// The types are those of package value. Decoding into an any gives
//
//	nil, true, false       nil, bool
//	integer                int64, or *big.Int if it does not fit
//	float                  float64
//	string                 string if UTF-8 or US-ASCII, Binary if ASCII-8BIT, else *String
//	symbol                 Symbol (EncodedSymbol if not UTF-8)
//	array                  []any
//	hash                   *Map: ordered pairs
//	regular expression     *Regexp, not compiled
//	anything else          inert: *Object, *Struct, *Class, *Module, *UserDefined, *UserMarshal, *Data
//
// and, where Ruby attached a user class, modules or instance variables to a
// string or array, *String and *Array instead of the plain form. References to
// one object are resolved, to the same pointer or an equal value; an object
// inside itself is an error, or a [value.Cycle] where the policy says so.
//
// A [Value] keeps everything: what Ruby dumped encodes back to the same bytes.
//
// # Go to Ruby
//
// Encoding takes all of these types back, and besides: all Go integers, float32,
// []byte as a binary string, []string, and map[string]any with its keys sorted. A
// string is UTF-8 whether or not it is valid. A nil slice is an empty array and a
// nil map an empty hash (Ruby code seldom checks); a nil pointer is nil. Any other
// type is an [UnsupportedTypeError].
//
// The bytes are those that Ruby would write for the same objects: a symbol, a
// float, or a string used as a hash key is one object however often it occurs,
// and so are two equal pointers to types of package value; other strings and
// slices are an object each time. In short, Ruby loads the bytes and dumps the
// same again.
//
// # Format
//
// A dump is the bytes 4 8, which are the version, and one value. A value is a
// byte for its type and then
//
//	0 T F   nil, true, false: nothing
//	i       integer from -2**30 to 2**30-1: number
//	l       other integer: + or -, number of 16 bit units, these little-endian
//	f       float: bytes, which are its decimal text
//	"       string: bytes
//	:  ;    symbol: bytes; or the number of an earlier symbol
//	@       link: the number of an earlier object
//	[       array: number of elements, elements
//	{  }    hash: number of pairs, keys and values in turn; after } the default
//	/       regular expression: bytes, one byte of options
//	I       value, number of instance variables, symbols and values in turn
//	o S     object, struct: symbol of the class, number of members, symbols and values in turn
//	c m M   class, module, either: bytes of the name
//	u       dumped by the class itself: symbol of the class, bytes
//	U d     the same as a value: symbol of the class, value
//	e C     module that extends, class of: symbol, then the value it is about
//
// where a number n is
//
//	00                    0
//	n+5 (06 to 7f)        1 to 122
//	n-5 (fa down to 80)   -1 to -123
//	01 to 04              as many bytes follow, the number little-endian
//	ff down to fc         as many bytes as 256 lacks, the number minus 256**bytes little-endian
//
// "bytes" is a number, the length, and so many bytes. A string's encoding is an
// instance variable, E with true for UTF-8 and false for US-ASCII, otherwise
// encoding with the name as a string; a string without I is binary.
//
// Symbols are numbered from 0 as they first appear, E and encoding, class and
// variable names included; a symbol precedes its own encoding. Objects are
// numbered from 0 as they begin: everything but nil, true, false, i and symbols.
// Only u takes its number after its instance variables. An l takes one even
// where a 64 bit Ruby knows no object.
//
// Worked example: [{:agent => "rpcutil", :ttl => 60}, "rpcutil", :agent, 1.5, 1.5]
//
//	04 08                          version
//	5b 0a                          [ 5 elements                  object 0
//	7b 07                          { 2 pairs                     object 1
//	3a 0a 61 67 65 6e 74           : 5 bytes, agent              symbol 0
//	49 22 0c 72 70 63 75 74 69 6c  I " 7 bytes, rpcutil          object 2
//	06 3a 06 45 54                 1 variable, : 1 byte, E; T    symbol 1
//	3a 08 74 74 6c                 : 3 bytes, ttl                symbol 2
//	69 41                          i 60
//	49 22 0c 72 70 63 75 74 69 6c  I " 7 bytes, rpcutil          object 3, equal but another
//	06 3b 06 54                    1 variable, ; 1, T
//	3b 00                          ; 0
//	66 08 31 2e 35                 f 3 bytes, 1.5                object 4
//	40 09                          @ 4
//
// Floats are written with the fewest digits that give them back, with an
// exponent if the point would fall outside the digits or more than three zeros
// after it: 0.001, 12, 2048.5, but 1e1, 1.2e2, 1e-5; inf, -inf, nan, -0.
package marshal
