package stomp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Limits bound what a Reader takes in.
type Limits struct {
	Fields int // header fields of a frame. Default 128
	Header int // bytes of a frame's header, and of any line in it. Default 64 KiB
	Body   int // bytes of a frame's body. Default 16 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Fields <= 0 {
		l.Fields = 128
	}
	if l.Header <= 0 {
		l.Header = 64 << 10
	}
	if l.Body <= 0 {
		l.Body = 16 << 20
	}
	return l
}

const (
	// keepBuffer is how large a buffer may be to be kept for the next frame:
	// one huge message must not cost its size for ever.
	keepBuffer = 256 << 10
	// growBody is how much room a body gets before its bytes have arrived.
	growBody = 16 << 10
	// maxCommand is longer than any command.
	maxCommand = 32
)

// A SyntaxError tells what is wrong with the bytes of a frame. The stream cannot
// be read on from there.
type SyntaxError struct {
	Offset int64 // of the byte after the line in question, from the start of the stream
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("stomp: bad frame near byte %d: %s", e.Offset, e.Reason)
}

// A TooLargeError tells of a frame whose body or header exceeds Limits. It has
// been skipped and the next frame can be read: a broker hands on what others
// send, and none of them may end the connection with it.
type TooLargeError struct {
	Size   int64 // of the body in bytes
	Max    int
	Header string // what the header has too much of, "" when it is the body
}

func (e *TooLargeError) Error() string {
	if e.Header != "" {
		return "stomp: a frame was skipped whose header has " + e.Header
	}
	return fmt.Sprintf("stomp: a frame of %d bytes was skipped, %d is the limit", e.Size, e.Max)
}

// A Reader takes frames from a stream. It is not for use by several goroutines
// at once.
type Reader struct {
	r      *bufio.Reader
	v      Version
	limits Limits
	offset int64

	block []byte // the header of the frame being read
	spans []span // its fields in block
}

type span struct{ name, nameEnd, value, valueEnd int }

// NewReader reads frames of a version from r, with a buffer of its own.
func NewReader(r io.Reader, v Version, l Limits) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 8<<10), v: v, limits: l.withDefaults()}
}

// SetVersion changes the version of the frames that follow, as CONNECTED or
// CONNECT settle it.
func (r *Reader) SetVersion(v Version) { r.v = v }

// Buffered returns how many bytes have arrived and not been read as a frame.
func (r *Reader) Buffered() int { return r.r.Buffered() }

// Read replaces f with the next frame. It skips the newlines between frames that
// serve as heart-beats, and uses the room that f.Header and f.Body have; strings
// in f are never overwritten.
//
// It returns io.EOF at the end of the stream between frames and
// io.ErrUnexpectedEOF within one, *SyntaxError for bytes that are no frame, and
// *TooLargeError for a frame that was skipped; f has its command then and, when
// only the body is too large, its header.
func (r *Reader) Read(f *Frame) error {
	f.Command, f.Header, f.Body = "", f.Header[:0], f.Body[:0]
	crlf, err := r.command(f)
	if err != nil {
		return err
	}
	length, over, err := r.header(f, crlf || r.v == V12)
	if err != nil {
		return inFrame(err)
	}
	if over != "" {
		f.Header = f.Header[:0]
		if err := r.skipBody(length); err != nil {
			return inFrame(err)
		}
		return &TooLargeError{Header: over}
	}
	if length < 0 {
		return inFrame(r.bodyToNUL(f))
	}
	return inFrame(r.bodyOf(f, length))
}

func inFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) syntax(format string, args ...any) error {
	return &SyntaxError{r.offset, fmt.Sprintf(format, args...)}
}

// errLong is returned by line.
var errLong = errors.New("stomp: the line is too long")

// line returns the next line without its line feed, or errLong for one of more
// than max bytes, after its end with skip. The line is valid until the next read.
func (r *Reader) line(max int, skip bool) ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	r.offset += int64(len(line))
	if err == nil && len(line) <= max+1 {
		return line[:len(line)-1], nil
	}
	var long []byte // only a line longer than bufio's buffer comes here
	size := 0
	for {
		if size += len(line); size <= max+1 {
			long = append(long, line...)
		}
		switch {
		case err == nil && size <= max+1:
			return long[:len(long)-1], nil
		case err == nil, size > max+1 && !skip:
			return nil, errLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
		line, err = r.r.ReadSlice('\n')
		r.offset += int64(len(line))
	}
}

// command skips what is between frames and reads the first line. It reports
// whether that line ended in CR LF.
func (r *Reader) command(f *Frame) (crlf bool, err error) {
	for {
		c, err := r.r.ReadByte()
		if err != nil {
			return false, err
		}
		r.offset++
		if c == '\n' || c == '\r' {
			continue
		}
		if err := r.r.UnreadByte(); err != nil {
			return false, err
		}
		r.offset--
		break
	}
	line, err := r.line(maxCommand, false)
	if errors.Is(err, errLong) {
		return false, r.syntax("a command is longer than %d bytes", maxCommand)
	}
	if err != nil {
		return false, inFrame(err)
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line, crlf = line[:n-1], true
	}
	for _, c := range line {
		if c < 'A' || c > 'Z' {
			return false, r.syntax("%.40q is not a command", line)
		}
	}
	f.Command = commandName(line)
	return crlf, nil
}

// commandName saves an allocation for the commands that there are.
func commandName(b []byte) string {
	switch string(b) {
	case Message:
		return Message
	case Send:
		return Send
	case Receipt:
		return Receipt
	case Error:
		return Error
	case Connected:
		return Connected
	case Subscribe:
		return Subscribe
	case Unsubscribe:
		return Unsubscribe
	}
	return string(b)
}

