package render

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkResults shows 5,000 answers; an operation is all of them.
func BenchmarkResults(b *testing.B) {
	const nodes = 5000
	s := scene{display: "always", outputs: [][2]string{{"fact", "Fact"}, {"value", "Value"}}}
	for i := range nodes {
		s.senders = append(s.senders, fmt.Sprintf("web%04d.dc%d.example.net", i/4, i%4))
		s.replies = append(s.replies, succeeded("fact", "operatingsystem", "value", fmt.Sprintf("release %d", i%5)))
	}
	account := s.account()
	for name, o := range map[string]Options{
		"classic": {Format: Classic}, "folded": {Format: Folded, Terminal: true}, "table": {Format: Table}, "json": {Format: JSON},
		"jsonl": {Format: JSONL}, "yaml": {Format: YAML}, "csv": {Format: CSV}, "jq": {JQ: ".data.value"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o.Out = io.Discard
				r, err := New(o, "stage", "play", s.action())
				if err != nil {
					b.Fatal(err)
				}
				for i, reply := range s.replies {
					r.Add(answer(s.senders[i], reply))
				}
				if err := r.Close(account, Stats{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/nodes, "ns/answer")
		})
	}
}
