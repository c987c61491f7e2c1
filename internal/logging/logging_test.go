package logging

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, o Options) (*slog.Logger, *Control, *bytes.Buffer) {
	t.Helper()
	var console bytes.Buffer
	o.Console = &console
	log, c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return log, c, &console
}

func TestConsole(t *testing.T) {
	log, _, out := open(t, Options{Level: "warn", Color: true})
	log.Info("quiet")
	log.With("node", "web1").WithGroup("net").Warn("slow answer", "took", 2*time.Second, "why", "no route", "empty", "")
	_, _, line, _ := runtime.Caller(0)
	want := fmt.Sprintf(`^warn \d{4}/\d\d/\d\d \d\d:\d\d:\d\d: logging_test\.go:%d slow answer node=web1 net\.took=2s net\.why="no route" net\.empty=""\n$`, line-1)
	if got := out.String(); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got %q, want %s", got, want)
	}
}

func TestColor(t *testing.T) {
	c := &console{color: true}
	if got := string(c.layout(nil, slog.LevelError, time.Time{})); got != "\x1b[31merror\x1b[0m 0001/01/01 00:00:00: " {
		t.Errorf("layout %q", got)
	}
	if colorful(os.Stderr) && os.Getenv("NO_COLOR") != "" {
		t.Error("NO_COLOR is not heeded")
	}
}

func TestControlCharactersAreEscaped(t *testing.T) {
	log, _, out := open(t, Options{})
	evil := "a\nerror 2026/01/01 00:00:00: forged\x1b[2J\u202e\u0085\xff\x00é"
	log.Info(evil, evil, evil, "err", fmt.Errorf("%s", evil), slog.Group(evil, "k", evil))
	got := out.String()
	if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
		t.Errorf("more than one line: %q", got)
	}
	for _, r := range strings.TrimSuffix(got, "\n") {
		if r != 'é' && (r < ' ' || r > '~') {
			t.Errorf("%q is in the log: %q", r, got)
		}
	}
	if !strings.Contains(got, `a\nerror 2026/01/01 00:00:00: forged\x1b[2J\u202e\u0085\xff\x00é`) {
		t.Errorf("the text is not kept: %q", got)
	}
}

func TestLongLineIsCut(t *testing.T) {
	log, _, out := open(t, Options{})
	log.Info(strings.Repeat("é", 10*maxLine), "more", strings.Repeat("x", 10*maxLine))
	if n := out.Len(); n > maxLine+10 || !strings.HasSuffix(out.String(), " ...\n") {
		t.Errorf("line of %d bytes ends in %q", n, out.String()[n-10:])
	}
}

func TestLevels(t *testing.T) {
	log, c, out := open(t, Options{Level: "debug"})
	for _, want := range []string{"info", "warn", "error", "fatal", "debug"} {
		out.Reset()
		got := c.CycleLevel()
		if levelName(got) != want || c.Level() != got {
			t.Errorf("level is now %v, want %s", got, want)
		}
		if s := out.String(); !strings.HasPrefix(s, want+" ") || !strings.Contains(s, "Logging level is now "+strings.ToUpper(want)) {
			t.Errorf("logged %q", s)
		}
	}
	out.Reset()
	c.SetLevel(LevelFatal)
	log.Error("no")
	log.Log(context.Background(), LevelFatal, "yes")
	if got := out.String(); strings.Contains(got, "no") || !strings.HasPrefix(got, "fatal ") {
		t.Errorf("logged %q", got)
	}
	if _, err := ParseLevel("loud"); err == nil || !strings.Contains(err.Error(), `"loud"`) {
		t.Errorf("error %v", err)
	}
}

func TestFileLayout(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "x.log")
	log, _, _ := open(t, Options{Type: "file", File: path})
	log.Info("one")
	log.Error("two")
	want := fmt.Sprintf(`^I, \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d  #%d\]  INFO -- : logging_test\.go:\d+ one
E, \[\S+  #\d+\] ERROR -- : logging_test\.go:\d+ two\n$`, os.Getpid())
	if got := read(t, path); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got %q, want %s", got, want)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRotation(t *testing.T) {
	dir := dirtest.New(t)
	path := filepath.Join(dir, "x.log")
	log, c, console := open(t, Options{Type: "file", File: path, KeepLogs: 4, MaxSize: 1})
	for i := range 7 {
		log.Info(fmt.Sprintf("line %d", i))
	}
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) != 4 {
		t.Fatalf("files %q, %v", names, err)
	}
	for i, name := range []string{".2", ".1", ".0", ""} {
		if got := read(t, path+name); !strings.Contains(got, fmt.Sprintf("line %d", i+3)) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s has %q", name, got)
		}
	}
	if c.Lost() != 0 || console.Len() != 0 {
		t.Errorf("lost %d, console %q", c.Lost(), console)
	}
}

