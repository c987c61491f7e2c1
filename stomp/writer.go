package stomp

import (
	"errors"
	"io"
	"strconv"
)

// AppendFrame appends the bytes of a frame to dst. A content-length field is
// written where the header has one, else last when there is a body, and always
// with the length of Body. A header that the version cannot express is an error
// and leaves dst as it was: in 1.0 a line feed anywhere or a colon in a name,
// before 1.2 a carriage return, in every version NUL.
func AppendFrame(dst []byte, v Version, f *Frame) ([]byte, error) {
	start := len(dst)
	dst = append(dst, f.Command...)
	dst = append(dst, '\n')
	escape, counted := escaped(v, f.Command), false
	var err error
	for i := range f.Header {
		name, value := f.Header[i].Name, f.Header[i].Value
		if name == "content-length" {
			if !counted {
				dst, counted = appendLength(dst, len(f.Body)), true
			}
			continue
		}
		if name == "" {
			return dst[:start], errors.New("stomp: header without a name")
		}
		if dst, err = appendEscaped(dst, name, v, escape, true); err != nil {
			return dst[:start], err
		}
		dst = append(dst, ':')
		if dst, err = appendEscaped(dst, value, v, escape, false); err != nil {
			return dst[:start], err
		}
		dst = append(dst, '\n')
	}
	if !counted && len(f.Body) > 0 {
		dst = appendLength(dst, len(f.Body))
	}
	dst = append(dst, '\n')
	dst = append(dst, f.Body...)
	return append(dst, 0), nil
}

func appendLength(dst []byte, n int) []byte {
	dst = append(dst, "content-length:"...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\n')
}

// A Writer puts frames on a stream, each with one Write. It is not for use by
// several goroutines at once.
type Writer struct {
	w   io.Writer
	v   Version
	buf []byte
}

// NewWriter writes frames of a version to w.
func NewWriter(w io.Writer, v Version) *Writer {
	return &Writer{w: w, v: v}
}

// SetVersion changes the version of the frames that follow.
func (w *Writer) SetVersion(v Version) { w.v = v }

// WriteFrame writes one frame.
func (w *Writer) WriteFrame(f *Frame) error {
	buf, err := AppendFrame(w.buf[:0], w.v, f)
	if err != nil {
		return err
	}
	if cap(buf) <= keepBuffer {
		w.buf = buf
	}
	_, err = w.w.Write(buf)
	return err
}
