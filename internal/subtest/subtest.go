// Package subtest names the subtests of a table whose rows have no name of their own.
package subtest

import (
	"fmt"
	"strings"
	"unicode"
)

// longest is how much of the values a name shows, in characters. Subtests whose names
// would be the same are numbered by the package testing.
const longest = 50

// Name makes a name of values that fits into the pattern of -run as it is: letters,
// digits and few signs, with a dash for everything else.
func Name(values ...any) string {
	var b strings.Builder
	n, dash := 0, false
	for _, v := range values {
		dash = b.Len() > 0
		for _, r := range fmt.Sprint(v) {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.=:@%", r) {
				dash = b.Len() > 0
				continue
			}
			if dash {
				b.WriteByte('-')
				dash, n = false, n+1
			}
			if b.WriteRune(r); n >= longest {
				return b.String()
			}
			n++
		}
	}
	if b.Len() == 0 {
		return "nothing"
	}
	return b.String()
}
