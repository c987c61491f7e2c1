package marshal

import (
	"errors"
	"reflect"
)

// This file is the short way for messages that look as their struct expects:
// it fills the fields in one pass without building hashes first. Whatever else
// it meets (an unknown or repeated key, a link to what went into a field, a
// value that does not fit), it gives up and the whole input is decoded in the
// general way, which knows what to do about it. That costs at most twice the
// time.

// A directKind is what the short way can fill a field with.
type directKind byte

const (
	directGeneral directKind = iota // decode a value, then assign it
	directString
	directInt
	directStrings
	directStruct
)

func directKindOf(t reflect.Type) directKind {
	switch {
	case isSpecial(t):
		return directGeneral
	case t.Kind() == reflect.String:
		return directString
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Int64:
		return directInt
	case t == stringsType:
		return directStrings
	case t.Kind() == reflect.Struct:
		return directStruct
	}
	return directGeneral
}

var stringsType = reflect.TypeFor[[]string]()

// errIndirect is never seen outside: it says that the general way is needed.
var errIndirect = errors.New("marshal: not direct")

// maxDirect is how many fields fit into the set of those seen.
const maxDirect = 64

// direct decodes data into dst and reports whether it could.
func (p *Policy) direct(data []byte, dst reflect.Value) bool {
	if dst.Kind() != reflect.Struct || isSpecial(dst.Type()) || len(data) < 3 || data[2] != typeHash {
		return false
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	if !d.begin(p, data) {
		return false
	}
	d.direct = true
	d.fill(dst, directStruct)
	d.end()
	return d.err == nil
}

// fill reads a value into dst.
func (d *decoder) fill(dst reflect.Value, kind directKind) {
	if kind == directGeneral {
		v := d.value()
		if d.err == nil {
			d.err = assign(dst, v)
		}
		return
	}
	if d.values++; d.values > d.policy.MaxValues {
		d.fail(errIndirect)
		return
	}
	switch c := d.byte(); {
	case kind == directString && c == typeIvars, kind == directString && c == typeString:
		dst.SetString(d.directText(c))
	case kind == directInt && c == typeFixnum:
		d.setInt(dst, d.long())
	case kind == directInt && c == typeBignum:
		i, ok := d.bignum().(int64)
		if !ok {
			d.fail(errIndirect)
			return
		}
		d.setInt(dst, i)
	case kind == directStrings && c == typeArray:
		d.fillStrings(dst)
	case kind == directStruct && c == typeHash:
		d.fillStruct(dst)
	default:
		d.fail(errIndirect)
	}
}

func (d *decoder) setInt(dst reflect.Value, i int64) {
	if dst.OverflowInt(i) {
		d.fail(errIndirect)
		return
	}
	dst.SetInt(i)
}

// directText reads a string after its type c. It takes a number in the object
// table but nothing to link to.
func (d *decoder) directText(c byte) string {
	if c == typeIvars {
		if s, ok := d.plainText(); ok {
			d.open(nil)
			return s
		}
		if d.byte() != typeString {
			d.fail(errIndirect)
			return ""
		}
	}
	s := d.bytes()
	d.open(nil)
	if c == typeIvars {
		encoding := ""
		x := d.attributes(typeString, nil, &encoding)
		if x != nil || encoding != "" && encoding != utf8Name && encoding != usASCII {
			d.fail(errIndirect)
		}
	}
	return s
}

func (d *decoder) fillStrings(dst reflect.Value) {
	n := d.count(1)
	if d.err != nil || !d.enter() {
		return
	}
	d.open(nil)
	list := make([]string, n)
	for i := range list {
		d.owed--
		d.values++
		c := d.byte()
		if c != typeIvars && c != typeString || d.values > d.policy.MaxValues {
			d.fail(errIndirect)
			return
		}
		list[i] = d.directText(c)
	}
	d.depth--
	*dst.Addr().Interface().(*[]string) = list
}

func (d *decoder) fillStruct(dst reflect.Value) {
	p := planOf(dst.Type())
	n := d.count(2)
	if p.err != "" || len(p.fields) > maxDirect {
		d.fail(errIndirect)
	}
	if d.err != nil || !d.enter() {
		return
	}
	d.open(nil)
	var seen uint64
	hint := 0
	for range n {
		d.owed -= 2
		name, symbol := d.directKey()
		i := p.find(name, symbol, hint)
		if i < 0 || seen&(1<<i) != 0 {
			d.fail(errIndirect)
		}
		if d.err != nil {
			return
		}
		seen |= 1 << i
		hint = i + 1
		f := &p.fields[i]
		d.fill(f.of(dst), f.direct)
	}
	d.depth--
}

// directKey reads a key that is a symbol or string.
func (d *decoder) directKey() (name string, isSymbol bool) {
	if d.values++; d.values > d.policy.MaxValues {
		d.fail(errIndirect)
	}
	var e *symbol
	switch c := d.byte(); c {
	case typeSymbol:
		e = d.symbol(false)
	case typeSymlink:
		e = d.symlink()
	case typeIvars, typeString:
		return d.directText(c), false
	default:
		d.fail(errIndirect)
		return "", false
	}
	if _, ok := e.value.(Symbol); !ok {
		d.fail(errIndirect)
	}
	return e.name, true
}
