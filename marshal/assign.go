package marshal

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"sync"
)

// Unmarshal decodes data as one value into what v points to, under p. A nil p
// is [BodyPolicy]. Decoding into a *[Value] is lossless, into anything else as
// the package comment describes. In case of an error v may hold a part of what
// was decoded.
func (p *Policy) Unmarshal(data []byte, v any) error {
	if p == nil {
		p = &BodyPolicy
	}
	switch v := v.(type) {
	case *any:
		if v == nil {
			break
		}
		x, err := p.decode(data, false)
		if err == nil {
			*v = x
		}
		return err
	case *Value:
		if v == nil {
			break
		}
		x, err := p.decode(data, true)
		if err == nil {
			v.Node = x
		}
		return err
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("marshal: cannot decode into %T: a pointer that is not nil is needed", v)
	}
	if p.direct(data, rv.Elem()) {
		return nil
	}
	x, err := p.decode(data, false)
	if err != nil {
		return err
	}
	return assign(rv.Elem(), x)
}

// UnmarshalString is [Policy.Unmarshal] of a string. What it decodes into an any
// shares the string's memory instead of copying it.
func (p *Policy) UnmarshalString(data string, v any) error {
	to, ok := v.(*any)
	if !ok || to == nil {
		return p.Unmarshal([]byte(data), v)
	}
	if p == nil {
		p = &BodyPolicy
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	if !d.accept(p, len(data)) || !d.header(data) {
		return d.err
	}
	x, err := d.whole()
	if err == nil {
		*to = x
	}
	return err
}

var (
	unmarshalerType = reflect.TypeFor[Unmarshaler]()
	valueType       = reflect.TypeFor[Value]()
)

var specials sync.Map // reflect.Type to bool

// isSpecial reports whether [assignSpecial] has to be asked about a type.
func isSpecial(t reflect.Type) bool {
	if t.PkgPath() == "" && t.Kind() != reflect.Pointer {
		return false // a plain type of the language
	}
	if known, ok := specials.Load(t); ok {
		return known.(bool)
	}
	special := t == valueType || t == symbolType || t == bigIntType || own()[t] || own()[reflect.PointerTo(t)] ||
		t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(unmarshalerType)
	specials.Store(t, special)
	return special
}

// assign stores what was decoded in a Go variable of any type.
func assign(dst reflect.Value, v any) error {
	return assignTo(dst, v, isSpecial(dst.Type()))
}

func assignTo(dst reflect.Value, v any, special bool) error {
	t := dst.Type()
	if special {
		if done, err := assignSpecial(dst, v); done {
			return err
		}
	}
	if v == nil {
		dst.SetZero()
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return assignString(dst, v)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			dst.Set(reflect.ValueOf(v))
			return nil
		}
		if vv := reflect.ValueOf(v); vv.Type().AssignableTo(t) {
			dst.Set(vv)
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i, ok := v.(int64); ok && !dst.OverflowInt(i) {
			dst.SetInt(i)
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u, ok := unsigned(v); ok && !dst.OverflowUint(u) {
			dst.SetUint(u)
			return nil
		}
	case reflect.Float32, reflect.Float64:
		return assignFloat(dst, v)
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			dst.SetBool(b)
			return nil
		}
	case reflect.Pointer:
		return assignPointer(dst, v)
	case reflect.Slice, reflect.Array:
		return assignList(dst, v)
	case reflect.Map:
		return assignMap(dst, v)
	case reflect.Struct:
		return assignStruct(dst, v)
	}
	return misfit(t, v)
}

// assignSpecial handles types that have a say of their own.
func assignSpecial(dst reflect.Value, v any) (bool, error) {
	t := dst.Type()
	switch {
	case reflect.PointerTo(t).Implements(unmarshalerType):
		return true, dst.Addr().Interface().(Unmarshaler).UnmarshalRuby(v)
	case t == valueType:
		dst.Set(reflect.ValueOf(Value{v}))
		return true, nil
	case t == symbolType:
		s, ok := v.(Symbol)
		if !ok && v != nil {
			return true, misfit(t, v)
		}
		dst.SetString(string(s))
		return true, nil
	case t == bigIntType:
		x := dst.Addr().Interface().(*big.Int)
		switch v := v.(type) {
		case nil:
			x.SetInt64(0)
		case int64:
			x.SetInt64(v)
		case *big.Int:
			x.Set(v)
		default:
			return true, misfit(t, v)
		}
		return true, nil
	case v == nil:
		return false, nil
	}
	vv := reflect.ValueOf(v)
	switch {
	case vv.Type() == t:
		dst.Set(vv)
	case vv.Kind() == reflect.Pointer && vv.Type().Elem() == t && !vv.IsNil():
		dst.Set(vv.Elem())
	case own()[reflect.PointerTo(t)]:
		return true, misfit(t, v)
	default:
		return false, nil
	}
	return true, nil
}

func assignString(dst reflect.Value, v any) error {
	switch v := v.(type) {
	case string:
		dst.SetString(v)
	case Binary:
		dst.SetString(string(v))
	default:
		return misfit(dst.Type(), v)
	}
	return nil
}

func assignFloat(dst reflect.Value, v any) error {
	switch v := v.(type) {
	case float64:
		dst.SetFloat(v)
	case int64:
		dst.SetFloat(float64(v))
	default:
		return misfit(dst.Type(), v)
	}
	return nil
}

func unsigned(v any) (uint64, bool) {
	switch v := v.(type) {
	case int64:
		return uint64(v), v >= 0
	case *big.Int:
		return v.Uint64(), v.IsUint64()
	}
	return 0, false
}

func assignPointer(dst reflect.Value, v any) error {
	if vv := reflect.ValueOf(v); vv.Type() == dst.Type() {
		dst.Set(vv) // the types of this package
		return nil
	}
	if dst.IsNil() {
		dst.Set(reflect.New(dst.Type().Elem()))
	}
	return assign(dst.Elem(), v)
}

func assignList(dst reflect.Value, v any) error {
	t := dst.Type()
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		switch v := v.(type) {
		case string:
			dst.SetBytes([]byte(v))
			return nil
		case Binary:
			dst.SetBytes([]byte(v))
			return nil
		}
	}
	items, ok := v.([]any)
	if !ok {
		return misfit(t, v)
	}
	special := isSpecial(t.Elem())
	if t.Kind() == reflect.Array {
		if len(items) != dst.Len() {
			return misfit(t, v)
		}
	} else {
		// Links can make the elements many times what was paid for, so the
		// slice is as long as the list that is there, no longer.
		dst.Set(reflect.MakeSlice(t, len(items), len(items)))
	}
	for i, item := range items {
		if err := assignTo(dst.Index(i), item, special); err != nil {
			return within(err, fmt.Sprintf("[%d]", i))
		}
	}
	return nil
}

