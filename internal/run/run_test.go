//go:build unix

package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(reaped{m}) }

// reaped are tests after which the reaper has ended. It stays for a while where
// another package may want to wait for a process.
type reaped struct{ *testing.M }

func (r reaped) Run() int {
	code := r.M.Run()
	for deadline := time.Now().Add(30 * time.Second); reaperRuns(); time.Sleep(10 * time.Millisecond) { // its end has no event
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "the reaper still runs 30 s after the last test")
			return cmp.Or(code, 1)
		}
	}
	return code
}

// reaperRuns reports whether the reaper is at work, where there is one.
var reaperRuns = func() bool { return false }

func sh(script string) Command {
	return Command{Path: "/bin/sh", Args: []string{"-c", script}, Timeout: 20 * time.Second}
}

func must(t *testing.T, c Command) *Result {
	t.Helper()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEndings(t *testing.T) {
	for name, test := range map[string]struct {
		c      Command
		stdout string
		stderr string
		exit   int
		signal string
	}{
		"prints":             {c: sh(`echo out; echo err >&2; exit 3`), stdout: "out\n", stderr: "err\n", exit: 3},
		"reads":              {c: Command{Path: "cat", Stdin: []byte("hello")}, stdout: "hello"},
		"gets no input":      {c: Command{Path: "cat"}},
		"reads none of much": {c: Command{Path: "true", Stdin: bytes.Repeat([]byte("x"), 1<<20)}},
		"kills itself":       {c: sh(`kill -9 $$`), exit: -1, signal: "killed"},
		"arguments":          {c: Command{Path: "printf", Args: []string{"%s|", "a b", "$HOME", "`id`", ""}}, stdout: "a b|$HOME|`id`||"},
		"directory":          {c: Command{Path: "pwd", Dir: "/usr"}, stdout: "/usr\n"},
		"default directory":  {c: Command{Path: "pwd"}, stdout: "/\n"},
		"last of stderr":     {c: Command{Path: "/bin/sh", Args: []string{"-c", "seq 1 9999 >&2"}, MaxStderr: 10}, stderr: "9998\n9999\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := must(t, test.c)
			if string(r.Stdout) != test.stdout || string(r.Stderr) != test.stderr || r.Exit != test.exit || r.Signal != test.signal {
				t.Errorf("stdout %q, stderr %q, exit %d, signal %q", r.Stdout, r.Stderr, r.Exit, r.Signal)
			}
			if r.Took <= 0 {
				t.Error("took no time")
			}
		})
	}
}

func TestCannotStart(t *testing.T) {
	dir := dirtest.New(t)
	plain := filepath.Join(dir, "plain")
	os.WriteFile(plain, []byte("x"), 0o644)
	empty := filepath.Join(dir, "garbage")
	os.WriteFile(empty, []byte("\x00\x01"), 0o755)
	for name, test := range map[string]struct {
		c    Command
		want string
	}{
		"missing":      {Command{Path: "/no/such"}, "cannot start /no/such: no such file or directory"},
		"unknown":      {Command{Path: "no-such-program"}, "no program no-such-program in /opt/"},
		"relative":     {Command{Path: "./x"}, "give its name or its whole path"},
		"not for it":   {Command{Path: plain}, "permission denied"},
		"no program":   {Command{Path: empty}, "exec format error"},
		"no directory": {Command{Path: "true", Dir: "/no/such"}, "cannot start /usr/bin/true: no such file"},
		"no user":      {Command{Path: "true", User: "nobody-of-that-name"}, `there is no user "nobody-of-that-name"`},
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := Run(t.Context(), test.c); err == nil || r != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, %v; want %q", name, r, err, test.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, sh("true")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET", "x")
	t.Setenv("LD_PRELOAD", "")
	c := Command{Path: "env", Env: []string{"A=1", "LC_ALL=de", "A=2"}}
	got := map[string]string{}
	for line := range strings.Lines(string(must(t, c).Stdout)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		got[name] = value
	}
	if got["PATH"] != SearchPath || got["A"] != "2" || got["LC_ALL"] != "de" || got["HOME"] == "" {
		t.Error(got)
	}
	for _, name := range []string{"SECRET", "LD_PRELOAD"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s came through", name)
		}
	}
}

