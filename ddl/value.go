package ddl

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mcollective/internal/yaml"
	"mcollective/value"
)

// In the native form a value is what JSON has for it, and what JSON has not is a
// map with one key: $symbol, $float for what is no number, and $hash with pairs
// for a hash whose keys are not all texts, or begin with a dollar sign.
const (
	symbolKey = "$symbol"
	floatKey  = "$float"
	hashKey   = "$hash"
)

func (r *reader) value(n *yaml.Node, depth int) any {
	if depth > maxDepth {
		r.fail(n, "the value is nested deeper than %d", maxDepth)
		return nil
	}
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			list = append(list, r.value(c, depth+1))
		}
		return list
	case yaml.MappingNode:
		return r.hash(n, depth)
	case yaml.ScalarNode:
		return r.scalar(n)
	}
	r.fail(n, "this is no value")
	return nil
}

func (r *reader) hash(n *yaml.Node, depth int) any {
	m := r.mapping(n, "the value")
	if len(m.keys) == 1 && strings.HasPrefix(m.keys[0].Value, "$") {
		return r.special(m.keys[0], m.values[0], depth)
	}
	h := value.NewMap()
	for i, key := range m.keys {
		if strings.HasPrefix(key.Value, "$") {
			r.fail(key, "a key that begins with $ has a meaning of its own; write the hash as %s with a list of pairs", hashKey)
		}
		h.Pairs = append(h.Pairs, value.Pair{Key: key.Value, Value: r.value(m.values[i], depth+1)})
	}
	return h
}

func (r *reader) special(key, n *yaml.Node, depth int) any {
	switch key.Value {
	case symbolKey:
		return value.Symbol(r.text(n))
	case floatKey:
		switch f, err := strconv.ParseFloat(r.text(n), 64); {
		case err == nil && math.IsNaN(f):
			return math.NaN() // one of them all
		case err == nil:
			return f
		}
	case hashKey:
		if n.Kind != yaml.SequenceNode {
			break
		}
		h := value.NewMap()
		for _, pair := range n.Content {
			if pair.Kind != yaml.SequenceNode || len(pair.Content) != 2 {
				r.fail(pair, "a pair of a key and a value is needed here")
				return nil
			}
			h.Pairs = append(h.Pairs, value.Pair{Key: r.value(pair.Content[0], depth+1), Value: r.value(pair.Content[1], depth+1)})
		}
		return h
	}
	r.fail(key, "%q does not begin a value", key.Value)
	return nil
}

func (r *reader) scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64)
		if err != nil {
			r.fail(n, "%q is no whole number of 64 bits; put it in quotes", n.Value)
		}
		return i
	case "!!float":
		text := strings.ReplaceAll(n.Value, "_", "")
		switch lower := strings.TrimPrefix(strings.ToLower(text), "+"); lower {
		case ".inf", "-.inf", ".nan":
			text = strings.Replace(lower, ".", "", 1)
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			r.fail(n, "%q is no number; put it in quotes", n.Value)
		}
		return f
	}
	return n.Value
}

// plain returns a value for who runs agents, without anything of Ruby.
func (r *reader) plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			list = append(list, r.plain(c))
		}
		return list
	case yaml.MappingNode:
		m := r.mapping(n, "the value")
		all := make(map[string]any, len(m.keys))
		for i, key := range m.keys {
			all[key.Value] = r.plain(m.values[i])
		}
		return all
	}
	return r.scalar(n)
}

// valueNode returns the native form of a value. A value that a definition cannot hold
// is an error.
func valueNode(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	case bool:
		return boolNode(v), nil
	case int64:
		return intNode(v), nil
	case float64:
		return floatNode(v), nil
	case string:
		return textNode(v), nil
	case value.Symbol:
		return mapNode(symbolKey, textNode(string(v))), nil
	case []any:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, e := range v {
			n, err := valueNode(e)
			if err != nil {
				return nil, err
			}
			list.Content = append(list.Content, n)
		}
		return list, nil
	case *value.Map:
		return hashNode(v)
	}
	return nil, fmt.Errorf("a definition cannot hold a %T", v)
}

func hashNode(h *value.Map) (*yaml.Node, error) {
	m, pairs := mapNode(), &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	texts := true
	var seen []string
	for k, v := range h.All() {
		value, err := valueNode(v)
		if err != nil {
			return nil, err
		}
		key, err := valueNode(k)
		if err != nil {
			return nil, err
		}
		s, ok := k.(string)
		texts = texts && ok && !strings.HasPrefix(s, "$") && !slices.Contains(seen, s)
		seen = append(seen, s)
		m.Content = append(m.Content, key, value)
		pairs.Content = append(pairs.Content, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{key, value}})
	}
	if !texts {
		return mapNode(hashKey, pairs), nil
	}
	return m, nil
}

func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if isLiteral(s) {
		n.Style = yaml.LiteralStyle
	}
	return n
}

func intNode(i int64) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(i, 10)}
}

func boolNode(b bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(b)}
}

// floatNode writes a point always, since 1.0 is not 1.
func floatNode(f float64) *yaml.Node {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return mapNode(floatKey, textNode(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64))))
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if mantissa, exponent, ok := strings.Cut(text, "e"); !strings.Contains(mantissa, ".") {
		if text = mantissa + ".0"; ok {
			text += "e" + exponent
		}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: text}
}

// mapNode returns a map, with one pair if a key is given.
func mapNode(pair ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if len(pair) == 2 {
		add(n, pair[0].(string), pair[1].(*yaml.Node))
	}
	return n
}

func add(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// isLiteral holds for texts of several lines that YAML keeps as they are when
// they are lines of the file.
func isLiteral(s string) bool {
	if !strings.Contains(s, "\n") || s[0] == ' ' || s[0] == '\n' || strings.ContainsAny(s, "\t\r\u0085\u2028\u2029\ufeff") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if strings.HasSuffix(line, " ") {
			return false
		}
	}
	return true
}
