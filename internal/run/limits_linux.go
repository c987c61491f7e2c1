package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A limit is one resource limit, soft and hard.
type limit struct {
	resource int
	value    uint64
}

func limits(c *Command) []limit {
	var l []limit
	add := func(resource int, n uint64) { l = append(l, limit{resource, n}) }
	if c.Processes > 0 {
		add(unix.RLIMIT_NPROC, uint64(c.Processes))
	}
	if c.Files > 0 {
		add(unix.RLIMIT_NOFILE, uint64(c.Files))
	}
	if c.Memory > 0 { // after those that take memory to set
		add(unix.RLIMIT_AS, uint64(c.Memory))
	}
	if len(l) > 0 {
		add(unix.RLIMIT_CORE, 0)
	}
	return l
}

// A starter starts a process, as os.StartProcess does.
type starter func(path string, argv []string, attr *os.ProcAttr) (*os.Process, error)

// startLimited starts a program with its resource limits in force from its first
// instruction. There are two ways. The quick one starts it as one that is traced,
// which stops before it does anything, and sets its limits from here. For a program
// of another user that takes CAP_SYS_RESOURCE, which root in a container lacks, and
// tracing may be forbidden: then the program's process limits itself, which costs a
// start of this program, some 6 ms; the aim for all that a call takes is 2.
func startLimited(path string, argv []string, attr *os.ProcAttr, limits []limit, start starter) (*os.Process, error) {
	if len(limits) == 0 {
		return start(path, argv, attr)
	}
	proc, err := startTraced(path, argv, attr, limits, start)
	if err == nil || !errors.Is(err, ErrLimits) && !errors.Is(err, unix.EPERM) {
		return proc, err
	}
	return startSelfLimited(path, argv, attr, limits, start)
}

// startTraced limits the program from this process.
func startTraced(path string, argv []string, attr *os.ProcAttr, limits []limit, start starter) (*os.Process, error) {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	defer func() { attr.Sys.Ptrace = false }()
	proc, err := start(path, argv, attr)
	if err != nil {
		return nil, err
	}
	var status unix.WaitStatus
	for {
		if _, err = unix.Wait4(proc.Pid, &status, unix.WALL, nil); err != unix.EINTR {
			break
		}
	}
	for _, l := range limits {
		if err == nil {
			err = unix.Prlimit(proc.Pid, l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}, nil)
		}
	}
	if err == nil {
		err = unix.PtraceDetach(proc.Pid)
	}
	if err != nil {
		proc.Kill()
		proc.Wait()
		return nil, fmt.Errorf("%w: %w", ErrLimits, err)
	}
	return proc, nil
}

// limiterName is how this program is called when it is to limit itself and then
// become another program.
const limiterName = "mco: limits"

// startSelfLimited starts this program again, as the other user already; it lowers
// its own limits, which everybody may, and becomes the program.
func startSelfLimited(path string, argv []string, attr *os.ProcAttr, limits []limit, start starter) (*os.Process, error) {
	failed, report, err := os.Pipe() // says why, or ends when the program begins
	if err != nil {
		return nil, err
	}
	defer failed.Close()
	words := make([]string, len(limits))
	for i, l := range limits {
		words[i] = strconv.Itoa(l.resource) + "=" + strconv.FormatUint(l.value, 10)
	}
	again := *attr
	again.Files = append(append([]*os.File(nil), attr.Files...), report)
	proc, err := start("/proc/self/exe", append([]string{limiterName, strings.Join(words, ","), path}, argv...), &again)
	report.Close()
	if err != nil {
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err
		}
		if err == unix.EPERM { // it may not become that user
			return nil, err
		}
		return nil, fmt.Errorf("%w: start this program as its user: %w", ErrLimits, err)
	}
	b, _ := io.ReadAll(io.LimitReader(failed, 5))
	if len(b) == 0 {
		return proc, nil
	}
	proc.Wait()
	if len(b) != 5 {
		return nil, fmt.Errorf("%w: mco ended before it had become the program", ErrLimits)
	}
	err = syscall.Errno(binary.LittleEndian.Uint32(b[1:]))
	if b[0] == limiting {
		err = fmt.Errorf("%w: %w", ErrLimits, err)
	}
	return nil, err
}

// What the process that limits itself may fail at.
const (
	limiting byte = iota + 1
	becoming
)

func init() {
	if len(os.Args) > 3 && os.Args[0] == limiterName {
		limitSelf()
	}
}

// limitSelf is all that this program does as limiterName. It does not return.
func limitSelf() {
	const report = 3
	unix.CloseOnExec(report)
	fail := func(at byte, err error) {
		var errno syscall.Errno
		errors.As(err, &errno)
		unix.Write(report, binary.LittleEndian.AppendUint32([]byte{at}, uint32(errno)))
		unix.Exit(127)
	}
	// What Exec allocates must not need memory that the limit denies.
	_ = make([]byte, 8<<20)
	runtime.GC()
	for word := range strings.SplitSeq(os.Args[1], ",") {
		resource, value, _ := strings.Cut(word, "=")
		r, err1 := strconv.Atoi(resource)
		n, err2 := strconv.ParseUint(value, 10, 64)
		if err1 != nil || err2 != nil {
			fail(limiting, syscall.EINVAL)
		}
		var now syscall.Rlimit
		if err := syscall.Getrlimit(r, &now); err != nil {
			fail(limiting, err)
		}
		n = min(n, now.Max) // what is stricter already stays
		// That of package syscall knows that it is not to be undone on Exec.
		if err := syscall.Setrlimit(r, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			fail(limiting, err)
		}
	}
	fail(becoming, syscall.Exec(os.Args[2], os.Args[3:], os.Environ()))
}
