package ddl

import (
	"fmt"
	"strings"
)

// label is the text for people that a name gives: "main_collective" is
// "Main collective".
func label(name string) string {
	s := strings.TrimSpace(strings.ReplaceAll(name, "_", " "))
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// Nearest is the candidate that was most likely meant by name, which is none of
// them; "" if they are all too different.
func Nearest(name string, candidates []string) string {
	return nearest(name, candidates, 1+len(name)/3)
}

// nearest is the candidate with the fewest differing letters, at most so many.
func nearest(name string, candidates []string, most int) string {
	if len(name) > maxName {
		return ""
	}
	best, found := most+1, ""
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c), best); d < best && d < len(c) {
			best, found = d, c
		}
	}
	return found
}

func suggestion(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// distance counts the letters to insert, delete, replace, or swap with the next
// one, that make b of a. What is limit or more is limit.
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
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
