package run

import (
	"crypto/rand"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const marker = "MCO_RUN_ID="

// family is what this process knows of its children. It is one, because the
// kernel's subreaper and the list of children are of the whole process.
var family struct {
	once  sync.Once
	self  int    // session of this process
	since int64  // when it first ran a program, in ticks since boot
	mark  string // common to the marks of all runs

	mu       sync.Mutex
	next     uint64
	starting int           // programs that are being started, and not in runs yet
	runs     map[int]*tree // live ones, by process
	strays   map[int]stray // orphans without a mark, by process
	kept     bool          // a Background command left something, so that orphans may be its
}

// A stray is an orphan that one of several runs started.
type stray struct {
	born int64  // when it started, to tell it from another of the same number
	last uint64 // number of the last run that may have started it
}

// tree is a program and what it starts.
type tree struct {
	pid    int
	number uint64
	mark   string
}

func getReady() {
	family.self, _ = unix.Getsid(0)
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) == nil {
		family.since = now.Nano() / int64(time.Second/ticks)
	}
	family.mark = marker + rand.Text() + "."
	family.runs, family.strays = map[int]*tree{}, map[int]stray{}
	// Where it fails, on kernels before 3.4, orphans go to init as ever.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// launch starts the program in a session of its own.
func launch(path string, c *Command, files []*os.File) (*os.Process, *tree, error) {
	family.once.Do(getReady)
	sys := &syscall.SysProcAttr{Setsid: true}
	who, err := credential(c.User, sys)
	if err != nil {
		return nil, nil, err
	}
	family.mu.Lock()
	family.next++
	t := &tree{number: family.next}
	family.starting++
	family.mu.Unlock()
	t.mark = family.mark + strconv.FormatUint(t.number, 10)
	if c.Background {
		t.mark += "k"
	}
	attr := &os.ProcAttr{Dir: or(c.Dir, "/"), Env: append(environ(who, c), t.mark), Files: files, Sys: sys}
	proc, err := startLimited(path, append([]string{path}, c.Args...), attr, c)
	family.mu.Lock()
	defer family.mu.Unlock()
	family.starting--
	if err != nil {
		return nil, nil, err
	}
	t.pid = proc.Pid
	family.runs[t.pid] = t
	return proc, t, nil
}

// startLimited starts a program with its resource limits in force from its first
// instruction. The kernel can only limit a process that is there, so the program
// is started as one that is traced, which stops before it does anything, and let
// go when it has its limits. Where tracing is forbidden the limits come some
// microseconds late.
func startLimited(path string, argv []string, attr *os.ProcAttr, c *Command) (*os.Process, error) {
	limits := limits(c)
	if len(limits) == 0 {
		return startProcess(path, argv, attr)
	}
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	proc, err := startProcess(path, argv, attr)
	traced := err == nil
	if err != nil {
		attr.Sys.Ptrace = false
		if proc, err = startProcess(path, argv, attr); err != nil {
			return nil, err
		}
	}
	if traced {
		var status unix.WaitStatus
		for {
			if _, err = unix.Wait4(proc.Pid, &status, unix.WALL, nil); err != unix.EINTR {
				break
			}
		}
	}
	for _, l := range limits {
		if err == nil {
			err = unix.Prlimit(proc.Pid, l.resource, &l.value, nil)
		}
	}
	if traced && err == nil {
		err = unix.PtraceDetach(proc.Pid)
	}
	if err != nil {
		proc.Kill()
		proc.Wait()
		return nil, fmt.Errorf("setting its limits: %w", err)
	}
	return proc, nil
}

type limit struct {
	resource int
	value    unix.Rlimit
}

func limits(c *Command) []limit {
	var l []limit
	add := func(resource int, n uint64) {
		l = append(l, limit{resource, unix.Rlimit{Cur: n, Max: n}})
	}
	if c.Memory > 0 {
		add(unix.RLIMIT_AS, uint64(c.Memory))
	}
	if c.Processes > 0 {
		add(unix.RLIMIT_NPROC, uint64(c.Processes))
	}
	if c.Files > 0 {
		add(unix.RLIMIT_NOFILE, uint64(c.Files))
	}
	if len(l) > 0 {
		add(unix.RLIMIT_CORE, 0)
	}
	return l
}

// terminate asks the program, and what it started, to end, and reports that it
// could.
func (t *tree) terminate() bool {
	t.signal(unix.SIGTERM)
	return true
}

// kill ends the program, and what it started.
func (t *tree) kill() { t.signal(unix.SIGKILL) }

func (t *tree) signal(sig syscall.Signal) {
	family.mu.Lock()
	defer family.mu.Unlock()
	t.strike(processes(true), sig)
}

// strike sends a signal to all that is there of the tree, the program included.
func (t *tree) strike(all []process, sig syscall.Signal) {
	for _, p := range all {
		if p.session == t.pid {
			unix.Kill(-t.pid, sig) // reaches also what is being forked
			break
		}
	}
	for _, p := range t.members(all) {
		unix.Kill(p.pid, sig)
	}
}

// alive reports whether anything that the program started is there, besides
// itself.
func (t *tree) alive() bool {
	family.mu.Lock()
	defer family.mu.Unlock()
	return hasChildren() && len(t.members(processes(false))) > 0
}

// keep lets go of what the program started, when the program itself has ended.
func (t *tree) keep() {
	family.mu.Lock()
	defer family.mu.Unlock()
	delete(family.runs, t.pid)
	if family.kept || !hasChildren() {
		return
	}
	for _, p := range processes(false) {
		if p.adopted() && !p.dead() && (p.mark() == t.mark || p.run() == 0) {
			family.kept = true
		}
	}
}

// finish ends what the program started and is still there after the patience. It
// is called when the program itself has ended. It returns the number of a process
// that cannot be ended, or 0.
func (t *tree) finish(patience time.Duration) (left int) {
	began := time.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		left, done := t.end(time.Since(began) >= patience, time.Since(began) > patience+stuck)
		if done {
			return left
		}
		time.Sleep(pause)
	}
}

