package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/cli"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
)

func TestIntro(t *testing.T) {
	r := newFleet(t).mco("")
	r.exits(t, 0)
	head := "The Marionette Collective version " + cli.Version() + "\n\nusage: mco command <options>\n\nKnown commands:\n\n"
	tail := "\nType 'mco help' for a detailed list of commands and 'mco help command'\nto get detailed help for a command\n\n"
	got := r.out.String()
	if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) {
		t.Errorf("got %q", got)
	}
	for _, line := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(got, head), tail), "\n") {
		// Three names of 20 columns each, the last one padded, too.
		if len(line) != 0 && len(line) != 3+20+1+20+1+20 {
			t.Errorf("line %q has %d columns", line, len(line))
		}
	}
	for _, words := range [][]string{{"--help"}, {"-h"}} {
		if r.exits(t, 0, words...); r.out.String() != got {
			t.Errorf("%v differs from no words", words)
		}
	}
	if r.exits(t, 0, "--version"); r.out.String() != "mco "+cli.Version()+"\n" {
		t.Errorf("--version prints %q", r.out.String())
	}
}

func TestNames(t *testing.T) {
	r := newFleet(t).mco("")
	r.env.Name = "/usr/bin/mc-version"
	if r.exits(t, 0); r.out.String() != cli.Version()+"\n" {
		t.Errorf("mc-version prints %q", r.out.String())
	}
	r.env.Name = "mco"
	r.exits(t, 1, "pnig")
	if got := r.out.String(); !strings.Contains(got, "\nUnknown command 'pnig'\n") || !strings.Contains(got, "Did you mean 'ping'?") || !strings.Contains(got, "Known commands:") {
		t.Errorf("got %q", got)
	}
}

func TestFailures(t *testing.T) {
	f := newFleet(t)
	missing := filepath.Join(dirtest.New(t), "missing")
	for _, tc := range []struct {
		words []string
		want  string // on stderr
	}{
		{[]string{"ping", "-F", "novalue"}, "fact filter"},
		{[]string{"ping", "-F", "a>"}, "\n    a>\n      ^\n"},
		{[]string{"ping", "-W", "a>"}, "fact filter"},
		{[]string{"find", "-S", "a and"}, "^"},
		{[]string{"find", "-I", "/(/"}, "pattern"},
		{[]string{"ping", "-T", "bogus"}, "Unknown collective 'bogus' known collectives are 'mcollective, uk'"},
		{[]string{"ping", "-t", "abc"}, "invalid argument: --timeout abc"},
		{[]string{"ping", "-t", "-1"}, "invalid argument"},
		{[]string{"ping", "-t"}, "missing argument: -t\n"},
		{[]string{"ping", "--dt"}, "missing argument: --discovery-timeout\n"},
		{[]string{"ping", "--bogus"}, "invalid option: --bogus\n"},
		{[]string{"ping", "--timeuot", "1"}, "Did you mean?  --timeout\n"},
		{[]string{"ping", "-vZ"}, "invalid option"},
		{[]string{"ping", "--d", "3"}, "ambiguous option: --d\nDid you mean?  --disc-method\n               --disc-option\n"},
		{[]string{"ping", "web1"}, `ping takes no arguments, but was given "web1"`},
		{[]string{"ping", "--limit", "3"}, "--limit-nodes does not apply to ping"},
		{[]string{"ping", "--reply-to", "x"}, "--reply-to does not apply to ping"},
		{[]string{"find", "--batch", "3"}, "--batch does not apply to find"},
		{[]string{"find", "--limit", "0"}, "Invalid limit specified: 0"},
		{[]string{"find", "-1", "--limit", "2"}, "Cannot mix --one and --limit"},
		{[]string{"find", "--dm", "bogus"}, "Unknown discovery method bogus"},
		{[]string{"find", "--dm", "mc", "--dm", "flatfile"}, "it was given as mc before"},
		{[]string{"find", "--dm", "flatfile"}, "needs a path to a text file"},
		{[]string{"find", "--nodes", missing}, "Cannot read the discovery file " + missing},
		{[]string{"find", "--nodes", missing, "--do", "x"}, "Cannot mix --disc-method, --disc-option and --nodes"},
		{[]string{"find", "-c", missing}, missing},
		{[]string{"help", "pnig"}, "Did you mean 'ping'?"},
		{[]string{"completion"}, "Please choose either"},
		{[]string{"completion", "tcsh"}, "no completion for the shell"},
	} {
		t.Run(subtest.Name(strings.ReplaceAll(strings.Join(tc.words, " "), missing, "missing")), func(t *testing.T) {
			r := f.mco("").exits(t, 1, tc.words...)
			if !strings.Contains(r.err.String(), tc.want) || r.out.Len() > 0 {
				t.Errorf("mco %q\nstdout %q\nstderr %q\nwant   %q", tc.words, r.out.String(), r.err.String(), tc.want)
			}
		})
	}
	if len(f.sent()) > 0 {
		t.Errorf("%d requests were sent", len(f.sent()))
	}
}

