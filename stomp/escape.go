package stomp

import (
	"fmt"
	"strings"
)

// escaped reports whether the header of that command is escaped at all: the
// frames that settle the version are written as in 1.0 by every version.
func escaped(v Version, command string) bool {
	return v == everywhere || v != V10 && command != Connect && command != Connected && command != Stomp
}

// appendEscaped writes a header name or value. It fails for what the version
// has no way to write, so that a value can never become a field of its own.
func appendEscaped(dst []byte, s string, v Version, escape, name bool) ([]byte, error) {
	if !strings.ContainsAny(s, "\\:\n\r\x00") {
		return append(dst, s...), nil
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == 0:
			return dst, fmt.Errorf("stomp: header %.80q: NUL cannot be written", s)
		case c == '\\' && escape:
			dst = append(dst, `\\`...)
		case c == ':' && escape:
			dst = append(dst, `\c`...)
		case c == '\n' && escape:
			dst = append(dst, `\n`...)
		case c == '\r' && escape && v >= V12:
			dst = append(dst, `\r`...)
		case c == '\n' || c == '\r' || c == ':' && name:
			return dst, fmt.Errorf("stomp: header %.80q: %q cannot be written in %s", s, c, v)
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// unescape rewrites b in place and returns its new length; what escapes stand
// for is never longer. It returns -1 for an escape that the version lacks.
func unescape(b []byte, v Version) int {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\\' {
			i++
			if i == len(b) {
				return -1
			}
			switch {
			case b[i] == '\\':
				c = '\\'
			case b[i] == 'c':
				c = ':'
			case b[i] == 'n':
				c = '\n'
			case b[i] == 'r' && v >= V12:
				c = '\r'
			default:
				return -1
			}
		}
		b[n] = c
		n++
	}
	return n
}
