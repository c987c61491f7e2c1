package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A proc is what the kernel knows of one process.
type proc struct {
	pid, ppid, pgrp, session int
	tty                      int64
	state                    string // R, S, D, Z, T, t, I, X
	name                     string // at most 15 bytes
	cmdline                  string // arguments joined by blanks; without arguments the name
	uid, euid, gid           uint32
	utime, stime             uint64 // ticks
	start                    uint64 // ticks since boot
	priority, nice, threads  int64
	vsize, rss               uint64 // bytes
	kernel                   bool   // a thread of the kernel
}

const (
	ticks         = 100      // per second; the kernel converts to this, whatever its own clock
	kernelThread  = 0x200000 // a flag in stat
	maxCmdline    = 128 << 10
	maxProcesses  = 1 << 20
	statusHeading = "\nUid:\t"
)

// A table reads processes below a root directory, which is /proc.
type table struct{ root string }

func (t table) active() error {
	if _, err := os.Stat(filepath.Join(t.root, "self", "stat")); err != nil {
		return fmt.Errorf("processes can be read on Linux only: %w", err)
	}
	return nil
}

// all reads every process, in the order of their numbers. Those that end
// meanwhile are left out.
func (t table) all() ([]proc, error) {
	pids, err := t.pids()
	if err != nil {
		return nil, err
	}
	found := make([]proc, len(pids))
	// The time goes into the kernel, which writes the texts; two at a time is what
	// an agent may take of a machine.
	var wait sync.WaitGroup
	half := (len(pids) + 1) / 2
	for part := range slices.Chunk(seq(len(pids)), max(half, 64)) {
		wait.Go(func() {
			r := reader{root: t.root}
			for _, i := range part {
				if !r.read(pids[i], &found[i]) {
					found[i].pid = 0
				}
			}
		})
	}
	wait.Wait()
	return slices.DeleteFunc(found, func(p proc) bool { return p.pid == 0 }), nil
}

func seq(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// one reads a single process.
func (t table) one(pid int) (p proc, ok bool) {
	r := reader{root: t.root}
	ok = r.read(pid, &p)
	return p, ok
}

func (t table) pids() ([]int, error) {
	dir, err := os.Open(t.root)
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) > maxProcesses {
		return nil, fmt.Errorf("cannot list %d processes, more than %d", len(pids), maxProcesses)
	}
	slices.Sort(pids)
	return pids, nil
}

// A reader reads one process after the other into the same memory.
type reader struct {
	root string
	buf  []byte
	path []byte
}

// file reads a file of a process. What it returns is good until the next call.
func (r *reader) file(pid int, name string) ([]byte, bool) {
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	r.path = append(r.path[:0], r.root...)
	r.path = append(r.path, '/')
	r.path = strconv.AppendInt(r.path, int64(pid), 10)
	r.path = append(r.path, '/')
	r.path = append(r.path, name...)
	var ok bool
	r.buf, ok = slurp(string(r.path), r.buf[:cap(r.buf)], maxCmdline)
	return r.buf, ok
}

// read reads a process, and says false if there is none of that number any more.
func (r *reader) read(pid int, p *proc) bool {
	text, ok := r.file(pid, "stat")
	if !ok || !p.parseStat(text) || p.pid != pid {
		return false
	}
	if text, ok = r.file(pid, "status"); !ok || !p.parseOwner(text) {
		return false
	}
	if !p.kernel && p.state != "Z" {
		text, _ = r.file(pid, "cmdline") // of a process that just ended it cannot be read
		text = bytes.TrimRight(text, "\x00 ")
		for i, c := range text {
			if c == 0 || c == '\n' {
				text[i] = ' '
			}
		}
		p.cmdline = string(text)
	}
	// Without arguments it is shown by its name, and a thread of the kernel in
	// brackets as ps does. Ruby's client puts those around zombies itself.
	if p.cmdline == "" {
		if p.cmdline = p.name; p.kernel {
			p.cmdline = "[" + p.name + "]"
		}
	}
	return true
}

