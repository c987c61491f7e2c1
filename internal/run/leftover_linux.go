package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mcollective/internal/trust"
)

const (
	mostRecord    = 64 << 10 // bytes
	leftoverGrace = 10 * time.Second
)

// Remember has this process keep in dir a record of each program that it runs, until
// the program has ended. It returns the programs that an earlier process with the
// same dir left running because it was killed. The directory is made; it must be
// trusted, since who can write there decides what is ended. complain is told of records that cannot be written. stop ends it all.
//
// A program is known by its number and the moment at which it was started, and what
// it started as its children and its session. What left both, or does not have its
// mark when the program itself has ended, is not found.
func Remember(dir string, complain func(error)) (left []*Leftover, stop func(), err error) {
	children.once.Do(initChildren)
	fail := func(err error) ([]*Leftover, func(), error) {
		return nil, func() {}, fmt.Errorf("remember programs in %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(err)
	}
	if err := trust.Check(dir); err != nil {
		return fail(err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fail(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if err == unix.EWOULDBLOCK {
			err = errors.New("another process does that already")
		}
		return fail(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		lock.Close()
		return fail(err)
	}
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".json":
		case ".new":
			os.Remove(filepath.Join(dir, e.Name()))
			continue
		default:
			continue
		}
		if l := readLeftover(filepath.Join(dir, e.Name())); l != nil {
			left = append(left, l)
		}
	}
	children.mu.Lock()
	children.records, children.complain = dir, complain
	children.mu.Unlock()
	return left, func() {
		children.mu.Lock()
		children.records = ""
		children.mu.Unlock()
		lock.Close()
	}, nil
}

// readLeftover reads a record. It returns nil, and removes the record, if nothing of
// the program is there any more.
func readLeftover(file string) *Leftover {
	l := &Leftover{file: file}
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(f, mostRecord)); err == nil {
			err = json.Unmarshal(b, &l.record)
		}
		f.Close()
	}
	r := l.record
	if err == nil && (r.PID <= 1 || r.Start == 0) {
		err = errors.New("it names no process")
	}
	if err != nil {
		l.Err = fmt.Errorf("the record of a program, %s, cannot be read: %w", file, err)
		l.forget()
		return l
	}
	members, ancestor := l.members()
	if r.Boot != bootID() || len(members) == 0 {
		l.forget()
		return nil
	}
	l.For, l.Path, l.PID, l.Began, l.Protected = r.For, r.Path, r.PID, r.Began, r.Protected || ancestor
	return l
}

func (l *Leftover) forget() { os.Remove(l.file) }

// bootID tells one run of the kernel, and one set of process numbers, from others.
var bootID = sync.OnceValue(func() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	numbers, _ := os.Readlink("/proc/self/ns/pid")
	return strings.TrimSpace(string(boot)) + " " + numbers
})

// members returns the living processes of the program. ancestor reports whether this
// process is one: then the program is what started it, and not to be ended.
//
// As long as the program itself is there, its descendants and its session are
// certain. When it has ended, its number is still not given to another while its
// session has processes; the mark and the user make sure that it is that session.
func (l *Leftover) members() (found []process, ancestor bool) {
	r := l.record
	all := everything()
	at := slices.IndexFunc(all, func(p process) bool { return p.pid == r.PID })
	if at >= 0 && all[at].start != r.Start {
		return nil, false // the number is another's now
	}
	leads := at >= 0 && !all[at].dead()
	of := map[int]bool{}
	add := func(p process) {
		of[p.pid] = true
		found = append(found, p)
	}
	for _, p := range all {
		switch {
		case p.dead() || p.pid <= 1:
		case leads && p.pid == r.PID:
			add(p)
		case r.Background || p.session != r.PID: // what Background left is to stay
		case leads || p.start >= r.Start && r.Mark&^(1<<markBits-1) != 0 && p.mark() == r.Mark && p.uid() == r.UID:
			add(p)
		}
	}
	return descendants(all, of, found), of[os.Getpid()]
}

// descendants adds to processes, which of names, those that descend from them.
func descendants(all []process, of map[int]bool, found []process) []process {
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

// uid returns the user to whom the process belongs, or -1.
func (p process) uid() int {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/status")
	_, line, _ := strings.Cut(string(b), "\nUid:")
	if f := strings.Fields(line); len(f) > 0 {
		if uid, err := strconv.Atoi(f[0]); err == nil {
			return uid
		}
	}
	return -1
}

// signal sends a signal to the process itself, never to another that has its number
// since.
func (p process) signal(sig syscall.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil && err != unix.ENOSYS {
		return // it has ended
	}
	if err == nil {
		defer unix.Close(fd)
	}
	if now, ok := readProcess(strconv.Itoa(p.pid)); !ok || now.start != p.start {
		return
	}
	if err == nil {
		unix.PidfdSendSignal(fd, sig, nil, 0)
		return
	}
	unix.Kill(p.pid, sig)
}

// End ends the program and what it started: TERM, and KILL ten seconds later. It
// returns how many processes that were.
func (l *Leftover) End(ctx context.Context) (ended int, err error) {
	told := map[int]uint64{}
	members, _ := l.members()
	began := time.Now()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for len(members) > 0 {
		late := time.Since(began) > leftoverGrace
		for _, p := range members {
			switch {
			case late:
				p.signal(unix.SIGKILL)
			case told[p.pid] != p.start:
				p.signal(unix.SIGTERM)
			}
			told[p.pid] = p.start
		}
		if time.Since(began) > leftoverGrace+stuck {
			return len(told), fmt.Errorf("process %d of %s cannot be ended", members[0].pid, l.Path)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return len(told), context.Cause(ctx)
		}
		members, _ = l.members()
	}
	l.forget()
	return len(told), nil
}

// Wait waits until the program and what it started have ended.
func (l *Leftover) Wait(ctx context.Context) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		if members, _ := l.members(); len(members) == 0 {
			l.forget()
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// remember writes the record of a program that was just started, and returns its
// file. The lock is held.
func (t *tree) remember(c *Command, path string, sys *syscall.SysProcAttr) string {
	dir, complain := children.records, children.complain
	if dir == "" {
		return ""
	}
	p, ok := readProcess(strconv.Itoa(t.pid))
	if !ok {
		return ""
	}
	r := record{
		PID: t.pid, Start: p.start, Boot: bootID(), Mark: t.mark, UID: os.Getuid(), Path: path, For: c.For, Began: time.Now(),
		Background: c.Background, Protected: c.Protected,
	}
	if sys.Credential != nil {
		r.UID = int(sys.Credential.Uid)
	}
	b, err := json.Marshal(r)
	file := filepath.Join(dir, fmt.Sprintf("%d-%d.json", r.PID, r.Start))
	if err == nil { // whole or not at all: a kill may come at any moment
		err = os.WriteFile(file+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil && complain != nil {
		complain(fmt.Errorf("record of %s: %w", path, err))
	}
	return file
}
