package ping

import (
	"math"
	"slices"
	"strings"
)

// maxSpark is how many bars a graph has at most. Times beyond are in the last bar;
// Ruby would draw a bar for each 50 ms of an hour.
const maxSpark = 400

// spark draws how many of the times, in milliseconds, fall into each stretch of 50
// ms, from the first stretch that has some to the last.
func spark(times []float64) string {
	if len(times) == 0 {
		return ""
	}
	stretch := func(t float64) int { return int(math.Floor(t / 50)) }
	first, last := stretch(slices.Min(times)), stretch(slices.Max(times))
	counts := make([]int, min(last-first+1, maxSpark))
	for _, t := range times {
		counts[min(stretch(t)-first, len(counts)-1)]++
	}
	ticks := []rune("▁▂▃▄▅▆▇")
	distance := float64(slices.Max(counts)) / float64(len(ticks)-1)
	var b strings.Builder
	for _, n := range counts {
		b.WriteRune(ticks[int(math.Round(float64(n)/distance))])
	}
	return b.String()
}
