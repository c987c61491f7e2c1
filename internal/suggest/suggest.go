// Package suggest finds the name that a misspelled one was meant to be.
package suggest

import (
	"fmt"
	"strings"
)

// maxName bounds the names that are compared: nothing that people type as a name
// is longer, and names also come from the network.
const maxName = 128

// Nearest returns the candidate that name was most likely meant to be, or "" if
// all are too different: one edit for every three bytes is too many. Upper and
// lower case count as equal. Of several that are equally near, the first in
// alphabetical order is returned. A name that is a candidate is returned as it is.
func Nearest(name string, candidates []string) string {
	return Within(name, candidates, (len(name)+1)/3)
}

// Within is Nearest for candidates at most the given number of edits away.
func Within(name string, candidates []string, edits int) string {
	if len(name) > maxName {
		return ""
	}
	name = strings.ToLower(name)
	best, least := "", edits+1
	for _, c := range candidates {
		d := distance(name, strings.ToLower(c), least+1)
		// Replacing a whole candidate is no misspelling of it.
		if d >= len(c) || d > least || d == least && (best == "" || c >= best) {
			continue
		}
		best, least = c, d
	}
	return best
}

// Hint returns the end of an error message, "; did you mean \"NAME\"?", for the
// candidate nearest to name, or "" if none is near.
func Hint(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// Distance counts the bytes to insert, delete, replace, or swap with their
// neighbour to turn a into b, without regard to case. Texts that are too long to
// be names have nothing in common.
func Distance(a, b string) int {
	longest := max(len(a), len(b))
	if longest > maxName {
		return longest
	}
	return distance(strings.ToLower(a), strings.ToLower(b), longest)
}

// distance is Distance with regard to case. Counts of limit and more are all
// limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
