package logging

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// file is a log file that rotates by size, with the names that Ruby's Logger
// gives: FILE, then FILE.0 (the youngest), FILE.1 and so on.
type file struct {
	path string
	keep int
	max  int64
	f    *os.File
	size int64
}

func openFile(path string, keep int, limit int64) (*file, error) {
	if path == "" {
		return nil, errors.New("a log of type file needs a path; set logfile")
	}
	path, err := filepath.Abs(path) // a daemon changes its directory later
	if err != nil {
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	l := &file{path: path, keep: keep, max: cmp.Or(limit, 2<<20)}
	if err := l.reopen(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *file) layout(buf []byte, level slog.Level, t time.Time) []byte {
	name := strings.ToUpper(levelName(level))
	buf = append(buf, name[0])
	buf = t.AppendFormat(append(buf, ", ["...), "2006-01-02T15:04:05.000000-07:00")
	buf = strconv.AppendInt(append(buf, "  #"...), int64(os.Getpid()), 10)
	buf = append(buf, "] "...)
	for range 5 - len(name) {
		buf = append(buf, ' ')
	}
	return append(append(buf, name...), " -- : "...)
}

func (l *file) write(_ slog.Level, line []byte) error {
	if l.f == nil {
		return os.ErrClosed
	}
	var rotated error
	if l.keep > 0 && l.size > l.max {
		rotated = l.rotate()
	}
	n, err := l.f.Write(line)
	l.size += int64(n)
	return cmp.Or(err, rotated)
}

// rotate renames the files, oldest first. If the current one cannot be renamed,
// logging goes on in it; the next attempt comes after another max bytes, so
// that a directory without write permission costs little.
func (l *file) rotate() error {
	for i := l.keep - 3; i >= 0; i-- {
		old := l.path + "." + strconv.Itoa(i)
		if err := os.Rename(old, l.path+"."+strconv.Itoa(i+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
			l.size = 0
			return fmt.Errorf("cannot rotate the log: %w", err)
		}
	}
	if err := os.Rename(l.path, l.path+".0"); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.size = 0
		return fmt.Errorf("cannot rotate the log: %w", err)
	}
	return l.reopen()
}

func (l *file) reopen() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("cannot open the log: %w", err)
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("cannot open the log: %w", err)
	}
	if l.f != nil {
		l.f.Close()
	}
	l.f, l.size = f, fi.Size()
	return nil
}

func (l *file) close() error {
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
