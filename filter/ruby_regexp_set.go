package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escapedSets are Ruby's classes that Go writes differently, as the inside of a
// bracket expression.
var escapedSets = [...]struct {
	letter byte
	set    string
}{
	{'s', `\t-\r `},
	{'S', `\x00-\x08\x0e-\x1f!-\x{10ffff}`},
	{'h', `0-9A-Fa-f`},
	{'H', `\x00-/:-@G-` + "`" + `g-\x{10ffff}`},
}

const posixNames = " alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit "

// escape translates a backslash outside of brackets.
func (t *translator) escape() error {
	start := len(t.out)
	if t.pos+1 >= len(t.src) {
		return brokenErr("it ends with a backslash")
	}
	switch c := t.src[t.pos+1]; c {
	case 'A', 'z', 'b', 'B':
		t.out = append(t.out, '\\', c)
		t.agrees.asciiOnly = t.agrees.asciiOnly || c == 'b' || c == 'B'
		t.agrees.textEnd = t.agrees.textEnd || c == 'z'
	case 'Z':
		// Only where nothing can follow, may it take the line break with it.
		rest := strings.TrimLeft(t.src[t.pos+2:], ")")
		if depth := len(t.groups) - 1 - (len(t.src) - t.pos - 2 - len(rest)); rest != "" && (rest[0] != '|' || depth != 0) {
			return unsupportedErr(`\Z before the end`)
		}
		t.out = append(t.out, `(?:\n?\z)`...)
		t.agrees.textEnd = true
	case 'R':
		t.out = append(t.out, `(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])`...)
	case 'G', 'K', 'X':
		return unsupportedErr(`\%c`, c)
	case 'k', 'g', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return unsupportedErr("a reference to a group")
	default:
		r, set, err := t.escaped()
		if err != nil {
			return err
		}
		if set == "" {
			t.literal(r)
			return nil
		}
		t.out = append(append(append(t.out, '['), set...), ']')
		t.began(start)
		return nil
	}
	t.pos += 2
	t.began(start)
	return nil
}

