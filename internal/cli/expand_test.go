package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	env := (&Env{}).withDefaults()
	r, _ := lookup("ping")
	for _, tc := range []struct{ in, want string }{
		{"--wf a=b", "--with-fact a=b"},
		{"--with-f=a=b", "--with-fact=a=b"},
		{"--wi n1 --wc c --wa a", "--with-identity n1 --with-class c --with-agent a"},
		{"--np --nodes f", "--no-progress --nodes f"},
		{"--limit 3 --ln 4 --limit-s 5", "--limit-nodes 3 --limit-nodes 4 --limit-seed 5"},
		{"--dt 3 --dm mc --do x", "--discovery-timeout 3 --disc-method mc --disc-option x"},
		{"--verb --gr", "--verbose --graph"},
		{"-vgT uk", "-vgT uk"},
		{"-T --np", "-T --np"}, // the value of -T, whatever it looks like
		{"-vF --np -I --wf", "-vF --np -I --wf"},
		{"--target --np --np", "--target --np --no-progress"},
		{"-Fa=b -- --wf", "-Fa=b -- --wf"},
		{"-t5 -1 --th", "-t5 -1 --threaded"},
	} {
		cmd := r.new(env)
		prepare(env, cmd)
		got, err := expand(env, r, cmd, strings.Fields(tc.in))
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s:\n%s", tc.in, diff)
		}
	}
}