func TestNoRotation(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "x.log")
	log, _, _ := open(t, Options{Type: "file", File: path, KeepLogs: 0, MaxSize: 1})
	log.Info("a")
	log.Info("b")
	if got := read(t, path); strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}

// A rotation that cannot be done is reported, and no line is lost.
func TestRotationFails(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "x.log")
	log, c, console := open(t, Options{Type: "file", File: path, KeepLogs: 2, MaxSize: 1})
	if err := os.MkdirAll(path+".0/full", 0o755); err != nil {
		t.Fatal(err)
	}
	log.Info("a")
	log.Info("b")
	if got := read(t, path); strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
	if c.Lost() != 1 || !strings.Contains(console.String(), "cannot rotate the log") {
		t.Errorf("lost %d, console %q", c.Lost(), console)
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "x.log")
	log, c, console := open(t, Options{Type: "file", File: path})
	log.Info("before")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	log.Info("between")
	if err := c.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Info("after")
	if got := read(t, path+".old"); !strings.Contains(got, "before") || !strings.Contains(got, "between") {
		t.Errorf("old file %q", got)
	}
	if got := read(t, path); !strings.Contains(got, "after") || strings.Contains(got, "between") {
		t.Errorf("new file %q", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	log.Info("late")
	if !strings.Contains(console.String(), "late") {
		t.Errorf("a line after Close is gone: %q", console)
	}
}

func TestOpenErrors(t *testing.T) {
	for _, o := range []Options{
		{Type: "file"},
		{Type: "file", File: filepath.Join(dirtest.New(t), "none", "x.log")},
		{Type: "paper"},
		{Level: "loud"},
		{Type: "syslog", Socket: filepath.Join(dirtest.New(t), "none")},
	} {
		if _, _, err := New(o); err == nil {
			t.Errorf("%+v opens", o)
		}
	}
}

func listen(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func receive(t *testing.T, l *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, maxLine*2)
	if err := l.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := l.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSyslog(t *testing.T) {
	dir, err := os.MkdirTemp("", "log") // short: a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l := listen(t, path)
	log, c, console := open(t, Options{Type: "syslog", Socket: path, Facility: "local3", Program: "mcollectived"})
	log.Error("one")
	want := fmt.Sprintf(`^<155>\w{3} [ \d]\d \d\d:\d\d:\d\d mcollectived\[%d\]: logging_test\.go:\d+ one\n$`, os.Getpid())
	if got := receive(t, l); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got %q, want %s", got, want)
	}

	l.Close()
	os.Remove(path)
	log.Error("two")
	if c.Lost() != 1 || !strings.Contains(console.String(), "two") {
		t.Errorf("lost %d, console %q", c.Lost(), console)
	}

	l = listen(t, path)
	if err := c.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Error("three")
	if got := receive(t, l); !strings.Contains(got, "three") {
		t.Errorf("after a restart of the system log: %q", got)
	}
}

func TestFacility(t *testing.T) {
	for name, want := range map[string]int{"user": 1, "DAEMON": 3, "local0": 16, "local7": 23, "local8": -1, "nonsense": -1} {
		t.Run(name, func(t *testing.T) {
			if got := facility(name); got != want {
				t.Errorf("facility %s is %d, want %d", name, got, want)
			}
		})
	}
}

func TestParallel(t *testing.T) {
	path := filepath.Join(dirtest.New(t), "x.log")
	log, c, _ := open(t, Options{Type: "file", File: path, KeepLogs: 100, MaxSize: 2000})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				log.Info("line", "i", i)
				if i%10 == 0 {
					if err := c.Reopen(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	waittest.Return(t, "all to log", wg.Wait)
	names, _ := filepath.Glob(path + "*")
	n := 0
	for _, name := range names {
		n += strings.Count(read(t, name), "\n")
	}
	if n != 400 || c.Lost() != 0 {
		t.Errorf("%d lines in %d files, %d lost", n, len(names), c.Lost())
	}
}

func BenchmarkFile(b *testing.B) {
	log, c, err := New(Options{Type: "file", File: filepath.Join(dirtest.New(b), "x.log")})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		log.Info("handled a request", "request", "0123456789abcdef", "caller", "user=root")
	}
}
