package filter

import "errors"

// maxMatchCost bounds the work of one MatchRegexp, about a second of it.
const maxMatchCost = 1 << 27

// MatchRegexp reports whether the regular expression whose source a Ruby program
// would give to Regexp.new matches anywhere in the text. It takes linear time.
// The error says why it cannot be told: the source is broken, or holds what
// cannot be evaluated in linear time, or the text is too long for it.
// Expressions that were used lately are remembered.
func MatchRegexp(source, text string) (bool, error) {
	m := matchers.get(matcherKey{text: source})
	if m.err == nil && m.cost(text) > maxMatchCost {
		return false, errors.New("the text is too long for it")
	}
	return m.match(text)
}
