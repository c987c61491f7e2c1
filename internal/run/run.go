// Package run starts one program without a shell, within limits of time, output and memory, and leaves nothing of it behind.
//
// [Run] is for a program that is called, answers and ends; [Start] for one that
// is talked to while it runs. Both give it a session of its own, so that it has
// no terminal to ask questions on, and a small clean environment.
//
// # What "nothing behind" means
//
// When the program ends, or is ended, so do the processes that it started. At
// the deadline all get TERM, and after Grace KILL. On Linux that holds also for
// those that left its session with setsid or a double fork: this process makes
// itself their subreaper, so that the kernel hands it every orphan, and knows
// them by their session or by a mark that they inherit: a value of the soft limit
// RLIMIT_RTTIME, in which no other program has an interest.
//
// What cannot be caught: a process that leaves its session and also sets that
// limit; one that starts others faster than they are killed for five seconds (set
// Processes); one in an uninterruptible sleep of the kernel (Run gives up on it
// after five seconds and says so); and everything if this process is itself
// killed by signal 9. Other Unix systems have no subreaper: there the program's
// process group is ended, and what has left it stays. On Windows only the program
// itself is ended.
package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"mcollective/internal/trust"
)

// SearchPath is where programs are looked for, by [Look] and by the programs
// themselves. The daemon's own PATH may be anything.
const SearchPath = "/opt/puppetlabs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A Command is a program and how it is to run.
type Command struct {
	Path string   // absolute, or a name for Look
	Args []string // without the program itself
	Env  []string // added to a small clean environment: PATH, LC_ALL=C, HOME, TZ and little else
	Dir  string   // default: /
	For  string   // what it is run for, like "agent disk", to say of one that is left running
	User string   // login name or number to run as; default: this process's own. Only root can

	Stdin []byte // for Run only

	Timeout   time.Duration // from the start; default: none but that of the context, and an hour if Protected
	Grace     time.Duration // between TERM and KILL; default 2 s, and a minute if Protected
	MaxStdout int           // bytes; more is an ErrOutput. Default 1 MiB. For Run only
	MaxStderr int           // bytes that are kept, the last ones. Default 4 KiB
	Memory    int64         // bytes of address space of each process; 0 means no limit. Linux only, like the next two
	Processes int           // of the user; 0 means no limit. Not for root, whom the kernel does not count
	Files     int           // that each process may have open; 0 means no limit but the system's

	// Background leaves running what the program started and did not wait for, if it
	// ends of itself. It is for programs that start services without systemd. What it
	// prints is in memory, so MaxStdout is also the limit of its standard error.
	Background bool

	// Protected is for programs that must not be broken off, because they hold a lock of
	// the system or leave half a change behind: package managers, init scripts, Puppet.
	// When its context ends, Run returns an ErrGoesOn, and the program goes on until it
	// ends or Timeout has passed. EndAll leaves it running. For Run only.
	Protected bool

	// Stderr, if set, is given each line of standard error as it is printed, without
	// its end and cut at 4 KiB. It is called from one goroutine.
	Stderr func(line string)
}

// A Result is how a program ended.
type Result struct {
	Stdout []byte
	Stderr []byte // the last of it
	Exit   int    // exit status; -1 if a signal ended it
	Signal string // the signal that ended it, like "killed"; "" if none did
	Took   time.Duration
}

// ErrGoesOn is the error of a Protected program that runs on when nobody waits for it
// any more.
var ErrGoesOn = errors.New("is not done yet and goes on; ask for the state later")

// Why a program was ended by us.
var (
	ErrTimeout = errors.New("did not end in time")
	ErrOutput  = errors.New("printed more than is allowed")
)

// Why a program was not started.
var (
	ErrUser   = errors.New("run as user")    // this process may not become its User
	ErrLimits = errors.New("set its limits") // of Memory, Processes and Files
)

// Run starts the command and waits until it, and everything that it started, has
// ended. An exit status is no error. The error is about starting it, or wraps
// ErrTimeout or ErrOutput, or is that of ctx; the Result, if there is one, has what
// was printed until then.
func Run(ctx context.Context, c Command) (*Result, error) {
	p, err := start(ctx, c, false)
	if err != nil {
		return nil, err
	}
	if !c.Protected {
		p.supervise()
		return p.Wait()
	}
	go p.supervise()
	select {
	case <-p.done:
	case <-ctx.Done():
		go p.Wait()
		return nil, fmt.Errorf("%s %w", filepath.Base(p.path), ErrGoesOn)
	}
	return p.Wait()
}

// Look finds a program in SearchPath, and refuses one that is not trusted: others
// who may write to it, to its interpreter or to their directories would act as this process.
// A name that is a whole path is for those to judge who took it from somewhere.
func Look(name string) (string, error) { return look(name, searchPath()) }

// Untrusted returns why a program that a setting names, by name or path, is not to be run: the *trust.Error of
// Look's check. Of a program that is not there it says nothing, which running it does.
func Untrusted(program string) error {
	path, err := Look(program)
	if err == nil {
		err = trust.Program(path, Look)
	}
	var untrusted *trust.Error
	if errors.As(err, &untrusted) {
		return untrusted
	}
	return nil
}

func look(name string, dirs []string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	find := func(name string) (string, error) { return find(name, dirs) }
	path, err := find(name)
	if err == nil {
		err = trust.Program(path, find)
	}
	if err != nil {
		return "", err
	}
	return path, nil
}

func find(name string, dirs []string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	if name == "" || strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("program %q: give its name or its whole path", name)
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if runtime.GOOS == "windows" && filepath.Ext(name) == "" {
			path += ".exe"
		}
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && (fi.Mode()&0o111 != 0 || runtime.GOOS == "windows") {
			return path, nil
		}
	}
	return "", fmt.Errorf("no program %s in %s", name, strings.Join(dirs, string(filepath.ListSeparator)))
}

func searchPath() []string {
	if runtime.GOOS == "windows" {
		return filepath.SplitList(os.Getenv("PATH"))
	}
	return filepath.SplitList(SearchPath)
}
