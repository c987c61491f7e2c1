package filter

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options of a Ruby Regexp object.
const (
	regexpIgnoreCase = 1
	regexpExtended   = 2
	regexpMultiLine  = 4
)

// A regexpError tells why a regular expression is not evaluated.
type regexpError struct {
	msg    string
	broken bool // no Ruby can read it either
}

func (e *regexpError) Error() string { return e.msg }

func brokenErr(format string, args ...any) error {
	return &regexpError{fmt.Sprintf(format, args...), true}
}

func unsupportedErr(format string, args ...any) error {
	return &regexpError{fmt.Sprintf(format, args...) + " cannot be evaluated in linear time or means something else here", false}
}

// checkRegexp refuses the regular expressions that a client must not send: those
// that Ruby would certainly refuse, and empty ones. Expressions that only we
// cannot evaluate are no concern of a client: some node may.
func checkRegexp(source string, options int) error {
	if len(source) > 8*maxRegexpBytes {
		return nil
	}
	text, _, err := translateRegexp(source, options)
	if e, ok := errors.AsType[*regexpError](err); ok && e.broken {
		return fmt.Errorf("the regular expression %s is broken: %w", shown(source), err)
	}
	if err != nil {
		return nil
	}
	if tree, err := syntax.Parse(text, syntax.Perl); err == nil && isEmptyRegexp(tree) {
		return errEmptyRegexp
	}
	return nil
}

// errEmptyRegexp refuses an expression that is empty, or has an empty alternative:
// it would match every text. It is what is left of //, of "/$NAME/" and of
// "/$ONE|$OTHER/" when a variable is not set, and hardly ever what was meant.
var errEmptyRegexp = errors.New("the regular expression is empty, or has an empty alternative, and would match everything; write /.*/ if that is meant")

func isEmptyRegexp(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return true
	case syntax.OpCapture:
		return isEmptyRegexp(re.Sub[0])
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, isEmptyRegexp)
	}
	return false
}

// A translator rewrites a Ruby regular expression for package regexp. Only
// whether there is a match is ever asked for, so groups do not capture and
// laziness is dropped. What Go cannot do, or does differently, is an error.
type translator struct {
	src      string
	pos      int
	out      []byte
	extended bool // blanks and comments are ignored
	agrees   agreement
	groups   []regexpGroup
	atom     int // where the thing that a quantifier repeats begins in out, or -1
	repeated bool
}

// An agreement says on which texts the translation means the same as what it was
// made of.
type agreement struct {
	asciiOnly bool // only on ASCII text
	lineStart bool // ^ does not match in Ruby behind a line break that ends the text
	textEnd   bool // there is a \z
}

type regexpGroup struct {
	out      int  // where it begins in translator.out
	extended bool // to be restored
	inner    int  // groups opened by (?i) that end with this one
}

// translateRegexp returns Go syntax for a Ruby regular expression.
func translateRegexp(source string, options int) (goSyntax string, agrees agreement, err error) {
	if !utf8.ValidString(source) {
		return "", agrees, unsupportedErr("a regular expression that is not UTF-8")
	}
	t := &translator{src: source, atom: -1, extended: options&regexpExtended != 0, groups: make([]regexpGroup, 1, 8)}
	flags := "(?m"
	if options&regexpIgnoreCase != 0 {
		flags += "i"
	}
	if options&regexpMultiLine != 0 {
		flags += "s"
	}
	t.out = append(t.out, flags+")"...)
	for t.pos < len(t.src) {
		if err := t.next(); err != nil {
			return "", agrees, err
		}
	}
	if len(t.groups) > 1 {
		return "", agrees, brokenErr("a parenthesis is not closed")
	}
	for range t.groups[0].inner {
		t.out = append(t.out, ')')
	}
	return string(t.out), t.agrees, nil
}

// next translates one element.
func (t *translator) next() error {
	r, size := utf8.DecodeRuneInString(t.src[t.pos:])
	switch r {
	case '(':
		return t.open()
	case ')':
		return t.close()
	case '|':
		t.pos++
		t.out = append(t.out, '|')
		t.atom = -1
		return nil
	case '*', '+', '?', '{':
		return t.quantifier()
	case '[':
		start := len(t.out)
		if err := t.set(); err != nil {
			return err
		}
		t.began(start)
		return nil
	case '\\':
		return t.escape()
	case '.', '^', '$':
		t.pos++
		t.agrees.lineStart = t.agrees.lineStart || r == '^'
		t.began(len(t.out))
		t.out = append(t.out, byte(r))
		return nil
	}
	t.pos += size
	if t.extended {
		if r == ' ' || '\t' <= r && r <= '\r' {
			return nil
		}
		if r == '#' {
			if end := strings.IndexByte(t.src[t.pos:], '\n'); end >= 0 {
				t.pos += end
			} else {
				t.pos = len(t.src)
			}
			return nil
		}
	}
	t.literal(r)
	return nil
}

func (t *translator) began(start int) { t.atom, t.repeated = start, false }

func (t *translator) literal(r rune) {
	t.began(len(t.out))
	if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
		t.out = append(t.out, '\\')
	}
	t.out = utf8.AppendRune(t.out, r)
}

func (t *translator) push(group string) {
	t.groups = append(t.groups, regexpGroup{out: len(t.out), extended: t.extended})
	t.out = append(t.out, group...)
	t.atom = -1
}

