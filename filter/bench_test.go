package filter

import (
	"context"
	"testing"
)

func benchmarkMatch(b *testing.B, f *Filter) {
	n := sample()
	if ok, err := f.Match(context.Background(), n, Rules{}); !ok {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Match(context.Background(), n, Rules{})
	}
}

func BenchmarkMatchFact(b *testing.B) {
	benchmarkMatch(b, &Filter{Facts: []Fact{{"country", "==", "de"}}})
}

func BenchmarkMatchFactNumber(b *testing.B) {
	benchmarkMatch(b, &Filter{Facts: []Fact{{"cpus", ">", "2"}}})
}

func BenchmarkMatchFactRegexp(b *testing.B) {
	benchmarkMatch(b, &Filter{Facts: []Fact{{"version", "=~", `^2\.\d+\.1$`}}})
}

func BenchmarkMatchCompound(b *testing.B) {
	c, err := ParseCompound("common and (country=fr or cpus>2) and not os.release.major=11")
	if err != nil {
		b.Fatal(err)
	}
	benchmarkMatch(b, &Filter{Compound: []Compound{c}})
}

func BenchmarkParseCompound(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCompound("common and (country=fr or cpus>2) and not os.release.major=11"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBudget is the time that a whole default budget takes when it goes
// into one of the slowest expressions.
func BenchmarkBudget(b *testing.B) {
	m := matchers.get(matcherKey{text: "(a?b?){200}(.*x){20}$"})
	if m.err != nil {
		b.Fatal(m.err)
	}
	text := make([]byte, DefaultBudget/m.size-1)
	for i := range text {
		text[i] = "ab"[i%2]
	}
	for b.Loop() {
		m.match(string(text))
	}
}
