package ddl

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/internal/suggest"
	"mcollective/internal/yaml"
)

// A reader turns the nodes of one file into a definition. The first error stays;
// what is read after it does not matter.
type reader struct {
	file string
	err  error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d: %s", r.file, n.Line, fmt.Sprintf(format, args...))
	}
}

// A mapping is a node's keys and values in the order of the file.
type mapping struct {
	*reader
	keys, values []*yaml.Node
	what         string
}

// mapping reads a map, whose keys are texts and not repeated. If any keys are
// known, there may be no others. An empty value is a map without keys.
func (r *reader) mapping(n *yaml.Node, what string, known ...string) *mapping {
	m := &mapping{reader: r, what: what}
	if isNull(n) {
		return m
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must be a map of keys and values", what)
		return m
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(key, "a key of %s is not a text", what)
		case seen[key.Value]:
			r.fail(key, "the key %q of %s comes twice", key.Value, what)
		case len(known) > 0 && !slices.Contains(known, key.Value):
			r.fail(key, "unknown key %q of %s%s", key.Value, what, suggest.Hint(key.Value, known))
		}
		if r.err != nil {
			return m
		}
		seen[key.Value] = true
		m.keys = append(m.keys, key)
		m.values = append(m.values, n.Content[i+1])
	}
	return m
}

func (m *mapping) get(key string) (*yaml.Node, bool) {
	for i, k := range m.keys {
		if k.Value == key {
			return m.values[i], true
		}
	}
	return nil, false
}

func (m *mapping) text(key, missing string) string {
	if n, ok := m.get(key); ok {
		return m.reader.text(n)
	}
	return missing
}

func (m *mapping) boolean(key string, missing bool) bool {
	n, ok := m.get(key)
	if !ok {
		return missing
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		m.fail(n, "%s must be true or false", key)
		return missing
	}
	return strings.EqualFold(n.Value, "true")
}

func (m *mapping) count(key string) int {
	n, ok := m.get(key)
	if !ok {
		return 0
	}
	v, err := strconv.ParseInt(n.Value, 10, 32)
	if err != nil || v < 0 || n.Kind != yaml.ScalarNode {
		m.fail(n, "%s must be a whole number from 0", key)
	}
	return int(v)
}

// duration reads a number of seconds or a text like "2m30s".
func (m *mapping) duration(key string, missing int) time.Duration {
	n, ok := m.get(key)
	if !ok {
		return time.Duration(missing) * time.Second
	}
	d, err := time.ParseDuration(n.Value)
	if f, ferr := strconv.ParseFloat(n.Value, 64); ferr == nil && math.Abs(f) < 1e9 {
		d, err = time.Duration(math.Round(f*1e9)), nil
	}
	if err != nil || n.Kind != yaml.ScalarNode || d < 0 || d > maxTimeout {
		m.fail(n, "%s must be a number of seconds or a duration like \"2m30s\", up to %v", key, maxTimeout)
		return 0
	}
	return d
}

func (m *mapping) texts(key string) []string {
	n, ok := m.get(key)
	if !ok {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		m.fail(n, "%s must be a list", key)
		return nil
	}
	var all []string
	for _, c := range n.Content {
		all = append(all, m.reader.text(c))
	}
	return all
}

// text returns a scalar as it is written: a version of 1.10 is not 1.1.
func (r *reader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "a text is needed here")
		return ""
	}
	if isNull(n) {
		return ""
	}
	return n.Value
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