func TestDeadline(t *testing.T) {
	c := sh(`trap 'echo bye; exit 7' TERM; echo hi; sleep 60 & wait`)
	c.Timeout = 200 * time.Millisecond
	r, err := Run(t.Context(), c)
	if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "sh did not end in time: it was stopped after 200ms") {
		t.Error(err)
	}
	if r == nil || string(r.Stdout) != "hi\nbye\n" || r.Exit != 7 {
		t.Errorf("%+v", r)
	}

	c = sh(`trap '' TERM; echo hi; while :; do sleep 60; done`)
	c.Timeout, c.Grace = 200*time.Millisecond, 100*time.Millisecond
	r, err = Run(t.Context(), c)
	if !errors.Is(err, ErrTimeout) || r == nil || r.Signal != "killed" || string(r.Stdout) != "hi\n" {
		t.Errorf("%+v, %v", r, err)
	}
	if r.Took > 5*time.Second {
		t.Errorf("took %v", r.Took)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	r, err := Run(ctx, sh(`sleep 60`))
	if !errors.Is(err, why) || r == nil || r.Signal != "terminated" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFlood(t *testing.T) {
	c := sh(`exec yes`)
	c.MaxStdout = 1000
	r, err := Run(t.Context(), c)
	if !errors.Is(err, ErrOutput) || r == nil || len(r.Stdout) != 1000 {
		t.Errorf("%+v, %v", r, err)
	}
	c = sh(`printf 12345`)
	c.MaxStdout = 5
	if r, err := Run(t.Context(), c); err != nil || string(r.Stdout) != "12345" {
		t.Errorf("just enough: %+v, %v", r, err)
	}
	c.MaxStdout = 4
	if r, err := Run(t.Context(), c); !errors.Is(err, ErrOutput) || string(r.Stdout) != "1234" {
		t.Errorf("one too much: %+v, %v", r, err)
	}
}

func TestLinesOfStderr(t *testing.T) {
	var lines []string
	c := sh(`printf 'one\r\ntwo\n\nlast' >&2; seq -s x 1 5000 >&2`)
	c.Stderr = func(line string) { lines = append(lines, line) }
	must(t, c)
	if len(lines) != 3 || lines[0] != "one" || lines[1] != "two" || len(lines[2]) != longestLine {
		t.Errorf("%.100q", lines)
	}
}

// alive are the processes that have the word in their arguments.
func alive(t *testing.T, word string) []int {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(names) == 0 {
		t.Skip("no /proc")
	}
	var found []int
	for _, name := range names {
		b, _ := os.ReadFile(name)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if bytes.Contains(b, []byte(word)) && pid != os.Getpid() {
			found = append(found, pid)
		}
	}
	return found
}

func TestNothingIsLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a subreaper")
	}
	for name, script := range map[string]string{
		"child":             `sleep 61.5 & exit 0`,
		"own session":       `setsid sleep 61.5 & exit 0`,
		"double fork":       `(setsid sh -c 'sleep 61.5 & sleep 61.5' &) & exit 0`,
		"clean environment": `env -i setsid sleep 61.5 & exit 0`,
		"holds the pipe":    `sleep 61.5 & echo started`,
		"ignores TERM":      `trap '' TERM; setsid sleep 61.5 & sleep 61.5`,
		"hangs":             `setsid sleep 61.5 & setsid env -i sleep 61.5 & sleep 61.5`,
		"floods":            `setsid sleep 61.5 & exec yes`,
		"dies":              `setsid sleep 61.5 & kill -9 $$`,
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "hangs" && name != "clean environment" {
				t.Skip("takes a part of a second")
			}
			c := sh(script)
			c.Timeout, c.Grace, c.MaxStdout = 2*time.Second, 100*time.Millisecond, 1000
			if strings.Contains(name, "hangs") || strings.Contains(name, "TERM") {
				c.Timeout = 300 * time.Millisecond
			}
			_, err := Run(t.Context(), c)
			t.Log(err)
			if left := alive(t, "61.5"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
				for _, pid := range left {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			if hasZombies() {
				t.Error("left a zombie")
			}
		})
	}
}