// parseStat reads "1 (a name) S 0 ...". The name may hold anything, so that it
// ends at the last bracket.
func (p *proc) parseStat(text []byte) bool {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open || end+4 > len(text) {
		return false
	}
	f := fields{rest: text[:open]}
	p.pid = int(f.signed())
	p.name = string(text[open+1 : end])
	p.state = string(text[end+2 : end+3])
	f.rest = text[end+3:]
	p.ppid, p.pgrp, p.session = int(f.signed()), int(f.signed()), int(f.signed())
	p.tty = f.signed()
	f.skip(1)
	p.kernel = f.unsigned()&kernelThread != 0
	f.skip(4)
	p.utime, p.stime = f.unsigned(), f.unsigned()
	f.skip(2)
	p.priority, p.nice, p.threads = f.signed(), f.signed(), f.signed()
	f.skip(1)
	p.start, p.vsize = f.unsigned(), f.unsigned()
	p.rss = uint64(max(f.signed(), 0)) * uint64(os.Getpagesize())
	return !f.bad && p.pid > 0
}

// parseOwner reads the numbers of users and groups from status. The name of the
// process is in there too, with its newlines escaped.
func (p *proc) parseOwner(text []byte) bool {
	at := bytes.Index(text, []byte(statusHeading))
	if at < 0 {
		return false
	}
	f := fields{rest: text[at+len(statusHeading):]}
	p.uid, p.euid = uint32(f.unsigned()), uint32(f.unsigned())
	f.skip(2)
	if !bytes.HasPrefix(f.rest, []byte("\nGid:")) {
		return false
	}
	f.rest = f.rest[len("\nGid:"):]
	p.gid = uint32(f.unsigned())
	return !f.bad
}

// fields takes numbers off a text. The first that is none makes it bad.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) next() []byte {
	rest := bytes.TrimLeft(f.rest, " \t")
	n := bytes.IndexAny(rest, " \t\n")
	if n < 0 {
		n = len(rest)
	}
	f.rest = rest[n:]
	return rest[:n]
}

func (f *fields) skip(n int) {
	for range n {
		f.next()
	}
}

func (f *fields) unsigned() uint64 {
	word := f.next()
	var n uint64
	for _, c := range word {
		if c < '0' || c > '9' {
			f.bad = true
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	f.bad = f.bad || len(word) == 0 || len(word) > 20
	return n
}

func (f *fields) signed() int64 {
	f.rest = bytes.TrimLeft(f.rest, " \t")
	if len(f.rest) > 0 && f.rest[0] == '-' {
		f.rest = f.rest[1:]
		return -int64(f.unsigned())
	}
	return int64(f.unsigned())
}

// A machine is what shares of processes are measured by.
type machine struct {
	uptime float64   // seconds
	boot   time.Time // to the second
	memory uint64    // bytes
}

func (t table) machine(now time.Time) (machine, error) {
	var m machine
	text, err := os.ReadFile(filepath.Join(t.root, "uptime"))
	if err != nil {
		return m, fmt.Errorf("cannot tell the uptime: %w", err)
	}
	first, _, _ := bytes.Cut(text, []byte(" "))
	if m.uptime, err = strconv.ParseFloat(string(first), 64); err != nil {
		return m, fmt.Errorf("cannot read %s: %w", filepath.Join(t.root, "uptime"), err)
	}
	m.boot = now.Add(-time.Duration(m.uptime * float64(time.Second))).Truncate(time.Second)
	text, err = os.ReadFile(filepath.Join(t.root, "meminfo"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("cannot tell the memory: %w", err)
	}
	if rest, ok := bytes.CutPrefix(text, []byte("MemTotal:")); ok {
		f := fields{rest: rest}
		m.memory = f.unsigned() << 10
	}
	return m, nil
}

// cpu returns the share of one processor, in percent, since the process started.
func (m machine) cpu(p *proc) float64 {
	return percent(float64(p.utime+p.stime)/ticks, m.uptime-float64(p.start)/ticks)
}

// mem returns the share of the memory in percent.
func (m machine) mem(p *proc) float64 { return percent(float64(p.rss), float64(m.memory)) }

// percent is rounded to tenths, since it is shown.
func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(int64(part*1000/whole+0.5)) / 10
}

// byPID finds a process in what table.all returned.
func byPID(all []proc, pid int) (int, bool) {
	return slices.BinarySearchFunc(all, pid, func(p proc, pid int) int { return cmp.Compare(p.pid, pid) })
}
