package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const (
	ticks       = 100        // a second, in /proc; it is 100 wherever Go runs
	kept        = ^uint64(0) // instead of the number of a run with Background
	mostEnviron = 1 << 20    // bytes of an environment that are read
)

// process is one line of the table of processes.
type process struct {
	pid, parent, session int
	state                byte
	born                 int64 // ticks since boot
}

func (p process) dead() bool { return p.state == 'Z' || p.state == 'X' }

// adopted reports whether the process is a child of this one that some run
// started: no program of a run itself, and not what another package started, which
// stays in this process's session.
func (p process) adopted() bool {
	return p.parent == os.Getpid() && p.session != family.self && family.runs[p.pid] == nil
}

// mark is the whole entry in the environment by which a run's processes are
// known, or "".
func (p process) mark() string {
	f, err := os.Open("/proc/" + strconv.Itoa(p.pid) + "/environ")
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 4<<10)
	for n := 0; n < mostEnviron; {
		m, err := f.Read(b[n:])
		if n += m; err != nil || m == 0 {
			b = b[:n]
			break
		}
		if n == len(b) {
			b = append(b, make([]byte, len(b))...)
		}
	}
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		if bytes.HasPrefix(entry, []byte(marker)) {
			return string(entry)
		}
	}
	return ""
}

// run is the number of the run that started the process, as far as its mark
// tells; kept if it is to be let alone, and 0 if it has no mark of ours.
func (p process) run() uint64 {
	mark, ours := strings.CutPrefix(p.mark(), family.mark)
	if !ours {
		return 0
	}
	if strings.HasSuffix(mark, "k") {
		return kept
	}
	n, err := strconv.ParseUint(mark, 10, 64)
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

// processes are the children of this process, or all that there are. It may
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
	p.pid, _ = strconv.Atoi(pid)
	p.state = f[0][0]
	p.parent, _ = strconv.Atoi(f[1])
	p.session, _ = strconv.Atoi(f[3])
	p.born, err = strconv.ParseInt(f[19], 10, 64)
	return p, err == nil && p.pid > 0
}
