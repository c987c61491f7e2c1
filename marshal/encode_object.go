package marshal

import (
	"math/big"

	"mcollective/internal/plaintext"
	"mcollective/value"
)

// object writes the types of this package that have an identity.
func (e *encoder) object(v any) {
	switch v := v.(type) {
	case *big.Int:
		e.big(v)
	case *value.String:
		e.string(v)
	case *value.Regexp:
		e.regexp(v)
	case value.EncodedSymbol:
		e.encodedSymbol(v)
	case *value.Float:
		e.floatObject(v)
	case *value.Array:
		e.array(v)
	case *value.Object:
		e.instance(v)
	case *value.Struct:
		e.structure(v)
	case *value.UserDefined:
		e.userDefined(v)
	case *value.UserMarshal:
		if v == nil {
			e.value(nil)
			return
		}
		e.payload(v, typeUserMarshal, v.Extra, v.Class, v.Value)
	case *value.Data:
		if v == nil {
			e.value(nil)
			return
		}
		e.payload(v, typeData, v.Extra, v.Class, v.Value)
	case *value.Class:
		e.classRef(v)
	case *value.Module:
		e.moduleRef(v)
	case value.Cycle:
		e.unsupported(v, "stands for a reference that was cut")
	default:
		e.unsupported(v, "it is none of the types that Ruby has a form for")
	}
}

// begin writes what precedes an object: I if variables follow, the modules that
// extend it, its class.
func (e *encoder) begin(x *value.Extra, variables bool) {
	if variables {
		e.buf = append(e.buf, typeIvars)
	}
	if x == nil {
		return
	}
	for _, m := range x.Extended {
		e.buf = append(e.buf, typeExtended)
		e.symbol(m)
	}
	if x.Class != "" {
		e.buf = append(e.buf, typeSubclass)
		e.symbol(x.Class)
	}
}

func variables(x *value.Extra) []value.Ivar {
	if x == nil {
		return nil
	}
	return x.Ivars
}

// end writes the variables of an object, its encoding first. It returns without
// a word where there are none.
func (e *encoder) end(x *value.Extra, encoding string) {
	vars := variables(x)
	n := len(vars)
	if encoding != "" {
		n++
	}
	if n == 0 {
		return
	}
	e.long(n)
	if encoding != "" {
		e.encoding(encoding)
	}
	e.members(vars)
}

func (e *encoder) encoding(name string) {
	switch name {
	case value.UTF8:
		e.symbol("E")
		e.bool(true)
	case value.ASCII:
		e.symbol("E")
		e.bool(false)
	default:
		e.symbol("encoding")
		if n, seen := e.encodings.find(name, 0, e.objects); seen {
			e.link(n)
			return
		}
		e.binary(name)
	}
}

func (e *encoder) members(list []value.Ivar) {
	for _, m := range list {
		e.symbol(m.Name)
		e.value(m.Value)
	}
}

func (e *encoder) string(s *value.String) {
	switch {
	case s == nil:
		e.value(nil)
	case !e.seen(s) && e.enter(s):
		e.begin(s.Extra, s.Encoding != "" || len(variables(s.Extra)) > 0)
		e.buf = append(e.buf, typeString)
		e.raw(s.Bytes)
		e.end(s.Extra, s.Encoding)
		e.depth--
	}
}

func (e *encoder) regexp(r *value.Regexp) {
	switch {
	case r == nil:
		e.value(nil)
	case !e.seen(r) && e.enter(r):
		e.begin(r.Extra, r.Encoding != "" || len(variables(r.Extra)) > 0)
		e.buf = append(e.buf, typeRegexp)
		e.raw(r.Source)
		e.buf = append(e.buf, byte(r.Options))
		e.end(r.Extra, r.Encoding)
		e.depth--
	}
}

func (e *encoder) encodedSymbol(s value.EncodedSymbol) {
	switch {
	case s.Encoding == value.UTF8, plaintext.IsASCII(s.Name) && !value.IsWide(s.Encoding):
		e.symbol(value.Symbol(s.Name))
		return
	case e.symlink(s.Encoding+"\x00"+s.Name, 1):
		return
	case s.Encoding != "":
		e.buf = append(e.buf, typeIvars)
	}
	e.buf = append(e.buf, typeSymbol)
	e.raw(s.Name)
	if s.Encoding != "" {
		e.buf = append(e.buf, 1+5)
		e.encoding(s.Encoding)
	}
}

