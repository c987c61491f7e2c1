package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"mcollective/internal/plainfile"
)

// A PIDFile names the process that runs. It is locked for as long as that
// process lives, so that two that start at once do not both win. Whether the pid
// in a file that nobody has locked still is a node, one of Ruby's, or was given to
// another program since, is seen from that process.
type PIDFile struct {
	path string
	file *os.File
}

// A RunningError says that the process of a pid file is alive.
type RunningError struct {
	Path string
	PID  int // 0 if the file was locked by a process that had not written it yet
}

func (e *RunningError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("pid file %s is held by another process that is starting", e.Path)
	}
	return fmt.Sprintf("already running with pid %d (pid file %s); stop it first, or remove the file if that process is no node", e.PID, e.Path)
}

// WritePID writes the pid of this process to path. A file left by a process
// that is gone is taken over; while it lives the error is a *RunningError.
func WritePID(path string) (*PIDFile, error) {
	// Between opening and locking the file, its owner may have removed it: what
	// was locked then is a file without a name, and the next one is tried.
	strangers := 0
	for range 10 + 2*patience {
		f, err := plainfile.Update(path, 0o644)
		if err != nil {
			return nil, fmt.Errorf("pid file: %w", err)
		}
		p := &PIDFile{path: path, file: f}
		again, err := p.claim()
		if err == nil && !again {
			return p, nil
		}
		// Everybody who can read the file can lock it, too. A node that is starting
		// writes its pid at once; who still has not is a stranger, whose lock is left
		// to him together with the file.
		if errors.Is(err, errLocked) {
			if strangers++; strangers%patience == 0 && p.inPlace() {
				err = os.Remove(path)
			} else {
				time.Sleep(patienceStep)
				err = nil
			}
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, &RunningError{Path: path}
}

// How long a process that has locked a pid file has for writing it, in steps.
const (
	patience     = 20
	patienceStep = 50 * time.Millisecond
)

// claim locks the file and writes it. again means that it is no longer the file
// at its path. The error is errLocked if the process that has locked it is no node, or has
// not written it yet.
func (p *PIDFile) claim() (again bool, err error) {
	text, err := io.ReadAll(io.LimitReader(p.file, 64))
	if err != nil {
		return false, fmt.Errorf("pid file %s: %w", p.path, err)
	}
	owner, _ := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err := lock(p.file); err != nil {
		if errors.Is(err, errLocked) {
			if owner > 0 && alive(owner) && trustedOwner(owner) && (sameProgram(owner) || maybeNode(owner)) {
				return false, &RunningError{p.path, owner}
			}
			return false, errLocked
		}
		return false, fmt.Errorf("lock pid file %s: %w", p.path, err)
	}
	if !p.inPlace() {
		return true, nil
	}
	// Ruby's daemon does not lock. Our own pid is found after a restart of a
	// container, where pids repeat.
	if owner > 0 && owner != os.Getpid() && alive(owner) && trustedOwner(owner) && maybeNode(owner) {
		return false, &RunningError{p.path, owner}
	}
	line := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if _, err := p.file.WriteAt(line, 0); err != nil {
		return false, fmt.Errorf("write pid file %s: %w", p.path, err)
	}
	// Cut what was longer only now: a reader sees an old pid or ours, never none.
	if err := p.file.Truncate(int64(len(line))); err != nil {
		return false, fmt.Errorf("write pid file %s: %w", p.path, err)
	}
	return false, nil
}

// trustedOwner reports whether a process may be a node that has to be heeded: it
// belongs to root or to this user. Others can call themselves what they like.
func trustedOwner(pid int) bool {
	uid, err := ownerOf(pid)
	return err != nil || uid == 0 || uid == os.Geteuid()
}

// maybeNode reports whether a process may be a node that does not lock its pid
// file: unless it is certain that it is another program, it is.
func maybeNode(pid int) bool {
	args, err := commandLine(pid)
	if err != nil {
		return true
	}
	for _, arg := range args {
		if filepath.Base(arg) == "mcollectived" {
			return !sameProgram(pid) // one of ours would have locked the file
		}
	}
	return false
}

// inPlace reports whether the file still has its name.
func (p *PIDFile) inPlace() bool {
	held, err := p.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(p.path)
	return err == nil && os.SameFile(held, named)
}

// Remove deletes the file and gives the lock back. A file that somebody put in
// its place stays. A nil PIDFile is nothing to remove.
func (p *PIDFile) Remove() error {
	if p == nil {
		return nil
	}
	defer p.file.Close()
	if !p.inPlace() {
		return nil
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}

// errLocked is returned by lock for a file that another process holds.
var errLocked = errors.New("locked by another process")
