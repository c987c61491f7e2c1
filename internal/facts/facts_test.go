package facts

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// A journal is a log that tests read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, o Options) *Facts {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet()
	}
	f, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func refresh(t *testing.T, f *Facts) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := f.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestYAML(t *testing.T) {
	dir := dirtest.New(t)
	one := write(t, filepath.Join(dir, "one.yaml"), "a: 1.10\nb: yes\nc: {d: [x, 017]}\n", 0o600)
	two := write(t, filepath.Join(dir, "two.yaml"), "b: no\ne: ~\n", 0o600)
	f := open(t, Options{Source: "yaml", Files: []string{one, two}})
	want := Set{"a": "1.1", "b": "false", "c": map[string]any{"d": []any{"x", "15"}}, "e": ""}
	if d := cmp.Diff(want, f.Snapshot()); d != "" {
		t.Error(d)
	}
	if v, ok := f.Fact("e"); v != "" || !ok {
		t.Errorf("a fact without a value is %v, %v", v, ok)
	}
	if _, ok := f.Fact("none"); ok {
		t.Error("there is a fact that no file has")
	}
	if time.Since(f.Updated()) > time.Minute {
		t.Errorf("updated at %v", f.Updated())
	}
}

func TestYAMLKeepsTheLastGood(t *testing.T) {
	dir := dirtest.New(t)
	one := write(t, filepath.Join(dir, "one.yaml"), "a: 1\n", 0o600)
	two := write(t, filepath.Join(dir, "two.yaml"), "b: 1\n", 0o600)
	var log journal
	f := open(t, Options{Source: "yaml", Files: []string{one, two}, Logger: log.logger()})
	step := func(name string, want Set, lines int, mark string) {
		t.Helper()
		refresh(t, f)
		refresh(t, f)
		if d := cmp.Diff(want, f.Snapshot()); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		if got := strings.Count(log.String(), "\n"); got != lines || !strings.Contains(log.String(), mark) {
			t.Errorf("%s: the log has %d lines, want %d with %q:\n%s", name, got, lines, mark, log.String())
		}
	}
	write(t, one, "a: [\n", 0o600)
	write(t, two, "b: 2\n", 0o600)
	step("one is broken", Set{"a": "1", "b": "2"}, 1, "one.yaml")
	write(t, one, "a: 3\n", 0o600)
	step("one is well again", Set{"a": "3", "b": "2"}, 2, "can be read again")
	os.Remove(two)
	step("two is gone", Set{"a": "3"}, 3, "two.yaml")
	os.Remove(one)
	step("all is gone", Set{"a": "3"}, 4, "there are no facts")
}

// A changed file is seen without being asked for.
func TestYAMLIsPolled(t *testing.T) {
	path := write(t, filepath.Join(dirtest.New(t), "f.yaml"), "a: old\n", 0o600)
	f := open(t, Options{Source: "yaml", Files: []string{path}, Poll: time.Millisecond})
	write(t, path, "a: newer\n", 0o600)
	waittest.Until(t, "the fact of the changed file", func() bool {
		v, _ := f.Fact("a")
		return v == "newer"
	})
}

func TestOpenErrors(t *testing.T) {
	for _, o := range []Options{{Source: "yaml"}, {Source: "crystal ball"}} {
		if _, err := Open(context.Background(), o); err == nil {
			t.Errorf("%+v opens", o)
		}
	}
}

func TestBuiltin(t *testing.T) {
	f := open(t, Options{})
	s := f.Snapshot()
	for _, name := range strings.Fields(`os kernel kernelrelease processors memory networking system_uptime load_averages timezone identity
		is_virtual virtual operatingsystem operatingsystemrelease osfamily architecture hardwaremodel processorcount
		memorysize memorysize_mb memoryfree hostname fqdn interfaces uptime_seconds`) {
		if _, ok := s.Fact(name); !ok {
			t.Errorf("there is no %s", name)
		}
	}
	if s["operatingsystem"] != s["os"].(map[string]any)["name"] {
		t.Errorf("operatingsystem is %v, os.name is %v", s["operatingsystem"], s["os"])
	}
	onlyText(t, "", s)
}

func onlyText(t *testing.T, name string, v any) {
	switch v := v.(type) {
	case string:
	case Set:
		for k, e := range v {
			onlyText(t, k, e)
		}
	case map[string]any:
		for k, e := range v {
			onlyText(t, name+"."+k, e)
		}
	case []any:
		for _, e := range v {
			onlyText(t, name, e)
		}
	default:
		t.Errorf("%s is a %T", name, v)
	}
}