// floatObject writes a float with an identity of its own, unless Ruby keeps
// floats of that value without one.
func (e *encoder) floatObject(f *value.Float) {
	switch {
	case f == nil:
		e.value(nil)
	case isFlonum(f.Value):
		e.float(f.Value)
	case !e.seen(f):
		e.floatText(f.Value)
	}
}

func (e *encoder) array(a *value.Array) {
	switch {
	case a == nil:
		e.value(nil)
	case !e.seen(a) && e.enter(a):
		e.begin(a.Extra, len(variables(a.Extra)) > 0)
		e.buf = append(e.buf, typeArray)
		e.long(len(a.Items))
		for _, v := range a.Items {
			e.value(v)
		}
		e.end(a.Extra, "")
		e.depth--
	}
}

func (e *encoder) hash(h *value.Map) {
	if h == nil {
		e.value(nil)
		return
	}
	if e.seen(h) || !e.enter(h) {
		return
	}
	identity := false
	if h.Extra != nil {
		e.begin(h.Extra, len(h.Extra.Ivars) > 0)
		if identity = h.Extra.Identity; identity {
			e.buf = append(e.buf, typeSubclass)
			e.symbol("Hash")
		}
	}
	if h.Default != nil {
		e.buf = append(e.buf, typeHashDefault)
	} else {
		e.buf = append(e.buf, typeHash)
	}
	e.long(len(h.Pairs))
	for i := range h.Pairs {
		if identity {
			e.value(h.Pairs[i].Key)
		} else {
			e.key(h.Pairs[i].Key)
		}
		e.value(h.Pairs[i].Value)
	}
	if h.Default != nil {
		e.value(h.Default)
	}
	e.end(h.Extra, "")
	e.depth--
}

func (e *encoder) instance(o *value.Object) {
	switch {
	case o == nil:
		e.value(nil)
	case !e.seen(o) && e.enter(o):
		e.begin(modules(o.Extra), false)
		e.buf = append(e.buf, typeObject)
		e.symbol(o.Class)
		e.long(len(o.Ivars))
		e.members(o.Ivars)
		e.depth--
	}
}

func (e *encoder) structure(s *value.Struct) {
	switch {
	case s == nil:
		e.value(nil)
	case !e.seen(s) && e.enter(s):
		vars := len(variables(s.Extra)) > 0
		if vars {
			e.buf = append(e.buf, typeIvars)
		}
		e.begin(modules(s.Extra), false)
		e.buf = append(e.buf, typeStruct)
		e.symbol(s.Class)
		e.long(len(s.Members))
		e.members(s.Members)
		e.end(s.Extra, "")
		e.depth--
	}
}

// modules returns x without a class: objects state theirs themselves.
func modules(x *value.Extra) *value.Extra {
	if x == nil || x.Class == "" {
		return x
	}
	return &value.Extra{Extended: x.Extended}
}

// userDefined numbers the object after everything in it, as Ruby does.
func (e *encoder) userDefined(u *value.UserDefined) {
	if u == nil {
		e.value(nil)
		return
	}
	if n, ok := e.pointers[u]; ok {
		e.link(n)
		return
	}
	if !e.enter(u) {
		return
	}
	if u.Encoding != "" || len(variables(u.Extra)) > 0 {
		e.buf = append(e.buf, typeIvars)
	}
	e.buf = append(e.buf, typeUserDefined)
	e.symbol(u.Class)
	e.raw(u.Data)
	e.end(u.Extra, u.Encoding)
	e.remember(u)
	e.depth--
}

func (e *encoder) payload(v any, c byte, x *value.Extra, class value.Symbol, payload any) {
	if e.seen(v) || !e.enter(v) {
		return
	}
	if len(variables(x)) > 0 {
		e.buf = append(e.buf, typeIvars)
	}
	e.begin(modules(x), false)
	e.buf = append(e.buf, c)
	e.symbol(class)
	e.value(payload)
	e.end(x, "")
	e.depth--
}

func (e *encoder) classRef(c *value.Class) {
	switch {
	case c == nil:
		e.value(nil)
	case !e.seen(c):
		e.buf = append(e.buf, typeClass)
		e.raw(c.Name)
	}
}

func (e *encoder) moduleRef(m *value.Module) {
	switch {
	case m == nil:
		e.value(nil)
	case !e.seen(m):
		c := byte(typeModule)
		if m.Old {
			c = typeOldModule
		}
		e.buf = append(e.buf, c)
		e.raw(m.Name)
	}
}
