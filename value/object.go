package value

// The types of this file are inert: what Ruby calls an object is here its class
// name and its parts, which encode back unchanged. Nothing is ever looked up or
// instantiated by name. They come only from a policy with AllowObjects.

// Extra is what Ruby can attach to an object besides its content. A nil *Extra
// means nothing is attached.
type Extra struct {
	Class    Symbol   // user subclass of String, Regexp, Array or Map; "" for none
	Extended []Symbol // modules that extend this one object, in Ruby's order
	Ivars    []Ivar   // instance variables in order, encodings excepted
	Identity bool     // hashes: compare_by_identity
	Repeated bool     // hashes: a key came more than once; its last value was kept
}

// An Ivar is one instance variable of an object, or one member of a [Struct].
type Ivar struct {
	Name  Symbol // with the @, where Ruby has one
	Value any
}

// An Object is an instance of any class (wire type o).
type Object struct {
	Class Symbol
	Ivars []Ivar
	Extra *Extra // only Extended is used
}

// A Struct is an instance of a Ruby Struct class (S).
type Struct struct {
	Class   Symbol
	Members []Ivar
	Extra   *Extra
}

// A Class is a reference to a class by name (c).
type Class struct{ Name string }

// A Module is a reference to a module by name (m). Old marks the form M of
// Ruby 1.6, which may mean a class too.
type Module struct {
	Name string
	Old  bool
}

// UserDefined is an object that wrote itself as bytes with _dump (u), such as a
// Time. Encoding is that of the bytes.
type UserDefined struct {
	Class    Symbol
	Data     string
	Encoding string
	Extra    *Extra // only Ivars is used
}

// UserMarshal is an object that wrote itself as another value with
// marshal_dump (U), such as a Date.
type UserMarshal struct {
	Class Symbol
	Value any
	Extra *Extra
}

// Data is an object of a C extension that wrote itself with _dump_data (d).
type Data struct {
	Class Symbol
	Value any
	Extra *Extra // only Extended is used
}

// An Array is an array that needs more than []any: something is attached to it,
// or it is part of a [Value], where its identity counts.
type Array struct {
	Items []any
	Extra *Extra
}

// A Float is a float with an identity, as part of a [Value].
type Float struct{ Value float64 }

// A Cycle takes the place of a reference from inside an object to itself, where
// the policy asks for it. It cannot be encoded.
type Cycle struct{}
