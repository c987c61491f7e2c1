package marshal

import (
	"bytes"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// envelope is the outer hash of a request as a PSK node reads it.
type envelope struct {
	Body       Binary     `marshal:"body,symbol"`
	SenderID   string     `marshal:"senderid,symbol"`
	RequestID  string     `marshal:"requestid,symbol,usascii"`
	Filter     filterHash `marshal:"filter,symbol"`
	Collective string     `marshal:"collective,symbol"`
	Agent      string     `marshal:"agent,symbol"`
	CallerID   string     `marshal:"callerid,symbol"`
	TTL        int        `marshal:"ttl,symbol"`
	Time       int64      `marshal:"msgtime,symbol"`
	Hash       string     `marshal:"hash,symbol,usascii"`
}

type filterHash struct {
	Fact     []any    `marshal:"fact"`
	Class    []string `marshal:"cf_class"`
	Agent    []string `marshal:"agent"`
	Identity []string `marshal:"identity"`
	Compound []any    `marshal:"compound"`
}

func captured(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A captured request of the Ruby client goes into a struct and out again byte
// for byte.
func TestStructEnvelope(t *testing.T) {
	in := captured(t, "ping.request.bin")
	var env envelope
	if err := EnvelopePolicy.Unmarshal(in, &env); err != nil {
		t.Fatal(err)
	}
	if env.SenderID != "interop-client" || env.TTL != 60 || env.Time != 1795336394 || env.CallerID != "uid=0" || env.Filter.Fact == nil {
		t.Errorf("%+v", env)
	}
	var body string
	if err := BodyPolicy.Unmarshal([]byte(env.Body), &body); err != nil || body != "ping" {
		t.Errorf("%q, %v", body, err)
	}
	out, err := Marshal(env)
	if err != nil || !bytes.Equal(in, out) {
		t.Errorf("%v\n%s", err, difference(out, in))
	}
	if out, err = Marshal(&env); err != nil || !bytes.Equal(in, out) {
		t.Errorf("by pointer: %v\n%s", err, difference(out, in))
	}
}

type celsius float64

// MarshalRuby and UnmarshalRuby put degrees into a hash.
func (c celsius) MarshalRuby() (any, error) { return NewHash(Symbol("degrees"), float64(c)), nil }

func (c *celsius) UnmarshalRuby(v any) error {
	h, ok := v.(*Hash)
	if !ok {
		return errors.New("degrees wanted")
	}
	d, _ := h.Get(Symbol("degrees"))
	f, _ := d.(float64)
	*c = celsius(f)
	return nil
}

type base struct {
	ID string `marshal:"id,symbol"`
}

type everything struct {
	base
	Int8     int8            `marshal:"int8"`
	Uint     uint64          `marshal:"uint"`
	Float    float32         `marshal:"float"`
	Bool     bool            `marshal:"bool"`
	Symbol   Symbol          `marshal:"sym"`
	Bytes    []byte          `marshal:"bytes"`
	Raw      string          `marshal:"raw,binary"`
	Pointer  *int            `marshal:"pointer,omitempty"`
	Any      any             `marshal:"any"`
	Ints     map[int]string  `marshal:"ints"`
	Symbols  map[Symbol]bool `marshal:"symbols"`
	Big      *big.Int        `marshal:"big"`
	BigValue big.Int         `marshal:"bigvalue"`
	Hash     *Hash           `marshal:"hash"`
	Regexp   *Regexp         `marshal:"regexp"`
	Pair     [2]int          `marshal:"pair"`
	Degrees  celsius         `marshal:"degrees"`
	More     []celsius       `marshal:"more"`
	Nested   *everything     `marshal:"nested,omitempty"`
	Empty    []string        `marshal:"empty,omitempty"`
	Default  string
	Skipped  func() `marshal:"-"`
	hidden   int
}

func TestStructEverything(t *testing.T) {
	n := 7
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	in := everything{
		base: base{"x"}, Int8: -5, Uint: 1<<64 - 1, Float: 1.5, Bool: true, Symbol: "größe", Bytes: []byte{0, 255}, Raw: "\xff",
		Pointer: &n, Any: []any{int64(1), Symbol("s"), "t"}, Ints: map[int]string{2: "b", 1: "a"}, Symbols: map[Symbol]bool{"y": true},
		Big: huge, BigValue: *big.NewInt(5), Hash: NewHash("k", int64(1)), Regexp: NewRegexp("a+", RegexpIgnoreCase), Pair: [2]int{3, 4}, Degrees: 21.5,
		More: []celsius{1, 2}, Nested: &everything{base: base{"inner"}, Hash: NewHash(), Ints: map[int]string{}, Symbols: map[Symbol]bool{},
			Bytes: []byte{}, More: []celsius{}, Big: big.NewInt(0), Regexp: NewRegexp("", 0)}, Default: "d",
	}
	b, err := Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out everything
	if err := Unmarshal(b, &out); err != nil {
		t.Fatalf("%v\n%q", err, b)
	}
	again, err := Marshal(out)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("%v\n%s", err, difference(again, b))
	}
	if in.hidden = 0; !reflect.DeepEqual(in, out) {
		t.Errorf("\n got %+v\nwant %+v", out, in)
	}
	if bytes.Contains(b, []byte("Skipped")) || bytes.Contains(b, []byte("hidden")) || bytes.Contains(b, []byte("empty")) {
		t.Errorf("fields that should be left out: %q", b)
	}
}

// A symbol and a string of the same name are two keys.
func TestStructKeysToldApart(t *testing.T) {
	b, err := Marshal(NewHash("agent", "string key", Symbol("agent"), "symbol key", Binary("other"), "binary key", 5, nil, Symbol("none"), nil))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		String  string `marshal:"agent"`
		Symbol  string `marshal:"agent,symbol"`
		Other   string `marshal:"other"`
		None    string `marshal:"none,symbol"`
		Missing string `marshal:"missing"`
	}
	s.None, s.Missing = "was", "stays"
	if err := BodyPolicy.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if s.String != "string key" || s.Symbol != "symbol key" || s.Other != "binary key" || s.None != "" || s.Missing != "stays" {
		t.Errorf("%+v", s)
	}
}

