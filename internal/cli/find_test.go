package cli_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/filter"
	"mcollective/internal/subtest"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2")
		start := time.Now()
		r := f.mco("").exits(t, 0, "find", "--sort")
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2s", took)
		}
		if r.out.String() != "n1\nn2\n" || r.err.Len() > 0 {
			t.Errorf("stdout %q, stderr %q", r.out.String(), r.err.String())
		}
		req := f.sent()[0]
		want := filter.Filter{Agents: []filter.Pattern{{Text: "rpcutil"}}, Collective: "mcollective", Irregular: true} // a sixth key
		if diff := cmp.Diff(want, req.Filter); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFindNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(t).mco("discovery_timeout = 3").exits(t, 1, "find", "-F", "a=b", "-v")
		want := "Discovering hosts using the mc method for 3 second(s) .... 0\n\n\nDiscovered 0 nodes in 3.00 seconds using the mc discovery plugin\n"
		if r.out.Len() > 0 || r.err.String() != want {
			t.Errorf("stdout %q\nstderr %q\nwant   %q", r.out.String(), r.err.String(), want)
		}
	})
}

func TestFindVerbose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(t, "n1").mco("").exits(t, 0, "find", "-v")
		want := "Discovering hosts using the mc method for 2 second(s) .... 1\n\n\nDiscovered 1 nodes in 2.00 seconds using the mc discovery plugin\n"
		if r.out.String() != "n1\n" || r.err.String() != want {
			t.Errorf("stdout %q\nstderr %q\nwant   %q", r.out.String(), r.err.String(), want)
		}
		r.exits(t, 0, "find", "-v", "-I", "a", "-I", "b")
		want = "\n\nDiscovered 2 nodes in 0.00 seconds using the mc discovery plugin\n"
		if r.out.String() != "a\nb\n" || r.err.String() != want {
			t.Errorf("stdout %q\nstderr %q\nwant   %q", r.out.String(), r.err.String(), want)
		}
	})
}

func TestFindIdentities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2")
		// Names alone are taken at their word, without asking.
		r := f.mco("").exits(t, 0, "find", "-I", "n1", "-I", "zz", "-I", "n1")
		if r.out.String() != "n1\nzz\n" || len(f.sent()) != 0 {
			t.Errorf("stdout %q, %d requests", r.out.String(), len(f.sent()))
		}
		// With another filter the nodes have to say whether it holds.
		r.exits(t, 0, "find", "-I", "n1", "-I", "zz", "-F", "a=b")
		if r.out.String() != "n1\n" {
			t.Errorf("stdout %q", r.out.String())
		}
	})
}

func TestFindLimit(t *testing.T) {
	for _, tc := range []struct {
		words string
		want  int
		took  time.Duration
	}{
		{"-1", 1, 0},
		{"--limit 3", 3, 0},
		{"--ln 50%", 2, 2 * time.Second},
		{"--limit-nodes 1%", 1, 2 * time.Second},
		{"--limit 9", 4, 2 * time.Second},
	} {
		t.Run(subtest.Name(tc.words), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, "n1", "n2", "n3", "n4")
				start := time.Now()
				r := f.mco("").exits(t, 0, append([]string{"find"}, strings.Fields(tc.words)...)...)
				if n := strings.Count(r.out.String(), "\n"); n != tc.want || time.Since(start) != tc.took {
					t.Errorf("%s: %d names in %v, want %d in %v", tc.words, n, time.Since(start), tc.want, tc.took)
				}
				r = f.mco("rpclimitmethod = random").exits(t, 0, append([]string{"find"}, strings.Fields(tc.words)...)...)
				if n := strings.Count(r.out.String(), "\n"); n != tc.want {
					t.Errorf("%s at random: %d names, want %d", tc.words, n, tc.want)
				}
			})
		})
	}
}

func TestFindPipedNames(t *testing.T) {
	f := newFleet(t)
	r := f.mco("")
	r.env.InTerminal, r.env.InList = false, true
	for _, tc := range []struct {
		in, words, want, stderr string
		code                    int
	}{
		{"n1\nzz\n", "", "n1\nzz\n", "", 0},
		{`[{"sender":"n1"},{"sender":"n2"}]`, "-I /2/", "n2\n", "", 0},
		{"n1\n", "-F a=b", "", "cannot use fact filters", 1},
		{"n1\n", "-S a=b", "", "cannot use compound filters", 1},
		{"", "", "", "no nodes: standard input is empty", 1},
		{" \n", "", "", "no nodes: standard input is empty", 1},
		{"[]", "", "", "no nodes: the list", 1},
		{`[{"sender":"n1"},{"sen`, "", "", "not a JSON array", 1},
		{"n1\n", "-A web", "", "cannot use agent filters", 1},
		{"n1\n", "-I n2", "", "-I matches none of the names on standard input\nStandard input is no terminal", 1},
		{"n1\n", "--dm stdin --do json", "", "not a JSON array", 1},
	} {
		t.Run(subtest.Name(tc.in, tc.words), func(t *testing.T) {
			r.env.In = strings.NewReader(tc.in)
			r.exits(t, tc.code, append([]string{"find"}, strings.Fields(tc.words)...)...)
			if r.out.String() != tc.want || !strings.Contains(r.err.String(), tc.stderr) {
				t.Errorf("%q | find %s: stdout %q, stderr %q", tc.in, tc.words, r.out.String(), r.err.String())
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		// A terminal, /dev/null and a closed stream are no list of names.
		r := newFleet(t, "n7").mco("")
		r.env.InTerminal, r.env.In = false, strings.NewReader("")
		if r.exits(t, 0, "find"); r.out.String() != "n7\n" {
			t.Errorf("stdout %q", r.out.String())
		}
		// Asked for by name, the method wins over what is piped.
		r.env.InList = true
		r.env.In = strings.NewReader("n1\n")
		if r.exits(t, 0, "find", "--dm", "mc"); r.out.String() != "n7\n" {
			t.Errorf("stdout %q", r.out.String())
		}
	})
}

func TestFindJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(t, "n1").mco("").exits(t, 0, "find", "--json")
		if r.out.String() != `[{"sender":"n1"}]`+"\n" {
			t.Errorf("stdout %q", r.out.String())
		}
		if r.exits(t, 1, "find", "--json", "-I", "zz", "-C", "x"); r.out.String() != "[]\n" {
			t.Errorf("stdout %q", r.out.String())
		}
	})
}

func TestFindInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(t, "n1").mco("").interruptAfter(time.Second).exits(t, 1, "find", "--dt", "20")
		if r.out.String() != "n1\n" {
			t.Errorf("stdout %q", r.out.String())
		}
	})
}
