// Package yaml reads YAML within bounds, and reads facts as Ruby does.
//
// It is the one place of the program that knows the YAML library, and fixes how
// it is used: input is bounded in bytes, depth and nodes; aliases are refused
// unless asked for, and then bounded in what they expand to; keys may repeat,
// the last one counts, as in Ruby. There are three ways in:
//
//   - [Text] for facts: every scalar becomes the text that Ruby MCollective
//     would compare, so that "1.10" is "1.1" and "yes" is "true".
//   - [Unmarshal] for our own files: into Go values, unknown fields refused.
//   - [ParseNode] for messages: the tree as written, for a caller with rules of
//     its own.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Limits bound what is read. The zero value suits the files of this machine.
type Limits struct {
	// Bytes bounds the input. Default: 16 MiB.
	Bytes int
	// Depth bounds lists and maps within each other. Default: 100.
	Depth int
	// Nodes bounds the scalars, lists and maps of the result, aliases expanded.
	// Default: 1,000,000.
	Nodes int
	// Aliases allows &anchor and *alias. They multiply what is read and what
	// must be checked, so messages do without.
	Aliases bool
}

func (l Limits) filled() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 16 << 20
	}
	if l.Depth <= 0 {
		l.Depth = 100
	}
	if l.Nodes <= 0 {
		l.Nodes = 1_000_000
	}
	return l
}

// ErrLimit is wrapped by the errors of input that exceeds its Limits.
var ErrLimit = errors.New("exceeds the limit")

// Node is a part of a document as written.
type Node = yaml.Node

// Kinds of nodes.
const (
	ScalarNode   = yaml.ScalarNode
	SequenceNode = yaml.SequenceNode
	MappingNode  = yaml.MappingNode
	AliasNode    = yaml.AliasNode
)

// Styles of nodes, which may be combined. Quoted covers all styles of a scalar
// in which text is never anything but text.
const (
	TaggedStyle       = yaml.TaggedStyle
	DoubleQuotedStyle = yaml.DoubleQuotedStyle
	SingleQuotedStyle = yaml.SingleQuotedStyle
	LiteralStyle      = yaml.LiteralStyle
	FoldedStyle       = yaml.FoldedStyle
	FlowStyle         = yaml.FlowStyle
	Quoted            = DoubleQuotedStyle | SingleQuotedStyle | LiteralStyle | FoldedStyle
)

// ParseNode reads the first document of data and returns its root, which is nil
// for an empty one. Depth and nodes are checked and, unless allowed, aliases
// refused, so that a caller may walk the tree without a guard of its own; a
// caller that allows aliases must expand them within a bound.
func ParseNode(data []byte, l Limits) (*Node, error) {
	l = l.filled()
	if len(data) > l.Bytes {
		return nil, fmt.Errorf("yaml: %d bytes: %w of %d", len(data), ErrLimit, l.Bytes)
	}
	var doc Node
	err := load(data, l, &doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	left := l.Nodes
	if err := checkTree(doc.Content[0], l, &left, 0); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

// load runs the library over the first document. The library reports some
// broken input by panicking; that must not take a node down.
func load(data []byte, l Limits, into any, more ...yaml.Option) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: cannot be read: %v", r)
		}
	}()
	var tooDeep error // kept aside, because the library does not wrap it
	depth := func(depth int, _ *loaderlimits.DepthContext) error {
		if depth > l.Depth {
			tooDeep = fmt.Errorf("yaml: the depth %w of %d", ErrLimit, l.Depth)
		}
		return tooDeep
	}
	opts := append([]yaml.Option{
		yaml.WithSingleDocument(),
		yaml.WithUniqueKeys(false), // the check is quadratic in places
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthFunc(depth))),
	}, more...)
	loader, err := yaml.NewLoader(bytes.NewReader(data), opts...)
	if err != nil {
		return fmt.Errorf("yaml: %w", err)
	}
	switch err := loader.Load(into); {
	case tooDeep != nil:
		return tooDeep
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return fmt.Errorf("yaml: %w", err)
	}
	return nil
}

func checkTree(n *Node, l Limits, left *int, depth int) error {
	if *left--; *left < 0 {
		return fmt.Errorf("yaml: line %d: the number of nodes %w of %d", n.Line, ErrLimit, l.Nodes)
	}
	if depth > l.Depth {
		return fmt.Errorf("yaml: line %d: depth %w of %d", n.Line, ErrLimit, l.Depth)
	}
	if n.Kind == AliasNode && !l.Aliases {
		return fmt.Errorf("yaml: line %d: aliases are not allowed here", n.Line)
	}
	for _, c := range n.Content {
		if err := checkTree(c, l, left, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// Unmarshal reads the first document of one of our own files into v, a pointer
// to a struct, map, slice or any. A field that v does not have is an error; an
// empty document leaves v alone.
func Unmarshal(data []byte, v any, l Limits) error {
	n, err := ParseNode(data, l)
	if err != nil || n == nil {
		return err
	}
	return load(data, l.filled(), v, yaml.WithKnownFields())
}

// Marshal writes a value, which may be a *Node, as one document.
func Marshal(v any) (data []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: cannot be written: %v", r)
		}
	}()
	data, err = yaml.Dump(v, yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	return data, nil
}
