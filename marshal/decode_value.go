package marshal

import (
	"math/big"
	"math/bits"

	"mcollective/value"
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
		return d.symbol(false).value
	case typeSymlink:
		return d.symlink().value
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
	return d.object(c, false)
}

// wrapped reads what follows an I: an object and then its instance variables,
// among which Ruby counts the encoding of a string.
func (d *decoder) wrapped() any {
	if s, ok := d.plainText(); ok {
		return d.leaf(d.known.text(s))
	}
	switch c := d.byte(); c {
	case typeString:
		return d.text(nil, true)
	case typeSymbol:
		return d.symbol(true).value
	case typeRegexp:
		return d.regexp(nil, true)
	case typeArray, typeHash, typeHashDefault, typeExtended, typeSubclass, typeStruct, typeUserDefined, typeUserMarshal, typeData:
		return d.object(c, true)
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
	if n < 0 || n >= int64(d.objects.n) {
		return d.syntax("link to object %d of %d", n, d.objects.n)
	}
	o := d.objects.at(int(n))
	if o.size == 0 {
		switch {
		case d.tree && o.value != nil:
			return o.value
		case d.policy.AllowCycles && !d.tree:
			return value.Cycle{}
		}
		return d.refuse("object that contains itself")
	}
	if d.expansion += o.size - 1; d.expansion+d.values > d.policy.MaxExpansion {
		return d.exceeds("MaxExpansion", d.policy.MaxExpansion)
	}
	return o.value
}

func (d *decoder) array(x *value.Extra, wrapped bool) any {
	start := d.spent()
	n := d.count(1)
	if d.err != nil || !d.enter() {
		return nil
	}
	var node *value.Array
	if d.tree || x != nil || wrapped {
		node = new(value.Array)
	}
	o := d.open(nil)
	if node != nil {
		o.value = node
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
		return d.close(o, start, items)
	}
	if wrapped {
		x = d.attributes(typeArray, x, nil)
	}
	node.Items, node.Extra = items, x
	return d.close(o, start, node)
}

func (d *decoder) hash(x *value.Extra, wrapped, withDefault bool) any {
	start := d.spent()
	n := d.count(2)
	if d.err != nil || !d.enter() {
		return nil
	}
	h := &value.Map{Extra: x}
	o := d.open(h)
	h.Pairs = make([]value.Pair, n)
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
		h.Extra = d.attributes(typeHash, h.Extra, nil)
	}
	return d.close(o, start, h)
}

// repeats merges repeated keys, or reports them where the policy has them
// refused. A Value keeps them: in Ruby they arise from keys that changed.
func (d *decoder) repeats(h *value.Map) bool {
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
		h.Extra = new(value.Extra)
	}
	h.Extra.Repeated = true
	return false
}

// text reads a string, after its type.
func (d *decoder) text(x *value.Extra, wrapped bool) any {
	start := d.spent()
	s := d.bytes()
	o := d.open(nil)
	var node *value.String
	if d.tree {
		node = new(value.String)
		o.value = node
	}
	encoding := ""
	if wrapped {
		x = d.attributes(typeString, x, &encoding)
	}
	if d.err != nil {
		return nil
	}
	var v any
	switch {
	case d.tree:
		*node = value.String{Bytes: s, Encoding: encoding, Extra: x}
		v = node
	case x != nil:
		v = &value.String{Bytes: s, Encoding: encoding, Extra: x}
	case encoding == "":
		v = value.Binary(s)
	case encoding == value.UTF8, encoding == value.ASCII:
		v = s
	default:
		v = &value.String{Bytes: s, Encoding: encoding}
	}
	return d.close(o, start, v)
}

// plainText reads a whole string, after its I, if it is of the most frequent
// form: up to 122 bytes, UTF-8 or US-ASCII, nothing attached. Otherwise, or if a
// tree is wanted, it leaves everything as it is.
func (d *decoder) plainText() (string, bool) {
	in, p := d.in, d.pos
	if len(in)-p < 2 || in[p] != typeString || in[p+1] < 1+5 || in[p+1] > 122+5 || d.tree {
		return "", false
	}
	end := p + 2 + int(in[p+1]) - 5
	if len(in)-end < 4 || in[end] != 1+5 || in[end+1] != typeSymlink || int(in[end+2])+1 != d.eLink {
		return "", false
	}
	if c := in[end+3]; c != typeTrue && c != typeFalse {
		return "", false
	}
	d.pos = end + 4
	return in[p+2 : end], true
}

func (d *decoder) regexp(x *value.Extra, wrapped bool) any {
	start := d.spent()
	r := &value.Regexp{Source: d.bytes(), Extra: x}
	r.Options = int(d.byte())
	if r.Options&^value.RegexpOptions != 0 {
		return d.syntax("regular expression with options %#x", r.Options)
	}
	o := d.open(r)
	if wrapped {
		r.Extra = d.attributes(typeRegexp, x, &r.Encoding)
	}
	return d.close(o, start, r)
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
		return d.leaf(&value.Float{Value: f})
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
	if i, ok := parseInt64(s, sign == '-'); ok {
		if d.tree {
			return d.leaf(big.NewInt(i))
		}
		return d.leaf(i)
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
	const size = bits.UintSize / 8
	words := make([]big.Word, (len(s)+size-1)/size)
	for i := range len(s) {
		words[i/size] |= big.Word(s[i]) << (8 * (i % size))
	}
	b := new(big.Int).SetBits(words)
	if negative {
		b.Neg(b)
	}
	return b
}