// escaped reads the backslash sequences that may stand outside and inside of
// brackets: either a character, or a set written for the inside of brackets.
func (t *translator) escaped() (r rune, set string, err error) {
	if t.pos+1 >= len(t.src) {
		return 0, "", brokenErr("it ends with a backslash")
	}
	r, size := utf8.DecodeRuneInString(t.src[t.pos+1:])
	t.pos += 1 + size
	switch r {
	case 'd', 'D', 'w', 'W':
		return 0, `\` + string(r), nil
	case 's', 'S', 'h', 'H':
		for _, e := range escapedSets {
			if rune(e.letter) == r {
				return 0, e.set, nil
			}
		}
	case 'p', 'P':
		end := strings.IndexByte(t.src[t.pos:], '}')
		if end < 2 || t.src[t.pos] != '{' {
			return 0, "", brokenErr("a character property has no name")
		}
		set = `\` + string(r) + t.src[t.pos:t.pos+end+1]
		t.pos += end + 1
		return 0, set, nil
	case 'n':
		return '\n', "", nil
	case 't':
		return '\t', "", nil
	case 'r':
		return '\r', "", nil
	case 'f':
		return '\f', "", nil
	case 'v':
		return '\v', "", nil
	case 'a':
		return '\a', "", nil
	case 'e':
		return 0x1b, "", nil
	case 'x':
		return t.code(16, 1, 2, 0x7f)
	case 'u':
		return t.unicode()
	case '0', '1', '2', '3', '4', '5', '6', '7':
		t.pos--
		return t.code(8, 1, 3, 0x7f)
	case 'c', 'C', 'M':
		return 0, "", unsupportedErr("a control or meta character")
	}
	return r, "", nil
}

// code reads the digits of a character's number. Above most it would be a part
// of a character only, which no text of ours has.
func (t *translator) code(base, least, digits int, most uint64) (rune, string, error) {
	end := t.pos
	for end < len(t.src) && end < t.pos+digits {
		if _, err := strconv.ParseUint(t.src[end:end+1], base, 8); err != nil {
			break
		}
		end++
	}
	if end-t.pos < least {
		return 0, "", brokenErr("an escaped character has too few digits")
	}
	n, err := strconv.ParseUint(t.src[t.pos:end], base, 32)
	t.pos = end
	if err != nil || n > most {
		return 0, "", unsupportedErr("a byte that is not a character")
	}
	return rune(n), "", nil
}

func (t *translator) unicode() (rune, string, error) {
	if !strings.HasPrefix(t.src[t.pos:], "{") {
		return t.code(16, 4, 4, 0xd7ff)
	}
	t.pos++
	r, _, err := t.code(16, 1, 6, utf8.MaxRune)
	if err != nil || !utf8.ValidRune(r) || !strings.HasPrefix(t.src[t.pos:], "}") {
		return 0, "", unsupportedErr(`this \u{}`)
	}
	t.pos++
	return r, "", nil
}

// set translates a bracket expression.
func (t *translator) set() error {
	t.pos++
	t.out = append(t.out, '[')
	if strings.HasPrefix(t.src[t.pos:], "^") {
		t.pos++
		t.out = append(t.out, '^')
	}
	for first := true; ; first = false {
		rest := t.src[t.pos:]
		switch {
		case rest == "":
			return brokenErr("a bracket is not closed")
		case rest[0] == ']' && !first:
			t.pos++
			t.out = append(t.out, ']')
			return nil
		case strings.HasPrefix(rest, "[:"):
			if err := t.posix(rest); err != nil {
				return err
			}
			continue
		case rest[0] == '[':
			return unsupportedErr("a set within a set")
		case strings.HasPrefix(rest, "&&"):
			return unsupportedErr("an intersection of sets")
		}
		if err := t.setRange(); err != nil {
			return err
		}
	}
}

// setRange translates one character, class or range of a bracket expression.
func (t *translator) setRange() error {
	low, set, err := t.setItem()
	if err != nil {
		return err
	}
	rest := t.src[t.pos:]
	dash := len(rest) > 1 && rest[0] == '-' && rest[1] != ']'
	if set != "" {
		if dash {
			return unsupportedErr("a range that begins with a class")
		}
		t.out = append(t.out, set...)
		return nil
	}
	high := low
	if dash {
		t.pos++
		if rest[1] == '[' || strings.HasPrefix(rest[1:], "&&") {
			return unsupportedErr("a range that ends with a set")
		}
		if high, set, err = t.setItem(); err != nil {
			return err
		}
		if set != "" {
			return unsupportedErr("a range that ends with a class")
		}
		if high < low {
			return brokenErr("a range is empty")
		}
	}
	t.setRune(low)
	if high != low {
		t.out = append(t.out, '-')
		t.setRune(high)
	}
	return nil
}

func (t *translator) setRune(r rune) {
	t.out = append(t.out, `\x{`...)
	t.out = strconv.AppendInt(t.out, int64(r), 16)
	t.out = append(t.out, '}')
}

func (t *translator) setItem() (rune, string, error) {
	if t.src[t.pos] != '\\' {
		r, size := utf8.DecodeRuneInString(t.src[t.pos:])
		t.pos += size
		return r, "", nil
	}
	if strings.HasPrefix(t.src[t.pos:], `\b`) {
		t.pos += 2
		return '\b', "", nil
	}
	if rest := t.src[t.pos+1:]; rest != "" && strings.IndexByte("RX89", rest[0]) >= 0 {
		return 0, "", unsupportedErr(`\%c in a set`, rest[0])
	}
	return t.escaped()
}

func (t *translator) posix(rest string) error {
	end := strings.Index(rest, ":]")
	if end < 0 {
		return unsupportedErr("a set within a set")
	}
	name := strings.TrimPrefix(rest[2:end], "^")
	if name == "" || strings.Contains(name, " ") || !strings.Contains(posixNames, " "+name+" ") {
		return unsupportedErr("the class %s", shown(rest[:end+2]))
	}
	t.pos += end + 2
	t.out = append(t.out, rest[:end+2]...)
	t.agrees.asciiOnly = true
	return nil
}
