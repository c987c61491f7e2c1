package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mcollective/internal/waittest"
)

func init() {
	reaperRuns = func() bool {
		children.mu.Lock()
		defer children.mu.Unlock()
		return children.reaping
	}
}

// hasZombies reports whether this process has a dead child.
func hasZombies() bool {
	for _, p := range everything() {
		if p.parent == os.Getpid() && p.dead() {
			return true
		}
	}
	return false
}

func TestLimits(t *testing.T) {
	c := sh(`ulimit -v; ulimit -n; ulimit -c; ulimit -u 2>/dev/null || ulimit -p`)
	c.Memory, c.Files, c.Processes = 512<<20, 50, 77
	if got := strings.Fields(string(must(t, c).Stdout)); strings.Join(got, " ") != "524288 50 0 77" {
		t.Errorf("limits are %v", got)
	}
	c = sh(`x=$(head -c 200000000 /dev/zero | tr '\0' x); echo ${#x}`)
	c.Memory = 64 << 20
	if r := must(t, c); r.Exit == 0 {
		t.Errorf("took all the memory it wanted: %s", r.Stdout)
	}
	c = sh(`kill -9 $$`) // a signal is not lost to the tracer
	c.Memory = 512 << 20
	if r := must(t, c); r.Signal != "killed" {
		t.Errorf("%+v", r)
	}
}

// withoutCapability runs the test again in a process that has not the capability,
// and reports whether this is that process.
func withoutCapability(t *testing.T, capability uintptr) bool {
	t.Helper()
	const name = "MCO_TEST_CAPABILITY"
	switch os.Getenv(name) {
	case "":
		cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), name+"=drop")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	case "drop":
		// Under a mask of 077 others could not start the program that they are to play.
		if err := os.Chmod(os.Args[0], 0o755); err != nil {
			t.Fatal(err)
		}
		runtime.LockOSThread()
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			t.Skip("cannot drop a capability: ", err)
		}
		os.Setenv(name, "dropped")
		t.Fatal(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	default:
		return true
	}
	return false
}

// TestLimitsOfAnotherUserInContainer has root set the limits of another user's
// program without CAP_SYS_RESOURCE, which containers lack.
func TestLimitsOfAnotherUserInContainer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	if !withoutCapability(t, unix.CAP_SYS_RESOURCE) {
		return
	}
	c := sh(`ulimit -v; ulimit -n; ulimit -c; ulimit -u 2>/dev/null || ulimit -p; id -un; echo "$0 $*"; cat`)
	c.Args = append(c.Args, "name", "a b", "")
	c.User, c.Memory, c.Files, c.Processes, c.Stdin = "nobody", 512<<20, 50, 77, []byte("input")
	r := must(t, c)
	if got := strings.Join(strings.Split(string(r.Stdout), "\n"), "|"); got != "524288|50|0|77|nobody|name a b |input" || len(r.Stderr) > 0 {
		t.Errorf("%s %s", got, r.Stderr)
	}
	open := strings.TrimSpace(string(must(t, sh(`ulimit -n`)).Stdout))
	c = sh(`ulimit -n; env`)
	c.User, c.Memory, c.Env = "nobody", 64<<20, []string{"A=1"} // less than what mco itself takes
	if got := string(must(t, c).Stdout); !strings.HasPrefix(got, open+"\n") || !strings.Contains(got, "\nA=1\n") || !strings.Contains(got, "\nUSER=nobody\n") {
		t.Errorf("%s", got)
	}
	c.Files = 1 << 30 // the hard limit stays where it is stricter
	must(t, c)
	c.Path = "/no/such"
	if _, err := Run(t.Context(), c); err == nil || err.Error() != "cannot start /no/such: no such file or directory" {
		t.Error(err)
	}
	noZombies(t)
}

// TestCannotChangeUser says what a process lacks that may not change users.
func TestCannotChangeUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	if !withoutCapability(t, unix.CAP_SETUID) {
		return
	}
	for _, memory := range []int64{0, 64 << 20} {
		c := sh("true")
		c.User, c.Memory = "nobody", memory
		if _, err := Run(t.Context(), c); !errors.Is(err, ErrUser) || !strings.Contains(err.Error(), "CAP_SETUID") {
			t.Error(err)
		}
	}
}

