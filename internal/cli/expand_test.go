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

func TestShellWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                               nil,
		" a  b\tc\n":                     {"a", "b", "c"},
		`-F 'a b=c' --x="d \"e\" \n"`:    {"-F", "a b=c", `--x=d "e" \n`},
		`a\ b 'it'\''s' ""`:              {"a b", "it's", ""},
		`--config=/etc/x "un"'quo'ted\\`: {"--config=/etc/x", `unquoted\`},
	} {
		got, err := shellWords(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", in, diff)
		}
	}
	for _, in := range []string{`"`, `a 'b`, `"\"`} {
		if got, err := shellWords(in); err == nil {
			t.Errorf("%q gives %q", in, got)
		}
	}
}

func FuzzShellWords(f *testing.F) {
	f.Add(`-F "a=b" --wi 'n 1' x\ y`)
	f.Fuzz(func(t *testing.T, s string) {
		words, err := shellWords(s)
		if err != nil {
			return
		}
		// Quoted again, the words come back.
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		again, err := shellWords(strings.Join(quoted, " "))
		if err != nil || cmp.Diff(words, again) != "" {
			t.Errorf("%q: %q became %q (%v)", s, words, again, err)
		}
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":              "plain",
		"Grüße \u65e5":       "Grüße \u65e5",
		"a\x1b]0;x\a":        `a\x1b]0;x\x07`,
		"\xff\u009b2J":       `\xff\x9b2J`,
		"a\u202eb\U000e0001": `a\u202eb\ue0001`,
		"a\nb\tc":            `a\x0ab\x09c`,
	} {
		if got := cleanLine(in); got != want {
			t.Errorf("cleanLine(%q) = %q, want %q", in, got, want)
		}
	}
	if got := clean("a\n\tb\r"); got != "a\n\tb\\x0d" {
		t.Errorf("clean keeps line ends and tabs: %q", got)
	}
}

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
		if got := spark(tc.times); got != tc.want {
			t.Errorf("spark(%v) = %s, want %s", tc.times, got, tc.want)
		}
	}
	if got := spark([]float64{1, 1e9}); len([]rune(got)) != maxSpark {
		t.Errorf("%d bars, want %d", len([]rune(got)), maxSpark)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"ping", "find", "completion", "help"}
	for in, want := range map[string]string{"pnig": "ping", "pings": "ping", "fnd": "find", "xyz": "", "compltion": "completion"} {
		if got := nearest(in, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
