package discovery

import (
	"testing"

	"mcollective/filter"
)

func FuzzExternal(f *testing.F) {
	for _, s := range []string{"", "n1\nn2", `["n1"]`, `[{"sender":"n1"}]`, `{"nodes":["n1"]}`, `a "b c" 'd' \e`, `{"error":1}`, `'`, `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if names, err := externalNames([]byte(text)); err == nil {
			for _, n := range names {
				if !filter.IsIdentity(n) {
					t.Errorf("%q became a node", n)
				}
			}
		}
	})
}
