package run

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

const (
	longestLine = 4 << 10
	drainTime   = time.Second // for output to arrive when all have ended
)

// pipes are the standard files of a program: its ends, and ours.
type pipes struct {
	child  [3]*os.File
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	memory [2]*os.File // instead of stdout and stderr, for what may outlive the call

	talk   bool
	input  []byte
	limit  int
	errs   tail
	over   chan struct{} // closed when more than limit was printed
	copies sync.WaitGroup

	mu   sync.Mutex // of out and full
	out  []byte
	full bool
}

func newPipes(c *Command, talk bool) (*pipes, error) {
	p := &pipes{
		talk: talk, input: c.Stdin, limit: or(c.MaxStdout, defaultStdout), over: make(chan struct{}),
		errs: tail{max: or(c.MaxStderr, defaultStderr), line: c.Stderr},
	}
	var err error
	if talk || len(c.Stdin) > 0 {
		p.child[0], p.stdin, err = os.Pipe()
	} else {
		p.child[0], err = os.Open(os.DevNull)
	}
	if err == nil && c.Background && !talk {
		for i := range p.memory {
			if p.memory[i], err = scratch(); err != nil {
				return p, err
			}
			p.child[i+1] = p.memory[i]
		}
		return p, nil
	}
	if err == nil {
		p.stdout, p.child[1], err = os.Pipe()
	}
	if err == nil {
		p.stderr, p.child[2], err = os.Pipe()
	}
	return p, err
}

// started closes what only the program needs.
func (p *pipes) started() {
	for i, f := range p.child {
		if f != nil && (i == 0 || f != p.memory[i-1]) {
			f.Close()
		}
		p.child[i] = nil
	}
}

func (p *pipes) close() {
	p.started()
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr, p.memory[0], p.memory[1]} {
		if f != nil {
			f.Close() // a second time does nothing
		}
	}
}

// copy moves bytes until the streams end or are closed.
func (p *pipes) copy() {
	if !p.talk && p.stdin != nil {
		p.copies.Go(func() {
			p.stdin.Write(p.input) // a program need not read it
			p.stdin.Close()
		})
	}
	if p.stderr != nil {
		p.copies.Go(func() { io.Copy(&p.errs, p.stderr) })
	}
	if p.stdout != nil && !p.talk {
		p.copies.Go(func() { io.Copy(p, p.stdout) })
	}
}

// Write keeps what the program prints.
func (p *pipes) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	room := p.limit - len(p.out)
	if len(b) > room && !p.full {
		p.full = true
		close(p.over)
	}
	p.out = append(p.out, b[:min(len(b), room)]...)
	return len(b), nil
}

func (p *pipes) tooMuch() bool {
	if p.memory[0] != nil {
		return max(size(p.memory[0]), size(p.memory[1])) > int64(p.limit)
	}
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// drain waits until all that was printed has arrived. Nobody is left to print
// more, unless a process could not be ended.
func (p *pipes) drain() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	slow := time.AfterFunc(drainTime, func() {
		p.stderr.Close()
		if !p.talk {
			p.stdout.Close()
		}
	})
	p.copies.Wait()
	slow.Stop()
	p.errs.flush()
}

// printed returns what the program wrote to stdout, and the end of its stderr.
func (p *pipes) printed() (stdout, stderr []byte) {
	if p.memory[0] != nil {
		for _, f := range p.memory {
			seal(f)
		}
		stdout = make([]byte, min(size(p.memory[0]), int64(p.limit)))
		n, _ := p.memory[0].ReadAt(stdout, 0)
		io.Copy(&p.errs, io.NewSectionReader(p.memory[1], 0, min(size(p.memory[1]), int64(p.limit))))
		p.errs.flush()
		return stdout[:n], p.errs.kept
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out, p.errs.kept
}

func size(f *os.File) int64 {
	fi, err := f.Stat()
	if err != nil {
		return 0
	}
	return fi.Size()
}

// tail keeps the last bytes that are written to it, and tells of each line.
type tail struct {
	max  int
	line func(string)

	kept    []byte
	partial []byte
}

func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	t.lines(b)
	if len(b) >= t.max {
		t.kept = append(t.kept[:0], b[len(b)-t.max:]...)
		return n, nil
	}
	if excess := len(t.kept) + len(b) - t.max; excess > 0 {
		t.kept = append(t.kept[:0], t.kept[excess:]...)
	}
	t.kept = append(t.kept, b...)
	return n, nil
}

func (t *tail) lines(b []byte) {
	if t.line == nil {
		return
	}
	for len(b) > 0 {
		head, rest, ended := bytes.Cut(b, []byte("\n"))
		if room := longestLine - len(t.partial); room > 0 {
			t.partial = append(t.partial, head[:min(room, len(head))]...)
		}
		if ended {
			t.flush()
		}
		b = rest
	}
}

// flush tells of the line that has no end yet.
func (t *tail) flush() {
	if line := bytes.TrimSuffix(t.partial, []byte("\r")); t.line != nil && len(line) > 0 {
		t.line(string(line))
	}
	t.partial = t.partial[:0]
}
