package creds

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mcollective/internal/dirtest"
	"mcollective/message"
	"mcollective/security"
)

// A memory is a Replay with a clock and a machine that can start anew.
type memory struct {
	*Replay
	t    testing.TB
	o    ReplayOptions
	at   time.Time
	boot byte
}

func newMemory(t testing.TB, o ReplayOptions) *memory {
	t.Helper()
	m := &memory{t: t, at: time.Unix(1_800_000_000, 0), boot: 1}
	if o.Dir == "" {
		o.Dir = dirtest.New(t.(*testing.T))
	}
	if o.MaxTTL == 0 {
		o.MaxTTL, o.MaxSkew = 600*time.Second, 30*time.Second
	}
	o.Now = func() time.Time { return m.at }
	o.boot = func() ([16]byte, bool) { return [16]byte{m.boot}, m.boot != 0 }
	m.o = o
	m.open()
	t.Cleanup(func() { m.Close() })
	return m
}

func (m *memory) open() {
	m.t.Helper()
	var err error
	if m.Replay, err = OpenReplay(m.o); err != nil {
		m.t.Fatal(err)
	}
}

// restart is what a new version of the program does, or one that was killed.
func (m *memory) restart() {
	m.t.Helper()
	if err := m.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.open()
}

func (m *memory) pass(d time.Duration) { m.at = m.at.Add(d) }

// take has the memory judge a request of a caller, made that long ago.
func (m *memory) take(caller, id string, age time.Duration) error {
	return m.Check(&message.Request{ID: id, Time: m.at.Add(-age), Principal: message.Principal{ID: "creds=" + caller}})
}

func (m *memory) fresh() { m.pass(31 * time.Second) }

func wantLater(t testing.TB, err error, reason message.Reason, text string) {
	t.Helper()
	l := (*security.Refusal)(nil)
	if !errors.As(err, &l) || l.Reason != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one to try later with reason %s and %q", err, reason, text)
	}
}

func TestReplay(t *testing.T) {
	m := newMemory(t, ReplayOptions{})
	m.pass(time.Minute)
	if err := m.take("jane", "1", 0); err != nil {
		t.Fatal(err)
	}
	for _, again := range []time.Duration{0, time.Second} {
		if err := m.take("jane", "1", again); !errors.Is(err, errReplayed) {
			t.Errorf("a second time: %v", err)
		}
	}
	if err := errors.Join(m.take("joe", "1", 0), m.take("jane", "2", 0)); err != nil {
		t.Errorf("others: %v", err)
	}
	// "a" + "b=1" is not "ab" + "=1".
	if err := errors.Join(m.take("a", "b1", 0), m.take("ab", "1", 0)); err != nil {
		t.Errorf("a caller and an id that are cut elsewhere: %v", err)
	}
	m.restart()
	if err := m.take("jane", "1", 0); !errors.Is(err, errReplayed) {
		t.Errorf("after a restart: %v", err)
	}
	if err := m.take("jane", "3", 0); err != nil {
		t.Errorf("a new one after a restart: %v", err)
	}
}

