package marshal

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A plan is what the tags of a struct type say, found out once.
type plan struct {
	fields []field
	err    string // why the type cannot be used; "" if it can
}

type field struct {
	name      string
	index     []int // for reflect.Value.FieldByIndex; embedded structs make it longer
	symbol    bool
	omitEmpty bool
	form      form
	hasForm   bool
	special   bool // see isSpecial
	direct    directKind
	encode    func() encodeFunc // of its type, looked up when first needed: types can be recursive
}

var plans sync.Map // reflect.Type to *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	p.add(t, nil)
	if len(p.fields) == 0 && t.NumField() > 0 && p.err == "" {
		p.err = "struct without exported fields"
	}
	actual, _ := plans.LoadOrStore(t, p)
	return actual.(*plan)
}

func (p *plan) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, tagged := sf.Tag.Lookup("marshal")
		if tag == "-" {
			continue
		}
		at := append(slices.Clip(index), i)
		if sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Struct {
			p.add(sf.Type, at)
			continue
		}
		if !sf.IsExported() {
			continue
		}
		options := strings.Split(tag, ",")
		f := field{name: options[0], index: at, special: isSpecial(sf.Type), direct: directKindOf(sf.Type), encode: lazyEncoder(sf.Type)}
		if f.name == "" {
			f.name = sf.Name
		}
		for _, o := range options[1:] {
			switch o {
			case "symbol":
				f.symbol = true
			case "omitempty":
				f.omitEmpty = true
			case "usascii":
				f.form, f.hasForm = formASCII, true
			case "binary":
				f.form, f.hasForm = formBinary, true
			default:
				p.err = "field " + sf.Name + " has unknown option " + o
			}
		}
		if p.has(f.name, f.symbol) {
			p.err = "two fields are called " + f.name
		}
		p.fields = append(p.fields, f)
	}
}

func (p *plan) has(name string, symbol bool) bool {
	return slices.ContainsFunc(p.fields, func(f field) bool { return f.name == name && f.symbol == symbol })
}

// of returns the field's value in a struct.
func (f *field) of(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	return v.FieldByIndex(f.index)
}

// find returns the field for a key. Keys mostly come in the order of the
// fields, so it looks at hint first.
func (p *plan) find(name string, symbol bool, hint int) int {
	for n := range p.fields {
		i := hint + n
		if i >= len(p.fields) {
			i -= len(p.fields)
		}
		if f := &p.fields[i]; f.symbol == symbol && f.name == name {
			return i
		}
	}
	return -1
}
