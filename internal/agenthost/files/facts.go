// Package files makes the files that programs of agents are given: the node's facts, a private directory, and requests and replies.
package files

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mcollective/agent/stdio"
)

// factsAge is how old the facts may be that programs read.
const factsAge = 30 * time.Second

// runDirectory is where a daemon that is root keeps the facts: nobody tidies it, as
// they do /tmp.
const runDirectory = "/run/mcollective"

// Facts is a file with the node's facts, which agents share.
type Facts struct {
	facts func() map[string]any
	temp  string
	run   string // as runDirectory

	mu   sync.Mutex
	dir  string
	file string
	made time.Time
}

// NewFacts returns the file of these facts, nil for none. It is made when it is
// first asked for: in temp, or if that is "" where the system has such files.
func NewFacts(facts func() map[string]any, temp string) *Facts {
	return &Facts{facts: facts, temp: temp, run: runDirectory}
}

// Path returns the file with facts that are not older than factsAge, or "" if there is
// none. It is the same one each time, unless somebody has removed it.
func (f *Facts) Path(log *slog.Logger) string {
	if f == nil || f.facts == nil {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != "" && !ours(f.dir) && !f.restore() {
		f.forget()
	}
	if _, err := os.Lstat(f.file); err == nil && time.Since(f.made) < factsAge {
		return f.file
	}
	b, err := stdio.ToJSON(orEmpty(f.facts()))
	if err == nil {
		if err = f.write(b); err != nil && f.dir != "" { // once more, in a new directory
			f.forget()
			err = f.write(b)
		}
	}
	if err != nil {
		log.Warn("facts not available to programs", "error", err)
		return f.file
	}
	f.made = time.Now()
	return f.file
}

// restore makes the directory again that somebody has removed: workers know the file by its name and go on
// to look there. It reports whether it could.
func (f *Facts) restore() bool {
	if filepath.Dir(f.dir) == f.run {
		os.Mkdir(f.run, 0o711) // it may be there
		if !ours(f.run) {
			return false
		}
	}
	return os.Mkdir(f.dir, 0o711) == nil && os.Chmod(f.dir, 0o711) == nil
}

// write makes the file. Agents that run as other users must be able to read it,
// and nobody else can guess its name.
func (f *Facts) write(b []byte) (err error) {
	if f.dir == "" {
		if f.dir, err = f.directory(); err != nil {
			return err
		}
		if err := os.Chmod(f.dir, 0o711); err != nil {
			return err
		}
	}
	t, err := os.CreateTemp(f.dir, "")
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	if err = errors.Join(err, t.Chmod(0o644), t.Close()); err != nil {
		return err
	}
	file := f.file
	if file == "" {
		file = t.Name() + ".json"
	}
	if err := os.Rename(t.Name(), file); err != nil {
		return err
	}
	f.file = file
	return nil
}

// directory makes a directory for the file: in the run directory if this is root's daemon and
// nobody wants its temporary files elsewhere, else in the temporary directory.
func (f *Facts) directory() (string, error) {
	const pattern = "mco-facts-"
	if f.temp == "" && os.Geteuid() == 0 && os.Getenv("TMPDIR") == "" {
		os.Mkdir(f.run, 0o711) // it may be there
		if ours(f.run) {
			if dir, err := os.MkdirTemp(f.run, pattern); err == nil {
				return dir, nil
			}
		}
	}
	return os.MkdirTemp(f.temp, pattern)
}

// ours reports whether a directory is there, and this user's, and nobody else's to
// change: where all may write, somebody may have made another of its name.
func ours(dir string) bool {
	fi, err := os.Lstat(dir)
	return err == nil && fi.IsDir() && solely(fi, os.Geteuid())
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// Close removes the file.
func (f *Facts) Close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget()
}

// forget removes the file, if it is still ours to remove.
func (f *Facts) forget() {
	if f.dir != "" && ours(f.dir) {
		os.RemoveAll(f.dir)
		if filepath.Dir(f.dir) == f.run {
			os.Remove(f.run) // unless others use it
		}
	}
	f.dir, f.file = "", ""
}
