package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/subtest"
)

func TestFold(t *testing.T) {
	for _, test := range []struct{ names, want string }{
		{"", ""},
		{"a", "a"},
		{"web1 web3 web2", "web[1-3]"},
		{"web09 web10 web11 web1", "web1 web[09-11]"},
		{"web9 web10 web12", "web[9-10,12]"},
		{"n1.x n2.x n1.y", "n1.y n[1-2].x"},
		{"r1n1 r1n2 r2n1 r2n2", "r[1-2]n[1-2]"},
		{"r1n1 r1n2 r2n1", "r1n2 r[1-2]n1"},
		{"10.0.0.1 10.0.0.2 10.0.1.1", "10.0.0.2 10.0.[0-1].1"},
		{"b2 a1 a1 b1", "a1 b[1-2]"},
		{"db db", "db"},
		{"n001 n1 n01", "n001 n01 n1"},
		{"x123456789012345678901 x123456789012345678902", "x123456789012345678901 x123456789012345678902"},
		{"a1 b10 a2", "a[1-2] b10"},
	} {
		t.Run(subtest.Name(test.names), func(t *testing.T) {
			if diff := cmp.Diff(test.want, strings.Join(Fold(strings.Fields(test.names)), " ")); diff != "" {
				t.Errorf("%s: %s", test.names, diff)
			}
		})
	}
}

// unfold is what a person makes of a folded name.
func unfold(s string) []string {
	head, rest, ok := strings.Cut(s, "[")
	if !ok {
		return []string{s}
	}
	set, tail, _ := strings.Cut(rest, "]")
	var names []string
	for part := range strings.SplitSeq(set, ",") {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		low, _ := strconv.Atoi(from)
		high, _ := strconv.Atoi(to)
		for n := low; n <= high; n++ {
			digits := 0
			if from[0] == '0' && len(from) > 1 || len(from) == len(to) {
				digits = len(from)
			}
			for _, t := range unfold(tail) {
				names = append(names, fmt.Sprintf("%s%0*d%s", head, digits, n, t))
			}
		}
	}
	return names
}

func FuzzFold(f *testing.F) {
	f.Add("web1 web2 web03")
	f.Add("r1n1 r1n2 r2n1 r2n2 r02n2")
	f.Add("0 \x00")
	f.Add("a 1 01 001 a1b2c3 a1b3c3")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "[],") {
			return
		}
		names := strings.Fields(text)
		if len(names) > 50 {
			return
		}
		var got []string
		for _, part := range Fold(names) {
			got = append(got, unfold(part)...)
		}
		slices.Sort(got)
		slices.Sort(names)
		if names = slices.Compact(names); !slices.Equal(got, names) {
			t.Errorf("%q unfolds to %q", Fold(names), got)
		}
	})
}

func ExampleFold() {
	fmt.Println(Fold([]string{"web01.example.net", "db1", "web02.example.net", "web03.example.net"}))
	// Output: [db1 web[01-03].example.net]
}
