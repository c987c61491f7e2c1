package marshal

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"mcollective/value"
)

// What Ruby accepts or chokes on and this package refuses, each with a part of
// the error.
var hostile = []struct{ name, in, err string }{
	{"nothing", "", "unexpected end of input at byte 0"},
	{"header only", "\x04\x08", "unexpected end of input at byte 2"},
	{"older minor", "\x04\x070", "format version 4.7 instead of 4.8"},
	{"newer minor", "\x04\x090", "format version 4.9"},
	{"other major", "\x03\x080", "format version 3.8"},
	{"trailing bytes", "\x04\x0800", "1 bytes after the value"},
	{"trailing newline", "\x04\x080\n", "1 bytes after the value"},
	{"unknown type", "\x04\x08x", "unknown type 'x' at byte 2"},
	{"array of a thousand million", "\x04\x08[\x04\x00\xca\x9a\x3b", "1000000000 elements claimed with 0 bytes left"},
	{"hash of a thousand million", "\x04\x08{\x04\x00\xca\x9a\x3b00", "1000000000 elements claimed"},
	{"hash with one byte for two", "\x04\x08{\x060", "1 elements claimed with 1 bytes left"},
	{"nested claims add up", "\x04\x08[\x08[\x08000", "3 elements claimed"},
	{"string of a thousand million", "\x04\x08\"\x04\x00\xca\x9a\x3b", "unexpected end"},
	{"bignum of a thousand million", "\x04\x08l+\x04\x00\xca\x9a\x3b", "MaxBignumBytes"},
	{"negative array", "\x04\x08[\xfa", "negative length -1"},
	{"negative hash", "\x04\x08{\xfa", "negative length -1"},
	{"negative string", "\x04\x08\"\xfa", "negative length -1"},
	{"negative bignum", "\x04\x08l+\xfa", "negative length -1"},
	{"negative symbol", "\x04\x08:\xfa", "negative length -1"},
	{"length cut short", "\x04\x08[\x02\x01", "unexpected end"},
	{"array inside itself", "\x04\x08[\x06@\x00", "object that contains itself"},
	{"link to nothing", "\x04\x08[\x06@\x06", "link to object 1 of 1"},
	{"negative link", "\x04\x08[\x06@\xfa", "link to object -1"},
	{"symlink to nothing", "\x04\x08;\x00", "link to symbol 0 of 0"},
	{"negative symlink", "\x04\x08[\x07:\x06a;\xfa", "link to symbol -1"},
	{"bignum sign", "\x04\x08l*\x06\x00\x00", "sign '*'"},
	{"float junk", "\x04\x08f\x09junk", `float "junk" at byte 4`},
	{"float hex", "\x04\x08f\x0a0x400", "float"},
	{"float mantissa", "\x04\x08f\x0b1.5\x00\x01\x02", "float"},
	{"float empty", "\x04\x08f\x00", "float"},
	{"float plus", "\x04\x08f\x08+15", "float"},
	{"float out of range", "\x04\x08f\x0a1e999", "float"},
	{"float long", "\x04\x08f\x26" + "1." + strings.Repeat("0", 31), "float"},
	{"inf", "\x04\x08f\x08inf", "float inf refused"},
	{"nan", "\x04\x08f\x08nan", "float nan refused"},
	{"duplicate symbol key", "\x04\x08{\x07:\x06a0;\x000", "duplicate key"},
	{"duplicate string key", "\x04\x08{\x07I\"\x06a\x06:\x06ET0\"\x06a0", "duplicate key"},
	{"array as key", "\x04\x08{\x06[\x000", "hash key that is not a scalar"},
	{"regexp option bits", "\x04\x08/\x06a\x08", "options 0x8"},
	{"object", "\x04\x08o:\x0bObject\x00", "type 'o' refused"},
	{"struct", "\x04\x08S:\x06A\x00", "type 'S' refused"},
	{"user class", "\x04\x08C:\x06A\"\x00", "type 'C' refused"},
	{"extended", "\x04\x08e:\x06A\"\x00", "type 'e' refused"},
	{"user dump", "\x04\x08u:\x06A\x00", "type 'u' refused"},
	{"user dump with variables", "\x04\x08Iu:\x06A\x00\x06:\x06ET", "type 'u' refused"},
	{"user marshal", "\x04\x08U:\x06A0", "type 'U' refused"},
	{"data", "\x04\x08d:\x06A0", "type 'd' refused"},
	{"class", "\x04\x08c\x06A", "type 'c' refused"},
	{"module", "\x04\x08m\x06A", "type 'm' refused"},
	{"old module", "\x04\x08M\x06A", "type 'M' refused"},
	{"string with a variable", "\x04\x08I\"\x06a\x06:\x07@ai\x06", `instance variable "@a" refused`},
	{"array with variables", "\x04\x08I[\x00\x06:\x07@ai\x06", "type '[' refused"},
	{"variables of nil", "\x04\x08I0\x00", "instance variables for a value of type '0'"},
	{"variables of an integer", "\x04\x08Ii\x06\x00", "instance variables for a value of type 'i'"},
	{"nested wrappers", "\x04\x08II\"\x00\x00\x00", "instance variables for a value of type 'I'"},
	{"E that is no boolean", "\x04\x08I\"\x06a\x06:\x06Ei\x06", "encoding E of type 'i'"},
	{"two encodings", "\x04\x08I\"\x06a\x07:\x06ET;\x00F", "has one already"},
	{"encoding that is no string", "\x04\x08I\"\x06a\x06:\x0dencodingi\x06", "encoding without a proper name"},
	{"encoding with NUL", "\x04\x08I\"\x06a\x06:\x0dencoding\"\x06\x00", "encoding without a proper name"},
	{"symbol of broken UTF-8", "\x04\x08I:\x06\xff\x06:\x06ET", "that is not UTF-8"},
	{"binary symbol", "\x04\x08:\x06\xff", "that is not UTF-8 refused"},
	{"symbol with a variable", "\x04\x08I:\x06a\x06:\x07@ai\x06", "symbol with instance variable"},
	{"symbol with two variables", "\x04\x08I:\x06a\x07:\x06ET:\x06b0", "2 instance variables instead of 1"},
	{"string for a name", "\x04\x08I\"\x06a\x06\"\x06E", "type '\"' instead of a symbol"},
	{"too deep", "\x04\x08" + strings.Repeat("[\x06", 65) + "0", "MaxDepth of 64"},
	{"too deep in encodings", "\x04\x08" + strings.Repeat("I\"\x06a\x06:\x0dencoding", 70) + "0", "MaxDepth of 64"},
	{"long symbol", "\x04\x08:\x02\x01\x01" + strings.Repeat("a", 257), "MaxSymbolBytes of 256"},
	{"large integer", "\x04\x08l+\x26" + strings.Repeat("\x01", 66), "MaxBignumBytes of 64"},
}

