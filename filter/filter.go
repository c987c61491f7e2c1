// Package filter is what a filter says (-F -C -A -I -S), how its text is parsed,
// and whether a node matches it.
//
// A client makes a [Filter] of texts with [ParseFact], [ParsePattern],
// [ParseIdentity], [ParseWith] and [ParseCompound], whose errors mark the place;
// [Filter.Check] tells what nodes will not evaluate. A node asks [Filter.Match], or
// [Filter.MatchPlain] first, which runs no data plugin, and the rest once the caller
// is authorized. How a filter travels is the job of package message/wire.
//
// The words, and what they match, are those of Ruby MCollective 2.12, down to
// comparing facts as texts unless both sides are digits. Rules.Numeric compares
// numbers as numbers; it changes what a node decides, never the bytes that are
// sent. docs/filters.md describes the language.
//
// Everything in a filter may come from an enemy: regular expressions run in linear
// time, and the work for a filter is bounded. The package never takes text that it
// cannot read for a filter that matches more, and what goes wrong while matching is
// never a match. It reads no file and runs nothing; data plugins are the node's.
package filter

// A Filter selects nodes. All kinds are ANDed, and so are the entries of a kind,
// except identities, of which any one is enough. The zero Filter matches every
// node.
type Filter struct {
	Facts      []Fact
	Classes    []Pattern
	Agents     []Pattern
	Identities []Pattern
	Compound   []Compound

	// Collective is an extra entry that Ruby clients put into the filter of
	// their discovery requests. Nodes ignore its content.
	Collective string

	// Irregular says that the filter was received in a form that Ruby does not
	// take for empty even when it has no entry: some of the five keys were
	// missing, or there were others. Such a filter matches only if some entry
	// does.
	Irregular bool
}

// A Fact compares one fact with a text.
type Fact struct {
	Name     string
	Operator string // one of == != < <= > >= =~
	Value    string
}

// A Pattern is an exact name, or a regular expression when Text begins with a
// slash or Regexp is set.
type Pattern struct {
	Text    string
	Regexp  bool // it is, or is to be sent as, a Ruby Regexp object whose source is Text
	Options int  // of that Regexp: 1 ignore case, 2 extended, 4 multi-line
}

// A Compound is a parsed -S expression in the order it was written: the call
// stack that Ruby nodes evaluate.
type Compound []Term

// A TermKind says what a Term is; its text is the key used on the wire.
type TermKind string

// The kinds of terms.
const (
	Statement TermKind = "statement"  // class, /class regex/, or fact comparison, as text
	Call      TermKind = "fstatement" // comparison of a data function's output
	And       TermKind = "and"
	Or        TermKind = "or"
	Not       TermKind = "not"
	Open      TermKind = "("
	Close     TermKind = ")"
)

// A Term is one step of a Compound.
type Term struct {
	Kind TermKind
	Text string    // of a Statement
	Call *Function // of a Call
}

// A Function is a comparison like fstat('/etc/hosts').size > 10.
type Function struct {
	Name     string  // data plugin, without the suffix _data
	Params   any     // nil for f(), else string, bool, int64 or float64
	Output   string  // name of the output; "" when none was written
	Operator string  // == != < <= > >= =~ !=~
	Compare  Pattern // right side; Regexp is set with =~ and !=~
}
