// Package safetext makes text that came from elsewhere safe for a terminal.
package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text that came from elsewhere safe for a terminal: control
// characters, which it would obey, and bytes that are not UTF-8 become \xNN or
// \uNNNN. Line ends and tabs stay; see [CleanLine].
func Clean(s string) string {
	return replace(s, HostileInText)
}

// HostileInText is Hostile for text of several lines: line ends and tabs may stay.
func HostileInText(r rune) bool { return r != '\n' && r != '\t' && Hostile(r) }

// CleanLine is Clean for what has to stay on one line, like the name of a node.
func CleanLine(s string) string { return replace(s, Hostile) }

// Hostile reports characters that move the cursor, hide text or change the
// direction of writing.
func Hostile(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func replace(s string, bad func(rune) bool) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			writeEscape(&b, 'x', uint32(s[i]), 2)
			size = 1
		case bad(r) && r < 0x100:
			writeEscape(&b, 'x', uint32(r), 2)
		case bad(r):
			writeEscape(&b, 'u', uint32(r), 4)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

func writeEscape(b *strings.Builder, kind byte, v uint32, digits int) {
	const hex = "0123456789abcdef"
	b.WriteByte('\\')
	b.WriteByte(kind)
	for v>>(4*digits) != 0 {
		digits++
	}
	for i := digits - 1; i >= 0; i-- {
		b.WriteByte(hex[v>>(4*i)&0xf])
	}
}