func TestHostile(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			_, err := BodyPolicy.Unmarshal([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.name, err, c.err)
			}
		})
	}
}

// Each prefix of a dump is an error that says that more was expected.
func TestTruncated(t *testing.T) {
	for _, v := range vectors(t) {
		in := v.bytes(t)
		if len(in) > 2000 {
			continue
		}
		for n := range len(in) {
			_, err := DefaultPolicy.UnmarshalValue(in[:n])
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %d of %d bytes: %v", v.Name, n, len(in), err)
			}
		}
	}
}

func TestMany(t *testing.T) {
	symbols := "\x04\x08[\x02\x01\x04"
	for i := range 1025 {
		symbols += fmt.Sprintf(":\x0b%06d", i)
	}
	// Each array holds the one before ten times: "a billion laughs".
	laughs := "\x04\x08[\x0e[\x0f" + strings.Repeat("0", 10)
	for i := range 8 {
		laughs += "[\x0f" + strings.Repeat("@"+string(rune(i+6)), 10)
	}
	for _, c := range []struct{ name, in, err string }{
		{"values", "\x04\x08[\x03\x00\x00\x01" + strings.Repeat("0", 65536), "MaxValues of 65536"},
		{"symbols", symbols, "MaxSymbols of 1024"},
		{"expansion", laughs, "MaxExpansion of 65536"},
		{"bytes", "\x04\x08\"\x03\x00\x00\x10" + strings.Repeat("0", 1<<20), "MaxBytes of 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := BodyPolicy.Unmarshal([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.name, err, c.err)
			}
		})
	}
}

