package discovery

import (
	"strings"
	"testing"
)

func FuzzExternal(f *testing.F) {
	for _, s := range []string{"", "n1\nn2", `["n1"]`, `[{"sender":"n1"}]`, `{"nodes":["n1"]}`, `a "b c" 'd' \e`, `{"error":1}`, `'`, `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if names, err := externalNames([]byte(text)); err == nil {
			for _, n := range names {
				if !isIdentity(n) {
					t.Errorf("%q became a node", n)
				}
			}
		}
		words, err := split(text)
		if err != nil {
			return
		}
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		again, err := split(strings.Join(quoted, " "))
		if err != nil || strings.Join(again, "\x00") != strings.Join(words, "\x00") {
			t.Errorf("%q is %q, and that %q, %v", text, words, again, err)
		}
	})
}
