package marshal

import (
	"math/big"
)

// value reads any value. In case of an error it returns nil.
func (d *decoder) value() any {
	c := d.byte()
	if d.values++; d.values > d.policy.MaxValues {
		return d.exceeds("MaxValues", d.policy.MaxValues)
	}
	switch c {
	case typeNil:
		return nil
	case typeTrue:
		return true
	case typeFalse:
		return false
	case typeFixnum:
		return d.long()
	case typeSymbol:
		return d.symbols[d.symbol(false)].value
	case typeSymlink:
		return d.symbols[d.symlink()].value
	case typeLink:
		return d.link()
	case typeIvars:
		return d.wrapped()
	case typeBignum:
		return d.bignum()
	case typeFloat:
		return d.float()
	case typeString:
		return d.text(nil, false)
	case typeRegexp:
		return d.regexp(nil, false)
	case typeArray:
		return d.array(nil, false)
	case typeHash, typeHashDefault:
		return d.hash(nil, false, c == typeHashDefault)
	}
	return d.object(c, nil, false)
}

// wrapped reads what follows an I: an object and then its instance variables,
// among which Ruby counts the encoding of a string.
func (d *decoder) wrapped() any {
	switch c := d.byte(); c {
	case typeString:
		return d.text(nil, true)
	case typeSymbol:
		return d.symbols[d.symbol(true)].value
	case typeRegexp:
		return d.regexp(nil, true)
	case typeArray, typeHash, typeHashDefault, typeExtended, typeSubclass, typeStruct, typeUserDefined, typeUserMarshal, typeData:
		return d.object(c, nil, true)
	default:
		if d.err == nil {
			d.pos--
			d.syntax("instance variables for a value of type %q, which has none", c)
		}
		return nil
	}
}

func (d *decoder) link() any {
	n := d.long()
	if n < 0 || n >= int64(len(d.objects)) {
		return d.syntax("link to object %d of %d", n, len(d.objects))
	}
	o := &d.objects[n]
	if o.size == 0 {
		switch {
		case d.tree && o.value != nil:
			return o.value
		case d.policy.AllowCycles && !d.tree:
			return Cycle{}
		}
		return d.refuse("object that contains itself")
	}
	if d.expansion += o.size - 1; d.expansion+d.values > d.policy.MaxExpansion {
		return d.exceeds("MaxExpansion", d.policy.MaxExpansion)
	}
	return o.value
}

func (d *decoder) array(x *Extra, wrapped bool) any {
	start := d.spent()
	n := d.count(1)
	if d.err != nil || !d.enter() {
		return nil
	}
	var node *Array
	if d.tree || x != nil {
		node = &Array{Extra: x}
	}
	number := d.open(nil)
	if node != nil {
		d.objects[number].value = node
	}
	items := make([]any, n)
	for i := range items {
		d.owed--
		if items[i] = d.value(); d.err != nil {
			return nil
		}
	}
	d.depth--
	if node == nil {
		return d.close(number, start, items)
	}
	node.Items = items
	if wrapped {
		d.attributes(typeArray, x, nil)
	}
	return d.close(number, start, node)
}

func (d *decoder) hash(x *Extra, wrapped, withDefault bool) any {
	start := d.spent()
	n := d.count(2)
	if d.err != nil || !d.enter() {
		return nil
	}
	h := &Hash{Extra: x}
	number := d.open(h)
	h.Pairs = make([]Pair, n)
	for i := range h.Pairs {
		p := &h.Pairs[i]
		d.owed -= 2
		p.Key = d.value()
		if !d.policy.AllowAnyKey && !isScalar(p.Key) {
			return d.refuse("hash key that is not a scalar")
		}
		if p.Value = d.value(); d.err != nil {
			return nil
		}
	}
	if withDefault {
		h.Default = d.value()
	}
	d.depth--
	if d.err != nil {
		return nil
	}
	if d.repeats(h) {
		return d.refuse("duplicate key")
	}
	if wrapped {
		d.attributes(typeHash, x, nil)
	}
	return d.close(number, start, h)
}

// repeats merges repeated keys, or reports them where the policy has them
// refused. A Value keeps them: in Ruby they arise from keys that changed.
func (d *decoder) repeats(h *Hash) bool {
	if h.Extra != nil && h.Extra.Identity || d.tree && d.policy.AllowDuplicateKeys {
		return false
	}
	if d.keys.firstRepeat(h.Pairs) < 0 {
		return false
	}
	if !d.policy.AllowDuplicateKeys {
		return true
	}
	h.Pairs = d.keys.merge(h.Pairs)
	if h.Extra == nil {
		h.Extra = new(Extra)
	}
	h.Extra.Repeated = true
	return false
}

