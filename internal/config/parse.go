package config

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A line is one setting as written.
type line struct {
	key, val string
	origin   Origin
	err      error // the line cannot be read at all
}

// parse splits a file into settings. Its rules are Ruby MCollective's: blank
// space at the end of a line goes; a line that starts with # is a comment, but
// only from its first column; the key ends at the first "=" after its first
// character. Only where Ruby passes over a line without "=" or without a value,
// it is an error: a list that limits what callers may do would be no limit.
func parse(file string, data []byte) []line {
	var lines []line
	for n := 1; len(data) > 0; n++ {
		var raw []byte
		raw, data, _ = bytes.Cut(data, []byte("\n"))
		text := strings.TrimRight(string(raw), space)
		if text == "" || text[0] == '#' {
			continue
		}
		l := line{origin: Origin{file, n}}
		l.key, l.val, l.err = cut(text)
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			l.err = errors.New("the line is not UTF-8 text")
		}
		lines = append(lines, l)
	}
	return lines
}

// space is what Ruby's \s matches.
const space = " \t\r\n\f\v"

// cut splits a setting at the first "=" that has a character in front of it. The
// end of text is trimmed, so that a value, if there is one, is not blank.
func cut(text string) (key, val string, err error) {
	i := strings.IndexByte(text[1:], '=') + 1
	if i == 0 {
		return "", "", errors.New("the line is no setting, which has the form KEY = VALUE; a comment begins with # in the first column")
	}
	key = strings.Trim(text[:i], space)
	if i+1 == len(text) {
		return key, "", fmt.Errorf("%s has no value; remove the line or give it one", key)
	}
	return key, strings.TrimLeft(text[i+1:], space), nil
}

// parseBool reads a boolean in any of Ruby MCollective's spellings.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(strings.Trim(s, space)) {
	case "1", "y", "yes", "true", "t":
		return true, nil
	case "0", "n", "no", "false", "f":
		return false, nil
	}
	return false, errors.New("not a boolean; write 1, y, yes, true, t or 0, n, no, false, f")
}

// parseInt reads an integer as Ruby's Integer() does: 10, 0x1f, 017, 0b11, 1_000.
func parseInt(s string) (int, error) {
	n, err := strconv.ParseInt(strings.Trim(s, space), 0, 0)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("this number is too large")
	}
	if err != nil {
		return 0, errors.New("not a whole number" + unit(s))
	}
	return int(n), nil
}

// parseFloat reads a decimal number.
func parseFloat(s string) (float64, error) {
	f, err := strconv.ParseFloat(strings.Trim(s, space), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errors.New("not a number" + unit(s))
	}
	return f, nil
}

// unit says of a number with letters behind it, as 60s or 1G, that they are the mistake.
func unit(s string) string {
	digits := strings.TrimRight(strings.Trim(s, space), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if _, err := strconv.ParseFloat(strings.TrimRight(digits, space), 64); err != nil {
		return ""
	}
	return ", since no unit is understood"
}

// parseSeconds reads a time in seconds, whole or not, zero or more.
func parseSeconds(s string) (time.Duration, error) {
	f, err := parseFloat(s)
	switch {
	case err != nil:
		return 0, errors.New("not a number of seconds" + unit(s))
	case f < 0:
		return 0, errors.New("a time cannot be negative")
	case f > maxSeconds:
		return 0, fmt.Errorf("more than %d seconds", int64(maxSeconds))
	}
	return time.Duration(math.Round(f * float64(time.Second))), nil
}

// maxSeconds is 100 years: far from the limits of time.Duration even when added up.
const maxSeconds = 100 * 365.25 * 86400

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// isName holds for the bytes of an identity or the name of a collective.
func isName(b byte) bool { return isWord(b) || b == '-' || b == '.' }

// allBytes holds for a text of one byte or more that all satisfy ok.
func allBytes(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return s != ""
}