// What the policy for replies lets through.
func TestLenient(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     any
	}{
		{"array inside itself", "\x04\x08[\x06@\x00", []any{value.Cycle{}}},
		{"duplicate key", "\x04\x08{\x08:\x06ai\x06:\x06bi\x07;\x00i\x08", &value.Map{Pairs: []value.Pair{{Key: value.Symbol("a"), Value: int64(3)}, {Key: value.Symbol("b"), Value: int64(2)}}, Extra: &value.Extra{Repeated: true}}},
		{"object", "\x04\x08[\x07o:\x08Foo\x06:\x07@ai\x06:\x06b", []any{&value.Object{Class: "Foo", Ivars: []value.Ivar{{Name: "@a", Value: int64(1)}}}, value.Symbol("b")}},
		{"minimal forms are not required", "\x04\x08[\x08i\x02\x01\x00i\x05i\xfb", []any{int64(1), int64(0), int64(0)}},
		{"small bignum", "\x04\x08l+\x06\x05\x00", int64(5)},
		{"empty bignum", "\x04\x08l-\x00", int64(0)},
		{"binary symbol", "\x04\x08:\x06\xff", value.EncodedSymbol{Name: "\xff"}},
		{"symbol in a wide encoding", "\x04\x08I:\x07a\x00\x06:\x0dencoding\"\x0dUtF-16LE", value.EncodedSymbol{Name: "a\x00", Encoding: "UtF-16LE"}},
		{"unknown encoding", "\x04\x08I\"\x06\xff\x06:\x0dencoding\"\x08Foo", &value.String{Bytes: "\xff", Encoding: "Foo"}},
		{"known encoding by name", "\x04\x08I\"\x06a\x06:\x0dencoding\"\x0autf-8", "a"},
		{"regexp never compiled", "\x04\x08I/\x07((\x00\x06:\x06EF", &value.Regexp{Source: "((", Encoding: "US-ASCII"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := ReplyPolicy.Unmarshal([]byte(c.in))
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			} else if !reflect.DeepEqual(x, c.want) {
				t.Errorf("%s: %#v, want %#v", c.name, x, c.want)
			}
		})
	}
	terminator := BodyPolicy
	terminator.AllowTerminator, terminator.AllowOldMinor = true, true
	for _, in := range []string{"\x04\x08i\x06\n", "\x04\x08i\x06\x00", "\x04\x07i\x06"} {
		if x, err := terminator.Unmarshal([]byte(in)); err != nil || x != any(int64(1)) {
			t.Errorf("%q: %v, %v", in, x, err)
		}
	}
}

// Every integer of one and two bytes, and samples of the longer ones, against
// the definition.
func TestIntegerForms(t *testing.T) {
	read := func(b ...byte) (x int64, used int, err error) {
		d := decoder{in: string(b)}
		x = d.long()
		return x, d.pos, d.err
	}
	check := func(want int64, b ...byte) {
		t.Helper()
		if x, pos, err := read(b...); x != want || err != nil || pos != len(b) {
			t.Fatalf("% x: %d (%v, %d bytes), want %d", b, x, err, pos, want)
		}
	}
	for c := range 256 {
		v := int64(int8(c))
		switch {
		case v == 0:
			check(0, byte(c))
		case v >= 5:
			check(v-5, byte(c))
		case v <= -5:
			check(v+5, byte(c))
		default: // 1 to 4 and -1 to -4: that many bytes
			n := max(v, -v)
			for have := range n {
				if _, _, err := read(append([]byte{byte(c)}, make([]byte, have)...)...); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%d with %d bytes: %v", v, have, err)
				}
			}
			for first := range 256 {
				for rest := 0; rest < 256; rest += 1 + 22*int(n/3) { // all of two bytes, samples of more
					b := []byte{byte(c), byte(first)}
					want := int64(first)
					for i := range n - 1 {
						b = append(b, byte(rest))
						want |= int64(rest) << (8 * (i + 1))
					}
					if v < 0 {
						want -= 1 << (8 * n)
					}
					check(want, b...)
				}
			}
		}
	}
	for i := -1 << 17; i < 1<<17; i++ {
		check(int64(i), appendLong(nil, int64(i))...)
	}
	for shift := range 32 {
		for d := int64(-2); d <= 2; d++ {
			for _, x := range []int64{1<<shift + d, -1<<shift + d} {
				if -1<<31 <= x && x < 1<<31 {
					check(x, appendLong(nil, x)...)
				}
			}
		}
	}
}
