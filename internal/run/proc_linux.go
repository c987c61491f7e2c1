package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// process is one line of the table of processes.
type process struct {
	pid, parent, group, session int
	state                       byte
	start                       uint64 // when it was started, in ticks since the boot
}

func (p process) dead() bool { return p.state == 'Z' || p.state == 'X' }

// adopted reports whether the process is a child of this one that some run
// started: no program of a run itself, and not what another package started, which
// stays in this process's session.
func (p process) adopted() bool {
	return p.parent == os.Getpid() && p.session != children.session && children.runs[p.pid] == nil
}

// orphan reports whether nobody waits for this child of this process. In this
// process's session are children of other packages, who wait for them: those are in
// its process group or first of their own. What they in turn left is in theirs. A
// program that is being started is not known by its number yet, but by its mark.
func (p process) orphan() bool {
	switch {
	case p.parent != os.Getpid():
		return false
	case p.session == children.session:
		return p.group != children.group && p.group != p.pid
	case !p.adopted():
		return false
	case p.session != p.pid:
		return true
	case children.base == 0:
		return len(children.live) == len(children.runs)
	}
	t := children.live[p.mark()]
	return t == nil || t.pid != 0
}

// mark tells which run started the process; 0 if that cannot be seen.
func (p process) mark() uint64 {
	var l unix.Rlimit
	if unix.Prlimit(p.pid, markLimit, nil, &l) == nil {
		return l.Cur
	}
	// The kernel tells of other users' processes here only, unless this one has the
	// capability to change them.
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/limits")
	_, line, _ := strings.Cut(string(b), "Max realtime timeout")
	soft, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, err := strconv.ParseUint(soft, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// listsChildren reports whether the kernel tells whose children processes are.
var listsChildren = sync.OnceValue(func() bool {
	_, err := os.Stat("/proc/thread-self/children")
	return err == nil
})

// blind reports whether there is no table of processes to read. Then the process
// group is all that can be ended.
var blind = sync.OnceValue(func() bool {
	_, ok := readProcess("self")
	return !ok
})

// processes returns the children of this process, or all that there are. It may
// return more than was asked for.
func processes(all bool) []process {
	if all || !listsChildren() {
		return everything()
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	var found []process
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		for pid := range strings.FieldsSeq(string(b)) {
			if p, ok := readProcess(pid); ok {
				found = append(found, p)
			}
		}
	}
	return found
}

func everything() []process {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	found := make([]process, 0, len(names))
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		if p, ok := readProcess(name); ok {
			found = append(found, p)
		}
	}
	return found
}

// readProcess reads the line of one process. The name in it may hold anything,
// and ends at the last parenthesis.
func readProcess(pid string) (p process, ok bool) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return p, false
	}
	_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	f := strings.Fields(rest)
	if len(f) < 20 {
		return p, false
	}
	if p.pid, err = strconv.Atoi(string(b[:max(bytes.IndexByte(b, ' '), 0)])); err != nil {
		return p, false
	}
	p.state = f[0][0]
	p.parent, _ = strconv.Atoi(f[1])
	p.group, _ = strconv.Atoi(f[2])
	p.session, _ = strconv.Atoi(f[3])
	p.start, _ = strconv.ParseUint(f[19], 10, 64)
	return p, true
}
