package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds what a daemon may take to be ready or to end, on a machine that
// is busy with other tests.
const patience = 20 * time.Second

// daemons are the programs that a script runs in the background, by name.
type daemons map[string]*daemon

type daemonsKey struct{}

type daemon struct {
	cmd  *exec.Cmd
	out  output
	done chan struct{}
	err  error // once done is closed
}

func (d daemons) kill() {
	for _, p := range d {
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// output collects what a program prints and tells when there is more.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	select {
	case o.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: start NAME PATTERN PROGRAM WORDS...")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	p := &daemon{done: make(chan struct{})}
	p.out.more = make(chan struct{}, 1)
	p.cmd = exec.Command(find(ts, args[2]), args[3:]...)
	p.cmd.Dir = ts.Getenv("WORK")
	p.cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.WaitDelay = patience // for what it leaves running with its output
	ts.Check(p.cmd.Start())
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	ts.Value(daemonsKey{}).(daemons)[args[0]] = p

	late := time.After(patience)
	for {
		if m := pattern.FindStringSubmatch(p.out.String()); m != nil {
			if len(m) > 1 {
				ts.Setenv(args[0], m[1])
			}
			return
		}
		select {
		case <-p.out.more:
		case <-p.done:
			ts.Fatalf("%s ended (%v) before it printed %s:\n%s", args[0], p.err, pattern, p.out.String())
		case <-late:
			ts.Fatalf("%s does not print %s:\n%s", args[0], pattern, p.out.String())
		}
	}
}

func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value(daemonsKey{}).(daemons)[args[0]]
	if neg || p == nil {
		ts.Fatalf("usage: quit NAME, of a program that start has started")
	}
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s does not end:\n%s", args[0], p.out.String())
	}
	if p.err != nil {
		ts.Fatalf("%s failed when it ended: %v\n%s", args[0], p.err, p.out.String())
	}
}

func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("fill cannot fail")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		// They hold secrets, which the programs complain about when others can read
		// them.
		ts.Check(os.Chmod(ts.MkAbs(name), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// find looks a program up as the script's own exec does.
func find(ts *testscript.TestScript, program string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, program)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() {
			return path
		}
	}
	ts.Fatalf("there is no program %s", program)
	return ""
}