// A node that has lost its memory refuses what it may have executed, says when that ends, and not before.
func TestLostMemory(t *testing.T) {
	for what, lose := range map[string]func(m *memory, dir string){
		"another run of the machine":   func(m *memory, _ string) { m.boot++ },
		"a machine that does not know": func(m *memory, _ string) { m.boot = 0 },
		"no files":                     func(m *memory, dir string) { must(t, os.RemoveAll(dir)) },
		"an empty file":                func(m *memory, dir string) { must(t, os.WriteFile(last(t, dir), nil, 0o600)) },
		"a torn entry":                 func(m *memory, dir string) { must(t, appendTo(last(t, dir), "x")) },
		"another header": func(m *memory, dir string) {
			must(t, os.WriteFile(last(t, dir), []byte(strings.Repeat("x", 200)), 0o600))
		},
		"more than could have been": func(m *memory, dir string) { must(t, os.Truncate(last(t, dir), 1<<30)) },
		"a gap": func(m *memory, dir string) {
			must(t, os.Rename(last(t, dir), filepath.Join(dir, "77")))
			must(t, os.WriteFile(filepath.Join(dir, "3"), nil, 0o600))
		},
		"a file before that is damaged": func(m *memory, dir string) { must(t, os.WriteFile(before(t, dir), []byte("x"), 0o600)) },
	} {
		t.Run(what, func(t *testing.T) {
			m := newMemory(t, ReplayOptions{})
			dir := filepath.Join(m.o.Dir, replayName)
			m.fresh()
			must(t, m.take("jane", "0", 0))
			m.pass(11 * time.Minute) // a second generation
			for i := range 3 {
				must(t, m.take("jane", fmt.Sprint("a", i), 0))
			}
			must(t, m.Close())
			lose(m, dir)
			m.open()
			for i := range 3 {
				for _, ahead := range []time.Duration{0, 30 * time.Second} {
					err := m.take("jane", fmt.Sprint("a", i), -ahead)
					if errors.Is(err, errReplayed) {
						t.Errorf("%s: the memory was not lost", what)
					} else {
						wantLater(t, err, message.Expired, "restarted")
					}
				}
			}
			wantLater(t, m.take("jane", "b", 0), message.Expired, "try again in 31 s")
			m.pass(10 * time.Second)
			m.restart() // does not make it longer
			if m.boot != 0 {
				wantLater(t, m.take("jane", "b", 0), message.Expired, "try again in 21 s")
			}
			m.pass(31 * time.Second)
			if err := m.take("jane", "b", 0); err != nil {
				t.Errorf("%s: later: %v", what, err)
			}
			if err := m.take("jane", "b", 0); !errors.Is(err, errReplayed) {
				t.Errorf("%s: twice: %v", what, err)
			}
			if list, err := m.store.numbers(); err != nil || len(list) > 2 {
				t.Errorf("%s: files %v, %v", what, list, err)
			}
			must(t, m.Close())
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func last(t *testing.T, dir string) string   { return nth(t, dir, 1) }
func before(t *testing.T, dir string) string { return nth(t, dir, 2) }

func nth(t *testing.T, dir string, fromEnd int) string {
	t.Helper()
	list, err := (&store{dir: dir}).numbers()
	must(t, err)
	if len(list) < fromEnd {
		t.Fatalf("files %v", list)
	}
	return filepath.Join(dir, fmt.Sprint(list[len(list)-fromEnd]))
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// A full memory refuses and forgets nothing, until what it holds is too old to be taken.
func TestFullMemory(t *testing.T) {
	m := newMemory(t, ReplayOptions{Most: 10})
	m.fresh()
	for i := range 20 {
		if err := m.take(fmt.Sprint("jane", i%2), fmt.Sprint(i), 0); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		m.pass(time.Second)
	}
	wantLater(t, m.take("jane", "20", 0), message.Busy, "10; try again in")
	m.restart()
	wantLater(t, m.take("jane", "20", 0), message.Busy, "try again in")
	for i := range 20 {
		if err := m.take(fmt.Sprint("jane", i%2), fmt.Sprint(i), 0); !errors.Is(err, errReplayed) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	m.pass(630 * time.Second)
	if err := m.take("jane", "20", 0); err != nil {
		t.Errorf("later: %v", err)
	}
	// A clock that is set back brings none of the forgotten back.
	m.at = m.at.Add(-650 * time.Second)
	for i := range 20 {
		if err := m.take(fmt.Sprint("jane", i%2), fmt.Sprint(i), 0); err == nil {
			t.Errorf("request %d is taken a second time", i)
		}
	}
}

// One caller cannot take the memory from the others.
func TestOneCallerDoesNotFillTheMemory(t *testing.T) {
	m := newMemory(t, ReplayOptions{Most: 10})
	m.fresh()
	for i := range 5 {
		must(t, m.take("eve", fmt.Sprint(i), 0))
	}
	for i := range 20 {
		wantLater(t, m.take("eve", fmt.Sprint("more", i), 0), message.Busy, "of creds=eve")
	}
	for i := range 5 {
		must(t, m.take("jane", fmt.Sprint(i), 0))
	}
	m.pass(631 * time.Second)
	must(t, m.take("eve", "later", 0))
}

// Without a place to write nothing is taken, and a half-written entry does not stay.
func TestMemoryThatCannotBeWritten(t *testing.T) {
	m := newMemory(t, ReplayOptions{})
	m.fresh()
	must(t, m.take("jane", "1", 0))
	must(t, m.store.file.Close())
	if err := m.take("jane", "2", 0); err == nil || errors.Is(err, errReplayed) {
		t.Errorf("without its file: %v", err)
	}
	if err := m.take("jane", "2", 0); err == nil || errors.Is(err, errReplayed) {
		t.Errorf("a second time: %v", err)
	}
	m.store.file = nil
	m.restart()
	if err := m.take("jane", "2", 0); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	must(t, m.Close())
	if err := m.take("jane", "3", 0); err == nil {
		t.Error("a closed memory takes requests")
	}
	for _, o := range []ReplayOptions{{Dir: m.o.Dir}, {Dir: m.o.Dir, MaxTTL: time.Minute}, {Dir: m.o.Dir, MaxSkew: time.Minute},
		{Dir: filepath.Join(m.o.Dir, "nosuch"), MaxTTL: time.Minute, MaxSkew: time.Minute}} {
		if r, err := OpenReplay(o); err == nil {
			r.Close()
			t.Errorf("%+v is taken", o)
		}
	}
}

// Two nodes on one directory would each execute a request, so that the second does not start. The end of the first,
// however it ends, lets another in.
func TestReplayIsOfOneProcess(t *testing.T) {
	m := newMemory(t, ReplayOptions{})
	if r, err := OpenReplay(m.o); err == nil {
		r.Close()
		t.Error("a second one opened it")
	} else if want := fmt.Sprintf("process %d", os.Getpid()); !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not name %s", err, want)
	}
	m.fresh()
	if err := m.take("jane", "1", 0); err != nil {
		t.Errorf("the first, after the attempt of the second: %v", err)
	}
	m.restart()
}

// A node that has just joined takes requests at once; one that had joined before under the same name does not take
// what was made for that one.
func TestInitReplay(t *testing.T) {
	dir := dirtest.New(t)
	must(t, InitReplay(dir))
	r, err := OpenReplay(ReplayOptions{Dir: dir, MaxTTL: time.Minute, MaxSkew: DefaultSkew})
	must(t, err)
	t.Cleanup(func() { r.Close() })
	req := &message.Request{ID: "1", Time: time.Now().Truncate(time.Second), Principal: message.Principal{ID: "creds=jane"}}
	if _, ok := bootID(); ok {
		must(t, r.Check(req))
	}
	old := *req
	old.ID, old.Time = "2", req.Time.Add(-40*time.Second)
	wantLater(t, r.Check(&old), message.Expired, "check both clocks")
	must(t, r.Close())
	must(t, InitReplay(dir)) // it joined again
}

// Whatever happens to a node, no request that it would take for its age is executed twice.
func TestReplayHolds(t *testing.T) {
	dirs := dirtest.New(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(dirs, fmt.Sprint(n))
		must(t, os.Mkdir(dir, 0o700))
		const ttl, skew = 60, 30
		at, boot := int64(1_800_000_000), byte(1)
		open := func() *Replay {
			r, err := OpenReplay(ReplayOptions{Dir: dir, MaxTTL: ttl * time.Second, MaxSkew: skew * time.Second, Most: 8,
				Now: func() time.Time { return time.Unix(at, 0) }, boot: func() ([16]byte, bool) { return [16]byte{boot}, true }})
			if err != nil {
				rt.Fatal(err)
			}
			return r
		}
		r := open()
		defer func() { r.Close() }()
		executed := map[string]bool{}
		var sent []*message.Request
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			switch rapid.IntRange(0, 11).Draw(rt, "step") {
			case 0:
				r.Close()
				r = open()
			case 1:
				r.Close()
				boot++
				r = open()
			case 2:
				at += rapid.Int64Range(0, 200).Draw(rt, "pause")
			case 3, 4, 5, 6:
				sent = append(sent, &message.Request{ID: fmt.Sprint(len(sent)), Principal: message.Principal{ID: "creds=jane"},
					Time: time.Unix(at+rapid.Int64Range(-ttl, skew).Draw(rt, "made"), 0)})
				fallthrough
			default:
				if len(sent) == 0 {
					continue
				}
				req := sent[len(sent)-1-rapid.IntRange(0, len(sent)-1).Draw(rt, "which")]
				if age := at - req.Time.Unix(); age > ttl || age < -skew {
					continue // the node refuses it for its age
				}
				if r.Check(req) == nil {
					if executed[req.ID] {
						rt.Fatalf("request %s is executed twice", req.ID)
					}
					executed[req.ID] = true
				}
			}
			at += rapid.Int64Range(0, 10).Draw(rt, "while")
		}
	})
}

// Who joins again does not forget what was executed, neither at rest nor beside a running node.
func TestJoiningAgainKeepsTheMemory(t *testing.T) {
	if _, ok := bootID(); !ok {
		t.Skip("this machine cannot tell one of its runs from another, and a node forgets when it ends")
	}
	m := newMemory(t, ReplayOptions{})
	must(t, m.Close())
	must(t, os.RemoveAll(m.store.dir))
	must(t, InitReplay(m.o.Dir))
	m.o.boot, m.at = bootID, time.Now()
	m.open()
	must(t, m.take("jane", "before", 0))
	must(t, InitReplay(m.o.Dir))
	must(t, m.take("jane", "while", 0))
	m.restart()
	for _, id := range []string{"before", "while"} {
		if err := m.take("jane", id, 0); !errors.Is(err, errReplayed) {
			t.Errorf("request %q of before is taken again: %v", id, err)
		}
	}
	must(t, m.Close())
	must(t, InitReplay(m.o.Dir))
	m.open()
	if err := m.take("jane", "before", 0); !errors.Is(err, errReplayed) {
		t.Errorf("a request of before is taken again: %v", err)
	}
	// One that is damaged is no reason to make another.
	must(t, m.Close())
	must(t, os.Truncate(m.store.path(m.store.number), 3))
	must(t, InitReplay(m.o.Dir))
	m.open()
	wantLater(t, m.take("jane", "before", 0), message.Expired, "was restarted")
}

// What is written to a file that a restart would not find is forgotten then.
func TestMemoryThatIsRemoved(t *testing.T) {
	for what, remove := range map[string]func(m *memory) error{
		"removed":   func(m *memory) error { return os.Remove(m.store.path(m.store.number)) },
		"all of it": func(m *memory) error { return os.RemoveAll(m.store.dir) },
		"made anew": func(m *memory) error { return errors.Join(os.RemoveAll(m.store.dir), InitReplay(m.o.Dir)) },
		"replaced": func(m *memory) error {
			path := m.store.path(m.store.number)
			data, err := os.ReadFile(path)
			return errors.Join(err, os.Rename(path, path+".old"), os.WriteFile(path, data, 0o600))
		},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMemory(t, ReplayOptions{})
			m.fresh()
			must(t, m.take("jane", "1", 0))
			must(t, remove(m))
			for range 2 {
				if err := m.take("jane", "2", 0); err == nil || !strings.Contains(err.Error(), "restart the node") {
					t.Errorf("it is taken, or for another reason refused: %v", err)
				}
			}
		})
	}
}

// A disk that was full for a moment costs the requests of that moment, and a file that cannot be removed none.
func TestTurnIsTriedAgain(t *testing.T) {
	m := newMemory(t, ReplayOptions{})
	m.fresh()
	must(t, m.take("jane", "1", 0))
	m.pass(631 * time.Second)
	next := filepath.Join(m.store.dir, "next")
	must(t, os.Mkdir(next, 0o700))
	for range 2 {
		if err := m.take("jane", "2", 0); err == nil || !strings.Contains(err.Error(), "cannot be remembered") {
			t.Errorf("a request that cannot be remembered: %v", err)
		}
	}
	must(t, os.Remove(next))
	must(t, m.take("jane", "2", 0))
	if err := m.take("jane", "2", 0); !errors.Is(err, errReplayed) {
		t.Errorf("again: %v", err)
	}

	// What is in the place of the file that is to go cannot be removed.
	first := m.store.path(m.store.number - 1)
	must(t, os.Remove(first))
	must(t, os.MkdirAll(filepath.Join(first, "x"), 0o700))
	m.pass(631 * time.Second)
	must(t, m.take("jane", "3", 0))
	m.restart()
	for _, id := range []string{"2", "3"} {
		if err := m.take("jane", id, 0); !errors.Is(err, errReplayed) {
			t.Errorf("after a restart: %v", err)
		}
	}
}
