package marshal

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"mcollective/internal/subtest"
	"mcollective/value"
)

func captured(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A captured request of the Ruby client is decoded and encoded again byte for
// byte.
func TestCapturedRequest(t *testing.T) {
	in := captured(t, "ping.request.bin")
	v, err := EnvelopePolicy.UnmarshalValue(in)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := Marshal(v); err != nil || !bytes.Equal(in, out) {
		t.Errorf("%v\n%s", err, difference(out, in))
	}
	x, err := EnvelopePolicy.Unmarshal(in)
	if err != nil {
		t.Fatal(err)
	}
	envelope := x.(*value.Map)
	for key, want := range map[value.Symbol]any{"senderid": "interop-client", "ttl": int64(60), "msgtime": int64(1795336394), "callerid": "uid=0"} {
		t.Run(subtest.Name(key), func(t *testing.T) {
			if got, _ := envelope.Get(key); got != want {
				t.Errorf("%s is %v, want %v", key, got, want)
			}
		})
	}
	inner, _ := envelope.Get(value.Symbol("body"))
	if body, err := BodyPolicy.Unmarshal([]byte(inner.(value.Binary))); err != nil || body != "ping" {
		t.Errorf("%q, %v", body, err)
	}
}

// Every Go type that the package comment lists, beside those that decoding gives.
func TestGoTypes(t *testing.T) {
	big70 := new(big.Int).Lsh(big.NewInt(1), 70)
	for _, c := range []struct{ v, want any }{
		{int8(-5), int64(-5)}, {int16(300), int64(300)}, {int32(math.MinInt32), int64(math.MinInt32)}, {int(7), int64(7)},
		{uint8(200), int64(200)}, {uint16(60000), int64(60000)}, {uint32(math.MaxUint32), int64(math.MaxUint32)}, {uint(9), int64(9)},
		{uint64(math.MaxInt64), int64(math.MaxInt64)}, {uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)},
		{float32(1.5), 1.5}, {big70, big70}, {[]byte("\xff"), value.Binary("\xff")}, {[]string{"a", "b"}, []any{"a", "b"}},
		{map[string]any{"b": 1, "a": "x"}, value.NewMap("a", "x", "b", int64(1))},
	} {
		t.Run(subtest.Name(c.v), func(t *testing.T) {
			data, err := Marshal(c.v)
			if err != nil {
				t.Errorf("%T: %v", c.v, err)
				return
			}
			got, err := Unmarshal(data)
			if err != nil || !same(got, c.want) {
				t.Errorf("%T %v gives %#v, %v; want %#v", c.v, c.v, got, err, c.want)
			}
		})
	}
}

func TestUnsupported(t *testing.T) {
	deep := any(nil)
	for range hardDepth + 1 {
		deep = []any{deep}
	}
	loop := map[string]any{}
	loop["self"] = loop
	number := 1
	for _, v := range []any{make(chan int), func() {}, complex(1, 2), struct{ A int }{1}, map[int]int{1: 1}, []int{1}, &number, errors.New("x"),
		deep, loop, value.Symbol("\xff"), value.Cycle{}, []any{make(chan int)}, &value.Object{Ivars: []value.Ivar{{Name: "@a", Value: int8(1)}, {Name: "@b", Value: make(chan int)}}}} {
		var unsupported *UnsupportedTypeError
		b, err := AppendMarshal([]byte("kept"), v)
		if !errors.As(err, &unsupported) || string(b) != "kept" {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// Nil pointers of every type are nil, nil slices and maps are empty.
func TestNil(t *testing.T) {
	for _, v := range []any{(*value.Map)(nil), (*value.String)(nil), (*value.Regexp)(nil), (*value.Float)(nil), (*value.Array)(nil), (*value.Object)(nil), (*value.Struct)(nil),
		(*value.UserDefined)(nil), (*value.UserMarshal)(nil), (*value.Data)(nil), (*value.Class)(nil), (*value.Module)(nil), (*big.Int)(nil), Value{}} {
		if b, err := Marshal(v); err != nil || string(b) != "\x04\x080" {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
	for _, c := range []struct {
		v    any
		want string
	}{{[]any(nil), "[\x00"}, {[]string(nil), "[\x00"}, {[]byte(nil), "\"\x00"}, {map[string]any(nil), "{\x00"}} {
		t.Run(subtest.Name(c.v), func(t *testing.T) {
			if b, err := Marshal(c.v); err != nil || string(b) != "\x04\x08"+c.want {
				t.Errorf("%T: %q, %v", c.v, b, err)
			}
		})
	}
}