func assignMap(dst reflect.Value, v any) error {
	t := dst.Type()
	h, ok := v.(*Hash)
	if !ok {
		return misfit(t, v)
	}
	m := reflect.MakeMapWithSize(t, h.Len())
	for _, p := range h.Pairs {
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := assign(key, p.Key); err != nil {
			return within(err, "a key")
		}
		if !key.Comparable() {
			return misfit(t, p.Key)
		}
		if err := assign(value, p.Value); err != nil {
			return within(err, keyLabel(p.Key))
		}
		m.SetMapIndex(key, value)
	}
	dst.Set(m)
	return nil
}

func assignStruct(dst reflect.Value, v any) error {
	t := dst.Type()
	h, ok := v.(*Hash)
	if !ok {
		return misfit(t, v)
	}
	plan := planOf(t)
	if plan.err != "" {
		return fmt.Errorf("marshal: cannot decode into %s: %s", t, plan.err)
	}
	hint := 0
	for i := range h.Pairs {
		name, symbol := "", false
		switch k := h.Pairs[i].Key.(type) {
		case Symbol:
			name, symbol = string(k), true
		case string:
			name = k
		case Binary:
			name = string(k)
		default:
			continue
		}
		n := plan.find(name, symbol, hint)
		if n < 0 {
			continue
		}
		hint = n + 1
		f := &plan.fields[n]
		if err := assignTo(f.of(dst), h.Pairs[i].Value, f.special); err != nil {
			return within(err, name)
		}
	}
	return nil
}

func keyLabel(k any) string {
	if s, _, ok := keyText(k); ok {
		return s
	}
	return fmt.Sprint(k)
}

func misfit(t reflect.Type, v any) error {
	return &UnmarshalTypeError{Value: describe(v), Type: t}
}

// within puts a step in front of the path of an error from further inside.
func within(err error, step string) error {
	var e *UnmarshalTypeError
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", step, err)
	}
	switch {
	case e.Path == "":
		e.Path = step
	case e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
	return err
}

// describe says what a decoded value is in Ruby's words.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return fmt.Sprint(v)
	case int64, *big.Int:
		return fmt.Sprintf("integer %v", v)
	case float64:
		return "float"
	case string, Binary, *String:
		return "string"
	case Symbol, EncodedSymbol:
		return "symbol"
	case []any:
		return fmt.Sprintf("array of %d", len(v))
	case *Array:
		return fmt.Sprintf("array of %d", len(v.Items))
	case *Hash:
		return "hash"
	case *Regexp:
		return "regular expression"
	case *Class, *Module:
		return "class or module"
	case Cycle:
		return "reference to itself"
	}
	return "object"
}
