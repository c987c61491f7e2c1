package marshal

import (
	"cmp"
	"math/big"
	"reflect"
	"slices"
	"sync"
)

// An encodeFunc writes a value of one Go type.
type encodeFunc func(e *encoder, v reflect.Value)

var (
	encodeFuncs sync.Map // reflect.Type to encodeFunc

	marshalerType = reflect.TypeFor[Marshaler]()
	symbolType    = reflect.TypeFor[Symbol]()
	binaryType    = reflect.TypeFor[Binary]()
	bigIntType    = reflect.TypeFor[big.Int]()
)

// own lists the types that encoder.value takes as they are.
var own = sync.OnceValue(func() map[reflect.Type]bool {
	m := map[reflect.Type]bool{}
	for _, v := range []any{(*big.Int)(nil), (*String)(nil), (*Regexp)(nil), EncodedSymbol{}, (*Float)(nil), (*Array)(nil),
		(*Object)(nil), (*Struct)(nil), (*UserDefined)(nil), (*UserMarshal)(nil), (*Data)(nil), (*Class)(nil), (*Module)(nil),
		Cycle{}, Value{}, (*Hash)(nil), []any(nil), []string(nil), map[string]any(nil)} {
		m[reflect.TypeOf(v)] = true
	}
	return m
})

func (e *encoder) reflect(v any) {
	rv := reflect.ValueOf(v)
	encoderOf(rv.Type())(e, rv)
}

func encoderOf(t reflect.Type) encodeFunc {
	if f, ok := encodeFuncs.Load(t); ok {
		return f.(encodeFunc)
	}
	f := newEncoder(t)
	encodeFuncs.Store(t, f)
	return f
}

func lazyEncoder(t reflect.Type) func() encodeFunc {
	return sync.OnceValue(func() encodeFunc { return encoderOf(t) })
}

func newEncoder(t reflect.Type) encodeFunc {
	switch {
	case own()[t]:
		return func(e *encoder, v reflect.Value) { e.value(v.Interface()) }
	case t.Implements(marshalerType):
		return encodeMarshaler
	case t == symbolType:
		return func(e *encoder, v reflect.Value) { e.symbol(Symbol(v.String())) }
	case t == binaryType:
		return func(e *encoder, v reflect.Value) { e.binary(v.String()) }
	case t == bigIntType:
		return encodeBigInt
	case reflect.PointerTo(t).Implements(marshalerType):
		return encodeAddressed(newKindEncoder(t))
	}
	return newKindEncoder(t)
}

