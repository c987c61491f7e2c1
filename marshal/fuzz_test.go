package marshal

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"mcollective/value"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, v := range vectors(f) {
		if b := v.bytes(f); len(b) < 2000 {
			f.Add(b)
		}
	}
	for i := range 30 {
		if b, err := Marshal(newMaker(uint64(i)).value(0)); err == nil && len(b) < 2000 {
			f.Add(b)
		}
	}
	for _, c := range hostile {
		f.Add([]byte(c.in))
	}
	f.Add(captured(f, "ping.request.bin"))
}

// typed fails unless err is nil or one of the package's own.
func typed(t *testing.T, in []byte, err error) {
	t.Helper()
	var syntax *SyntaxError
	var limit *LimitError
	var refused *RefusedError
	switch {
	case err == nil:
	case errors.As(err, &syntax):
		if syntax.Offset < 0 || syntax.Offset > int64(len(in)) {
			t.Fatalf("offset %d of %d bytes: %v", syntax.Offset, len(in), err)
		}
	case errors.As(err, &limit), errors.As(err, &refused):
	default:
		t.Fatalf("error of type %T: %v", err, err)
	}
}

// Whatever comes, decoding ends with a value or a typed error, and what is
// accepted holds to the bounds.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		x, err := Unmarshal(in)
		typed(t, in, err)
		v, errTree := DefaultPolicy.UnmarshalValue(in)
		typed(t, in, errTree)
		if err == nil && errTree != nil {
			t.Fatalf("decodes, but not as a Value: %v", errTree)
		}
		if err != nil && x != nil || errTree != nil && v.Node != nil {
			t.Fatal("a value and an error")
		}
		y, errString := DefaultPolicy.UnmarshalString(string(in))
		if (err == nil) != (errString == nil) || !same(x, y) {
			t.Fatalf("%#v from bytes, %#v from a string", x, y)
		}
	})
}

// same is reflect.DeepEqual for trees in which NaN may occur.
func same(x, y any) bool {
	if reflect.DeepEqual(x, y) {
		return true
	}
	a, errA := Marshal(x)
	b, errB := Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// What was decoded, encoded and decoded again is the same.
func FuzzRoundTrip(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		if x, err := Unmarshal(in); err == nil {
			out, err := Marshal(x)
			if err != nil {
				t.Fatalf("%v\n%#v", err, x)
			}
			y, err := loose().Unmarshal(out)
			if err != nil {
				t.Fatalf("%v\n%q", err, out)
			}
			if !same(x, y) {
				t.Fatalf("%#v\n%#v", x, y)
			}
		}
		v, err := DefaultPolicy.UnmarshalValue(in)
		if err != nil {
			return
		}
		out, err := Marshal(v)
		if err != nil {
			t.Fatalf("%v\n%#v", err, v)
		}
		w, err := loose().UnmarshalValue(out)
		if err != nil {
			t.Fatalf("%v\n%q", err, out)
		}
		again, err := Marshal(w)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("%v\n%q\n%q", err, out, again)
		}
	})
}

// loose is for reading back what was just written: an encoding can be larger
// than what it came from.
func loose() *Policy {
	p := DefaultPolicy
	p.MaxValues *= 8
	p.MaxExpansion *= 8
	p.MaxBytes *= 8
	p.MaxDepth = hardDepth
	return &p
}

// Encoding is a function: random values give the same bytes twice, alone and
// appended, and decode to what they were.
func FuzzEncodeStable(f *testing.F) {
	for i := range 50 {
		f.Add(uint64(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		x := newMaker(seed).value(0)
		a, err := Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		b, err := AppendMarshal([]byte("before"), x)
		if err != nil || string(b) != "before"+string(a) {
			t.Fatalf("%v\n%q\n%q", err, a, b)
		}
		y, err := loose().Unmarshal(a)
		if err != nil {
			t.Fatalf("%v\n%q", err, a)
		}
		c, err := Marshal(y)
		if err != nil || !bytes.Equal(a, c) {
			t.Fatalf("%v\n%s", err, difference(a, c))
		}
		v, err := loose().UnmarshalValue(a)
		if err != nil {
			t.Fatalf("%v\n%q", err, a)
		}
		if c, err = Marshal(v); err != nil || !bytes.Equal(a, c) {
			t.Fatalf("as Value: %v\n%s", err, difference(a, c))
		}
	})
}

// What a strict policy accepts a looser one accepts too, with the same result,
// and holds nothing that the policy refuses.
func FuzzPolicies(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		policies := []Policy{EnvelopePolicy, BodyPolicy, ReplyPolicy}
		var before any
		accepted := false
		for i, p := range policies {
			x, err := p.Unmarshal(in)
			typed(t, in, err)
			if accepted && err != nil {
				t.Fatalf("policy %d is stricter than the one before: %v", i, err)
			}
			if err != nil {
				continue
			}
			if accepted && !same(before, x) {
				t.Fatalf("%#v\n%#v", before, x)
			}
			before, accepted = x, true
			w := walker{policy: p}
			w.walk(t, x, 0)
			if w.values > p.MaxExpansion {
				t.Fatalf("%d values", w.values)
			}
		}
	})
}

type walker struct {
	policy Policy
	values int
}

func (w *walker) walk(t *testing.T, x any, depth int) {
	t.Helper()
	w.values++
	if depth > w.policy.MaxDepth {
		t.Fatalf("%d deep", depth)
	}
	switch x := x.(type) {
	case nil, bool, int64, string, value.Binary, value.Symbol, *value.Regexp:
	case float64:
		if x-x != 0 && !w.policy.AllowNonFinite {
			t.Fatalf("%v", x)
		}
	case []any:
		for _, v := range x {
			w.walk(t, v, depth+1)
		}
	case *value.Map:
		for k, v := range x.All() {
			if !w.policy.AllowAnyKey && !isScalar(k) {
				t.Fatalf("key %#v", k)
			}
			w.walk(t, k, depth+1)
			w.walk(t, v, depth+1)
		}
	case *value.String:
		if x.Extra != nil && !w.policy.AllowObjects {
			t.Fatalf("%#v", x)
		}
	case *value.Object, *value.Struct, *value.Class, *value.Module, *value.UserDefined, *value.UserMarshal, *value.Data, *value.Array, value.EncodedSymbol, value.Cycle:
		if !w.policy.AllowObjects {
			t.Fatalf("%#v", x)
		}
	}
}
