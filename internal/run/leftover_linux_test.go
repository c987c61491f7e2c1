package run

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/internal/waittest"
)

type scripted struct {
	Script                string
	Background, Protected bool
}

// TestEarlierProcess is not a test: it is the process that others kill. It runs the
// programs that it is told, and says when they print a line.
func TestEarlierProcess(t *testing.T) {
	dir := os.Getenv("MCO_TEST_RECORDS")
	if dir == "" {
		t.Skip("for other tests")
	}
	var told []scripted
	if err := json.Unmarshal([]byte(os.Getenv("MCO_TEST_COMMANDS")), &told); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Remember(dir, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	for _, told := range told {
		c := sh(told.Script)
		c.For, c.Background, c.Protected = "agent x", told.Background, told.Protected
		// Start is for programs that are talked to, and those are never protected; this
		// goes around it.
		p, err := start(t.Context(), c, true)
		if err != nil {
			t.Fatal(err)
		}
		go p.supervise()
		line, err := bufio.NewReader(p.Stdout()).ReadString('\n')
		fmt.Printf("%d %s", p.PID(), line)
		if err != nil {
			t.Fatal(err)
		}
	}
	select {} // until it is killed
}

// killed runs commands in another process, which it kills, and returns their numbers.
func killed(t *testing.T, dir string, c ...scripted) []int {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	must(t, sh(`true`)) // what it leaves is to be ours, and not that of anyone who runs the test
	cmd := exec.Command(os.Args[0], "-test.run=^TestEarlierProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "MCO_TEST_RECORDS="+dir, "MCO_TEST_COMMANDS="+string(text))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() }).Stop()
	var pids []int
	lines := bufio.NewScanner(out)
	for len(pids) < len(c) && lines.Scan() {
		if pid, err := strconv.Atoi(strings.Fields(lines.Text() + " -")[0]); err == nil {
			pids = append(pids, pid)
		}
	}
	cmd.Process.Kill()
	io.Copy(io.Discard, out)
	cmd.Wait()
	if len(pids) != len(c) {
		t.Fatalf("it ran %d of %d programs", len(pids), len(c))
	}
	return pids
}

// clean ends whatever a test left, by a word in its arguments.
func clean(t *testing.T, word string) {
	t.Cleanup(func() {
		for _, pid := range alive(t, word) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

func leftovers(t *testing.T, dir string) []*Leftover {
	t.Helper()
	left, stop, err := Remember(dir, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return left
}

func records(t *testing.T, dir string) []string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	return names
}

func TestLeftoverIsEnded(t *testing.T) {
	for name, script := range map[string]string{ // the short sleep lets a program leave its session
		"works on":     `sleep 68.25 & setsid sleep 68.25 & sh -c 'sleep 68.25 & wait' & sleep 0.1; echo; wait`,
		"itself ended": `sleep 68.25 >/dev/null & echo; read x`, // the end of its input ends it
	} {
		t.Run(name, func(t *testing.T) {
			clean(t, "68.25")
			dir := filepath.Join(dirtest.New(t), "programs")
			pid := killed(t, dir, scripted{Script: script})[0]
			if name == "itself ended" {
				waittest.Until(t, "the program itself to end", func() bool {
					p, ok := readProcess(strconv.Itoa(pid))
					return !ok || p.dead()
				})
			}
			left := leftovers(t, dir)
			if len(left) != 1 || left[0].PID != pid || left[0].For != "agent x" || left[0].Path != "/bin/sh" || left[0].Protected || left[0].Err != nil || time.Since(left[0].Began) > time.Minute {
				t.Fatalf("%+v", left)
			}
			n, err := left[0].End(t.Context())
			if got := alive(t, "68.25"); err != nil || n == 0 || len(got) > 0 {
				t.Errorf("%d ended, %v are left, %v", n, got, err)
			}
			if got := records(t, dir); len(got) > 0 {
				t.Errorf("records stay: %v", got)
			}
		})
	}
}

func TestLeftoverIsLeftToFinish(t *testing.T) {
	clean(t, "68.75")
	dir := filepath.Join(dirtest.New(t), "programs")
	pids := killed(t, dir, scripted{Script: `sleep 68.75 & echo; wait`, Protected: true},
		scripted{Script: `(setsid sleep 68.75 &) ; (sleep 68.75 &) ; echo; read x`, Background: true})
	waittest.Until(t, "the other program to end", func() bool {
		p, ok := readProcess(strconv.Itoa(pids[1]))
		return !ok || p.dead()
	})
	left := leftovers(t, dir)
	if len(left) != 1 || !left[0].Protected || left[0].PID != pids[0] {
		t.Fatalf("%+v", left)
	}
	if got := alive(t, "68.75"); len(got) < 3 {
		t.Errorf("daemons were ended: %v", got)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if err := left[0].Wait(ctx); err == nil || err.Error() != "enough" || len(records(t, dir)) != 1 {
		t.Errorf("%v, %v", err, records(t, dir))
	}
	unix.Kill(-pids[0], unix.SIGTERM)
	if err := left[0].Wait(waittest.Within(t, waittest.Patience)); err != nil || len(records(t, dir)) != 0 {
		t.Errorf("%v, %v", err, records(t, dir))
	}
}

// TestOnlyLeftoversAreEnded has records of processes that are none.
func TestOnlyLeftoversAreEnded(t *testing.T) {
	clean(t, "69.25")
	dir := filepath.Join(dirtest.New(t), "programs")
	leftovers(t, dir)
	// A session whose first process has ended, like one that got the number of a
	// program of ours since.
	other := exec.Command("/bin/sh", "-c", "sleep 69.25 >/dev/null 2>&1 & exec sleep 69.25")
	other.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "both processes", func() bool { return len(alive(t, "sleep\x0069.25")) == 2 })
	now, ok := readProcess(strconv.Itoa(other.Process.Pid))
	if !ok {
		t.Fatal("it is not there")
	}
	real := record{PID: now.pid, Start: now.start, Boot: bootID(), Mark: 1<<62 | 5, UID: os.Getuid(), Path: "/x"}
	put := func(name string, r record) *Leftover {
		t.Helper()
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return readLeftover(file)
	}
	if l := put("real", real); l == nil || len(alive(t, "sleep\x0069.25")) != 2 {
		t.Fatalf("the test itself is wrong: a true record is not found: %+v, %v", l, alive(t, "69.25"))
	}
	for name, change := range map[string]func(*record){
		"another start": func(r *record) { r.Start++ },
		"another boot":  func(r *record) { r.Boot = "x" },
		"this process's session": func(r *record) {
			r.PID, r.Start = children.session, 1
		},
	} {
		t.Run(subtest.Name(name), func(t *testing.T) {
			r := real
			change(&r)
			if r.PID <= 1 {
				return // a session that began outside this namespace, or init's
			}
			if l := put(name, r); l != nil {
				t.Errorf("%s: %+v", name, l)
			}
		})
	}
	for name, change := range map[string]func(*record){
		"init":      func(r *record) { r.PID = 1 },
		"none":      func(r *record) { r.PID = 0 },
		"all":       func(r *record) { r.PID = -1 },
		"no moment": func(r *record) { r.Start = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			r := real
			change(&r)
			if l := put(name, r); l == nil || l.Err == nil {
				t.Errorf("%s: %+v", name, l)
			}
		})
	}
	other.Process.Kill()
	waittest.Return(t, "the killed one to end", func() { other.Wait() })
	if l := put("session", real); l != nil {
		t.Errorf("a session without its mark: %+v", l)
	}
	if got := alive(t, "69.25"); len(got) != 1 {
		t.Errorf("of another's session %v are left", got)
	}
	if l := put("own", record{PID: os.Getpid(), Start: startOf(t, os.Getpid()), Boot: bootID()}); l == nil || !l.Protected {
		t.Errorf("what started this process may be ended: %+v", l)
	}
	os.WriteFile(filepath.Join(dir, "broken.json"), []byte(`{"pid":`), 0o600)
	if l := readLeftover(filepath.Join(dir, "broken.json")); l == nil || l.Err == nil || !strings.Contains(l.Err.Error(), "broken.json, cannot be read") {
		t.Errorf("%+v", l)
	}
}

func startOf(t *testing.T, pid int) uint64 {
	t.Helper()
	p, ok := readProcess(strconv.Itoa(pid))
	if !ok {
		t.Fatal("no process ", pid)
	}
	return p.start
}

func TestWhereRecordsMayBe(t *testing.T) {
	base := dirtest.New(t)
	open, link := filepath.Join(base, "open"), filepath.Join(base, "link")
	os.Mkdir(open, 0o700)
	os.Chmod(open, 0o770)
	os.Symlink(open, link)
	for _, dir := range []string{open, link} {
		if _, _, err := Remember(dir, nil); err == nil || !strings.Contains(err.Error(), " is not trusted: ") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	good := filepath.Join(base, "good", "one")
	_, stop, err := Remember(good, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Remember(good, nil); err == nil || !strings.Contains(err.Error(), "another process does that already") {
		t.Error(err)
	}
	p, err := Start(t.Context(), Command{Path: "cat", Timeout: waittest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	if got := records(t, good); len(got) != 1 {
		t.Errorf("%v", got)
	}
	p.Stdin().Close()
	p.Wait()
	if got := records(t, good); len(got) != 0 {
		t.Errorf("%v", got)
	}
	stop()
	if left := leftovers(t, good); len(left) != 0 {
		t.Errorf("%v", left)
	}
}
