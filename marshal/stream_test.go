package marshal

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestStream(t *testing.T) {
	var stream bytes.Buffer
	e := NewEncoder(&stream)
	var want []any
	for _, v := range vectors(t) {
		var x any
		policy := DefaultPolicy
		policy.AllowCycles = true
		if err := policy.Unmarshal(v.bytes(t), &x); err != nil {
			t.Fatal(err)
		}
		if e.Encode(x) == nil {
			want = append(want, x)
		}
	}
	if err := e.Encode(make(chan int)); err == nil {
		t.Error("channel encoded")
	}
	stream.WriteString("what follows")
	in := stream.Bytes()
	for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "data with error": iotest.DataErrReader} {
		r := bytes.NewReader(in)
		d := NewDecoder(wrap(r))
		for i, w := range want {
			var x any
			if err := d.Decode(&x); err != nil {
				t.Fatalf("%s: %d: %v", name, i, err)
			}
			if !same(w, x) {
				t.Errorf("%s: %d: %#v, want %#v", name, i, x, w)
			}
		}
		if rest, _ := io.ReadAll(r); name != "data with error" && string(rest) != "what follows" {
			t.Errorf("%s: read into what follows, left %q", name, rest)
		}
	}
}

func TestStreamErrors(t *testing.T) {
	var x any
	if err := NewDecoder(strings.NewReader("")).Decode(&x); err != io.EOF {
		t.Errorf("end: %v", err)
	}
	d := NewDecoder(strings.NewReader("\x04\x08[\x07i\x06"))
	for range 2 {
		if err := d.Decode(&x); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut: %v", err)
		}
	}
	broken := errors.New("broken pipe")
	if err := NewDecoder(io.MultiReader(strings.NewReader("\x04\x08["), iotest.ErrReader(broken))).Decode(&x); !errors.Is(err, broken) {
		t.Errorf("broken: %v", err)
	}
	// A misfit leaves the stream in place.
	d = NewDecoder(strings.NewReader("\x04\x08i\x06\x04\x08i\x07"))
	var s string
	var n int
	if err := d.Decode(&s); err == nil {
		t.Error("integer in a string")
	}
	if err := d.Decode(&n); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	// Claims cost nothing, bounds hold before the bytes are there.
	var limit *LimitError
	p := Policy{MaxBytes: 100}
	for _, in := range []string{"\x04\x08\"\x04\xff\xff\xff\x7f", "\x04\x08[\x04\xff\xff\xff\x7f", "\x04\x08" + strings.Repeat("[\x06", 5000)} {
		if err := p.NewDecoder(strings.NewReader(in)).Decode(&x); !errors.As(err, &limit) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

// The scanner and the decoder agree on where values end.
func TestScanAgrees(t *testing.T) {
	for seed := range 300 {
		want := newMaker(uint64(seed)).value(0)
		b, err := Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var v Value
		d := loose().NewDecoder(bytes.NewReader(append(b, b...)))
		for range 2 {
			if err := d.Decode(&v); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if again, _ := Marshal(v); !reflect.DeepEqual(b, again) {
			t.Errorf("seed %d differs", seed)
		}
	}
}
