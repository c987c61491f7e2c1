// Package plainfile opens regular files, and nothing else, without ever waiting.
//
// A path that comes from the network, from a setting, or from a directory that other programs write to may
// name a pipe, a device or a terminal: to open or to read one can block for ever, with a goroutine and a
// descriptor that nobody gets back.
package plainfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Flags are those with which a file is opened that may turn out not to be a regular one: opening a pipe does
// not wait for a writer, and a terminal does not become ours.
const Flags = os.O_RDONLY | flags

// ErrNotRegular is wrapped by the error for a path that names something else than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// readTime limits one read of a file that can make its reader wait, like /proc/kmsg: it calls itself a
// regular file and has no end.
const readTime = time.Second

// A File is a regular file that is open for reading.
type File struct {
	file  *os.File
	info  fs.FileInfo
	waits bool // whether its reads may wait
	limit time.Duration
}

// Open opens a regular file for reading.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, Flags, 0)
	if err != nil {
		return nil, err
	}
	return From(f)
}

// From takes over a file that was opened with Flags, or closes it if it is not a regular one.
func From(f *os.File) (*File, error) {
	info, err := regular(f)
	if err != nil {
		return nil, err
	}
	return newFile(f, info), nil
}

// Update opens a regular file for reading and writing, and makes it with this mode if there is none.
func Update(path string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|flags, mode)
	if err != nil {
		return nil, err
	}
	if _, err := regular(f); err != nil {
		return nil, err
	}
	return f, nil
}

// regular returns what an open file is like, or closes it if it is not a regular one.
func regular(f *os.File) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", f.Name(), ErrNotRegular)
	}
	if err != nil {
		f.Close()
	}
	return info, err
}

func newFile(f *os.File, info fs.FileInfo) *File {
	// The system waits for no file that cannot have a deadline.
	return &File{f, info, f.SetReadDeadline(time.Time{}) == nil, readTime}
}

// Info returns what the file was like when it was opened.
func (f *File) Info() fs.FileInfo { return f.info }

// Read implements io.Reader. A read that has to wait ends after a second with os.ErrDeadlineExceeded.
func (f *File) Read(p []byte) (int, error) {
	if f.waits {
		if err := f.file.SetReadDeadline(time.Now().Add(f.limit)); err != nil {
			return 0, err
		}
	}
	return f.file.Read(p)
}

// ReadAt implements io.ReaderAt. It does not wait.
func (f *File) ReadAt(p []byte, offset int64) (int, error) { return f.file.ReadAt(p, offset) }

// Close implements io.Closer.
func (f *File) Close() error { return f.file.Close() }

// Read returns the content of a regular file of at most so many bytes. A longer one is an error.
func Read(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.info.Size() > most { // without reading any of it
		return nil, tooLong(path, most)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, tooLong(path, most)
	}
	return data, nil
}

func tooLong(path string, most int64) error {
	return fmt.Errorf("%s: larger than %d bytes", path, most)
}