func (t *translator) open() error {
	rest := t.src[t.pos+1:]
	if !strings.HasPrefix(rest, "?") {
		t.pos++
		t.push("(?:")
		return nil
	}
	if len(rest) < 2 {
		return brokenErr("a group ends within its head")
	}
	switch rest[1] {
	case ':':
		t.pos += 3
		t.push("(?:")
		return nil
	case '#':
		end := strings.IndexByte(rest, ')')
		if end < 0 || strings.IndexByte(rest[:end], '\\') >= 0 {
			return unsupportedErr("a comment that is not closed")
		}
		t.pos += 1 + end + 1
		return nil
	case '<', '\'':
		return t.named(rest)
	case '=', '!':
		return unsupportedErr("look-ahead")
	case '>':
		return unsupportedErr("an atomic group")
	case '~':
		return unsupportedErr("an absence operator")
	case '(':
		return unsupportedErr("a conditional group")
	}
	return t.options(rest)
}

func (t *translator) named(rest string) error {
	quote := byte('>')
	if rest[1] == '\'' {
		quote = '\''
	} else if len(rest) > 2 && (rest[2] == '=' || rest[2] == '!') {
		return unsupportedErr("look-behind")
	}
	end := strings.IndexByte(rest[2:], quote)
	if end <= 0 {
		return brokenErr("a group has no proper name")
	}
	for i, r := range rest[2 : 2+end] {
		if r < utf8.RuneSelf && (!isWord(r) || i == 0 && r <= '9') {
			return brokenErr("a group has no proper name")
		}
	}
	t.pos += 1 + 2 + end + 1
	t.push("(?:")
	return nil
}

// options translates (?imx-imx) and (?imx-imx:...). The first kind holds until
// the end of the group around it, alternatives included.
func (t *translator) options(rest string) error {
	end := strings.IndexAny(rest, ":)")
	if end < 0 {
		return brokenErr("a group ends within its head")
	}
	var set, clear string
	extended, off := t.extended, false
	for _, r := range rest[1:end] {
		var flag string
		switch r {
		case 'i':
			flag = "i"
		case 'm':
			flag = "s"
		case 'x':
			extended = !off
		case '-':
			off = true
		case 'a', 'u', 'd':
			return unsupportedErr("the group option %q", r)
		default:
			return brokenErr("there is no group option %q", r)
		}
		if off {
			clear += flag
		} else {
			set += flag
		}
	}
	head := "(?" + set
	if clear != "" {
		head += "-" + clear
	}
	head += ":"
	t.pos += 1 + end + 1
	if rest[end] == ':' {
		t.push(head)
	} else {
		t.out = append(t.out, head...)
		t.groups[len(t.groups)-1].inner++
		t.atom = -1
	}
	t.extended = extended
	return nil
}

func (t *translator) close() error {
	last := len(t.groups) - 1
	if last == 0 {
		return brokenErr("a parenthesis is closed that was not opened")
	}
	group := t.groups[last]
	t.groups = t.groups[:last]
	for range group.inner + 1 {
		t.out = append(t.out, ')')
	}
	t.extended = group.extended
	t.pos++
	t.began(group.out)
	return nil
}

// quantifier translates * + ? {n,m} and what may follow them.
func (t *translator) quantifier() error {
	c := t.src[t.pos]
	suffix, width, exact := string(c), 1, false
	if c == '{' {
		if suffix, width, exact = interval(t.src[t.pos:]); width == 0 {
			t.pos++
			t.literal('{')
			return nil
		}
		if suffix == "" {
			return unsupportedErr("a repetition %s", shown(t.src[t.pos:t.pos+width]))
		}
	}
	if t.atom < 0 {
		if c == '{' {
			return unsupportedErr("a repetition of nothing")
		}
		return brokenErr("there is nothing that %c could repeat", c)
	}
	t.pos += width
	if t.pos < len(t.src) {
		switch next := t.src[t.pos]; {
		case next == '?' && !exact:
			t.pos++ // lazy: the same texts match
		case next == '+' && c != '{':
			return unsupportedErr("a possessive repetition")
		}
	}
	if t.repeated {
		t.out = append(slices.Insert(t.out, t.atom, '(', '?', ':'), ')')
	}
	t.repeated = true
	t.out = append(t.out, suffix...)
	return nil
}

// interval reads {n} {n,} {,m} {n,m} at the head of s. A width of 0 says that
// the brace is a character like any other, an empty text that it is beyond Go.
func interval(s string) (suffix string, width int, exact bool) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return "", 0, false
	}
	low, high, comma := strings.Cut(s[1:end], ",")
	if strings.Trim(low+high, "0123456789") != "" || low+high == "" {
		return "", 0, false
	}
	const most = 1000 // the limit of package regexp
	from, to := repetitions(low, most), repetitions(high, most)
	switch {
	case from > most || to > most || comma && high != "" && from > to:
		return "", end + 1, false
	case !comma:
		return fmt.Sprintf("{%d}", from), end + 1, true
	case high == "":
		return fmt.Sprintf("{%d,}", from), end + 1, false
	}
	return fmt.Sprintf("{%d,%d}", from, to), end + 1, false
}

// repetitions returns the value of some digits, or more than most.
func repetitions(digits string, most int) int {
	n := 0
	for _, d := range digits {
		if n = n*10 + int(d-'0'); n > most {
			return most + 1
		}
	}
	return n
}
