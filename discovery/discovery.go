// Package discovery is the contract for finding out which nodes a filter selects, and the methods that need no broker: a file of names, names piped in, and a command that knows them.
//
// Each [Method] answers a [Query] with names: [Flatfile], [Stdin], [External], or one
// of your own. The broadcast method, which Ruby calls mc, is client.Client itself: it
// asks the collective and collects who answers.
//
// A method never returns more than the filter selects: one that cannot judge a filter
// refuses it, and a list without names is an error. It never says that a node is up,
// only that it is meant.
package discovery

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"mcollective/filter"
)

// The names of the discovery methods, as in Ruby.
const (
	MethodBroadcast = "mc"
	MethodFlatfile  = "flatfile"
	MethodStdin     = "stdin"
	MethodExternal  = "external"
)

// BroadcastTimeout is how long the broadcast awaits answers when nothing says otherwise.
const BroadcastTimeout = 2 * time.Second

// A Query is what to look for.
type Query struct {
	Collective string // "" means the method's own default
	Filter     filter.Filter
	Timeout    time.Duration // how long answers are awaited, where any are
	TTL        time.Duration // how long the question is good for; 0 means the method's own default
	Limit      int           // as many nodes are enough; 0 means all

	// Definition names the agent of which nodes are to state the definition's hash,
	// where the method asks them; "" means none.
	Definition string
}

// A Method finds nodes.
type Method interface {
	// Discover returns the identities of the nodes that the filter selects, each
	// once, in the order they were found.
	Discover(ctx context.Context, q Query) ([]string, error)
}

// Literal returns the identities that a filter names, each once, if it names some
// and has no pattern among them. Whether it says more than that, Only tells.
func Literal(f filter.Filter) (names []string, ok bool) {
	for _, p := range f.Identities {
		if p.Regexp || strings.HasPrefix(p.Text, "/") {
			return nil, false
		}
		if !slices.Contains(names, p.Text) {
			names = append(names, p.Text)
		}
	}
	return names, len(names) > 0
}

// Only reports whether a filter has nothing but identities. With literal ones these
// are the nodes, without asking, as in Ruby: anyone who names nodes wants to hear of
// each. With any other filter the nodes have to judge; Ruby drops that filter.
func Only(f filter.Filter) bool {
	return len(f.Identities) > 0 && len(f.Facts)+len(f.Classes)+len(f.Agents)+len(f.Compound) == 0
}

// ErrNoNames is returned (wrapped) by the methods that read a list of names when
// there is none in it.
var ErrNoNames = errors.New("no nodes")

// namesOnly refuses filters that cannot be answered from names. Agent filters are
// left to the nodes, since a client adds the agent that it is about to call.
func namesOnly(method string, f filter.Filter) error {
	for _, k := range []struct {
		kind string
		used bool
	}{
		{"class", len(f.Classes) > 0},
		{"fact", len(f.Facts) > 0},
		{"compound", len(f.Compound) > 0},
	} {
		if k.used {
			return fmt.Errorf("cannot use %s filters while using the '%s' discovery method, which knows only names", k.kind, method)
		}
	}
	return nil
}

// local picks from a list of names those that the query selects by identity.
func local(names []string, q Query) ([]string, error) {
	picked := make([]string, 0, len(names))
	seen := make(map[string]bool, len(names))
	match, err := matcher(q.Filter.Identities)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !seen[name] && match(name) {
			seen[name] = true
			picked = append(picked, name)
		}
	}
	if q.Limit > 0 && len(picked) > q.Limit {
		picked = picked[:q.Limit]
	}
	return picked, nil
}

// matcher compiles identity patterns: any of them is enough, none matches all.
func matcher(patterns []filter.Pattern) (func(string) bool, error) {
	var exact []string
	var regexes []*regexp.Regexp
	for _, p := range patterns {
		if !p.Regexp && !strings.HasPrefix(p.Text, "/") {
			exact = append(exact, p.Text)
			continue
		}
		source := p.Text
		if !p.Regexp {
			// Ruby takes every slash out, not just the first and the last.
			source = strings.ReplaceAll(source, "/", "")
		}
		re, err := regexp.Compile(source)
		if err != nil {
			return nil, fmt.Errorf("identity filter %q: %w", p.Text, err)
		}
		regexes = append(regexes, re)
	}
	return func(name string) bool {
		if len(patterns) == 0 || slices.Contains(exact, name) {
			return true
		}
		return slices.ContainsFunc(regexes, func(re *regexp.Regexp) bool { return re.MatchString(name) })
	}, nil
}