func TestFailureText(t *testing.T) {
	r := newFleet(t).mco("")
	r.exits(t, 1, "ping", "-T", "x\x1b[0m")
	want := "\nThe ping application failed to run, use -v for full error backtrace details: Unknown collective 'x\\x1b[0m' known collectives are 'mcollective, uk'\n"
	if diff := cmp.Diff(want, r.err.String()); diff != "" {
		t.Error(diff)
	}
	r.exits(t, 1, "ping", "-T", "x", "-v")
	if want := "\nThe ping application failed to run: Unknown collective"; !strings.HasPrefix(r.err.String(), want) {
		t.Errorf("with -v: %q", r.err.String())
	}
	r.env.ErrTerminal = true
	r.exits(t, 1, "ping", "-T", "x")
	if !strings.Contains(r.err.String(), "The \x1b[1mping\x1b[0m application") {
		t.Errorf("on a terminal: %q", r.err.String())
	}
	r.vars["NO_COLOR"] = "1"
	r.exits(t, 1, "ping", "-T", "x")
	if strings.Contains(r.err.String(), "\x1b") {
		t.Errorf("with NO_COLOR: %q", r.err.String())
	}
}

func TestNoBroker(t *testing.T) {
	f := newFleet(t)
	f.away = true
	r := f.mco("").exits(t, 1, "find")
	if !strings.Contains(r.err.String(), "could not connect to the broker: nats://127.0.0.1:4222: connection refused") {
		t.Errorf("stderr %q", r.err.String())
	}
}

func TestExtraOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "n1", "n2")
		r := f.mco("")
		r.vars["MCOLLECTIVE_EXTRA_OPTS"] = `--dt 1 --wf "a=c d" --batch 10 --disp ok`
		r.exits(t, 0, "find", "--dt", "4")
		if len(f.sent()) == 0 {
			t.Fatal("nothing was sent")
		}
		if got := f.sent()[0].Filter.Facts; len(got) != 1 || got[0].Name != "a" || got[0].Value != "c d" {
			t.Errorf("facts are %+v", got)
		}
		r.exits(t, 0, "help")
		r.exits(t, 0, "completion", "--list-app")
		// On the line itself it is a mistake still.
		r.exits(t, 1, "find", "--batch", "10")
		r.vars["MCOLLECTIVE_EXTRA_OPTS"] = "--bogus"
		if r.exits(t, 1, "find"); !strings.Contains(r.err.String(), "MCOLLECTIVE_EXTRA_OPTS: invalid option: --bogus") {
			t.Errorf("stderr %q", r.err.String())
		}
		r.vars["MCOLLECTIVE_EXTRA_OPTS"] = "'-v"
		if r.exits(t, 1, "find"); !strings.Contains(r.err.String(), "not closed") {
			t.Errorf("stderr %q", r.err.String())
		}
		r.vars["MCOLLECTIVE_EXTRA_OPTS"] = "-v stray"
		if r.exits(t, 1, "find"); !strings.Contains(r.err.String(), "not an option") {
			t.Errorf("stderr %q", r.err.String())
		}
	})
}

