package plaintext

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"mcollective/internal/subtest"
)

func TestWords(t *testing.T) {
	for s, want := range map[string]bool{"": false, "a": true, "A_9": true, "a-b": false, "ä": false, "a b": false, "a\n": false} {
		t.Run(subtest.Name(s), func(t *testing.T) {
			if got := IsWord(s); got != want {
				t.Errorf("%q: %v", s, got)
			}
		})
	}
	for s, want := range map[string]bool{"": true, "a~\x7f\x00": true, "ä": false, "a\x80": false} {
		t.Run(subtest.Name(s), func(t *testing.T) {
			if got := IsASCII(s); got != want {
				t.Errorf("ASCII %q: %v", s, got)
			}
		})
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"aéb", 2, "a..."}, {"é", 1, "..."}, {"a\x80\x80\x80\x80\x80\x80b", 6, "a\x80..."},
	} {
		t.Run(subtest.Name(c.s), func(t *testing.T) {
			if got := Clip(c.s, c.most); got != c.want {
				t.Errorf("%q to %d: %q, want %q", c.s, c.most, got, c.want)
			}
		})
	}
	if got := Clip(strings.Repeat("€", 100), 64); !utf8.ValidString(got) || len(got) > 67 {
		t.Errorf("%q", got)
	}
}

// The texts are those that Ruby 3.1 prints.
func TestFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.0001: "0.0001", 0.00001: "1.0e-05", 1e14: "100000000000000.0", 1e15: "1.0e+15", 1e15 + 0.5: "1000000000000000.5",
		1234567890123456: "1.234567890123456e+15", 9007199254740993: "9.007199254740992e+15", 1e16: "1.0e+16", 123e18: "1.23e+20", 1e100: "1.0e+100",
		math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", 5e-324: "5.0e-324", math.MaxFloat64: "1.7976931348623157e+308",
	} {
		t.Run(subtest.Name(f), func(t *testing.T) {
			if got := Float(f); got != want {
				t.Errorf("%g: %s, want %s", f, got, want)
			}
		})
	}
	if got := Float(math.NaN()) + " " + Float(math.Copysign(0, -1)); got != "NaN -0.0" {
		t.Error(got)
	}
}
