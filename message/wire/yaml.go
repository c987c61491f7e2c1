package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"mcollective/internal/yaml"
	"mcollective/value"
)

// YAML as Ruby's Psych reads and writes it under the rules of MCollective: a plain
// scalar that begins with a colon is a symbol, a quoted one never; the tags are
// !ruby/regexp, !ruby/symbol, !binary and those of plain data; there are no
// aliases. What Ruby would read as something else than text (octal numbers,
// sexagesimal ones, dates) is refused where it stands plain, since nobody who
// meant it would send it.

// maxMarks bounds, before anything is parsed, how many values a document may
// have: a parsed value takes some 250 bytes where its text may take two. Text
// inside of strings counts too, so there is one for each four bytes.
const maxMarks = 1 << 19

// decodeYAML reads the document of data.
func decodeYAML(data []byte, lim limits) (any, error) {
	if !bytes.HasPrefix(data, []byte("---")) {
		return nil, errors.New("yaml: no document") // JSON, for one, would pass
	}
	marks := 0
	for _, mark := range []string{",", "[", "{", "\n", "- ", ": "} {
		marks += bytes.Count(data, []byte(mark))
	}
	if marks > min(maxMarks, lim.bytes/4) {
		return nil, errors.New("yaml: too many values")
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		// Line breaks are folded while parsing, which would change signed text.
		return nil, errors.New("yaml: carriage return")
	}
	n, err := yaml.ParseNode(data, yaml.Limits{Bytes: len(data) + 1, Depth: lim.depth + 1, Nodes: lim.values})
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errors.New("yaml: empty document")
	}
	d := yamlDecoder{limits: lim}
	v, err := d.value(n, 0)
	if err != nil {
		return nil, fmt.Errorf("yaml: line %d: %w", d.line, err)
	}
	return v, nil
}

type yamlDecoder struct {
	limits
	line int // of the value that was looked at last
}

func (d *yamlDecoder) value(n *yaml.Node, depth int) (any, error) {
	d.line = n.Line
	if err := d.spend(depth); err != nil {
		return nil, err
	}
	if n.Anchor != "" {
		return nil, errors.New("anchors are not allowed")
	}
	tag := ""
	if n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" {
		tag = n.Tag
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return d.scalar(scalar(n, tag))
	case yaml.SequenceNode:
		if tag != "" && tag != "!!seq" {
			return nil, fmt.Errorf("tag %q on a list", clip(tag))
		}
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			var err error
			if list[i], err = d.value(c, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		if tag != "" && tag != "!!map" {
			return nil, fmt.Errorf("tag %q on a hash", clip(tag))
		}
		return d.hash(n, depth)
	}
	return nil, errors.New("neither scalar, list nor hash")
}

func (d *yamlDecoder) hash(n *yaml.Node, depth int) (any, error) {
	b := hashBuilder{pairs: make([]value.Pair, 0, len(n.Content)/2)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind != yaml.ScalarNode {
			d.line = n.Content[i].Line
			return nil, errors.New("a key is not a scalar")
		}
		if key := n.Content[i]; key.Value == "<<" && key.Style&yaml.TaggedStyle == 0 {
			return nil, errors.New("merge keys are not allowed")
		}
		k, err := d.value(n.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		v, err := d.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if err := b.add(k, v); err != nil {
			return nil, err
		}
	}
	return b.hash(), nil
}

func scalar(n *yaml.Node, tag string) (any, error) {
	if !utf8.ValidString(n.Value) {
		return nil, errors.New("not UTF-8") // escapes can say such things
	}
	quoted := n.Style&yaml.Quoted != 0
	switch tag {
	case "":
		if quoted {
			return n.Value, nil
		}
		return plain(n.Value)
	case "!!str", "!str":
		return n.Value, nil
	case "!":
		// Psych writes it before the quotes of a symbol that needs some.
		return plain(n.Value)
	case "!binary", "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, fmt.Errorf("!binary: %w", err)
		}
		return value.Binary(b), nil
	case "!ruby/symbol", "!ruby/sym":
		return value.Symbol(n.Value), nil
	case "!ruby/regexp":
		return rubyRegexp(n.Value)
	case "!!null", "!!bool", "!!int", "!!float":
		return plain(n.Value)
	}
	return nil, fmt.Errorf("tag %q is not allowed", clip(tag))
}

