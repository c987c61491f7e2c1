package nrpe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/data"
	"mcollective/internal/dirtest"
	"mcollective/internal/shellwords"
	"mcollective/internal/subtest"
	"mcollective/rpc"
	"mcollective/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// checks is a machine with real checks.
func checks(t *testing.T) Options {
	t.Helper()
	dir := dirtest.New(t)
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("check", "#!/bin/sh\nstate=$1; shift\necho \"args: $* | n=$#;;\"\nexit $state\n", 0o755)
	write("nrpe.d/a.cfg", "# command[no]=x\ncommand[check_ok] = "+dir+"/check 0 'one word' \"two $ARG1$\" $ARG2$\r\ncommand[check_warning]="+dir+"/check 1\ncommand[check_twice]=x\n", 0o644)
	write("nrpe.d/b.cfg", "\ufeffcommand[check_critical]="+dir+"/check 2\ncommand[check_odd]="+dir+"/check 77\ncommand[check_twice]="+dir+"/check 0\n", 0o644)
	write("nrpe.d/c.cfg", "command[check_gone]=/nowhere/check\ncommand[check_shell]=/bin/echo a | cat\ncommand[check_quote]=/bin/echo 'a\n", 0o644)
	write("nrpe.d/ignored.txt", "command[check_ignored]=/bin/true\n", 0o644)
	write("slow/slow.cfg", "command[check_slow]=/bin/sleep 60\n", 0o644)
	write("nrpe.cfg", "include_dir="+dir+"/more\ninclude="+dir+"/nrpe.cfg\n", 0o644)
	write("more/deep/d.cfg", "command[check_deep]="+dir+"/check 0\n", 0o644)
	return Options{Directories: []string{dir + "/nrpe.d"}, Timeout: time.Minute}
}