func TestReadingCostsNothing(t *testing.T) {
	f := open(t, Options{})
	n := testing.AllocsPerRun(100, func() {
		if _, ok := f.Fact("operatingsystem"); !ok {
			t.Error("there is no operatingsystem")
		}
		if f.Snapshot() == nil {
			t.Error("no snapshot")
		}
	})
	if n != 0 {
		t.Errorf("reading a fact allocates %v times", n)
	}
}

func TestExternal(t *testing.T) {
	dir := dirtest.New(t)
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, filepath.Join(one, "a.txt"), "\ufeffmark=1\r\n# comment=no\nRole=web\nempty=\nno line\nx = y = z\r\n", 0o644)
	write(t, filepath.Join(one, "b.json"), "\ufeff"+`{"n": 1, "role": "db", "m": {"k": [true]}}`, 0o644)
	write(t, filepath.Join(one, "c.yaml"), "\ufeffwhen: 2020-01-01\r\nv: 1.10\r\n", 0o644)
	write(t, filepath.Join(one, "d.json"), "{", 0o644)
	write(t, filepath.Join(one, ".hidden.txt"), "h=1\n", 0o644)
	write(t, filepath.Join(one, "readme.md"), "h=1\n", 0o644)
	write(t, filepath.Join(two, "z.txt"), "n=2\n", 0o644)
	base := write(t, filepath.Join(dir, "base.yaml"), "\ufeffrole: none\r\nbase: 1\r\n", 0o644)
	var log journal
	f := open(t, Options{Source: "yaml", Files: []string{base}, Dirs: []string{one, two, filepath.Join(dir, "none")}, Logger: log.logger()})
	want := Set{"mark": "1", "base": "1", "role": "db", "x": "y = z", "n": "2", "m": map[string]any{"k": []any{"true"}}, "when": "2020-01-01", "v": "1.1"}
	if d := cmp.Diff(want, f.Snapshot()); d != "" {
		t.Error(d)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "d.json") {
		t.Errorf("log: %s", got)
	}
}

func TestStartDoesNotWaitForever(t *testing.T) {
	block := make(chan struct{})
	l := newLayer("slow", Options{CacheTime: time.Hour, Logger: quiet()}, func(ctx context.Context) (Set, error) {
		select {
		case <-ctx.Done():
		case <-block:
		}
		return Set{"a": "1"}, nil
	})
	f := &Facts{log: quiet(), layers: []*layer{l}, sets: make([]Set, 1)}
	f.current.Store(&snapshot{})
	l.publish = func(s Set) { f.publish(0, s) }
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.done.Go(func() { l.run(ctx) })
	if _, ok := f.Fact("a"); ok {
		t.Error("the fact is there already")
	}
	close(block)
	waittest.Receive(t, "the first set", l.first)
	if v, _ := f.Fact("a"); v != "1" {
		t.Errorf("a is %v", v)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a=b\n", "=b", "a=", "#a=b", "a=b=c\r\n\r\n", "\x00=\xff", strings.Repeat("x", 100) + "=1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := parseText(data)
		if err != nil {
			return
		}
		for k, v := range set {
			if k == "" || v == "" || strings.ContainsAny(k+v.(string), "\n") {
				t.Errorf("%q = %q", k, v)
			}
		}
	})
}

func FuzzExternal(f *testing.F) {
	f.Add([]byte(`{"a": [1, null, {"b": 1e400}]}`), true)
	f.Add([]byte("a: 2020-01-01\nb: &x [*x]\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, json bool) {
		parse := parseYAML
		if json {
			parse = parseJSON
		}
		if set, err := parse(data); err == nil {
			onlyText(t, "", set)
		}
	})
}

func BenchmarkFact(b *testing.B) {
	f, err := Open(context.Background(), Options{Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := f.Fact("operatingsystem"); !ok {
			b.Fatal("there is no operatingsystem")
		}
	}
}

func BenchmarkBuiltin(b *testing.B) {
	for _, l := range builtinLayers(Options{Logger: quiet()}) {
		b.Run(l.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.load(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleOpen() {
	f, err := Open(context.Background(), Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	name, ok := f.Fact("kernel")
	fmt.Println(name != "", ok)
	// Output: true true
}
