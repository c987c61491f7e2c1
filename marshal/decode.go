package marshal

import (
	"fmt"
	"io"
	"sync"
)

// Wire types: the byte that each value begins with.
const (
	typeNil         = '0'
	typeTrue        = 'T'
	typeFalse       = 'F'
	typeFixnum      = 'i'
	typeBignum      = 'l'
	typeFloat       = 'f'
	typeString      = '"'
	typeSymbol      = ':'
	typeSymlink     = ';'
	typeLink        = '@'
	typeArray       = '['
	typeHash        = '{'
	typeHashDefault = '}'
	typeRegexp      = '/'
	typeIvars       = 'I'
	typeExtended    = 'e'
	typeSubclass    = 'C'
	typeObject      = 'o'
	typeStruct      = 'S'
	typeUserDefined = 'u'
	typeUserMarshal = 'U'
	typeData        = 'd'
	typeClass       = 'c'
	typeModule      = 'm'
	typeOldModule   = 'M'
)

const (
	major = 4
	minor = 8
)

// A decoder reads one value in a single pass over one copy of the input, of
// which all its strings are parts. The first error sticks: after it every
// method returns at once.
type decoder struct {
	in     string
	pos    int
	policy Policy
	tree   bool // build the nodes of a Value
	err    error

	symbols   numbered[symbol]
	eLink     int // the byte with which links say E, plus 1; 0 while there is none
	objects   numbered[object]
	keys      keySet
	known     *interner
	values    int // read so far
	expansion int // values that links stand for, beyond one each
	depth     int
	owed      int // values that open containers still have to come; each takes a byte or more
}

var decoders = sync.Pool{New: func() any { return &decoder{known: new(interner)} }}

// keepTable is up to how many entries a table is kept in a pool.
const keepTable = 4096

func (d *decoder) release() {
	d.symbols.reset()
	d.objects.reset()
	if cap(d.keys.slots) > keepTable {
		d.keys.slots = nil
	}
	*d = decoder{symbols: d.symbols, objects: d.objects, keys: d.keys, known: d.known}
	decoders.Put(d)
}

// decode reads data, header included, as one value.
func (p *Policy) decode(data string, tree bool) (any, error) {
	if p == nil {
		p = &BodyPolicy
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	d.tree = tree
	d.keys.shallow = tree
	d.policy = p.withDefaults()
	if len(data) > d.policy.MaxBytes {
		return nil, &LimitError{Offset: int64(d.policy.MaxBytes), Limit: "MaxBytes", Max: d.policy.MaxBytes}
	}
	if err := checkVersion(data, d.policy.AllowOldMinor); err != nil {
		return nil, err
	}
	d.in, d.pos = data, 2
	v := d.value()
	d.end()
	if d.err != nil {
		return nil, d.err
	}
	return v, nil
}

// end makes sure that nothing follows the value.
func (d *decoder) end() {
	if d.err != nil {
		return
	}
	rest := d.in[d.pos:]
	if d.policy.AllowTerminator && (rest == "\n" || rest == "\x00") {
		rest = ""
	}
	if rest != "" {
		d.syntax("%d bytes after the value", len(rest))
	}
}

func checkVersion(in string, old bool) error {
	if len(in) < 2 {
		return truncated(len(in))
	}
	if in[0] != major || in[1] != minor && !(old && in[1] < minor) {
		return &SyntaxError{Msg: fmt.Sprintf("format version %d.%d instead of %d.%d", in[0], in[1], major, minor)}
	}
	return nil
}

func (d *decoder) fail(err error) any {
	if d.err == nil {
		d.err = err
	}
	d.pos = len(d.in)
	return nil
}

func (d *decoder) syntax(format string, args ...any) any {
	return d.fail(&SyntaxError{Offset: int64(d.pos), Msg: fmt.Sprintf(format, args...)})
}

func (d *decoder) refuse(format string, args ...any) any {
	return d.fail(&RefusedError{Offset: int64(d.pos), What: fmt.Sprintf(format, args...)})
}

func (d *decoder) exceeds(limit string, bound int) any {
	return d.fail(&LimitError{Offset: int64(d.pos), Limit: limit, Max: bound})
}

func (d *decoder) byte() byte {
	if d.pos >= len(d.in) {
		d.fail(truncated(len(d.in)))
		return 0
	}
	c := d.in[d.pos]
	d.pos++
	return c
}

// long reads an integer in Marshal's variable form: 0; or 1 to 4 with as many
// bytes, little-endian; -1 to -4 the same for negative numbers; anything else
// is the number moved away from 0 by 5.
func (d *decoder) long() int64 {
	c := int8(d.byte())
	switch {
	case c == 0:
		return 0
	case c > 4:
		return int64(c) - 5
	case c < -4:
		return int64(c) + 5
	}
	n, x := int(c), int64(0)
	if c < 0 {
		n, x = -n, -1
	}
	if len(d.in)-d.pos < n {
		d.fail(truncated(len(d.in)))
		return 0
	}
	for i := range n {
		x &^= 0xff << (8 * i)
		x |= int64(d.in[d.pos+i]) << (8 * i)
	}
	d.pos += n
	return x
}

// count reads how many elements follow, each of so many values. All open
// containers together must fit into what is left of the input and of the
// policy's values, so what is allocated for a count can be used.
func (d *decoder) count(each int) int {
	n := d.long()
	if d.err != nil {
		return 0
	}
	if n < 0 {
		d.syntax("negative length %d", n)
		return 0
	}
	due := n*int64(each) + int64(d.owed)
	if left := len(d.in) - d.pos; due > int64(left) {
		d.fail(&SyntaxError{Offset: int64(d.pos), Err: io.ErrUnexpectedEOF,
			Msg: fmt.Sprintf("%d elements claimed with %d bytes left", n, left)})
		return 0
	}
	if due > int64(d.policy.MaxValues-d.values) {
		d.exceeds("MaxValues", d.policy.MaxValues)
		return 0
	}
	d.owed = int(due)
	return int(n)
}

// bytes reads a length and so many bytes.
func (d *decoder) bytes() string {
	n := d.long()
	if n < 0 {
		d.syntax("negative length %d", n)
		return ""
	}
	return d.take(n)
}

func (d *decoder) take(n int64) string {
	if n > int64(len(d.in)-d.pos) {
		d.fail(truncated(len(d.in)))
		return ""
	}
	s := d.in[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return s
}

// open gives the next number in the object table to v, which is not complete.
func (d *decoder) open(v any) *object {
	return d.objects.add(object{value: v})
}

// leaf numbers a value without parts.
func (d *decoder) leaf(v any) any {
	d.objects.add(object{value: v, size: 1})
	return v
}

// spent returns a mark to measure the size of an object with.
func (d *decoder) spent() int { return d.values + d.expansion }

// close completes the object that was opened when spent() gave start.
func (d *decoder) close(o *object, start int, v any) any {
	*o = object{value: v, size: 1 + d.spent() - start}
	return v
}

func (d *decoder) enter() bool {
	if d.depth++; d.depth > d.policy.MaxDepth {
		d.exceeds("MaxDepth", d.policy.MaxDepth)
		return false
	}
	return true
}
