package marshal

import (
	"errors"
	"fmt"
	"io"
)

// A scanner finds the end of a value in a stream. The format states no length
// for a value as a whole, so the scanner follows its structure without building
// anything. It reads as far as the value must reach at least: each value that
// is still due takes a byte or more.
type scanner struct {
	r      io.Reader
	buf    []byte // the value so far
	pos    int
	policy *Policy
	due    int64 // values that are still to come
	err    error // the first one; it sticks
}

// keepBuffer is up to how many bytes a buffer is kept for the next value.
const keepBuffer = 1 << 16

// next returns the bytes of the next value, which are good until the next call.
func (s *scanner) next(p *Policy) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	if cap(s.buf) > keepBuffer {
		s.buf = nil
	}
	s.buf, s.pos, s.due, s.policy = s.buf[:0], 0, 0, p
	if !s.need(2) {
		if len(s.buf) == 0 && errors.Is(s.err, io.ErrUnexpectedEOF) {
			s.err = io.EOF
		}
		return nil, s.err
	}
	if s.err = checkVersion(string(s.buf), p.AllowOldMinor); s.err != nil {
		return nil, s.err
	}
	s.pos = 2
	s.due = 1
	s.walk(0)
	return s.buf, s.err
}

func (s *scanner) fail(err error) bool {
	if s.err == nil {
		s.err = err
	}
	return false
}

// need makes sure that n more bytes are there. It asks for as many more as are
// due, but never grows the buffer by more than what has come already, so that a
// claimed length costs its sender the bytes.
func (s *scanner) need(n int64) bool {
	for s.err == nil && int64(len(s.buf)-s.pos) < n {
		missing := n + s.due - int64(len(s.buf)-s.pos)
		if total := int64(len(s.buf)) + missing; total > int64(s.policy.MaxBytes) {
			return s.fail(&LimitError{Offset: int64(s.pos), Limit: "MaxBytes", Max: s.policy.MaxBytes})
		}
		at := len(s.buf)
		piece := int(min(missing, int64(max(512, at))))
		s.buf = append(s.buf, make([]byte, piece)...)
		got, err := io.ReadFull(s.r, s.buf[at:])
		s.buf = s.buf[:at+got]
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			s.fail(truncated(len(s.buf)))
		case err != nil:
			s.fail(fmt.Errorf("marshal: reading a value: %w", err))
		}
	}
	return s.err == nil
}

func (s *scanner) byte() byte {
	if !s.need(1) {
		return 0
	}
	s.pos++
	return s.buf[s.pos-1]
}

func (s *scanner) long() int64 {
	c := int8(s.byte())
	n := int64(c)
	switch {
	case c == 0:
		return 0
	case c > 4:
		return n - 5
	case c < -4:
		return n + 5
	case c < 0:
		n = -n
	}
	if !s.need(n) {
		return 0
	}
	d := decoder{in: string(s.buf[s.pos-1 : s.pos+int(n)])}
	s.pos += int(n)
	return d.long()
}

func (s *scanner) count() int64 {
	n := s.long()
	if n < 0 {
		s.fail(&SyntaxError{Offset: int64(s.pos), Msg: fmt.Sprintf("negative length %d", n)})
		return 0
	}
	return n
}

func (s *scanner) skip(n int64) {
	if s.need(n) {
		s.pos += int(n)
	}
}

// walk passes over one value that is due.
func (s *scanner) walk(depth int) {
	// Wrappers nest without counting as depth for the policy.
	if depth > 4*s.policy.MaxDepth+16 {
		s.fail(&LimitError{Offset: int64(s.pos), Limit: "MaxDepth", Max: s.policy.MaxDepth})
	}
	if s.err != nil {
		return
	}
	s.due--
	switch c := s.byte(); c {
	case typeNil, typeTrue, typeFalse:
	case typeFixnum, typeSymlink, typeLink:
		s.long()
	case typeString, typeSymbol, typeFloat, typeClass, typeModule, typeOldModule:
		s.skip(s.count())
	case typeRegexp:
		s.skip(s.count())
		s.byte()
	case typeBignum:
		s.byte()
		s.skip(2 * s.count())
	case typeArray:
		s.several(s.count(), depth)
	case typeHash:
		s.several(2*s.count(), depth)
	case typeHashDefault:
		s.several(2*s.count()+1, depth)
	case typeIvars:
		s.several(1, depth)
		s.several(2*s.count(), depth)
	case typeExtended, typeSubclass, typeUserMarshal, typeData:
		s.several(2, depth)
	case typeUserDefined:
		s.several(1, depth)
		s.skip(s.count())
	case typeObject, typeStruct:
		s.several(1, depth)
		s.several(2*s.count(), depth)
	default:
		s.fail(&SyntaxError{Offset: int64(s.pos), Msg: fmt.Sprintf("unknown type %q", c)})
	}
}

func (s *scanner) several(n int64, depth int) {
	s.due += n
	for ; n > 0 && s.err == nil; n-- {
		s.walk(depth + 1)
	}
}