// header reads the fields and the empty line after them. It returns the
// content-length, -1 without one, and what there is too much of, in which case no
// field is kept. All fields share one string, so that a header costs one
// allocation.
func (r *Reader) header(f *Frame, crlf bool) (length int64, over string, err error) {
	r.block, r.spans = r.block[:0], r.spans[:0]
	if cap(r.block) > keepBuffer {
		r.block = nil
	}
	escape := escaped(r.v, f.Command)
	length = -1
	for {
		line, err := r.line(r.limits.Header, true)
		if errors.Is(err, errLong) {
			over = fmt.Sprintf("a line of more than %d bytes", r.limits.Header)
			continue
		}
		if err != nil {
			return 0, "", err
		}
		if n := len(line); n > 0 && line[n-1] == '\r' && (crlf || n == 1) {
			line = line[:n-1]
		}
		if len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("content-length:")); ok && length < 0 {
			if length, err = r.parseLength(r.trim(value)); err != nil {
				return 0, "", err
			}
		}
		switch {
		case over != "":
		case len(r.spans) == r.limits.Fields:
			over = fmt.Sprintf("more than %d fields", r.limits.Fields)
		case len(r.block)+len(line) > r.limits.Header:
			over = fmt.Sprintf("more than %d bytes", r.limits.Header)
		default:
			if err := r.field(line, escape); err != nil {
				return 0, "", err
			}
		}
	}
	if over != "" {
		return length, over, nil
	}
	text := string(r.block)
	for _, s := range r.spans {
		f.Header = append(f.Header, Field{text[s.name:s.nameEnd], text[s.value:s.valueEnd]})
	}
	return length, "", nil
}

// trim takes the blanks from around a value that the examples of 1.0 have, and
// its peers ignore.
func (r *Reader) trim(value []byte) []byte {
	if r.v != V10 {
		return value
	}
	return bytes.Trim(value, " \t")
}

// field takes one header line into block and spans.
func (r *Reader) field(line []byte, escape bool) error {
	if bytes.IndexByte(line, 0) >= 0 {
		return r.syntax("NUL in the header")
	}
	start := len(r.block)
	r.block = append(r.block, line...)
	line = r.block[start:]
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return r.syntax("header line %.40q is not name:value", line)
	}
	from, to := colon+1, len(line)
	if r.v == V10 {
		for from < to && (line[from] == ' ' || line[from] == '\t') {
			from++
		}
		for to > from && (line[to-1] == ' ' || line[to-1] == '\t') {
			to--
		}
	}
	s := span{start, start + colon, start + from, start + to}
	if escape && bytes.IndexByte(line, '\\') >= 0 {
		n, m := unescape(line[:colon], r.v), unescape(line[from:to], r.v)
		if n < 0 || m < 0 {
			return r.syntax("header line %.40q has an escape that %s does not know", line, r.v)
		}
		s.nameEnd, s.valueEnd = s.name+n, s.value+m
	}
	r.spans = append(r.spans, s)
	return nil
}

// parseLength reads a content-length: digits only, so that no sign, blank or
// base lets two parties see two lengths.
func (r *Reader) parseLength(s []byte) (int64, error) {
	var n int64
	if len(s) == 0 || len(s) > 18 {
		return 0, r.syntax("content-length %.40q is not a length", s)
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, r.syntax("content-length %.40q is not a length", s)
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// bodyOf reads a body of a told length and the NUL after it.
func (r *Reader) bodyOf(f *Frame, length int64) error {
	if length > int64(r.limits.Body) {
		if err := r.skipBody(length); err != nil {
			return err
		}
		return &TooLargeError{Size: length, Max: r.limits.Body}
	}
	if cap(f.Body) > keepBuffer && length < keepBuffer {
		f.Body = nil
	}
	for want := int(length); want > 0; {
		part := min(want, max(cap(f.Body)-len(f.Body), growBody))
		f.Body = slices.Grow(f.Body, part)
		n, err := io.ReadFull(r.r, f.Body[len(f.Body):len(f.Body)+part])
		f.Body = f.Body[:len(f.Body)+n]
		r.offset += int64(n)
		want -= n
		if err != nil {
			return err
		}
	}
	return r.terminator()
}

func (r *Reader) terminator() error {
	c, err := r.r.ReadByte()
	if err != nil {
		return err
	}
	r.offset++
	if c != 0 {
		return r.syntax("no NUL after the body")
	}
	return nil
}

// skipBody passes over a body of a told length, or to the NUL with -1.
func (r *Reader) skipBody(n int64) error {
	for n < 0 {
		part, err := r.r.ReadSlice(0)
		r.offset += int64(len(part))
		if err == nil {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	for n > 0 {
		k, err := r.r.Discard(int(min(n, 1<<20)))
		r.offset += int64(k)
		n -= int64(k)
		if err != nil {
			return err
		}
	}
	return r.terminator()
}

// bodyToNUL reads a body that ends at the first NUL.
func (r *Reader) bodyToNUL(f *Frame) error {
	var size int64
	for {
		part, err := r.r.ReadSlice(0)
		r.offset += int64(len(part))
		if err == nil {
			part = part[:len(part)-1]
		} else if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		size += int64(len(part))
		if size <= int64(r.limits.Body) {
			f.Body = append(f.Body, part...)
		} else {
			f.Body = f.Body[:0]
		}
		if err == nil {
			break
		}
	}
	if size > int64(r.limits.Body) {
		return &TooLargeError{Size: size, Max: r.limits.Body}
	}
	return nil
}
