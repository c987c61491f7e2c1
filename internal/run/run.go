// Package run starts one program without a shell, within limits of time, output and memory, and leaves nothing of it behind.
package run

import (
	"context"
	"errors"
	"time"
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
	User string   // login name or number to run as; default: this process's own

	Stdin []byte

	Timeout   time.Duration // from the start; default: none but that of the context
	Grace     time.Duration // between TERM and KILL; default 2 s
	MaxStdout int           // bytes; more is an ErrOutput. Default 1 MiB
	MaxStderr int           // bytes that are kept, the last ones. Default 4 KiB
	Memory    int64         // bytes of address space of each process; 0 means no limit
	Processes int           // of the user; 0 means no limit. Not for root, whom the kernel does not count
}

// A Result is how a program ended.
type Result struct {
	Stdout []byte
	Stderr []byte // the last of it
	Exit   int    // exit status; -1 if a signal ended it
	Signal string // the signal that ended it, like "killed"; "" if none did
	Took   time.Duration
}

// Why a program was ended by us.
var (
	ErrTimeout = errors.New("did not end in time")
	ErrOutput  = errors.New("printed more than is allowed")
)

// Run starts the command and waits until it, and everything that it started, has
// ended. An exit status is no error. The error is about starting it, or wraps
// ErrTimeout or ErrOutput, or is that of ctx; the Result, if there is one, has what
// was printed until then.
func Run(ctx context.Context, c Command) (*Result, error) { return nil, errors.New("not yet") }

// Look finds a program in SearchPath.
func Look(name string) (string, error) { return "", errors.New("not yet") }
