package ddl

import "strings"

// label returns the text for people that a name gives: "main_collective" is
// "Main collective".
func label(name string) string {
	s := strings.TrimSpace(strings.ReplaceAll(name, "_", " "))
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
