package marshal

import (
	"bytes"
	"math"
	"testing"

	"mcollective/value"
)

// plainValue builds a value of what a Plain reads, for which it looks at the type
// that comes next.
func plainValue(r *Plain, depth int) any {
	if r.failed || r.pos >= len(r.in) || depth > 8 {
		r.GiveUp()
		return nil
	}
	switch r.in[r.pos] {
	case typeHash:
		h := &value.Map{Pairs: make([]value.Pair, r.Hash())}
		for i := range h.Pairs {
			h.Pairs[i].Key = plainValue(r, depth+1)
			if !isScalar(h.Pairs[i].Key) {
				r.GiveUp()
			}
			h.Pairs[i].Value = plainValue(r, depth+1)
		}
		if new(keySet).firstRepeat(h.Pairs) >= 0 {
			r.GiveUp()
		}
		return h
	case typeArray:
		list := make([]any, r.List())
		for i := range list {
			list[i] = plainValue(r, depth+1)
		}
		return list
	case typeSymbol, typeSymlink:
		return value.Symbol(r.Symbol())
	case typeFixnum, typeBignum:
		return r.Int()
	}
	s, binary := r.Text()
	if binary {
		return value.Binary(s)
	}
	return s
}

// FuzzPlain: what a Plain reads to the end is what Unmarshal reads.
func FuzzPlain(f *testing.F) {
	seeds(f)
	f.Add([]byte("\x04\x08[\x08i\x00I\"\x00\x06:\x06ETI\"\x06a\x06;\x00F"))
	f.Add([]byte("\x04\x08[\x08l+\x07\x01\x00\x00\x80i\x04\xff\xff\xff\xffl+\x09\x00\x00\x00\x00\x00\x00\x00\x80"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, p := range []*Policy{&EnvelopePolicy, &ReplyPolicy, {MaxBytes: 64, MaxValues: 12, MaxSymbols: 16}} {
			r := p.Plain(string(in))
			got := plainValue(&r, 1)
			if !r.End() {
				continue
			}
			want, err := p.Unmarshal(in)
			if err != nil || !same(got, want) {
				t.Fatalf("%#v\nbut Unmarshal has (%v)\n%#v\n%q", got, err, want, in)
			}
		}
	})
}

func TestPlainReadsPings(t *testing.T) {
	r := EnvelopePolicy.Plain(string(captured(t, "ping.request.bin")))
	if plainValue(&r, 1); !r.End() {
		t.Errorf("gave up at byte %d", r.pos)
	}
}

func TestAppendPieces(t *testing.T) {
	for _, i := range []int64{0, 1, -1, 122, 123, -123, -124, 1<<30 - 1, 1 << 30, -1 << 30, -1<<30 - 1, math.MaxInt64, math.MinInt64} {
		want, err := Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendInt([]byte{major, minor}, i); !bytes.Equal(got, want) {
			t.Errorf("%d is %q, want %q", i, got, want)
		}
	}
	for _, n := range []int{0, 1, 122, 123, 255, 256, 65536} {
		text := bytes.Repeat([]byte{'x'}, n)
		want, err := Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := append(AppendLength([]byte{major, minor, typeString}, n), text...); !bytes.Equal(got, want) {
			t.Errorf("a length of %d is not as it should be", n)
		}
	}
}

func TestUnmarshalString(t *testing.T) {
	for _, in := range []string{"", "\x04\x08", "\x04\x080x", "\x04\x08[\x06i\x06", "\x04\x07T"} {
		a, errA := BodyPolicy.Unmarshal([]byte(in))
		b, errB := BodyPolicy.UnmarshalString(in)
		if !same(a, b) || (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
			t.Errorf("%q: %v and %v", in, errA, errB)
		}
	}
	small := Policy{MaxBytes: 4}
	if _, err := small.UnmarshalString("\x04\x08[\x06i\x06"); err == nil {
		t.Error("a limit on bytes does not hold")
	}
	var none *Policy
	if _, err := none.Unmarshal([]byte("\x04\x08c\x08Foo")); err == nil {
		t.Error("no policy lets a class through")
	}
}
