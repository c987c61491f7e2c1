package ping

import (
	"testing"

	"mcollective/internal/subtest"
)

func TestSpark(t *testing.T) {
	for _, tc := range []struct {
		times []float64
		want  string
	}{
		{nil, ""},
		{[]float64{12.3}, "▇"},
		{[]float64{12.86, 56.68}, "▇▇"},
		{[]float64{0, 10, 20, 49.99, 50, 260}, "▇▃▁▁▁▃"},
		{[]float64{1, 2, 3, 4, 5, 6, 60, 61, 110}, "▇▃▂"},
	} {
		t.Run(subtest.Name(tc.times), func(t *testing.T) {
			if got := spark(tc.times); got != tc.want {
				t.Errorf("spark(%v) = %s, want %s", tc.times, got, tc.want)
			}
		})
	}
	if got := spark([]float64{1, 1e9}); len([]rune(got)) != maxSpark {
		t.Errorf("%d bars, want %d", len([]rune(got)), maxSpark)
	}
}
