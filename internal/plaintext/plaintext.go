// Package plaintext answers small questions about text that every layer asks: is it
// ASCII, is it a word, how is it shown when it is long, how does Ruby write a number.
package plaintext

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// IsASCII reports whether s is nothing but ASCII.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// IsWordByte reports whether b is an ASCII letter, a digit or an underscore.
func IsWordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// IsWord reports whether s is a word: one or more bytes that IsWordByte takes.
func IsWord(s string) bool {
	for i := range len(s) {
		if !IsWordByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// Clip returns s if it has at most so many bytes, else its beginning and three
// dots. It does not cut a character in two.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := 0; i < utf8.UTFMax && most > 0 && !utf8.RuneStart(s[most]); i++ {
		most--
	}
	return s[:most] + "..."
}

// AppendFloat appends a number as Ruby's Float#to_s writes it: the fewest digits
// that mean it, always with a point; with an exponent below 0.0001, from 1e16 on, and
// for whole numbers from 1e15 on.
func AppendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	var buf [400]byte
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-4 || abs >= 1e16 || abs >= 1e15 && abs == math.Trunc(abs)) {
		digits, exponent, _ := strings.Cut(string(strconv.AppendFloat(buf[:0], f, 'e', -1, 64)), "e")
		b = append(b, digits...)
		if !strings.Contains(digits, ".") {
			b = append(b, ".0"...)
		}
		return append(append(b, 'e'), exponent...)
	}
	digits := strconv.AppendFloat(buf[:0], f, 'f', -1, 64)
	b = append(b, digits...)
	if f == math.Trunc(f) {
		b = append(b, ".0"...)
	}
	return b
}

// Float is AppendFloat as a string.
func Float(f float64) string { return string(AppendFloat(nil, f)) }
