package stdio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// factsAge is how old the facts may be that programs read.
const factsAge = 30 * time.Second

// runFolder is where a daemon that is root keeps the facts: nobody tidies it, as
// they do /tmp.
const runFolder = "/run/mcollective"

// factsFile is a file with the node's facts, which the agents of a Loader share.
type factsFile struct {
	facts func() map[string]any
	temp  string
	run   string // as runFolder

	mu   sync.Mutex
	dir  string
	file string
	made time.Time
}

func newFactsFile(o Options) *factsFile {
	return &factsFile{facts: o.Facts, temp: o.Temp, run: runFolder}
}

// path is the file with facts that are not older than factsAge, or "" if there is
// none. It is the same one each time, unless somebody has removed it.
func (f *factsFile) path(a *Agent) string {
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
	b, err := toJSON(plainFacts(f.facts()))
	if err == nil {
		if err = f.write(b); err != nil && f.dir != "" { // once more, in a new folder
			f.forget()
			err = f.write(b)
		}
	}
	if err != nil {
		a.log.Warn("programs are not told the facts", "error", err)
		return f.file
	}
	f.made = time.Now()
	return f.file
}

// restore makes the directory again that somebody has removed: workers know the file by its name and go on
// to look there. It reports whether it could.
func (f *factsFile) restore() bool {
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
func (f *factsFile) write(b []byte) (err error) {
	if f.dir == "" {
		if f.dir, err = f.folder(); err != nil {
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

// folder makes a folder for the file: in the run folder if this is root's daemon and
// nobody wants its temporary files elsewhere, else in the temporary folder.
func (f *factsFile) folder() (string, error) {
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

// ours reports whether a folder is there, and this user's, and nobody else's to
// change: where all may write, somebody may have made another of its name.
func ours(dir string) bool {
	fi, err := os.Lstat(dir)
	return err == nil && fi.IsDir() && solely(fi, os.Geteuid())
}

func plainFacts(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func (f *factsFile) remove() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget()
}

// forget removes the file, if it is still ours to remove.
func (f *factsFile) forget() {
	if f.dir != "" && ours(f.dir) {
		os.RemoveAll(f.dir)
		if filepath.Dir(f.dir) == f.run {
			os.Remove(f.run) // unless others use it
		}
	}
	f.dir, f.file = "", ""
}

// exchange is a pair of files by which older protocols talk.
type exchange struct {
	dir, request, reply string
	uid                 int // whose they are
}

// exchange makes the files: the request, and an empty reply.
func (a *Agent) exchange(request []byte) (x exchange, err error) {
	const asked, answered = "request.json", "reply.json"
	if x.uid, _, err = a.owner(); err != nil {
		return x, err
	}
	if x.dir, err = a.privateDir(map[string][]byte{asked: request, answered: nil}); err != nil {
		return x, err
	}
	x.request, x.reply = filepath.Join(x.dir, asked), filepath.Join(x.dir, answered)
	return x, nil
}

func (x exchange) remove() { os.RemoveAll(x.dir) }

// answer reads the reply, of at most so many bytes. The folder is the program's:
// it may put there what it likes, and another at any moment, so the file is judged
// once it is open. It is read with this process's rights, which must not get the
// program what its own do not.
func (x exchange) answer(most int) ([]byte, error) {
	f, err := os.OpenFile(x.reply, os.O_RDONLY|openPlain, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() || !solely(fi, x.uid) {
		return nil, errors.New("it made something else of its reply file")
	}
	b, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(b) > most {
		return nil, fmt.Errorf("its reply file has more than %d bytes", most)
	}
	return b, err
}