func TestWhatEndsSoonIsWaitedFor(t *testing.T) {
	r := must(t, sh(`(sleep 0.05; echo late) & echo early`))
	if string(r.Stdout) != "early\nlate\n" {
		t.Errorf("%q", r.Stdout)
	}
}

func TestTalk(t *testing.T) {
	p, err := Start(t.Context(), Command{Path: "cat", Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	for _, word := range []string{"one\n", "two\n"} {
		p.Stdin().Write([]byte(word))
		n, err := p.Stdout().Read(b)
		if string(b[:n]) != word || err != nil {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
	p.Stdin().Close()
	if r, err := p.Wait(); err != nil || r.Exit != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if p.PID() <= 0 {
		t.Error("no number")
	}
}

func TestRunsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 80 programs")
	}
	results := make(chan error, 40)
	for i := range cap(results) {
		go func() {
			c := sh(`cat; setsid sleep 61.25 & exit 0`)
			c.Stdin = []byte(strconv.Itoa(i))
			r, err := Run(t.Context(), c)
			if err == nil && string(r.Stdout) != strconv.Itoa(i) {
				err = errors.New(string(r.Stdout))
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := waittest.Receive(t, "a run to end", results); err != nil {
			t.Error(err)
		}
	}
	if left := alive(t, "61.25"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLook(t *testing.T) {
	if path, err := Look("sh"); err != nil || filepath.Base(path) != "sh" || !filepath.IsAbs(path) {
		t.Error(path, err)
	}
	t.Setenv("PATH", dirtest.New(t))
	if _, err := Look("sh"); err != nil {
		t.Error("PATH of this process counts:", err)
	}
	for _, name := range []string{"", "a/b", "../sh", "no-such-program"} {
		if path, err := Look(name); err == nil {
			t.Errorf("%q is %s", name, path)
		}
	}
}

// TestProtected has a program go on when nobody waits for it any more.
func TestProtected(t *testing.T) {
	out := filepath.Join(dirtest.New(t), "out")
	syscall.Mkfifo(out, 0o600)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	c := sh(`echo went on > ` + out)
	c.Protected = true
	if r, err := Run(ctx, c); r != nil || !errors.Is(err, ErrGoesOn) || !strings.HasPrefix(err.Error(), "sh is not done yet and goes on") {
		t.Errorf("%+v, %v", r, err)
	}
	if err := EndAll(t.Context()); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(out); string(b) != "went on\n" { // it could not end before
		t.Errorf("%q, %v", b, err)
	}
	c = sh(`trap 'echo done; exit 3' TERM; echo hi; while :; do sleep 0.05; done`)
	c.Protected, c.Timeout = true, 200*time.Millisecond
	if r, err := Run(t.Context(), c); !errors.Is(err, ErrTimeout) || r == nil || r.Exit != 3 || string(r.Stdout) != "hi\ndone\n" {
		t.Errorf("its own limit: %+v, %v", r, err)
	}
	c = sh(`echo quick`)
	c.Protected = true
	if r, err := Run(t.Context(), c); err != nil || string(r.Stdout) != "quick\n" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEndAll(t *testing.T) {
	p, err := Start(t.Context(), sh(`trap 'exit 4' TERM; echo; while :; do sleep 0.05; done`))
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout().Read(make([]byte, 1)) // from now on TERM is heeded
	if err := EndAll(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("EndAll did not wait")
	}
	if r, err := p.Wait(); r == nil || r.Exit != 4 || err == nil || err.Error() != "the process that started it ends" {
		t.Errorf("%+v, %v", r, err)
	}
	c := sh(`trap '' TERM; echo; while :; do sleep 0.05; done`)
	c.Grace = 500 * time.Millisecond
	if p, err = Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p.Stdout().Read(make([]byte, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := EndAll(ctx); err == nil || !strings.Contains(err.Error(), "1 programs have not ended yet, among them /bin/sh") {
		t.Error(err)
	}
	p.Wait()
}
