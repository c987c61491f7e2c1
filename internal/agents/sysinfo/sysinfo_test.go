package sysinfo

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mcollective/internal/agents/agenttest"
	"mcollective/internal/dirtest"
	"mcollective/internal/subtest"
	"mcollective/rpc"
	"mcollective/value"
)

const gib = 1 << 30

// machine is a directory with the files of a machine, and an agent that reads it.
func machine(t *testing.T, files map[string]string, o Options) *Agent {
	t.Helper()
	o.Root = dirtest.New(t)
	for name, text := range files {
		path := filepath.Join(o.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func outputs(reply *rpc.Reply) map[string]any {
	all := map[string]any{}
	for k, v := range reply.Data.All() {
		all[string(k.(value.Symbol))] = v
	}
	return all
}

func TestUptime(t *testing.T) {
	for seconds, text := range map[string]string{"59.99 1.0\n": "0:00", "93784.10 2": "1 day, 2:03", "864000.00 1": "10 days, 0:00"} {
		t.Run(subtest.Name(seconds), func(t *testing.T) {
			a := machine(t, map[string]string{"proc/uptime": seconds}, Options{Now: func() time.Time { return time.Unix(1e9, 0) }})
			got := outputs(agenttest.OK(t, a, "uptime"))
			if got["uptime"] != text || got["booted"].(int64)+got["seconds"].(int64) != 1e9 {
				t.Errorf("%q: %v", seconds, got)
			}
		})
	}
	for _, broken := range []string{"", "soon 1\n"} {
		if reply := agenttest.Call(t, machine(t, map[string]string{"proc/uptime": broken}, Options{}), "uptime"); reply.Status != rpc.UnknownError {
			t.Errorf("%q: %+v", broken, reply)
		}
	}
}

func TestLoad(t *testing.T) {
	a := machine(t, map[string]string{"proc/loadavg": "0.20 1.18 12.12 3/80 11206\n", "proc/stat": "cpu  1 2 3\ncpu0 1 2\ncpu1 3 4\nintr 5\n"}, Options{})
	want := map[string]any{"load1": 0.2, "load5": 1.18, "load15": 12.12, "running": int64(3), "threads": int64(80), "processors": int64(2)}
	if diff := cmp.Diff(want, outputs(agenttest.OK(t, a, "load"))); diff != "" {
		t.Error(diff)
	}
}

func TestMemory(t *testing.T) {
	const old = "MemTotal:  1000 kB\nMemFree:  100 kB\nBuffers:  20 kB\nCached:  200 kB\nSReclaimable:   30 kB\nSwapTotal: 50 kB\nSwapFree: 10 kB\nHugePages_Total:       4\n"
	for text, available := range map[string]int64{old: 350 << 10, old + "MemAvailable:   400 kB\n": 400 << 10} {
		got := outputs(agenttest.OK(t, machine(t, map[string]string{"proc/meminfo": text}, Options{}), "memory"))
		used := int64(1000<<10) - available
		want := map[string]any{"total": int64(1000 << 10), "available": available, "used": used, "used_percent": float64(used) / 10240, "free": int64(100 << 10),
			"buffers": int64(20 << 10), "cached": int64(230 << 10), "swap_total": int64(50 << 10), "swap_used": int64(40 << 10)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

const mountinfo = `22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw,nosuid shared:12 - proc proc rw
24 22 8:2 / /srv/my\040files rw - xfs /dev/sdb1 rw
25 22 8:1 /var /mnt/again rw - ext4 /dev/sda1 rw
26 22 0:40 / /nfs rw - nfs4 server:/export rw
27 22 0:41 / /run rw - tmpfs tmpfs rw
28 27 0:42 / /run rw - tmpfs over rw
a line that is not understood
`

func TestDisks(t *testing.T) {
	full := map[string]Filesystem{
		"/": {100 * gib, 50 * gib, 45 * gib, 1000, 10}, "/srv/my files": {10 * gib, 9 * gib, 1 * gib, 0, 0}, "/run": {gib, 0, gib, 5, 1},
	}
	a := machine(t, map[string]string{"proc/self/mountinfo": mountinfo}, Options{Statfs: func(path string) (Filesystem, error) {
		if f, ok := full[path]; ok {
			return f, nil
		}
		return Filesystem{}, errors.New("stale file handle")
	}})
	mounts := func(inputs ...any) (got []string, fullest any) {
		reply := agenttest.OK(t, a, "disks", inputs...)
		for _, d := range agenttest.Output[[]any](t, reply, "disks") {
			v, _ := d.(*value.Map).Get(value.Symbol("mount"))
			text := v.(string)
			if v, failed := d.(*value.Map).Get(value.Symbol("error")); failed {
				text += " " + v.(string)
			}
			got = append(got, text)
		}
		fullest, _ = reply.Output("fullest")
		return got, fullest
	}
	for _, test := range []struct {
		inputs  []any
		want    []string
		fullest float64
	}{
		{nil, []string{"/", "/srv/my files", "/nfs stale file handle", "/run"}, 90},
		{[]any{"above", 52}, []string{"/", "/srv/my files", "/nfs stale file handle"}, 90},
		{[]any{"path", "/srv/my files/a/b"}, []string{"/srv/my files"}, 90},
		{[]any{"path", "/srvx"}, []string{"/"}, 52.6},
		{[]any{"path", "/nfs/../run/x"}, []string{"/run"}, 0},
	} {
		t.Run(subtest.Name(test.fullest), func(t *testing.T) {
			got, fullest := mounts(test.inputs...)
			if diff := cmp.Diff(test.want, got); diff != "" || fullest != test.fullest {
				t.Errorf("%v: fullest %v %s", test.inputs, fullest, diff)
			}
		})
	}
}

// A file system that hangs delays an answer by two seconds, and the next by
// nothing; nobody waits for it twice.
func TestDiskThatHangs(t *testing.T) {
	a := machine(t, map[string]string{"proc/self/mountinfo": mountinfo}, Options{})
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var asked atomic.Int32
		a.disks = prober{ask: func(path string) (Filesystem, error) {
			if path == "/nfs" {
				asked.Add(1)
				<-release
			}
			return Filesystem{Size: 1}, nil
		}}
		mounts := []mount{{path: "/"}, {path: "/nfs"}}
		begin := time.Now()
		for range 3 {
			answers := a.disks.all(t.Context(), mounts)
			if answers[0].err != nil || !errors.Is(answers[1].err, errSilent) {
				t.Error(answers)
			}
		}
		if took := time.Since(begin); took != patience || asked.Load() != 1 {
			t.Errorf("took %v, asked %d times", took, asked.Load())
		}
		close(release)
		synctest.Wait()
		if answers := a.disks.all(t.Context(), mounts); answers[1].err != nil {
			t.Error("it answers again: ", answers)
		}
	})
}

func record(kind uint16, pid uint32, tty, user, host string, since uint32) string {
	r := make([]byte, utmpRecord)
	binary.NativeEndian.PutUint16(r, kind)
	binary.NativeEndian.PutUint32(r[4:], pid)
	copy(r[8:40], tty)
	copy(r[44:76], user)
	copy(r[76:332], host)
	binary.NativeEndian.PutUint32(r[340:], since)
	return string(r)
}

func TestWho(t *testing.T) {
	long := strings.Repeat("u", 32) // fills the field
	utmp := record(2, 0, "~", "reboot", "6.1", 5) + record(userProcess, 40, "pts/0", long, "10.0.0.9", 4_000_000_000) +
		record(userProcess, 41, "pts/1", "gone", "", 7) + record(userProcess, 42, "tty1", long, "", 8) + record(8, 43, "pts/2", "", "", 9) + "rest"
	session := "# This is private data. Do not parse.\nUID=1000\nUSER=eva\nACTIVE=1\nSTATE=active\nREMOTE=1\nCLASS=user\nREMOTE_HOST=\"10.0.0.1\"\nTTY=pts/3\nLEADER=77\nREALTIME=1700000000123456\n"
	for _, test := range []struct {
		files map[string]string
		want  []string
	}{
		{map[string]string{"run/utmp": utmp, "proc/40/stat": "", "proc/42/stat": ""}, []string{long + " pts/0 10.0.0.9 4000000000 40", long + " tty1  8 42"}},
		{map[string]string{"run/systemd/sessions/3": session, "run/systemd/sessions/3.ref": "", "run/systemd/sessions/c1": "USER=gdm\nCLASS=greeter\n"}, []string{"eva pts/3 10.0.0.1 1700000000 77"}},
		{map[string]string{"run/utmp": "short"}, nil},
		{nil, nil},
	} {
		t.Run(subtest.Name(test.files), func(t *testing.T) {
			reply := agenttest.OK(t, machine(t, test.files, Options{}), "who")
			var got []string
			for _, l := range agenttest.Output[[]any](t, reply, "logins") {
				var words []string
				for _, v := range l.(*value.Map).All() {
					text, ok := v.(string)
					if !ok {
						text = strconv.FormatInt(v.(int64), 10)
					}
					words = append(words, text)
				}
				got = append(got, strings.Join(words, " "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if n := len(agenttest.Output[[]any](t, reply, "users")); n != min(len(test.want), 1) {
				t.Errorf("%d users", n)
			}
		})
	}
}

// On the machine that runs the tests the numbers make sense.
func TestHere(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Active(t.Context()) != nil {
		t.Skip("no /proc")
	}
	if up := outputs(agenttest.OK(t, a, "uptime")); up["seconds"].(int64) <= 0 {
		t.Error(up)
	}
	if l := outputs(agenttest.OK(t, a, "load")); l["processors"].(int64) < 1 || l["threads"].(int64) < 1 {
		t.Error(l)
	}
	m := outputs(agenttest.OK(t, a, "memory"))
	if m["total"].(int64) < m["available"].(int64) || m["available"].(int64) <= 0 {
		t.Error(m)
	}
	if d := outputs(agenttest.OK(t, a, "disks")); len(d["disks"].([]any)) == 0 {
		t.Error("no disks")
	}
	agenttest.OK(t, a, "who")
}

func FuzzUtmp(f *testing.F) {
	f.Add([]byte(record(userProcess, 1, "a", "b", "c", 4)))
	f.Fuzz(func(t *testing.T, r []byte) {
		if len(r) < utmpRecord {
			return
		}
		if l, ok := parseUtmp(r[:utmpRecord]); ok && l.user == "" {
			t.Error("a login of nobody")
		}
	})
}
