package logging

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds a line, so that a peer cannot fill the disk with one message.
const maxLine = 8 << 10

// A handler turns records into lines for its control's sink.
type handler struct {
	control *Control
	attrs   []byte // of WithAttrs, finished
	group   string // "a.b." in front of the names of attributes
}

var _ slog.Handler = (*handler)(nil)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.control.Level() }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.attrs = n.attrs[:len(n.attrs):len(n.attrs)]
	for _, a := range attrs {
		n.attrs = appendAttr(n.attrs, h.group, a, 0)
	}
	return &n
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	n := *h
	if name != "" {
		n.group += name + "."
	}
	return &n
}

// Handle implements slog.Handler. It never fails: a log that cannot be written
// has its own last resort.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	p := buffers.Get().(*[]byte)
	defer func() {
		if cap(*p) <= maxLine*2 {
			buffers.Put(p)
		}
	}()
	c := h.control
	t := r.Time
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() {
		t = c.now()
	}
	buf := c.sink.layout((*p)[:0], r.Level, t)
	text := len(buf)
	buf = appendSource(buf, r.PC)
	buf = appendEscaped(buf, r.Message)
	buf = append(buf, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		buf = appendAttr(buf, h.group, a, 0)
		return len(buf) < maxLine
	})
	buf = append(cut(buf), '\n')
	c.write(r.Level, buf, text)
	*p = buf
	return nil
}

// cut shortens a line to maxLine.
func cut(buf []byte) []byte {
	if len(buf) <= maxLine {
		return buf
	}
	n := maxLine
	for n > 0 && !utf8.RuneStart(buf[n]) {
		n--
	}
	return append(buf[:n], " ..."...)
}

func appendSource(buf []byte, pc uintptr) []byte {
	if pc == 0 {
		return buf
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if frame.File == "" {
		return buf
	}
	buf = append(buf, filepath.Base(frame.File)...)
	buf = append(buf, ':')
	buf = strconv.AppendInt(buf, int64(frame.Line), 10)
	return append(buf, ' ')
}

// maxDepth bounds groups within groups.
const maxDepth = 8

func appendAttr(buf []byte, group string, a slog.Attr, depth int) []byte {
	v := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return buf
	}
	if v.Kind() == slog.KindGroup {
		if depth == maxDepth {
			return buf
		}
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, m := range v.Group() {
			buf = appendAttr(buf, group, m, depth+1)
		}
		return buf
	}
	buf = append(buf, ' ')
	buf = appendEscaped(buf, group)
	buf = appendEscaped(buf, a.Key)
	buf = append(buf, '=')
	switch v.Kind() {
	case slog.KindTime:
		return v.Time().AppendFormat(buf, time.RFC3339Nano)
	case slog.KindString:
		return appendValue(buf, v.String())
	case slog.KindAny:
		return appendValue(buf, fmt.Sprint(v.Any()))
	}
	return append(buf, v.String()...)
}

// appendValue quotes what could be taken for something else.
func appendValue(buf []byte, s string) []byte {
	if len(s) > maxLine {
		s = s[:maxLine]
	}
	if s == "" || strings.ContainsAny(s, " =\"") || !plain(s) {
		return strconv.AppendQuote(buf, s)
	}
	return append(buf, s...)
}

// appendEscaped leaves readable text alone and escapes everything else.
func appendEscaped(buf []byte, s string) []byte {
	if len(s) > maxLine {
		s = s[:maxLine]
	}
	if plain(s) {
		return append(buf, s...)
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			buf = append(buf, s[i:i+n]...)
		} else {
			q := strconv.Quote(s[i : i+n])
			buf = append(buf, q[1:len(q)-1]...)
		}
		i += n
	}
	return buf
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
