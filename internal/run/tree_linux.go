package run

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// children is what this process knows of the programs that it started. There is one,
// because the kernel's subreaper and list of children are of the whole process.
var children struct {
	once    sync.Once
	session int    // of this process
	group   int    // its process group
	base    uint64 // common to the marks of all runs; 0 if they cannot be marked

	starting sync.Mutex // held while this process has the mark of what it starts

	mu      sync.Mutex
	next    uint64
	live    map[uint64]*tree  // runs by their marks
	runs    map[int]*tree     // the same, by process, as far as that is known
	reaping bool              // whether the reaper is at work
	wake    chan struct{}     // has it look again
	dead    map[int]time.Time // that may be another package's to wait for, since when

	records  string      // directory of Remember; "" for none
	complain func(error) // of records
}

// Marks are values of the soft limit of real-time processor time, which children
// inherit whatever else they change, and which is without effect: it is in
// microseconds, and far beyond a thousand years.
const (
	markLimit = unix.RLIMIT_RTTIME
	markBase  = 1 << 62
	markKeep  = 1 << 39 // bit of a run with Background
	markRun   = 1<<39 - 1
	markBits  = 40
)

// tree is a program and what it starts.
type tree struct {
	pid  int
	mark uint64
	file string // its record
}

func initChildren() {
	children.mu.Lock()
	defer children.mu.Unlock()
	children.session, _ = unix.Getsid(0)
	children.group = unix.Getpgrp()
	children.live, children.runs = map[uint64]*tree{}, map[int]*tree{}
	children.wake, children.dead = make(chan struct{}, 1), map[int]time.Time{}
	// Where it fails, on kernels before 3.4, orphans go to init as ever.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	var l unix.Rlimit
	if unix.Prlimit(0, markLimit, nil, &l) == nil && l.Max == unix.RLIM_INFINITY {
		children.base = markBase | rand.Uint64N(1<<20)<<markBits // another process of ours has other marks
	}
}

// launch starts the program in a session of its own.
func launch(path string, c *Command, files []*os.File) (*os.Process, *tree, error) {
	children.once.Do(initChildren)
	sys := &syscall.SysProcAttr{Setsid: true}
	who, err := credential(c.User, sys)
	if err != nil {
		return nil, nil, err
	}
	t := &tree{}
	children.mu.Lock()
	if hasDead() { // the program may ask after one that has just ended
		reap(processes(false))
	}
	children.next++
	t.mark = children.base | children.next&markRun
	if c.Background {
		t.mark |= markKeep
	}
	children.live[t.mark] = t
	startReaper()
	children.mu.Unlock()
	attr := &os.ProcAttr{Dir: or(c.Dir, "/"), Env: environ(who, c), Files: files, Sys: sys}
	proc, err := startLimited(path, append([]string{path}, c.Args...), attr, limits(c), t.start)
	children.mu.Lock()
	defer children.mu.Unlock()
	if err != nil {
		t.forget()
		if sys.Credential != nil && errors.Is(err, unix.EPERM) && !errors.Is(err, ErrLimits) {
			err = fmt.Errorf("%w %s: this process lacks the capabilities CAP_SETUID and CAP_SETGID", ErrUser, c.User)
		}
		return nil, nil, err
	}
	t.pid = proc.Pid
	children.runs[t.pid] = t
	t.file = t.remember(c, path, sys)
	return proc, t, nil
}

// start starts a program that has the mark from its very beginning, because this
// process has it meanwhile.
func (t *tree) start(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	if children.base == 0 {
		return startProcess(path, argv, attr)
	}
	children.starting.Lock()
	defer children.starting.Unlock()
	var before unix.Rlimit
	if unix.Prlimit(0, markLimit, &unix.Rlimit{Cur: t.mark, Max: unix.RLIM_INFINITY}, &before) == nil {
		defer unix.Prlimit(0, markLimit, &before, nil)
	}
	return startProcess(path, argv, attr)
}

func (t *tree) forget() {
	delete(children.live, t.mark)
	delete(children.runs, t.pid)
	startReaper() // for what it left, or to end
	if t.file != "" {
		os.Remove(t.file)
	}
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
	children.mu.Lock()
	defer children.mu.Unlock()
	t.signalAll(processes(true), sig)
}

// signalAll sends a signal to all that is there of the tree, the program included.
func (t *tree) signalAll(all []process, sig syscall.Signal) {
	inSession := func(p process) bool { return p.session == t.pid }
	if blind() || slices.ContainsFunc(all, inSession) {
		unix.Kill(-t.pid, sig) // reaches also what is being forked
	}
	for _, p := range t.members(all) {
		unix.Kill(p.pid, sig)
	}
}

// alive reports whether anything that the program started is there, besides
// itself.
func (t *tree) alive() bool {
	children.mu.Lock()
	defer children.mu.Unlock()
	return hasChildren() && len(t.members(processes(false))) > 0
}

// keep lets go of what the program started, when the program itself has ended.
func (t *tree) keep() {
	children.mu.Lock()
	defer children.mu.Unlock()
	t.forget()
}

// finish ends what the program started and is still there after the grace. It
// is called when the program itself has ended. It returns the number of a process
// that cannot be ended, or 0.
func (t *tree) finish(grace time.Duration) (left int) {
	began := time.Now()
	var killed time.Time // when first; on a busy machine a look takes its time
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		late := time.Since(began) >= grace
		left, done := t.end(late, !killed.IsZero() && time.Since(killed) > stuck)
		if done {
			return left
		}
		if late && killed.IsZero() {
			killed = time.Now()
		}
		time.Sleep(pause)
	}
}

// end returns one step of finish: it looks, kills if it is late, and forgets the tree
// when nothing is left of it or it has been tried for too long.
func (t *tree) end(late, last bool) (left int, done bool) {
	children.mu.Lock()
	defer children.mu.Unlock()
	if !hasChildren() {
		t.forget()
		return 0, true
	}
	all := processes(late)
	if blind() {
		t.signalAll(nil, unix.SIGKILL)
	}
	reap(all)
	members := t.members(all)
	if len(members) > 0 && late {
		t.signalAll(all, unix.SIGKILL)
		left = members[0].pid
	}
	if len(members) > 0 && !last {
		return 0, false
	}
	t.forget()
	return left, sweep(all) == 0 || last
}

// members returns the living processes that the program started, itself not among
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
	return descendants(all, of, found)
}

// sweep ends orphans of runs that have ended. It returns how many.
func sweep(all []process) (ended int) {
	for _, p := range all {
		if !p.adopted() || p.dead() || children.runs[p.session] != nil {
			continue
		}
		mark := p.mark()
		ours := children.base != 0 && mark&^(1<<markBits-1) == children.base
		if ours && mark&markKeep == 0 && children.live[mark] == nil && unix.Kill(p.pid, unix.SIGKILL) == nil {
			ended++
		}
	}
	return ended
}
