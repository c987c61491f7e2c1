package cli_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An empty list, whatever a command does with it, is nobody: nothing is sent.
func TestEmptyListReachesNobody(t *testing.T) {
	f := newFleet(t, "n1", "n2")
	r := f.mco("")
	r.env.InTerminal, r.env.InList = false, true
	for _, list := range []string{"", "\n", "[]"} {
		for _, words := range []string{
			"find", "rpc rpcutil ping", "rpcutil ping", "rpc rpcutil ping --no-results", "rpc rpcutil ping --no-results -1", "rpc nosuch ping --yes",
			"facts os", "facts", "inventory --json", "inventory --list-collectives", "service httpd restart --yes", "shell run id --yes", "puppet runall 3 --yes",
			"process list", "file cp :/etc/motd .", "find --dm stdin", "ping --dm stdin", "rpc rpcutil ping --dm stdin",
		} {
			r.env.In = strings.NewReader(list)
			r.exits(t, 1, strings.Fields(words)...)
			if !strings.Contains(r.err.String(), "no nodes: ") || r.out.Len() > 0 {
				t.Errorf("%q | mco %s: stdout %q, stderr %q", list, words, r.out.String(), r.err.String())
			}
		}
	}
	if n := len(f.sent()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// The list counts also where nobody awaits answers.
func TestListWithoutResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2", "n3")
		r := f.mco("")
		r.env.InTerminal, r.env.InList, r.env.In = false, true, strings.NewReader("n1\nn3\n")
		r.exits(t, 0, "rpc", "rpcutil", "ping", "--no-results")
		synctest.Wait()
		if n := len(f.sent()); n != 2 {
			t.Errorf("%d nodes got the request, want the 2 of the list", n)
		}
	})
}

// A pipe in which nothing happens is waited for with a word, and not for ever.
func TestSilentPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1")
		r := f.mco("")
		in, out := io.Pipe()
		r.env.InTerminal, r.env.InList, r.env.In = false, true, in
		start := time.Now()
		// A slow command before it.
		time.AfterFunc(30*time.Minute, func() { _, _ = io.WriteString(out, "n1\n") })
		r.exits(t, 1, "rpc", "rpcutil", "ping", "--yes")
		for _, want := range []string{"Waiting for the names of nodes on standard input", "nothing came for 1h0m0s", "--dm mc", "</dev/null"} {
			if !strings.Contains(r.err.String(), want) {
				t.Errorf("stderr %q does not say %q", r.err.String(), want)
			}
		}
		if took := time.Since(start); took != 90*time.Minute {
			t.Errorf("it waited for %s", took)
		}
		if n := len(f.sent()); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
		out.Close()

		// Ctrl-C ends the waiting.
		in, out = io.Pipe()
		r.env.In = in
		r.interruptAfter(time.Minute).exits(t, 1, "rpc", "rpcutil", "ping", "--dm", "stdin")
		out.Close()
	})
}
