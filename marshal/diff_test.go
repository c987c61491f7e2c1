package marshal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
)

// These tests compare with a live Ruby. MARSHAL_DIFF_N=1000000 is the thorough
// run, MARSHAL_DIFF_SEED picks other values.

const batch = 250

// difference shows where two dumps part.
func difference(a, b []byte) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(0, i-60)
	return fmt.Sprintf("%q\n%q\nthe same up to byte %d", a[from:min(len(a), i+60)], b[from:min(len(b), i+60)], i)
}

// batches calls f with numbers from the seed on, in batches.
func batches(t *testing.T, f func(first, n int)) {
	t.Helper()
	total, first := diffN(t), diffSeed(t)
	for done := 0; done < total && !t.Failed(); done += batch {
		f(first+done, min(batch, total-done))
	}
}

// A: what Ruby dumps goes through a Value byte for byte, and means the same
// after it went through plain Go values.
func TestDiffRubyToGo(t *testing.T) {
	o := startOracle(t)
	policy := DefaultPolicy
	policy.AllowCycles = true
	cut := 0
	batches(t, func(first, n int) {
		ops := make([][]byte, n)
		for i := range ops {
			ops[i] = makeValue('G', first+i)
		}
		var back, plain [][]byte // plain[i] was decoded from back[i]
		for i, a := range o.ask(t, ops) {
			if a.raised != "" {
				t.Fatalf("seed %d: ruby: %s", first+i, a.raised)
			}
			v, err := DefaultPolicy.UnmarshalValue(a.dump)
			if err != nil {
				t.Errorf("seed %d: %v\n%q", first+i, err, a.dump)
				continue
			}
			out, err := Marshal(v)
			if err != nil {
				t.Errorf("seed %d: %v\n%q", first+i, err, a.dump)
			} else if !bytes.Equal(out, a.dump) {
				t.Errorf("seed %d: go and ruby wrote\n%s", first+i, difference(out, a.dump))
			}
			x, err := policy.Unmarshal(a.dump)
			if err != nil {
				t.Errorf("seed %d: into any: %v\n%q", first+i, err, a.dump)
				continue
			}
			if out, err = Marshal(x); err != nil {
				cut++ // a cycle, which plain values cannot state
				continue
			}
			back, plain = append(back, a.dump), append(plain, load(out))
		}
		for i, a := range o.ask(t, plain) {
			if a.raised != "" {
				t.Errorf("ruby refuses what went through any: %s\nwas %q\nnow %q", a.raised, back[i], plain[i][1:])
			}
		}
	})
	t.Logf("%d values, of which %d with a cycle", diffN(t), cut)
}

// B: what Go encodes Ruby loads, and dumps the same.
func TestDiffGoToRuby(t *testing.T) {
	o := startOracle(t)
	batches(t, func(first, n int) {
		ops := make([][]byte, n)
		for i := range ops {
			b, err := Marshal(newMaker(uint64(first + i)).value(0))
			if err != nil {
				t.Fatalf("seed %d: %v", first+i, err)
			}
			ops[i] = load(b)
		}
		for i, a := range o.ask(t, ops) {
			if a.raised != "" {
				t.Errorf("seed %d: ruby: %s\n%q", first+i, a.raised, ops[i][1:])
			} else if !bytes.Equal(a.dump, ops[i][1:]) {
				t.Errorf("seed %d: go and ruby wrote\n%s", first+i, difference(ops[i][1:], a.dump))
			}
		}
	})
}

// C: bytes that Go accepts without objects Ruby accepts, and they mean the same
// to both.
func TestDiffMutated(t *testing.T) {
	policy := ReplyPolicy
	policy.AllowObjects = false
	policy.AllowDuplicateKeys = false
	diffMutated(t, 'P', policy, regexp.MustCompile(`^RegexpError: `)) // sources are data here
}

// What only Ruby can judge, since it depends on classes and on Ruby's regular
// expressions and encodings.
var onlyRuby = regexp.MustCompile(`^(RegexpError|RangeError|FloatDomainError|ZeroDivisionError|NameError|FrozenError|TypeError|NoMethodError|EncodingError|Encoding::\w+|` +
	`ArgumentError: (comparison of|undefined class/module|.* does not refer to|class \S+ not a struct|can't retrieve anonymous|` +
	`dump format error \(user class\)|dump format error$|marshaled object must|dump format error for symbol|` +
	`invalid byte sequence in|not a module|wrong number|bad value for range|wrong offset|time|string contains null|` +
	`invalid|illegal|prepended|.* can't be|duplicate|.*out of range|.*BigDecimal|.*marshal|struct size differs))`)

// The same with objects, as in replies.
func TestDiffMutatedObjects(t *testing.T) {
	policy := ReplyPolicy
	policy.AllowDuplicateKeys = false
	diffMutated(t, 'G', policy, onlyRuby)
}

func diffMutated(t *testing.T, kind byte, policy Policy, excused *regexp.Regexp) {
	o := startOracle(t)
	r := rand.New(rand.NewPCG(uint64(diffSeed(t)), 1))
	tried, accepted, excuses := 0, 0, 0
	batches(t, func(first, n int) {
		ops := make([][]byte, n)
		for i := range ops {
			ops[i] = makeValue(kind, first+i)
		}
		var ins [][]byte
		answers := o.ask(t, ops)
		for i, a := range answers {
			for range 4 {
				tried++
				in := mutate(r, a.dump, answers[(i+7)%n].dump)
				if _, err := policy.Unmarshal(in); err == nil {
					ins = append(ins, in)
				}
			}
		}
		accepted += len(ins)
		asked := make([][]byte, 0, 2*len(ins))
		for _, in := range ins {
			v, err := policy.UnmarshalValue(in)
			if err != nil {
				t.Errorf("fits into any, but not into a Value: %v\n%q", err, in)
				return
			}
			out, err := Marshal(v)
			if err != nil {
				t.Errorf("%v\n%q", err, in)
				return
			}
			asked = append(asked, load(in), load(out))
		}
		answers = o.ask(t, asked)
		for i, in := range ins {
			was, now := answers[2*i], answers[2*i+1]
			switch {
			case was.raised != "" && excused != nil && excused.MatchString(was.raised):
				excuses++
			case was.raised != "":
				t.Errorf("go accepts, ruby does not: %s\n%q", was.raised, in)
			case now.raised != "":
				t.Errorf("ruby refuses what go made of it: %s\n in %q\nout %q", now.raised, in, asked[2*i+1][1:])
			case !bytes.Equal(was.dump, now.dump):
				t.Errorf("different values:\n  in %q\nruby %q\n  go %q", in, was.dump, now.dump)
			}
		}
	})
	t.Logf("%d mutations, %d accepted by go, %d of these left to ruby's classes", tried, accepted, excuses)
}