func newKindEncoder(t reflect.Type) encodeFunc {
	switch t.Kind() {
	case reflect.Bool:
		return func(e *encoder, v reflect.Value) { e.bool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(e *encoder, v reflect.Value) { e.integer(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(e *encoder, v reflect.Value) { e.unsigned(v.Uint()) }
	case reflect.Float32, reflect.Float64:
		return func(e *encoder, v reflect.Value) { e.float(v.Float()) }
	case reflect.String:
		return func(e *encoder, v reflect.Value) { e.text(v.String()) }
	case reflect.Interface:
		return func(e *encoder, v reflect.Value) { e.value(v.Interface()) }
	case reflect.Pointer:
		return newPointerEncoder(t)
	case reflect.Slice, reflect.Array:
		return newListEncoder(t)
	case reflect.Map:
		return newMapEncoder(t)
	case reflect.Struct:
		return newStructEncoder(t)
	}
	return func(e *encoder, _ reflect.Value) { e.unsupportedType(t, "there is nothing like it in Ruby") }
}

func encodeMarshaler(e *encoder, v reflect.Value) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		e.value(nil)
		return
	}
	w, err := v.Interface().(Marshaler).MarshalRuby()
	if err != nil && e.err == nil {
		e.err = err
	}
	if e.enter(w) {
		e.value(w)
		e.depth--
	}
}

// encodeAddressed uses the method of the pointer where there is a pointer.
func encodeAddressed(plain encodeFunc) encodeFunc {
	return func(e *encoder, v reflect.Value) {
		if v.CanAddr() {
			encodeMarshaler(e, v.Addr())
			return
		}
		plain(e, v)
	}
}

func encodeBigInt(e *encoder, v reflect.Value) {
	x := v.Interface().(big.Int)
	e.big(&x)
}

func newPointerEncoder(t reflect.Type) encodeFunc {
	elem := lazyEncoder(t.Elem())
	return func(e *encoder, v reflect.Value) {
		if v.IsNil() {
			e.value(nil)
			return
		}
		if !e.enter(nil) {
			return
		}
		elem()(e, v.Elem())
		e.depth--
	}
}

func newListEncoder(t reflect.Type) encodeFunc {
	if t.Elem().Kind() == reflect.Uint8 && t.Kind() == reflect.Slice {
		return func(e *encoder, v reflect.Value) { e.value(v.Bytes()) }
	}
	elem := lazyEncoder(t.Elem())
	return func(e *encoder, v reflect.Value) {
		n := v.Len()
		if !e.start(typeArray, n, nil) {
			return
		}
		encode := elem()
		for i := range n {
			encode(e, v.Index(i))
		}
		e.depth--
	}
}

func newMapEncoder(t reflect.Type) encodeFunc {
	elem := lazyEncoder(t.Elem())
	return func(e *encoder, v reflect.Value) {
		keys := v.MapKeys()
		slices.SortFunc(keys, compareKeys)
		if !e.start(typeHash, len(keys), nil) {
			return
		}
		encode := elem()
		for _, k := range keys {
			if k.Kind() == reflect.String && k.Type() != symbolType && k.Type() != binaryType {
				e.stringKey(k.String())
			} else {
				e.key(k.Interface())
			}
			encode(e, v.MapIndex(k))
		}
		e.depth--
	}
}

// compareKeys orders the keys of a Go map: first by kind, then by value.
func compareKeys(a, b reflect.Value) int {
	if a.Kind() == reflect.Interface {
		a, b = a.Elem(), b.Elem()
	}
	if a.Kind() != b.Kind() || !a.IsValid() {
		return cmp.Compare(a.Kind(), b.Kind())
	}
	switch {
	case a.Kind() == reflect.String:
		if c := cmp.Compare(a.String(), b.String()); c != 0 {
			return c
		}
		return cmp.Compare(a.Type().String(), b.Type().String())
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.Bool:
		return cmp.Compare(btoi(a.Bool()), btoi(b.Bool()))
	case a.Kind() == reflect.Struct && a.NumField() > 0 && a.Type() == b.Type():
		return compareKeys(a.Field(0), b.Field(0))
	}
	return 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func newStructEncoder(t reflect.Type) encodeFunc {
	p := planOf(t)
	if p.err != "" {
		return func(e *encoder, _ reflect.Value) { e.unsupportedType(t, p.err) }
	}
	omits := slices.ContainsFunc(p.fields, func(f field) bool { return f.omitEmpty })
	return func(e *encoder, v reflect.Value) {
		n := len(p.fields)
		if omits {
			n = p.count(v)
		}
		if !e.start(typeHash, n, nil) {
			return
		}
		for i := range p.fields {
			e.field(&p.fields[i], v)
		}
		e.depth--
	}
}

// count returns how many fields of v are to be written.
func (p *plan) count(v reflect.Value) int {
	n := 0
	for i := range p.fields {
		if f := &p.fields[i]; !f.omitEmpty || !isEmpty(f.of(v)) {
			n++
		}
	}
	return n
}

func (e *encoder) field(f *field, v reflect.Value) {
	v = f.of(v)
	if f.omitEmpty && isEmpty(v) {
		return
	}
	if f.symbol {
		e.symbol(Symbol(f.name))
	} else {
		e.stringKey(f.name)
	}
	if !f.hasForm {
		f.encode()(e, v)
		return
	}
	outer := e.form
	e.form = f.form
	f.encode()(e, v)
	e.form = outer
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	}
	return v.IsZero()
}
