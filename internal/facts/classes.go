package facts

import (
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mcollective/internal/plainfile"
)

// maxClasses bounds the file of classes.
const maxClasses = 4 << 20

// classesPoll is the shortest time between looks at the file's date.
const classesPoll = time.Second

// Classes are the configuration management classes of this machine, which Puppet
// and others write to a file, one a line.
type Classes struct {
	path string
	log  *slog.Logger

	list atomic.Pointer[[]string]
	next atomic.Int64 // time of the next look, in ns

	mu      sync.Mutex
	seen    stamp
	failure string

	lost atomic.Pointer[error] // why the file is there and cannot be read
}

// NewClasses prepares to read the file at path, which need not exist yet.
// logger takes what goes wrong; nil is slog.Default.
func NewClasses(path string, logger *slog.Logger) *Classes {
	if logger == nil {
		logger = slog.Default()
	}
	c := &Classes{path: path, log: logger}
	c.list.Store(&[]string{})
	c.Refresh()
	return c
}

// List returns the classes in the file's order. The caller must not change the
// slice. At most once a second it looks at the file's date, and reads the file
// only when that has changed. A file that cannot be read counts as empty, and is
// logged once.
func (c *Classes) List() []string {
	now, next := time.Now().UnixNano(), c.next.Load()
	if now >= next && c.next.CompareAndSwap(next, now+int64(classesPoll)) {
		c.read(false)
	}
	return *c.list.Load()
}

// Err returns why the classes are not known: the file is there, and cannot be read. A machine
// without the file has no classes.
func (c *Classes) Err() error {
	c.List()
	if err := c.lost.Load(); err != nil {
		return *err
	}
	return nil
}

// Refresh reads the file now.
func (c *Classes) Refresh() {
	c.next.Store(time.Now().UnixNano() + int64(classesPoll))
	c.read(true)
}

func (c *Classes) read(always bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := stampOf(c.path)
	if !always && now == c.seen {
		return
	}
	c.seen = now
	data, err := plainfile.Text(c.path, maxClasses)
	if err != nil {
		c.list.Store(&[]string{})
		c.lost.Store(nil)
		if !errors.Is(err, fs.ErrNotExist) {
			c.lost.Store(&err)
		}
		if text := err.Error(); text != c.failure {
			c.failure = text
			c.log.Warn("cannot read the classes of this node, it has none now", "error", err)
		}
		return
	}
	c.failure = ""
	c.lost.Store(nil)
	list := []string{}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			list = append(list, line)
		}
	}
	c.list.Store(&list)
}
