//go:build linux

package agenthost

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mcollective/internal/dirtest"
	"mcollective/internal/waittest"
	"mcollective/rpc"
)

// hostile are programs that do what no program should. The number in each sleep
// is how they are found again; the short sleep lets a program leave its session.
var hostile = map[string]struct {
	script string
	status rpc.Status // of the reply
	worker bool
}{
	"hang":    {script: "sleep 7777", status: 5},
	"crash":   {script: "kill -SEGV $$", status: 5},
	"fork":    {script: "setsid sleep 7777 & (setsid sh -c 'sleep 7777 & sleep 7777' &) & exit 0", status: 0},
	"hidden":  {script: "env -i setsid sleep 7777 & sleep 0.01; exit 0", status: 0},
	"pipe":    {script: "sleep 7777 & echo started", status: 0},
	"flood":   {script: "exec yes", status: 5},
	"floods2": {script: "yes >&2 & sleep 7777", status: 5},
	"binary":  {script: "head -c 5000 /dev/urandom; printf '\\000'", status: 5},
	"ignore":  {script: "trap '' TERM; setsid sleep 7777 & sleep 7777", status: 5},
	"stopped": {script: "kill -STOP $$", status: 5},
	"good":    {script: "echo n=1", status: 0},
	"wnone":   {script: "sleep 7777", status: 5, worker: true},
	"wgarb":   {script: "exec yes", status: 5, worker: true},
	"wdeaf":   {script: "echo '{\"type\":\"hello\",\"protocol\":1}'; exec sleep 7777", status: 5, worker: true},
	"wdies":   {script: "echo '{\"type\":\"hello\",\"protocol\":1}'; setsid sleep 7777 & read x; exit 1", status: 5, worker: true},
	"wgood": {script: "echo '{\"type\":\"hello\",\"protocol\":1}'\nwhile read -r x; do id=${x#*\\\"id\\\":\\\"}; echo \"{\\\"type\\\":\\\"reply\\\",\\\"id\\\":\\\"${id%%\\\"*}\\\"}\"; done",
		status: 0, worker: true},
}

// TestTorture calls hostile agents and sees that nothing of them is left. It makes
// MCO_TORTURE calls, or 120.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	calls := 120
	if n, err := strconv.Atoi(os.Getenv("MCO_TORTURE")); err == nil {
		calls = n
	}
	files := map[string]string{}
	for name, h := range hostile {
		files[name+".sh"] = "#!/bin/sh\n" + h.script + "\n"
		files[name+".yaml"] = "agent: " + name + "\ngrace: 100ms\nlimits: {output: 20000}\n"
		if h.worker {
			files[name+".yaml"] += "mode: worker\nconcurrency: 4\nstart_timeout: 300ms\n"
		}
		files[name+".yaml"] += "actions:\n  run: {}\n"
	}
	temp := dirtest.New(t)
	agents, problems := Load(t.Context(), Options{Dirs: []string{directory(t, files)}, Temp: temp})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	names := make([]string, 0, len(agents))
	for name := range agents {
		names = append(names, name)
	}
	call(within(t, time.Minute), agents["good"].(*Agent), "run") // what is made once is made
	goroutines, files0 := runtime.NumGoroutine(), openFiles(t)

	began := time.Now()
	next := make(chan string)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for name := range next {
				limit := 300 * time.Millisecond
				if name == "good" || name == "wgood" || hostile[name].status == 0 {
					limit = time.Minute
				}
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				r := call(ctx, agents[name].(*Agent), "run")
				cancel()
				if r.Status != hostile[name].status {
					t.Errorf("%s: %d %s", name, r.Status, r.Message)
				}
				if r.Status != 0 && r.Message == "" {
					t.Errorf("%s: no reason", name)
				}
			}
		})
	}
	for i := range calls {
		name := names[i%len(names)]
		if i >= len(names) {
			name = names[rand.IntN(len(names))]
		}
		next <- name
	}
	close(next)
	all.Wait() // every call has its limit
	for _, a := range agents {
		a.(*Agent).Close()
	}
	t.Logf("%d calls in %v", calls, time.Since(began).Round(time.Millisecond))
	nothingIsLeft(t, temp, goroutines, files0)
}

func nothingIsLeft(t *testing.T, temp string, goroutines, files int) {
	t.Helper()
	left := "everything"
	for began := time.Now(); left != "" && time.Since(began) < waittest.Patience; time.Sleep(20 * time.Millisecond) { // what ends has no event
		left = ""
		if n := runtime.NumGoroutine(); n > goroutines {
			left += fmt.Sprintf("%d goroutines, %d before\n", n, goroutines)
		}
		if n := openFiles(t); n > files {
			left += fmt.Sprintf("%d files, %d before\n", n, files)
		}
		left += leftProcesses()
	}
	if left != "" {
		stacks := make([]byte, 64<<10)
		t.Errorf("left behind:\n%s\n%s", left, stacks[:runtime.Stack(stacks, true)])
	}
	if names, _ := filepath.Glob(filepath.Join(temp, "*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func openFiles(t *testing.T) int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(names)
}

// leftProcesses are those of the hostile programs, and dead children of this one.
func leftProcesses() string {
	var left strings.Builder
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
		f := strings.Fields(rest)
		args, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if len(f) > 1 && f[0] == "Z" && f[1] == strconv.Itoa(os.Getpid()) || bytes.Contains(args, []byte("sleep\x007777")) {
			fmt.Fprintf(&left, "process %s %q\n", path, args)
		}
	}
	return left.String()
}

func BenchmarkBare(b *testing.B) {
	dir := directory(b, map[string]string{"x": "#!/bin/true\n"})
	for b.Loop() {
		cmd := exec.Command(filepath.Join(dir, "x"))
		cmd.Stdin = strings.NewReader("{}")
		if _, err := cmd.Output(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOneShot(b *testing.B) {
	dir := directory(b, map[string]string{"x": "#!/bin/true\n"})
	a := open(b, filepath.Join(dir, "x"), Options{})
	for b.Loop() {
		if r := call(b.Context(), a, "run"); r.Status != 0 {
			b.Fatal(r.Message)
		}
	}
}

func BenchmarkWorker(b *testing.B) {
	dir := directory(b, map[string]string{
		"x":      "#!/bin/sh\n" + hostile["wgood"].script,
		"x.yaml": "agent: x\nmode: worker\nactions:\n  run: {}\n",
	})
	a := open(b, filepath.Join(dir, "x"), Options{})
	call(b.Context(), a, "run")
	for b.Loop() {
		if r := call(b.Context(), a, "run"); r.Status != 0 {
			b.Fatal(r.Message)
		}
	}
}