// end is one step of finish: it looks, kills if it is late, and forgets the tree
// when nothing is left of it or it has been tried for too long.
func (t *tree) end(late, last bool) (left int, done bool) {
	family.mu.Lock()
	defer family.mu.Unlock()
	if !hasChildren() {
		delete(family.runs, t.pid)
		return 0, true
	}
	all := processes(late)
	bury(all)
	members := t.members(all)
	if len(members) > 0 && late {
		t.strike(all, unix.SIGKILL)
		left = members[0].pid
	}
	if len(members) > 0 && !last {
		return 0, false
	}
	delete(family.runs, t.pid)
	return left, sweep(all) == 0 || last
}

// hasChildren reports whether this process has any. It takes a microsecond, and
// when nothing else runs it is all that the end of a program costs.
func hasChildren() bool {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil) != unix.ECHILD
}

// members are the living processes that the program started, itself not among
// them.
func (t *tree) members(all []process) []process {
	var found []process
	of := map[int]bool{t.pid: true}
	for _, p := range all {
		if p.adopted() && !p.dead() && (p.session == t.pid || p.mark() == t.mark) {
			of[p.pid] = true
			found = append(found, p)
		}
	}
	for more := true; more; {
		more = false
		for _, p := range all {
			if of[p.parent] && !of[p.pid] && !p.dead() {
				of[p.pid], more = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// bury takes note of the end of orphans, which else would stay as zombies.
func bury(all []process) {
	for _, p := range all {
		if p.adopted() && p.dead() && (family.starting == 0 || family.runs[p.session] != nil) {
			unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
		}
	}
}

// sweep ends orphans of runs that have ended, and those that no run is known to
// have started once no run is left that could have. It returns how many.
func sweep(all []process) (ended int) {
	if family.starting > 0 {
		return 0 // what is being started has no mark yet
	}
	oldest := uint64(math.MaxUint64)
	live := map[uint64]bool{}
	for _, r := range family.runs {
		oldest = min(oldest, r.number)
		live[r.number] = true
	}
	strays := map[int]stray{}
	for _, p := range all {
		if !p.adopted() || p.dead() || family.runs[p.session] != nil {
			continue
		}
		if number := p.run(); number != 0 {
			if !live[number] && number != kept && unix.Kill(p.pid, unix.SIGKILL) == nil {
				ended++
			}
			continue
		}
		if family.kept || os.Getpid() == 1 || p.born < family.since {
			continue
		}
		s, known := family.strays[p.pid]
		if !known || s.born != p.born {
			s = stray{p.born, family.next}
		}
		if s.last < oldest && unix.Kill(p.pid, unix.SIGKILL) == nil {
			ended++
			continue
		}
		strays[p.pid] = s
	}
	family.strays = strays
	return ended
}
