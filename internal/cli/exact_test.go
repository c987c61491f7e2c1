package cli_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEndsWhenAllHaveSpoken(t *testing.T) {
	for _, command := range []string{"ping", "find"} {
		synctest.Test(t, func(t *testing.T) {
			f := newKnownFleet(t, nil, "n1", "n2")
			start := time.Now()
			r := f.mco("").exits(t, 0, command, "--sort")
			if took := time.Since(start); took != 0 {
				t.Errorf("%s waited %v though all had answered", command, took)
			}
			if !strings.HasPrefix(r.out.String(), "n1") || !strings.Contains(r.out.String(), "\nn2") || r.err.Len() > 0 {
				t.Errorf("%s: stdout %q, stderr %q", command, &r.out, &r.err)
			}
		})
	}
}

func TestSilentNodesAreNamed(t *testing.T) {
	hang := strings.Fields("h01 h02 h03 h04 h05 h06 h07 h08 h09 h10 h11 h12")
	for command, tc := range map[string]struct {
		took time.Duration
		want string
	}{
		"ping":              {5 * time.Second, "12 nodes listen and did not answer: h01, h02, h03, h04, h05, h06, h07, h08, h09, h10 and 2 more\n"},
		"ping -F a=b -t 2":  {2 * time.Second, "12 nodes listen and did not say whether they match: h01, h02, h03, h04, h05, h06, h07, h08, h09, h10 and 2 more\n"},
		"find":              {2 * time.Second, "12 nodes listen and did not say whether they match: h01, h02, h03, h04, h05, h06, h07, h08, h09, h10 and 2 more\n"},
		"find --dt 7":       {7 * time.Second, "12 nodes listen and did not say whether they match: h01, h02, h03, h04, h05, h06, h07, h08, h09, h10 and 2 more\n"},
		"find --limit 1":    {0, ""},
		"ping -F a=b -t .1": {100 * time.Millisecond, "12 nodes listen and did not say whether they match: h01, h02, h03, h04, h05, h06, h07, h08, h09, h10 and 2 more\n"},
	} {
		t.Run(command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newKnownFleet(t, hang, "n1")
				start := time.Now()
				r := f.mco("").exits(t, 0, strings.Fields(command)...)
				if took := time.Since(start); took != tc.took {
					t.Errorf("%s took %v, want %v", command, took, tc.took)
				}
				if r.err.String() != tc.want || strings.Contains(r.out.String(), "h0") {
					t.Errorf("%s: stdout %q, stderr %q", command, &r.out, &r.err)
				}
			})
		})
	}
}

// Anyone who calls nodes hears which of them may have been missed.
func TestCallsNameSilentNodes(t *testing.T) {
	for _, command := range []string{"rpc rpcutil ping", "rpc rpcutil ping -j", "rpcutil ping --batch 1", "facts os", "inventory --list-collectives"} {
		synctest.Test(t, func(t *testing.T) {
			f := newKnownFleet(t, []string{"h1"}, "n1")
			r := f.mco("").exits(t, 3, strings.Fields(command)...)
			if want := "1 node listens and did not say whether it matches: h1\n"; strings.Count(r.err.String(), want) != 1 {
				t.Errorf("%s: stderr %q, want %q", command, &r.err, want)
			}
		})
	}
}

func TestExternalCommandFindsNodes(t *testing.T) {
	f := newFleet(t, "n1", "n2", "n3")
	command := f.dir + "/nodes.sh"
	write(t, command, "#!/bin/sh\ncat > "+f.dir+"/request; echo n2; echo n3; test -z \"$1\" || echo \"$1\"\n")
	if err := os.Chmod(command, 0o700); err != nil {
		t.Fatal(err)
	}
	r := f.mco("").exits(t, 0, "find", "--dm", "external", "--do", command+" zz", "--do", "db=x", "-F", "a=b", "-C", "c", "-T", "uk")
	if r.out.String() != "n2\nn3\nzz\n" {
		t.Errorf("stdout %q", &r.out)
	}
	request, err := os.ReadFile(f.dir + "/request")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"fact":"a"`, `"cf_class":["c"]`, `"collective":"uk"`, `"options":{"db":"x"}`} {
		if !strings.Contains(string(request), want) {
			t.Errorf("%s is not in the request %s", want, request)
		}
	}
	// From the configuration; ping asks those it found, with the filter.
	r = f.mco("default_discovery_method = external\nplugin.choria.discovery.external.command = "+command+"\n").exits(t, 0, "ping", "-F", "a=b")
	if sent := f.sent(); strings.Contains(r.out.String(), "n1") || !strings.Contains(r.out.String(), "2 replies") || len(sent) != 2 || len(sent[0].Filter.Facts) != 1 {
		t.Errorf("%v; stdout: %s", sent, &r.out)
	}
	r.exits(t, 1, "find", "--dm", "external", "--do", command, "--do", "junk")
	if !strings.Contains(r.err.String(), "name=value") {
		t.Errorf("stderr: %s", &r.err)
	}
}