// rubyRegexp reads /source/options.
func rubyRegexp(s string) (any, error) {
	end := strings.LastIndexByte(s, '/')
	if end < 1 || s[0] != '/' {
		return nil, errors.New("!ruby/regexp is not of the form /source/options")
	}
	options := 0
	for _, c := range s[end+1:] {
		switch c {
		case 'i':
			options |= 1
		case 'x':
			options |= 2
		case 'm':
			options |= 4
		case 'n': // no encoding: says nothing of what it matches
		default:
			return nil, fmt.Errorf("!ruby/regexp has an option %q", c)
		}
	}
	return value.NewRegexp(s[1:end], options), nil
}

// How Psych tells the scalars that begin with a digit, a sign or a dot apart. What
// matches unsafe is no text for it, and nothing that we would send or expect.
var (
	yamlDecimal = lazyRegexp(`\A[-+]?(0|[1-9][0-9]*)\z`)
	yamlFloat   = lazyRegexp(`\A[-+]?([0-9][0-9_,]*)?\.[0-9]*([eE][-+][0-9]+)?\z`)
	yamlUnsafe  = lazyRegexp(`\A(` +
		`-?\d{4}-\d{1,2}-\d{1,2}([Tt]|\s+)\d{1,2}:\d\d:\d\d(\.\d*)?(\s*(Z|[-+]\d{1,2}:?(\d\d)?))?` + // time
		`|[-+]?[0-9][0-9_]*(:[0-5]?[0-9]){1,2}(\.[0-9_]*)?` + // sexagesimal
		`|[-+]?(0b[01_,]+|0[0-7_,]+|[1-9]([0-9]|[,_][0-9])*|0x[0-9a-fA-F_,]+)` + // integer
		`)\z`)
)

func lazyRegexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// plain returns what Psych makes of a scalar without quotes or tag.
func plain(s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	if strings.Contains(s, "\n") {
		return s, nil
	}
	switch c := s[0]; {
	case c == ':' && len(s) > 1:
		name := s[1:]
		if len(name) > 1 && (name[0] == '"' || name[0] == '\'') && name[len(name)-1] == name[0] {
			name = name[1 : len(name)-1]
		}
		return value.Symbol(name), nil
	case '0' <= c && c <= '9', c == '-', c == '+', c == '.':
		return number(s)
	}
	if len(s) <= 5 {
		switch strings.ToLower(s) {
		case "~", "null":
			return nil, nil
		case "true", "yes", "on":
			return true, nil
		case "false", "no", "off":
			return false, nil
		}
	}
	return s, nil
}

func number(s string) (any, error) {
	switch strings.ToLower(s) {
	case ".inf", "+.inf":
		return math.Inf(1), nil
	case "-.inf":
		return math.Inf(-1), nil
	case ".nan":
		return math.NaN(), nil
	case ".", "-.", "+.":
		return s, nil
	}
	switch {
	case yamlDecimal().MatchString(s):
		return integer(s)
	case yamlFloat().MatchString(s):
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || strings.Contains(s, "_") {
			return nil, fmt.Errorf("%q is no plain number", clip(s))
		}
		return f, nil
	case yamlUnsafe().MatchString(s), isDate(s):
		return nil, fmt.Errorf("%q could be read as a number or a date: it has to be quoted", clip(s))
	}
	return s, nil
}

func isDate(s string) bool {
	_, err := time.Parse("2006-1-2", s)
	return err == nil
}

// integer reads decimal digits with an optional sign, at most as many as 64 bytes
// hold.
func integer(s string) (any, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	if len(s) > 155 {
		return nil, fmt.Errorf("number of %d digits", len(s))
	}
	b, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("%q is no integer", clip(s))
	}
	return b, nil
}
