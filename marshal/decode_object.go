package marshal

import "mcollective/value"

// object reads whatever only a policy with AllowObjects lets through, after its
// type c. wrapped tells that an I came first, so instance variables follow.
func (d *decoder) object(c byte, wrapped bool) any {
	if d.err != nil {
		return nil
	}
	if !known(c) {
		d.pos--
		return d.syntax("unknown type %q", c)
	}
	if !d.policy.AllowObjects {
		d.pos--
		return d.refuse("value of type %q", c)
	}
	var x *value.Extra
	if c == typeExtended || c == typeSubclass {
		x = new(value.Extra)
		c = d.prefixes(c, x)
	}
	start := d.spent()
	switch c {
	case typeString:
		return d.text(x, wrapped)
	case typeRegexp:
		return d.regexp(x, wrapped)
	case typeArray:
		return d.array(x, wrapped)
	case typeHash, typeHashDefault:
		return d.hash(x, wrapped, c == typeHashDefault)
	case typeObject:
		return d.instance(x)
	case typeStruct:
		return d.structure(x, wrapped)
	case typeUserDefined:
		return d.userDefined(x, wrapped)
	case typeUserMarshal, typeData:
		return d.userMarshal(c, x, wrapped)
	case typeClass, typeModule, typeOldModule:
		v := d.classRef(c)
		return d.close(d.open(v), start, v)
	}
	return d.syntax("type %q after class or module", c)
}

func known(c byte) bool {
	switch c {
	case typeArray, typeHash, typeHashDefault, typeExtended, typeSubclass, typeObject, typeStruct,
		typeUserDefined, typeUserMarshal, typeData, typeClass, typeModule, typeOldModule:
		return true
	}
	return false
}

// prefixes reads the modules that extend an object and its class, in the order
// in which Ruby writes them, and returns the type of the object proper.
func (d *decoder) prefixes(c byte, x *value.Extra) byte {
	for c == typeExtended {
		x.Extended = append(x.Extended, d.name())
		c = d.byte()
	}
	for c == typeSubclass && d.err == nil {
		name := d.name()
		c = d.byte()
		switch {
		case name == "Hash" && (c == typeHash || c == typeHashDefault):
			x.Identity = true
		case x.Class == "":
			x.Class = name
		default:
			d.syntax("second class %.40q of an object", name)
		}
	}
	switch c {
	case typeString, typeRegexp, typeArray, typeHash, typeHashDefault:
		return c
	case typeObject, typeStruct, typeData:
		if x.Class == "" {
			return c
		}
	}
	d.syntax("type %q after class or module", c)
	return 0
}

func (d *decoder) instance(x *value.Extra) any {
	start := d.spent()
	o := &value.Object{Extra: x}
	entry := d.open(o)
	o.Class = d.name()
	o.Ivars = d.members()
	for i := range o.Ivars {
		switch name := o.Ivars[i].Name; name {
		case "E", "encoding", flagKeywords:
			return d.syntax("instance variable %s of an object", name)
		}
	}
	return d.close(entry, start, o)
}

func (d *decoder) structure(x *value.Extra, wrapped bool) any {
	start := d.spent()
	o := &value.Struct{Extra: x}
	entry := d.open(o)
	o.Class = d.name()
	o.Members = d.members()
	if wrapped {
		o.Extra = d.attributes(typeStruct, x, nil)
	}
	return d.close(entry, start, o)
}

// members reads names with values: the content of an object or struct.
func (d *decoder) members() []value.Ivar {
	n := d.count(2)
	if d.err != nil || !d.enter() {
		return nil
	}
	list := make([]value.Ivar, n)
	for i := range list {
		d.owed -= 2
		list[i].Name = d.name()
		if list[i].Value = d.value(); d.err != nil {
			return nil
		}
	}
	d.depth--
	return list
}

// userDefined reads an object that Ruby enters into its table only when it is
// complete: objects among its instance variables come before it.
func (d *decoder) userDefined(x *value.Extra, wrapped bool) any {
	start := d.spent()
	u := &value.UserDefined{Class: d.name(), Data: d.bytes()}
	if wrapped {
		u.Extra = d.attributes(typeUserDefined, x, &u.Encoding)
	}
	return d.close(d.open(u), start, u)
}

func (d *decoder) userMarshal(c byte, x *value.Extra, wrapped bool) any {
	start := d.spent()
	class := d.name()
	if d.err != nil || !d.enter() {
		return nil
	}
	var v any
	var payload *any
	var extra **value.Extra
	if c == typeData {
		o := &value.Data{Class: class}
		v, payload, extra = o, &o.Value, &o.Extra
	} else {
		o := &value.UserMarshal{Class: class}
		v, payload, extra = o, &o.Value, &o.Extra
	}
	entry := d.open(v)
	*payload = d.value()
	d.depth--
	if wrapped {
		x = d.attributes(c, x, nil)
	}
	*extra = x
	return d.close(entry, start, v)
}

func (d *decoder) classRef(c byte) any {
	name := d.bytes()
	if len(name) > d.policy.MaxSymbolBytes {
		return d.exceeds("MaxSymbolBytes", d.policy.MaxSymbolBytes)
	}
	if c == typeClass {
		return &value.Class{Name: name}
	}
	return &value.Module{Name: name, Old: c == typeOldModule}
}