func TestRedirectedFilter(t *testing.T) {
	r := newFleet(t).mco("")
	for file, warned := range map[string]bool{"/tmp/1": true, "/tmp/=4": true, "/tmp/2.5": true, "/tmp/out": false, "/tmp/1.txt": false, "": false, "/tmp/=": false} {
		r.env.OutFile = file
		r.exits(t, 0, "find", "-I", "a")
		if strings.Contains(r.err.String(), "put the filter in quotes") != warned {
			t.Errorf("%q: stderr %q", file, r.err.String())
		}
	}
}

func TestHelp(t *testing.T) {
	r := newFleet(t).mco("")
	r.exits(t, 0, "help", "ping")
	page := r.out.String()
	for _, line := range []string{
		"Ping all nodes\n\nUsage: mco ping [options] [filters]\n\nExamples\n",
		"Options\n    -g, --graph                      Show how the reply times are distributed\n\nWhich nodes\n",
		"    -F, --wf, --with-fact FACT=VALUE Nodes with this value of a fact\n",
		"\n\nOptions of many commands; 'mco help options' describes them\n",
		"--discovery-timeout/--dt, ",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("help lacks %q:\n%s", line, page)
		}
	}
	for _, option := range []string{"--limit", "--batch", "--one", "--display", "--reply-to"} {
		if strings.Contains(page, option) { // the command refuses it
			t.Errorf("help has %s:\n%s", option, page)
		}
	}
	r.exits(t, 0, "help", "options")
	for _, line := range []string{
		"        --np, --no-progress          Show no progress bar\n    -1, --one                        Call only one of the nodes found\n",
		"        --limit-nodes, --ln, --limit COUNT\n                                     Call only so many nodes, or a share (10%)\n",
		"    -c, --config FILE                Read this configuration file\n",
		"    -F, --wf, --with-fact FACT=VALUE Nodes with this value of a fact\n",
	} {
		if !strings.Contains(r.out.String(), line) {
			t.Errorf("help options lacks %q:\n%s", line, r.out.String())
		}
	}
	if r.exits(t, 0, "ping", "--help"); r.out.String() != page {
		t.Error("ping --help differs from help ping")
	}
	if r.exits(t, 0, "ping", "-h"); r.out.String() != page {
		t.Error("ping -h differs from help ping")
	}
}

func TestCompletion(t *testing.T) {
	r := newFleet(t).mco("")
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if r.exits(t, 0, "completion", shell); !strings.Contains(r.out.String(), "__complete") {
			t.Errorf("%s: %.200q", shell, r.out.String())
		}
	}
	r.exits(t, 0, "completion", "--list-applications")
	if !strings.Contains(r.out.String(), "find\nhelp\ninventory\n") {
		t.Errorf("got %q", r.out.String())
	}
	r.exits(t, 0, "completion", "--list-applications", "-v")
	if !strings.Contains(r.out.String(), "\nping:Ping all nodes\n") {
		t.Errorf("got %q", r.out.String())
	}
	r.exits(t, 0, "__complete", "ping", "--gr")
	if !strings.Contains(r.out.String(), "--graph\tShow how") {
		t.Errorf("got %q", r.out.String())
	}
	if r.exits(t, 0, "__complete", "pi"); !strings.Contains(r.out.String(), "ping\tPing all nodes") {
		t.Errorf("got %q", r.out.String())
	}
	if r.exits(t, 0, "__complete", "find", "-T", ""); r.out.String() != "mcollective\nuk\n:4\n" {
		t.Errorf("got %q", r.out.String())
	}
	if r.exits(t, 0, "__complete", "help", "fi"); !strings.Contains(r.out.String(), "find\tFind the nodes") {
		t.Errorf("got %q", r.out.String())
	}
}
