package creds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// replayName is the directory in which a node remembers requests.
const replayName = "replay"

// magic begins each file.
const magic = "mco-requests-1\n\x00"

// headerSize is how long the header of a file is: magic, the run of the machine, floor, start and lost.
const headerSize = len(magic) + 16 + 8 + 8 + 8

// errForgotten is why there is no memory: it was never made, is lost, or is of another run of the machine.
var errForgotten = errors.New("nothing is remembered")

// A header is what a file says of itself.
type header struct {
	floor, start int64 // seconds
	lost         bool
}

// A kept is what one file holds.
type kept struct {
	header
	seen map[fingerprint]struct{}
}

// A store is the files of a memory: numbered, of which the last two count and the last one is written to.
type store struct {
	dir    string
	boot   [16]byte
	known  bool // boot is
	number uint64
	file   *os.File
	size   int64
}

func openStore(dir string, boot func() ([16]byte, bool)) (*store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	s := &store{dir: dir}
	s.boot, s.known = boot()
	return s, nil
}

func (s *store) path(number uint64) string {
	return filepath.Join(s.dir, strconv.FormatUint(number, 10))
}

// numbers returns which files there are, in order.
func (s *store) numbers() ([]uint64, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var list []uint64
	for _, e := range entries {
		if n, err := strconv.ParseUint(e.Name(), 10, 63); err == nil && !strings.HasPrefix(e.Name(), "0") {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// read returns what the last two files hold, at least one, and opens the last for more. It is errForgotten if that
// cannot be relied on.
func (s *store) read(most int) ([]kept, error) {
	list, err := s.numbers()
	if err != nil {
		return nil, err
	}
	if len(list) > 0 {
		s.number = list[len(list)-1]
	}
	if !s.known || len(list) == 0 {
		return nil, errForgotten
	}
	if n := len(list); n > 1 && list[n-2] != s.number-1 {
		return nil, errForgotten
	}
	var all []kept
	for _, n := range list[max(0, len(list)-2):] {
		k, size, err := s.readFile(n, most)
		if err != nil {
			return nil, err
		}
		all, s.size = append(all, k), size
	}
	s.file, err = os.OpenFile(s.path(s.number), os.O_WRONLY|os.O_APPEND, 0)
	return all, err
}

// readFile reads one file. Any that is not whole is errForgotten.
func (s *store) readFile(number uint64, most int) (k kept, size int64, err error) {
	f, err := os.Open(s.path(number))
	if err != nil {
		return k, 0, err
	}
	defer f.Close()
	limit := int64(headerSize) + int64(most)*int64(len(fingerprint{}))
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return k, 0, err
	}
	size = int64(len(data))
	if size > limit || len(data) < headerSize || string(data[:len(magic)]) != magic || [16]byte(data[len(magic):]) != s.boot {
		return k, 0, errForgotten
	}
	numbers := data[len(magic)+16:]
	k.floor = int64(binary.BigEndian.Uint64(numbers))
	k.start = int64(binary.BigEndian.Uint64(numbers[8:]))
	k.lost = binary.BigEndian.Uint64(numbers[16:]) != 0
	data = data[headerSize:]
	if len(data)%len(fingerprint{}) != 0 {
		return k, 0, errForgotten
	}
	k.seen = make(map[fingerprint]struct{}, len(data)/len(fingerprint{}))
	for ; len(data) > 0; data = data[len(fingerprint{}):] {
		k.seen[fingerprint(data)] = struct{}{}
	}
	return k, size, nil
}

// create begins the next file, and removes those that do not count any more: all but the one before, and with anew
// that one, too. If it fails, everything is as it was, and it can be tried again.
func (s *store) create(h header, anew bool) error {
	lost := uint64(0)
	if h.lost {
		lost = 1
	}
	b := append([]byte(magic), s.boot[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.floor))
	b = binary.BigEndian.AppendUint64(b, uint64(h.start))
	b = binary.BigEndian.AppendUint64(b, lost)
	// Under another name until it is whole.
	whole := filepath.Join(s.dir, "next")
	if err := os.WriteFile(whole, b, 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(whole, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if err := os.Rename(whole, s.path(s.number+1)); err != nil {
		return errors.Join(err, f.Close())
	}
	if s.file != nil {
		s.file.Close()
	}
	s.number++
	s.file, s.size = f, int64(len(b))
	if err := s.remove(anew); err != nil && anew {
		return err
	}
	return nil // a file that counts no more is not read, and is removed with the next ones
}

// remove removes the files that do not count any more.
func (s *store) remove(anew bool) error {
	list, err := s.numbers()
	for _, n := range list {
		if n+1 < s.number || anew && n < s.number {
			err = errors.Join(err, os.Remove(s.path(n)))
		}
	}
	return err
}

// found returns why the file that is written to is not the one that would be read after a restart, or nil.
func (s *store) found() error {
	open, err := s.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(s.path(s.number))
	if err == nil && !os.SameFile(open, there) {
		err = fmt.Errorf("%s is another file", s.path(s.number))
	}
	if err != nil {
		return fmt.Errorf("the memory of requests was removed or replaced, restart the node: %w", err)
	}
	return nil
}

// append adds a request.
func (s *store) append(f fingerprint) error {
	if s.file == nil {
		return fs.ErrClosed
	}
	if err := s.found(); err != nil {
		return err
	}
	n, err := s.file.Write(f[:])
	if err == nil {
		s.size += int64(n)
		return nil
	}
	if n > 0 { // a part of one would make the whole file worthless
		if torn := s.file.Truncate(s.size); torn != nil {
			err = errors.Join(err, torn, s.close())
		}
	}
	return err
}

func (s *store) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	if err != nil {
		return fmt.Errorf("close what is remembered: %w", err)
	}
	return nil
}