// text reads a string, after its type.
func (d *decoder) text(x *Extra, wrapped bool) any {
	start := d.spent()
	s := d.bytes()
	number := d.open(nil)
	var node *String
	if d.tree {
		node = new(String)
		d.objects[number].value = node
	}
	encoding := ""
	if wrapped {
		// Nearly every string is UTF-8 or ASCII and has nothing else attached.
		if e, ok := d.plainEncoding(); ok {
			encoding = e
		} else {
			x = d.attributes(typeString, x, &encoding)
		}
	}
	if d.err != nil {
		return nil
	}
	var v any
	switch {
	case d.tree:
		*node = String{Bytes: s, Encoding: encoding, Extra: x}
		v = node
	case x != nil:
		v = &String{Bytes: s, Encoding: encoding, Extra: x}
	case encoding == "":
		v = Binary(s)
	case encoding == utf8Name, encoding == usASCII:
		v = s
	default:
		v = &String{Bytes: s, Encoding: encoding}
	}
	return d.close(number, start, v)
}

// plainEncoding reads instance variables if they are just E and its value.
func (d *decoder) plainEncoding() (string, bool) {
	p := d.pos
	if len(d.in)-p < 4 || d.in[p] != 1+5 || d.in[p+1] != typeSymlink {
		return "", false
	}
	// A symlink of one byte numbers up to 122.
	i := int(int8(d.in[p+2])) - 5
	if d.in[p+2] == 0 {
		i = 0
	}
	if i < 0 || i >= len(d.symbols) || d.symbols[i].name != "E" {
		return "", false
	}
	switch d.in[p+3] {
	case typeTrue:
		d.pos += 4
		return utf8Name, true
	case typeFalse:
		d.pos += 4
		return usASCII, true
	}
	return "", false
}

func (d *decoder) regexp(x *Extra, wrapped bool) any {
	start := d.spent()
	r := &Regexp{Source: d.bytes(), Extra: x}
	r.Options = int(d.byte())
	if r.Options&^regexpOptions != 0 {
		return d.syntax("regular expression with options %#x", r.Options)
	}
	number := d.open(r)
	if wrapped {
		r.Extra = d.attributes(typeRegexp, x, &r.Encoding)
	}
	return d.close(number, start, r)
}

func (d *decoder) float() any {
	s := d.bytes()
	if d.err != nil {
		return nil
	}
	f, ok := parseFloat(s)
	if !ok {
		d.pos -= len(s)
		return d.syntax("float %.40q", s)
	}
	if f-f != 0 && !d.policy.AllowNonFinite {
		return d.refuse("float %s", s)
	}
	if d.tree {
		return d.leaf(&Float{f})
	}
	return d.leaf(f)
}

func (d *decoder) bignum() any {
	sign := d.byte()
	if sign != '+' && sign != '-' {
		return d.syntax("integer with sign %q", sign)
	}
	n := d.long()
	switch {
	case n < 0:
		return d.syntax("negative length %d", n)
	case 2*n > int64(d.policy.MaxBignumBytes):
		return d.exceeds("MaxBignumBytes", d.policy.MaxBignumBytes)
	}
	s := d.take(2 * n)
	if d.err != nil {
		return nil
	}
	if !d.tree {
		if i, ok := parseInt64(s, sign == '-'); ok {
			return d.leaf(i)
		}
	}
	return d.leaf(parseBignum(s, sign == '-'))
}

// parseInt64 turns a magnitude, little-endian, into an integer if that fits.
func parseInt64(s string, negative bool) (int64, bool) {
	var mag uint64
	for i := len(s) - 1; i >= 0; i-- {
		if mag>>56 != 0 {
			return 0, false
		}
		mag = mag<<8 | uint64(s[i])
	}
	switch {
	case negative && mag <= 1<<63:
		return int64(-mag), true
	case !negative && mag < 1<<63:
		return int64(mag), true
	}
	return 0, false
}

// parseBignum turns a magnitude, little-endian, into an integer.
func parseBignum(s string, negative bool) *big.Int {
	mag := make([]byte, len(s))
	for i := range len(s) {
		mag[len(s)-1-i] = s[i]
	}
	b := new(big.Int).SetBytes(mag)
	if negative {
		b.Neg(b)
	}
	return b
}
