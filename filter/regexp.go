package filter

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"mcollective/internal/plaintext"
)

// Bounds on a regular expression, which comes from the network: a repetition of
// a repetition can make a large machine of few bytes.
const (
	maxRegexpBytes = 1 << 10
	maxRegexpSize  = 4096 // instructions of the compiled machine, about
)

// A matcher is a compiled Ruby regular expression, or the reason why there is
// none.
type matcher struct {
	re        *regexp.Regexp
	literal   string // all that it looks for, if it is that simple
	isLiteral bool
	agreement
	size int
	err  error
}

// A matcherKey names a compiled expression by what was received, so that
// finding it again takes no memory.
type matcherKey struct {
	text    string
	options int
	pattern bool // slashes are to be taken out
}

// matchers remembers compiled expressions. Nodes see few filters many times.
var matchers matcherCache

// A matcherCache keeps what was used lately in two generations: when the young
// one is full it becomes the old one, and the old one is forgotten. The zero
// value is ready.
type matcherCache struct {
	mu         sync.RWMutex
	young, old map[matcherKey]*matcher
	size       int // of the young generation, in instructions
}

const (
	maxCachedMatchers = 128
	maxCachedSize     = 1 << 14
)

func (c *matcherCache) get(key matcherKey) *matcher {
	c.mu.RLock()
	m, young := c.young[key]
	if !young {
		m = c.old[key]
	}
	c.mu.RUnlock()
	if young {
		return m
	}
	if m == nil {
		if len(key.text) > 2*maxRegexpBytes {
			return &matcher{err: errRegexpTooLong}
		}
		m = compileMatcher(key)
		key.text = strings.Clone(key.text) // do not keep a whole message alive
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= maxCachedMatchers || c.size+m.size > maxCachedSize {
		c.old, c.young, c.size = c.young, make(map[matcherKey]*matcher), 0
	}
	c.young[key] = m
	c.size += m.size
	return m
}

var errRegexpTooLong = fmt.Errorf("it is longer than %d bytes", maxRegexpBytes)

func compileMatcher(key matcherKey) *matcher {
	source := key.text
	if key.pattern {
		source = strings.ReplaceAll(source, "/", "")
	}
	m, err := compileRegexp(source, key.options)
	if err != nil {
		return &matcher{err: err}
	}
	return m
}

func compileRegexp(source string, options int) (*matcher, error) {
	if len(source) > maxRegexpBytes {
		return nil, errRegexpTooLong
	}
	text, agrees, err := translateRegexp(source, options)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, plainSyntaxError(err)
	}
	if isEmptyRegexp(tree) {
		return nil, errEmptyRegexp
	}
	size := regexpSize(tree)
	if size > maxRegexpSize {
		return nil, errors.New("its repetitions make it too large")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, plainSyntaxError(err)
	}
	m := &matcher{re: re, agreement: agrees, size: size}
	if tree = tree.Simplify(); tree.Op == syntax.OpLiteral {
		m.literal, m.isLiteral = string(tree.Rune), tree.Flags&syntax.FoldCase == 0
	}
	return m, nil
}

// plainSyntaxError leaves out the translated text, which nobody wrote.
func plainSyntaxError(err error) error {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Errorf("%s %s", e.Code, shown(e.Expr))
	}
	return err
}

// regexpSize estimates the instructions that an expression compiles to, no
// more than a little above maxRegexpSize. Parsing has bounded the depth.
func regexpSize(re *syntax.Regexp) int {
	size := 1
	if re.Op == syntax.OpLiteral {
		size = len(re.Rune)
	}
	for _, sub := range re.Sub {
		size = min(size+1+regexpSize(sub), maxRegexpSize+1)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return min(size, maxRegexpSize+1)
}

// cost returns what looking at a text is charged.
func (m *matcher) cost(text string) int {
	if m.isLiteral || m.err != nil {
		return 1 + len(text)/16
	}
	return m.size * (len(text) + 1)
}

// match looks for the expression anywhere in the text.
func (m *matcher) match(text string) (bool, error) {
	if m.err != nil {
		return false, m.err
	}
	if m.asciiOnly && !plaintext.IsASCII(text) {
		return false, errors.New("it holds classes or word boundaries that are not evaluated on text beyond ASCII")
	}
	if m.isLiteral {
		return strings.Contains(text, m.literal), nil
	}
	if !m.re.MatchString(text) {
		return false, nil
	}
	if short, ok := strings.CutSuffix(text, "\n"); ok && m.lineStart && (m.textEnd || !m.re.MatchString(short)) {
		return false, errors.New("what it says about the end of a text with a final line break is not evaluated")
	}
	return true, nil
}
