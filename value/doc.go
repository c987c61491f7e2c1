// Package value holds the values that cross the wire, whatever format carries
// them: ordered maps, symbols, text, bytes and numbers.
//
// What has a Go type of its own is that: nil, bool, int64 (or [*big.Int] where it
// does not fit), float64, string (UTF-8) and []any. The types of this package are
// for the rest: a [Symbol] is not a string, [Binary] is bytes that need not be
// text, and a [Map] keeps the order of its pairs and has keys of any kind. Make one
// with [NewMap]; [ForJSON] turns a tree of them into Go's own types.
//
// A node of Ruby may send more than that, and what it sends is shown, never
// interpreted: text in other encodings ([String]), regular expressions ([Regexp]),
// objects of its classes ([Object], [Struct] and so on), and what is attached to
// a string or an array ([Extra]). These come from decoders alone. No value here ever
// becomes code, or an object of a class.
package value