func TestMisfits(t *testing.T) {
	var s struct {
		N    int8              `marshal:"n"`
		Text string            `marshal:"text"`
		List []struct{ A int } `marshal:"list"`
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{NewHash("n", 300), "Ruby integer 300 at n does not fit Go type int8"},
		{NewHash("n", 1.5), "Ruby float at n"},
		{NewHash("text", Symbol("s")), "Ruby symbol at text does not fit Go type string"},
		{NewHash("list", []any{nil, NewHash("A", "x")}), "Ruby string at list[1].A does not fit Go type int"},
		{[]any{}, "Ruby array of 0 does not fit"},
		{NewHash("text", &String{Bytes: "\xe9", Encoding: "ISO-8859-1"}), "Ruby string at text"},
	} {
		b, err := Marshal(c.v)
		if err != nil {
			t.Fatal(err)
		}
		var misfit *UnmarshalTypeError
		if err := Unmarshal(b, &s); !errors.As(err, &misfit) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, v := range []any{nil, s, (*int)(nil), (*any)(nil), (*Value)(nil)} {
		if err := Unmarshal([]byte("\x04\x080"), v); err == nil {
			t.Errorf("decoded into %T", v)
		}
	}
}

// The types of this package can be asked for by name.
func TestOwnTypes(t *testing.T) {
	b, err := Marshal(NewHash("h", NewHash("a", int64(1)), "r", NewRegexp("x", 0), "s", Symbol("sym"), "f", 1.5))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		H Hash    `marshal:"h"`
		R *Regexp `marshal:"r"`
		S Symbol  `marshal:"s"`
		F any     `marshal:"f"`
	}
	var h *Hash
	var m map[string]any
	if err := errors.Join(Unmarshal(b, &s), Unmarshal(b, &h), Unmarshal(b, &m)); err != nil {
		t.Fatal(err)
	}
	if v, _ := s.H.Get("a"); v != int64(1) || s.R.Source != "x" || s.S != "sym" || s.F != 1.5 || h.Len() != 4 || len(m) != 4 {
		t.Errorf("%+v %v %v", s, h, m)
	}
	if err := Unmarshal([]byte("\x04\x08[\x00"), &s.H); err == nil {
		t.Error("array in a Hash")
	}
	c, err := Marshal(map[any]any{1: "int", "k": "string", Symbol("k"): "symbol", 1.5: "float", true: "bool", Binary("b"): "binary"})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if d, err := Marshal(map[any]any{true: "bool", 1.5: "float", Binary("b"): "binary", Symbol("k"): "symbol", "k": "string", 1: "int"}); err != nil || !bytes.Equal(c, d) {
			t.Fatalf("%v\n%q\n%q", err, c, d)
		}
	}
}

func TestUnsupported(t *testing.T) {
	deep := any(nil)
	for range hardDepth + 1 {
		deep = []any{deep}
	}
	loop := map[string]any{}
	loop["self"] = loop
	for _, v := range []any{make(chan int), func() {}, complex(1, 2), struct{ a int }{}, deep, loop, Symbol("\xff"), Cycle{},
		struct {
			A int `marshal:"x,nonsense"`
		}{}, struct {
			A int `marshal:"x"`
			B int `marshal:"x"`
		}{}, []any{make(chan int)}, &Object{Ivars: []Ivar{{"@a", uintptr(1)}, {"@b", make(chan int)}}}} {
		var unsupported *UnsupportedTypeError
		b, err := AppendMarshal([]byte("kept"), v)
		if !errors.As(err, &unsupported) || string(b) != "kept" {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// Nil pointers of every type are nil, nil slices and maps are empty.
func TestNil(t *testing.T) {
	for _, v := range []any{(*Hash)(nil), (*String)(nil), (*Regexp)(nil), (*Float)(nil), (*Array)(nil), (*Object)(nil), (*Struct)(nil),
		(*UserDefined)(nil), (*UserMarshal)(nil), (*Data)(nil), (*Class)(nil), (*Module)(nil), (*big.Int)(nil), (*int)(nil), Value{}, (*celsius)(nil)} {
		if b, err := Marshal(v); err != nil || string(b) != "\x04\x080" {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
	for v, want := range map[any]string{[0]int{}: "[\x00"} {
		if b, err := Marshal(v); err != nil || string(b) != "\x04\x08"+want {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
	for _, c := range []struct {
		v    any
		want string
	}{{[]any(nil), "[\x00"}, {[]string(nil), "[\x00"}, {[]int(nil), "[\x00"}, {[]byte(nil), "\"\x00"}, {map[string]any(nil), "{\x00"}, {map[int]int(nil), "{\x00"}} {
		if b, err := Marshal(c.v); err != nil || string(b) != "\x04\x08"+c.want {
			t.Errorf("%T: %q, %v", c.v, b, err)
		}
	}
}
