package yaml

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"mcollective/internal/plaintext"
)

// Text reads the first document of data as Ruby MCollective reads its facts:
// maps become map[string]any, lists []any, and every scalar and key the text
// that Ruby's own value of it prints as. So true and yes are "true", null is "",
// 1.10 is "1.1", 0x1f is "31", 10:30 is "37800" and :name is "name"; what is
// quoted stays as it is. An empty document is nil.
//
// What Ruby refuses is refused here: dates and times that are not quoted, and
// tags that make objects. One thing more is refused, a list or map as a key.
func Text(data []byte, l Limits) (any, error) { return text(data, l, false) }

// DatedText is Text, but takes dates and times as they are written, as Facter
// does in external facts.
func DatedText(data []byte, l Limits) (any, error) { return text(data, l, true) }

func text(data []byte, l Limits, dates bool) (any, error) {
	root, err := ParseNode(data, l)
	if err != nil || root == nil {
		return nil, err
	}
	t := texts{left: l.filled().Nodes, depth: l.filled().Depth, dates: dates}
	return t.value(root, 0)
}

// texts turns nodes into text, counting what aliases expand to.
type texts struct {
	left, depth int
	dates       bool // dates are text
}

func (t *texts) value(n *Node, depth int) (any, error) {
	if t.left--; t.left < 0 {
		return nil, fmt.Errorf("yaml: line %d: the number of expanded nodes %w", n.Line, ErrLimit)
	}
	if depth > t.depth {
		return nil, fmt.Errorf("yaml: line %d: the depth of expanded nodes %w of %d", n.Line, ErrLimit, t.depth)
	}
	switch n.Kind {
	case AliasNode:
		return t.value(n.Alias, depth+1) // an alias of what it is in ends at the depth
	case SequenceNode:
		if err := plainTag(n); err != nil {
			return nil, err
		}
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			v, err := t.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case MappingNode:
		if err := plainTag(n); err != nil {
			return nil, err
		}
		return t.mapping(n, depth)
	}
	return t.scalar(n)
}

func (t *texts) mapping(n *Node, depth int) (any, error) {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, err := t.value(n.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("yaml: line %d: a list or map cannot be the name of a fact", n.Line)
		}
		v, err := t.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if key == "<<" && tag(n.Content[i]) != "!!str" && merge(m, n.Content[i+1], v) {
			continue
		}
		m[key] = v
	}
	return m, nil
}

// merge takes over the map or maps that "<<" names; of several, the first one
// that has a key gives its value. It reports false for what cannot be merged.
func merge(m map[string]any, n *Node, v any) bool {
	sources := []any{v}
	if n.Kind == SequenceNode {
		sources = v.([]any)
	} else if n.Kind == ScalarNode {
		return false
	}
	for _, s := range sources {
		if _, ok := s.(map[string]any); !ok {
			return false
		}
	}
	for i := len(sources) - 1; i >= 0; i-- {
		for k, v := range sources[i].(map[string]any) {
			m[k] = v
		}
	}
	return true
}

// tag returns a tag that is written out, in its short form, or "".
func tag(n *Node) string {
	if n.Style&TaggedStyle == 0 {
		return ""
	}
	return n.ShortTag()
}

// plainTag refuses the tags that make Ruby build something else than an Array
// or a Hash.
func plainTag(n *Node) error {
	switch t := tag(n); {
	case t == "!ruby/array", t == "!ruby/hash":
		return nil
	case strings.HasPrefix(t, "!ruby/"), t == "!!omap", t == "!omap", t == "!!set", t == "!set", strings.HasPrefix(t, "!map:"), t == "!str", t == "!!str":
		return fmt.Errorf("yaml: line %d: the tag %s is not allowed", n.Line, t)
	}
	return nil
}

func (t *texts) scalar(n *Node) (string, error) {
	name := tag(n)
	if name == "" {
		if n.Style&Quoted != 0 {
			return n.Value, nil
		}
		return t.plain(n)
	}
	switch name {
	case "!", "!!str", "!str", "!ruby/string", "!ruby/sym", "!ruby/symbol":
		return n.Value, nil
	case "!!binary", "!binary":
		return unbase64(n.Value), nil
	case "!!float", "!float":
		s, err := t.plain(n)
		if err != nil {
			return "", err
		}
		f, ok := rubyFloat(s)
		if !ok {
			return "", fmt.Errorf("yaml: line %d: %q is not a number", n.Line, n.Value)
		}
		return plaintext.Float(f), nil
	}
	if strings.HasPrefix(name, "!ruby/") || strings.HasPrefix(name, "!str:") {
		return "", fmt.Errorf("yaml: line %d: the tag %s is not allowed", n.Line, name)
	}
	return t.plain(n)
}

func (t *texts) plain(n *Node) (string, error) {
	s, err := resolve(n.Value)
	if errors.Is(err, errDate) && t.dates {
		return n.Value, nil
	}
	if err != nil {
		return "", fmt.Errorf("yaml: line %d: %w", n.Line, err)
	}
	return s, nil
}

// unbase64 decodes what there is to decode, as Ruby does, and passes over the rest.
func unbase64(s string) string {
	kept := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/') {
			return r
		}
		return -1
	}, s)
	if len(kept)%4 == 1 {
		kept = kept[:len(kept)-1]
	}
	b, err := base64.RawStdEncoding.DecodeString(kept)
	if err != nil {
		return ""
	}
	return string(b)
}