func newAgent(t *testing.T, o Options) *Agent {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRunCommand(t *testing.T) {
	a := newAgent(t, checks(t))
	for _, test := range []struct {
		command, args string
		exit          int64
		status        rpc.Status
		message       string
		output, perf  string
	}{
		{"check_ok", "", 0, rpc.OK, "OK", "args: one word two  ", "n=3;;"},
		{"check_ok", "x y!z", 0, rpc.OK, "OK", "args: one word two x y z", "n=3;;"},
		{"check_ok", "x!y!z", 3, rpc.Aborted, "UNKNOWN", "the check takes 2 arguments and was given 3", ""},
		{"check_warning", "x", 3, rpc.Aborted, "UNKNOWN", "the check takes 0 arguments and was given 1", ""},
		{"check_warning", "", 1, rpc.Aborted, "WARNING", "args:", "n=0;;"},
		{"check_critical", "", 2, rpc.Aborted, "CRITICAL", "args:", "n=0;;"},
		{"check_odd", "", 77, rpc.Aborted, "UNKNOWN", "args:", "n=0;;"},
		{"check_twice", "", 0, rpc.OK, "OK", "args:", "n=0;;"},
		{"check_none", "", 3, rpc.Aborted, "UNKNOWN", "No such command: check_none", ""},
		{"check_ignored", "", 3, rpc.Aborted, "UNKNOWN", "No such command: check_ignored", ""},
		{"check_shell", "", 3, rpc.Aborted, "UNKNOWN", `the command line of check_shell cannot be read: "|" outside of quotes needs a shell; write sh -c '...'`, ""},
		{"check_quote", "", 3, rpc.Aborted, "UNKNOWN", "the command line of check_quote cannot be read: the quote at position 11 is not closed", ""},
	} {
		t.Run(subtest.Name(test.command, test.args), func(t *testing.T) {
			inputs := []any{"command", test.command}
			if test.args != "" {
				inputs = append(inputs, "args", test.args)
			}
			reply := agenttest.Call(t, a, "runcommand", inputs...)
			output, perf := agenttest.Output[string](t, reply, "output"), agenttest.Output[string](t, reply, "perfdata")
			if exit := agenttest.Output[int64](t, reply, "exitcode"); exit != test.exit || reply.Status != test.status || reply.Message != test.message || strings.TrimRight(output, " ") != strings.TrimRight(test.output, " ") || perf != test.perf {
				t.Errorf("%s: %d, %d %s, %q %q", test.command, exit, reply.Status, reply.Message, output, perf)
			}
		})
	}
	if reply := agenttest.Call(t, a, "runcommand", "command", "check_gone"); agenttest.Output[int64](t, reply, "exitcode") != 3 || !strings.Contains(agenttest.Output[string](t, reply, "output"), "/nowhere/check") {
		t.Errorf("%+v", reply.Data)
	}
	for _, args := range []string{"$(id)", "a;b", "-x", "a!--all", "`id`", "a\nb", "a|b"} {
		if reply := agenttest.Call(t, a, "runcommand", "command", "check_ok", "args", args); reply.Status != rpc.InvalidData {
			t.Errorf("%q: %d %s", args, reply.Status, reply.Message)
		}
	}
	a.opts.NoArgs = true
	if reply := agenttest.Call(t, a, "runcommand", "command", "check_ok", "args", "x"); reply.Status != rpc.InvalidData {
		t.Error("arguments were not refused")
	}
	for _, name := range []string{"../check", "a b", "a;b", ""} {
		if reply := agenttest.Call(t, a, "runcommand", "command", name); reply.Status != rpc.InvalidData {
			t.Errorf("%q: %d %s", name, reply.Status, reply.Message)
		}
	}
}

func TestRunAllCommands(t *testing.T) {
	reply := agenttest.Call(t, newAgent(t, checks(t)), "runallcommands")
	if want := "CRITICAL: check_critical; WARNING: check_warning; UNKNOWN: check_gone, check_odd, check_quote, check_shell"; reply.Status != rpc.Aborted || reply.Message != want {
		t.Errorf("%d %s, want %s", reply.Status, reply.Message, want)
	}
	got := map[any]any{}
	for name, check := range agenttest.Output[*value.Map](t, reply, "commands").All() {
		got[name], _ = check.(*value.Map).Get(value.Symbol("exitcode"))
	}
	want := map[any]any{"check_ok": int64(0), "check_warning": int64(1), "check_critical": int64(2), "check_odd": int64(77), "check_twice": int64(0),
		"check_gone": int64(3), "check_shell": int64(3), "check_quote": int64(3)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckThatDoesNotEnd(t *testing.T) {
	o := checks(t)
	a := newAgent(t, Options{Directories: []string{filepath.Dir(o.Directories[0]) + "/slow"}, Timeout: 300 * time.Millisecond})
	reply := agenttest.Call(t, a, "runcommand", "command", "check_slow")
	exit, output := agenttest.Output[int64](t, reply, "exitcode"), agenttest.Output[string](t, reply, "output")
	if exit != 3 || reply.Status != rpc.Aborted || reply.Message != "UNKNOWN" || output != "the check did not end within 300ms" {
		t.Errorf("%d, %d %s, %q", exit, reply.Status, reply.Message, output)
	}
}

func TestFiles(t *testing.T) {
	o := checks(t)
	dir := filepath.Dir(o.Directories[0])
	has := func(o Options, name string) bool {
		t.Helper()
		commands, err := o.commands()
		if err != nil && !strings.Contains(err.Error(), "too many") {
			t.Error(err)
		}
		_, ok := commands[name]
		return ok
	}
	if has(o, "check_deep") {
		t.Error("nrpe.cfg was read")
	}
	o.Config = dir + "/nrpe.cfg" // it includes itself
	if !has(o, "check_deep") || !has(o, "check_ok") {
		t.Error("nrpe.cfg was not read")
	}
	o = Options{Directories: o.Directories, File: "b.cfg"}
	if has(o, "check_ok") || !has(o, "check_odd") {
		t.Error("not the one file")
	}
	if err := newAgent(t, Options{Directories: []string{dir + "/none"}}).Active(t.Context()); err == nil {
		t.Error("active without checks")
	}
	if err := newAgent(t, checks(t)).Active(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string][2]string{
		"OK - all well\n":             {"OK - all well", ""},
		"LOAD OK | load1=0.1;15;30\n": {"LOAD OK", "load1=0.1;15;30"},
		"DISK OK | /=2643MB\n/ 15272 MB\n/boot 68 MB | /boot=68MB\n/home=69MB\n": {"DISK OK\n/ 15272 MB\n/boot 68 MB", "/=2643MB /boot=68MB /home=69MB"},
		"": {"", ""},
	} {
		t.Run(subtest.Name(text), func(t *testing.T) {
			if output, perf := parse(text); output != want[0] || perf != want[1] {
				t.Errorf("%q: %q %q", text, output, perf)
			}
		})
	}
}

func TestData(t *testing.T) {
	d, err := NewData(checks(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{"check_ok": 0, "check_critical": 2, "check_none": 3} {
		t.Run(name, func(t *testing.T) {
			got, err := data.NewSet(d).Data(t.Context(), "nrpe", name)
			if err != nil || got["exitcode"] != want {
				t.Errorf("%s: %v %v", name, got, err)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"a b", `'a b' "c\"d" e\ f`, "a|b", `"`, `\`, "$ARG1$ $ARGx$ $ARG99$"} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, line, arg string) {
		words, err := shellwords.SplitCommand(line)
		if err != nil {
			return
		}
		if got := expand(words, []string{arg}); len(words) == 0 || len(got) != len(words) {
			t.Errorf("%q became %q", words, got)
		}
	})
}
