package ddl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"mcollective/internal/yaml"
)

// jsonNode reads JSON into the nodes that YAML gives, so that both are read by
// the same rules and errors name lines. JSON is no part of YAML where control
// characters and pairs of surrogates are concerned.
func jsonNode(data []byte) (*yaml.Node, error) {
	j := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1, left: maxNodes}
	j.dec.UseNumber()
	n, err := j.value(0)
	if errors.Is(err, io.EOF) && j.left == maxNodes-1 {
		return nil, nil
	}
	if err == nil {
		if _, err = j.dec.Token(); errors.Is(err, io.EOF) {
			return n, nil
		}
		err = errors.New("more follows the definition")
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	j.count()
	return nil, fmt.Errorf("json: line %d: %w", j.line, err)
}

type jsonReader struct {
	data    []byte
	dec     *json.Decoder
	counted int64 // bytes up to which lines are counted
	line    int
	left    int
}

func (j *jsonReader) count() {
	at := j.dec.InputOffset()
	j.line += bytes.Count(j.data[j.counted:at], []byte("\n"))
	j.counted = at
}

func (j *jsonReader) value(depth int) (*yaml.Node, error) {
	if j.left--; j.left < 0 || depth > maxDepth {
		return nil, errors.New("it has too many values or nests them too deep")
	}
	t, err := j.dec.Token()
	if err != nil {
		return nil, err
	}
	j.count()
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: j.line}
	switch t := t.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(t)
	case string:
		n.Tag, n.Value, n.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!int", string(t)
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case json.Delim:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		if t == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for j.dec.More() {
			c, err := j.value(depth + 1) // keys of objects come as tokens of their own
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		if _, err := j.dec.Token(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// appendJSON writes nodes of the native form without blanks.
func appendJSON(dst []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		dst = append(dst, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSON(dst, n.Content[i]), ':')
			dst = appendJSON(dst, n.Content[i+1])
		}
		return append(dst, '}')
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, c := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, c)
		}
		return append(dst, ']')
	}
	if n.Tag != "!!str" {
		return append(dst, n.Value...)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(n.Value) // a string can always be encoded
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
