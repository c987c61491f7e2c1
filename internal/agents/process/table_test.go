package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
)

// stat is a line of /proc/PID/stat as Linux 6.1 writes it.
func stat(pid int, name, state string, ppid int, utime, start, pages int) string {
	return fmt.Sprintf("%d (%s) %s %d 1 1 34816 1 4194560 2050 9 0 0 %d 7 0 0 20 -5 3 0 %d 1000000 %d 18446744073709551615 1 1 0 0 0 0 671173123 4096 1260 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		pid, name, state, ppid, utime, start, pages)
}

func status(uid, euid int) string {
	return fmt.Sprintf("Name:\tx\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t1\nUid:\t%d\t%d\t%d\t%d\nGid:\t8\t8\t8\t8\nFDSize:\t64\n", uid, euid, euid, euid)
}

// write makes the files of one process below a directory.
func write(t *testing.T, root string, pid int, files map[string]string) {
	t.Helper()
	dir := filepath.Join(root, strconv.Itoa(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fixture is a machine with six processes.
func fixture(t *testing.T) string {
	t.Helper()
	root := dirtest.New(t)
	for name, text := range map[string]string{"uptime": "1000.00 1900.00\n", "meminfo": "MemTotal:        4000000 kB\nMemFree:   1 kB\n", "9x": ""} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, 1, map[string]string{"stat": stat(1, "init", "S", 0, 100, 5, 1000), "status": status(0, 0), "cmdline": "/sbin/init\x00splash\x00"})
	write(t, root, 2, map[string]string{"stat": strings.Replace(stat(2, "kthreadd", "S", 0, 0, 5, 0), "4194560", "2129984", 1), "status": status(0, 0), "cmdline": ""})
	write(t, root, 70, map[string]string{"stat": stat(70, "web) S 1 (", "R", 1, 9000, 50000, 20000), "status": status(4000000, 4000000), "cmdline": "web\x00--listen\x00a\nb\x00\x00"})
	write(t, root, 71, map[string]string{"stat": stat(71, "web", "Z", 70, 0, 50100, 0), "status": status(4000000, 4000000)})
	write(t, root, 8, map[string]string{"stat": stat(8, "su", "S", 1, 0, 600, 3), "status": status(4000000, 0), "cmdline": "su\x00\xff\x00"})
	write(t, root, 500, map[string]string{"stat": "500 (half", "status": status(0, 0)})  // ended while it was read
	write(t, root, 501, map[string]string{"stat": stat(501, "gone", "S", 1, 0, 600, 3)}) // likewise
	return root
}

func TestTable(t *testing.T) {
	all, err := table{fixture(t)}.all()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range all {
		got = append(got, fmt.Sprintf("%d %d %s %q %d %q %v", p.pid, p.ppid, p.state, p.name, p.uid, p.cmdline, p.kernel))
	}
	want := []string{
		`1 0 S "init" 0 "/sbin/init splash" false`,
		`2 0 S "kthreadd" 0 "[kthreadd]" true`,
		`8 1 S "su" 4000000 "su \xff" false`,
		`70 1 R "web) S 1 (" 4000000 "web --listen a b" false`,
		`71 70 Z "web" 4000000 "web" false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	p := all[3]
	if p.nice != -5 || p.threads != 3 || p.start != 50000 || p.tty != 34816 || p.gid != 8 || p.rss != 20000*uint64(os.Getpagesize()) || p.vsize != 1000000 {
		t.Errorf("%+v", p)
	}
	if su := all[2]; su.uid != 4000000 || su.euid != 0 {
		t.Errorf("%+v", su)
	}
}

func TestManyProcesses(t *testing.T) {
	root := dirtest.New(t)
	for pid := 1; pid <= 300; pid++ {
		write(t, root, pid, map[string]string{"stat": stat(pid, "x", "S", 1, 0, pid, 1), "status": status(0, 0), "cmdline": "x\x00"})
	}
	all, err := table{root}.all()
	if err != nil || len(all) != 300 {
		t.Fatal(len(all), err)
	}
	for i, p := range all {
		if p.pid != i+1 {
			t.Fatalf("process %d is at %d", p.pid, i)
		}
	}
}

func TestLongCommandLine(t *testing.T) {
	root := dirtest.New(t)
	long := strings.Repeat("y", 3*maxCmdline)
	write(t, root, 1, map[string]string{"stat": stat(1, "x", "S", 0, 0, 1, 1), "status": status(0, 0), "cmdline": long})
	p, ok := table{root}.one(1)
	if n := len(p.cmdline); !ok || n < 4096 || n > 2*maxCmdline || p.cmdline != long[:n] {
		t.Error(ok, n)
	}
}

// TestWaits is a process for TestAgainstPS to look at: it lives as long as its
// standard input is open.
func TestWaits(t *testing.T) {
	if os.Getenv("MCO_TEST_WAITS") == "" {
		t.Skip("not a test: a program that waits")
	}
	io.Copy(io.Discard, os.Stdin)
}

// ps and we see the same of processes that stay as they are while both look: this
// one, and two that wait. Others of the machine change between the two looks.
func TestAgainstPS(t *testing.T) {
	if _, ok := (table{"/proc"}).one(os.Getpid()); !ok {
		t.Skip("no /proc")
	}
	if _, err := exec.LookPath("ps"); err != nil {
		t.Skip("no ps: ", err)
	}
	pids := []string{strconv.Itoa(os.Getpid())}
	for range 2 {
		c := exec.Command("/proc/self/exe", "-test.run=^TestWaits$")
		c.Env = append(os.Environ(), "MCO_TEST_WAITS=1")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil { // returns when it is the program that it will be
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); waittest.Return(t, "a process to end", func() { c.Wait() }) })
		pids = append(pids, strconv.Itoa(c.Process.Pid))
	}
	out, err := exec.CommandContext(waittest.Within(t, waittest.Patience), "ps", "-o", "pid=,ppid=,uid=,comm=", "-p", strings.Join(pids, ",")).Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	all, err := table{"/proc"}.all()
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pid, _ := strconv.Atoi(f[0])
		i, ok := byPID(all, pid)
		if !ok {
			t.Errorf("ps says %q, we see no such process", line)
			continue
		}
		if p := all[i]; f[1] != strconv.Itoa(p.ppid) || f[2] != strconv.Itoa(int(p.euid)) || !strings.HasPrefix(p.name, strings.Join(f[3:], " ")) {
			t.Errorf("ps says %q, we say %+v", line, p)
		}
		same++
	}
	if same != len(pids) {
		t.Errorf("%d of %d processes were compared", same, len(pids))
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(stat(1, "a b", "S", 0, 1, 2, 3)), []byte(status(0, 5)))
	f.Add([]byte("1 () "), []byte("\nUid:\t"))
	f.Add([]byte("1 () S -"), []byte("\nUid:\t1 2 3 4\nGid:"))
	f.Fuzz(func(t *testing.T, text, owner []byte) {
		var p proc
		if p.parseStat(text) && (p.pid < 1 || len(p.state) != 1) {
			t.Errorf("%q: %+v", text, p)
		}
		p.parseOwner(owner)
	})
}

// BenchmarkTable is listing the processes of this machine; BenchmarkPS is ps
// doing so, whose output nobody reads.
func BenchmarkTable(b *testing.B) {
	populate(b)
	for b.Loop() {
		if _, err := (table{"/proc"}).all(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPS(b *testing.B) {
	populate(b)
	for b.Loop() {
		if err := exec.Command("ps", "aux").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// populate makes sure that there are at least a thousand processes.
func populate(b *testing.B) {
	pids, err := table{"/proc"}.pids()
	if err != nil {
		b.Skip(err)
	}
	for range max(0, 1000-len(pids)) {
		c := exec.Command("sleep", "600")
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Process.Kill(); c.Wait() })
	}
	if pids, _ = (table{"/proc"}).pids(); len(pids) < 900 {
		b.Fatalf("only %d processes", len(pids))
	}
	b.ReportMetric(float64(len(slices.Clip(pids))), "processes")
}