func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		c := sh("true")
		c.User = "root"
		if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "only root can") {
			t.Error(err)
		}
		return
	}
	c := sh(`id -un; id -G; echo $HOME $USER; setsid sleep 61.75 & exit 0`)
	c.User = "nobody"
	got := strings.Split(string(must(t, c).Stdout), "\n")
	if got[0] != "nobody" || strings.Contains(" "+got[1]+" ", " 0 ") || !strings.HasSuffix(got[2], " nobody") {
		t.Errorf("%q", got)
	}
	if left := alive(t, "61.75"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBackground(t *testing.T) {
	if testing.Short() {
		t.Skip("leaves processes for a moment")
	}
	// Whether orphans may be killed is of the whole process, so this runs in another.
	if os.Getenv("MCO_TEST_BACKGROUND") == "" {
		cmd := exec.CommandContext(waittest.Within(t, 5*time.Minute), os.Args[0], "-test.run=^TestBackground$", "-test.v")
		cmd.Env = append(os.Environ(), "MCO_TEST_BACKGROUND=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	c := sh(`setsid sleep 62.5 & env -i setsid sleep 62.5 & (sleep 62.5 &) ; echo started; echo odd >&2`)
	c.Background = true
	var odd string
	c.Stderr = func(line string) { odd = line }
	r := must(t, c)
	if string(r.Stdout) != "started\n" || string(r.Stderr) != "odd\n" || odd != "odd" || r.Took > time.Second {
		t.Errorf("%+v, %q", r, odd)
	}
	must(t, sh(`setsid sleep 63.5 & exit 0`))
	left := alive(t, "62.5")
	if len(left) != 3 {
		t.Errorf("%d of 3 are left", len(left))
	}
	for _, pid := range left {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if left := alive(t, "63.5"); len(left) != 0 {
		t.Errorf("what should end is left: %v", left)
	}
	noZombies(t)
	for _, script := range []string{`exec yes`, `exec yes >&2`} {
		c = sh(script)
		c.Background, c.MaxStdout, c.Timeout = true, 1<<20, 5*time.Second
		if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// TestDaemonsAreReapedWhileTheirStarterRuns has a program that stays, like a
// resident agent, start daemons and stop them again. Who stops one waits until it is
// gone, and a zombie is there.
func TestDaemonsAreReapedWhileTheirStarterRuns(t *testing.T) {
	for name, background := range map[string]bool{"worker": false, "in Ruby": true} {
		t.Run(name, func(t *testing.T) {
			p, err := Start(t.Context(), Command{Path: "/bin/sh", Timeout: waittest.Patience, Background: background, Args: []string{"-c", `
				while read -r how; do
					case $how in
					session) setsid sh -c 'sleep 67.5 >/dev/null 2>&1 & echo $! >&3' 3>&1 >/dev/null ;;
					double) (setsid sleep 67.5 >/dev/null 2>&1 & echo $!) ;;
					*) (sleep 67.5 >/dev/null 2>&1 & echo $!) ;;
					esac
				done`}})
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(p.Stdout())
			for _, how := range []string{"session", "double", "plain"} {
				io.WriteString(p.Stdin(), how+"\n")
				line, err := lines.ReadString('\n')
				pid, _ := strconv.Atoi(strings.TrimSpace(line))
				if err != nil || pid == 0 {
					t.Fatalf("%s: %q, %v", how, line, err)
				}
				if err := unix.Kill(pid, unix.SIGTERM); err != nil {
					t.Errorf("%s: %v", how, err)
				}
				soon(t, fmt.Sprintf("%s: the dead daemon %d to be reaped", how, pid), func() bool { return unix.Kill(pid, 0) != nil })
			}
			p.Stdin().Close()
			if r, err := p.Wait(); err != nil || r.Exit != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// noZombies waits until dead children are reaped, without any further run.
func noZombies(t *testing.T) {
	t.Helper()
	soon(t, "the zombies to be reaped", func() bool { return !hasZombies() })
}

// soon waits for what a signal brings about, for less time than the reaper takes
// when it gets none.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(5 * time.Millisecond) { // the system has no event for it
		if time.Since(began) > reapAtMost/2 {
			t.Fatalf("waited %v for: %s", reapAtMost/2, what)
		}
	}
}

// ended waits until a child has ended, and leaves its status for anyone who asks next.
func ended(t *testing.T, c *exec.Cmd) {
	t.Helper()
	waittest.Return(t, c.Path+" to end", func() {
		for {
			err := unix.Waitid(unix.P_PID, c.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
}

// TestOthersOrphans has programs that another package starts leave some behind.
func TestOthersOrphans(t *testing.T) {
	must(t, sh(`true`)) // from now on orphans are ours
	// All of them have the pipe, so that it ends when they have.
	alive, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	other := exec.Command("/bin/sh", "-c", `for n in 0.1 0.2 0.3; do sleep $n >/dev/null 2>&1 & done; setsid sleep 0.2 >/dev/null 2>&1 & kill -9 $$`)
	other.ExtraFiles = []*os.File{held}
	other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := other.Run(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("its end was stolen: %v", err)
	}
	must(t, sh(`true`)) // has the reaper look
	held.Close()
	alive.SetReadDeadline(time.Now().Add(waittest.Patience))
	if _, err := alive.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("the programs do not end: %v", err)
	}
	noZombies(t)
	// One whose end somebody waits for is not taken from him.
	for _, attr := range []*syscall.SysProcAttr{{Setpgid: true}, {Setsid: true}, {}} {
		waited := exec.Command("true")
		waited.SysProcAttr = attr
		if err := waited.Start(); err != nil {
			t.Fatal(err)
		}
		ended(t, waited)
		must(t, sh(`true`)) // has the reaper look
		if err := waited.Wait(); err != nil {
			t.Errorf("its end was stolen: %v", err)
		}
	}
}

func TestOthersAreLeftAlone(t *testing.T) {
	other := exec.Command("sleep", "64.5")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	must(t, sh(`setsid sleep 65.5 & exit 0`))
	if err := other.Process.Signal(unix.Signal(0)); err != nil {
		t.Error("a child of another package was ended")
	}
	other.Process.Kill()
	ended(t, other)
	must(t, sh(`setsid sleep 65.5 & exit 0`))
	if err := other.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("its end was stolen: %v", err)
	}
}

// bare runs a program as plain os/exec does.
func bare(b *testing.B, path string, input string) {
	cmd := exec.Command(path)
	cmd.Stdin = strings.NewReader(input)
	if _, err := cmd.Output(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkRun(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			bare(b, "/bin/cat", "hello")
		}
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			if _, err := Run(b.Context(), Command{Path: "/bin/cat", Stdin: []byte("hello"), Timeout: time.Minute}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("limited", func(b *testing.B) {
		for b.Loop() {
			if _, err := Run(b.Context(), Command{Path: "/bin/cat", Stdin: []byte("hello"), Timeout: time.Minute, Memory: 1 << 30}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestNothingIsLeftBesideOthers has a program run that might be taken for the one
// that started an orphan.
func TestNothingIsLeftBesideOthers(t *testing.T) {
	other, err := Start(t.Context(), Command{Path: "cat", Timeout: waittest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	// It pauses so that they have left its session by its end.
	must(t, sh(`env -i setsid sh -c 'setsid sleep 66.5 & exec sleep 66.5' & sleep 0.1; exit 0`))
	if left := alive(t, "66.5"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	other.Stdin().Close()
	if r, err := other.Wait(); err != nil || r.Exit != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	var l unix.Rlimit
	if unix.Prlimit(0, markLimit, nil, &l); l.Cur != unix.RLIM_INFINITY {
		t.Errorf("this process has the mark %x", l.Cur)
	}
}
