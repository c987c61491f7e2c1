package marshal

import (
	"strings"
	"unicode/utf8"

	"mcollective/internal/plaintext"
	"mcollective/value"
)

// symbol reads a symbol after its type and enters it into the table. In case of
// an error the entry is without value.
func (d *decoder) symbol(wrapped bool) *symbol {
	s := d.bytes()
	if len(s) > d.policy.MaxSymbolBytes {
		d.exceeds("MaxSymbolBytes", d.policy.MaxSymbolBytes)
	}
	if d.symbols.n >= d.policy.MaxSymbols {
		d.exceeds("MaxSymbols", d.policy.MaxSymbols)
	}
	e := d.symbols.add(symbol{name: s})
	if d.err != nil {
		return e
	}
	if n := d.symbols.n - 1; s == "E" && !wrapped && n < 123 {
		d.eLink = 1
		if n > 0 {
			d.eLink = 1 + n + 5
		}
	}
	encoding := ""
	if wrapped {
		encoding = d.symbolEncoding()
	}
	switch {
	case plaintext.IsASCII(s) && !value.IsWide(encoding), encoding == value.UTF8 && utf8.ValidString(s):
		e.value = d.known.symbol(s)
	case encoding == value.UTF8, encoding == value.ASCII:
		d.syntax("symbol %.40q that is not %s", s, encoding)
	case !d.policy.AllowObjects:
		d.refuse("symbol %.40q that is not UTF-8", s)
	default:
		e.value = value.EncodedSymbol{Name: s, Encoding: encoding}
	}
	return e
}

// symbolEncoding reads what follows a symbol after I: nothing but its encoding.
func (d *decoder) symbolEncoding() string {
	encoding := ""
	if n := d.count(2); n != 1 {
		d.syntax("symbol with %d instance variables instead of 1", n)
		return ""
	}
	d.owed -= 2
	if name := d.name(); !d.encoding(name, &encoding) {
		d.syntax("symbol with instance variable %.40q", name)
	}
	return encoding
}

// symlink reads the number of an earlier symbol.
func (d *decoder) symlink() *symbol {
	n := d.long()
	if n < 0 || n >= int64(d.symbols.n) {
		d.syntax("link to symbol %d of %d", n, d.symbols.n)
		return new(symbol)
	}
	return d.symbols.at(int(n))
}

// name reads a symbol where the format wants one: a class or a variable. It
// counts as a value.
func (d *decoder) name() value.Symbol {
	if d.values++; d.values > d.policy.MaxValues {
		d.exceeds("MaxValues", d.policy.MaxValues)
	}
	var e *symbol
	switch c := d.byte(); c {
	case typeSymbol:
		e = d.symbol(false)
	case typeSymlink:
		e = d.symlink()
	case typeIvars:
		if c := d.byte(); c != typeSymbol {
			d.syntax("type %q instead of a symbol", c)
			return ""
		}
		e = d.symbol(true)
	default:
		d.syntax("type %q instead of a symbol", c)
		return ""
	}
	if d.err != nil {
		return ""
	}
	switch v := e.value.(type) {
	case value.Symbol:
		return v
	case nil: // a symbol whose own encoding is being read
		return value.Symbol(e.name)
	}
	d.refuse("name %.40q that is not UTF-8", e.name)
	return ""
}

// encoding reads the value of the instance variable called name if that is one
// of the two that state an encoding, and reports whether it is.
func (d *decoder) encoding(name value.Symbol, encoding *string) bool {
	switch name {
	case "E":
		switch c := d.byte(); c {
		case typeTrue:
			*encoding = value.UTF8
		case typeFalse:
			*encoding = value.ASCII
		default:
			d.syntax("encoding E of type %q", c)
		}
	case "encoding":
		if !d.enter() {
			return true
		}
		s, _, ok := value.Text(d.value())
		d.depth--
		if d.err == nil && (!ok || s == "" || len(s) > d.policy.MaxSymbolBytes || strings.IndexByte(s, 0) >= 0) {
			d.syntax("encoding without a proper name")
		}
		*encoding = encodingName(s)
	default:
		return false
	}
	return true
}

// flagKeywords is the pseudo variable with which Ruby marks a hash that was
// passed as keyword arguments.
const flagKeywords = "K"

// encodingName maps other spellings of the three encodings that this package
// knows. Any other name stays what was sent.
func encodingName(s string) string {
	switch {
	case strings.EqualFold(s, value.UTF8):
		return value.UTF8
	case strings.EqualFold(s, value.ASCII):
		return value.ASCII
	case strings.EqualFold(s, "ASCII-8BIT"), strings.EqualFold(s, "BINARY"):
		return ""
	}
	return s
}

// attributes reads the instance variables of an object of type c, after it.
// Those that state the encoding go to *encoding, which is nil for objects
// without one; the others to x, which is made if need be.
func (d *decoder) attributes(c byte, x *value.Extra, encoding *string) *value.Extra {
	n := d.count(2)
	coded := false
	for i := range n {
		d.owed -= 2
		name := d.name()
		if encoding != nil && !coded {
			if coded = d.encoding(name, encoding); coded {
				continue
			}
		}
		if d.err != nil {
			return x
		}
		switch {
		case name == "E" || name == "encoding":
			d.syntax("encoding of an object that has none, or has one already")
			return x
		case name == flagKeywords && c != typeHash && c != typeHashDefault:
			d.syntax("keyword flag on a value of type %q", c)
			return x
		}
		if !d.policy.AllowObjects {
			d.refuse("instance variable %.40q", name)
			return x
		}
		if x == nil {
			x = new(value.Extra)
		}
		if x.Ivars == nil {
			x.Ivars = make([]value.Ivar, 0, n-i)
		}
		if !d.enter() {
			return x
		}
		x.Ivars = append(x.Ivars, value.Ivar{Name: name, Value: d.value()})
		d.depth--
	}
	return x
}
