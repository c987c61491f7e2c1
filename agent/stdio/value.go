package stdio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"mcollective/internal/yaml"
	"mcollective/value"
)

// fromJSON reads one JSON document, with maps in the order they were written and
// strings as their keys.
func fromJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	r := jsonReader{d: d}
	v, err := r.value(0)
	if err != nil {
		return nil, jsonError(err, d.InputOffset())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows the JSON document, at byte %d", d.InputOffset())
	}
	return v, nil
}

func jsonError(err error, at int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the JSON ends in the middle, at byte %d", at)
	}
	if s := (*json.SyntaxError)(nil); errors.As(err, &s) {
		return fmt.Errorf("%w, at byte %d", err, s.Offset)
	}
	return err
}

type jsonReader struct {
	d *json.Decoder
	n int
}

func (r *jsonReader) value(depth int) (any, error) {
	t, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	if r.n++; r.n > mostValues {
		return nil, fmt.Errorf("more than %d values", mostValues)
	}
	switch t := t.(type) {
	case json.Delim:
		if depth >= deepest {
			return nil, fmt.Errorf("nested more than %d deep", deepest)
		}
		if t == '[' {
			return r.list(depth)
		}
		return r.hash(depth)
	case json.Number:
		return number(string(t)), nil
	}
	return t, nil // nil, bool, string
}

func (r *jsonReader) list(depth int) (any, error) {
	list := []any{}
	for r.d.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.d.Token()
	return list, err
}

func (r *jsonReader) hash(depth int) (any, error) {
	b := hashBuilder{}
	for r.d.More() {
		k, err := r.d.Token()
		if err != nil {
			return nil, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		b.set(k.(string), v)
	}
	_, err := r.d.Token()
	return b.hash(), err
}

// hashBuilder makes a hash of which the last of equal keys counts, in linear time.
type hashBuilder struct {
	h  value.Map
	at map[string]int
}

func (b *hashBuilder) set(key string, v any) {
	if i, ok := b.at[key]; ok {
		b.h.Pairs[i].Value = v
		return
	}
	if b.at == nil {
		b.at = map[string]int{}
	}
	b.at[key] = len(b.h.Pairs)
	b.h.Pairs = append(b.h.Pairs, value.Pair{Key: key, Value: v})
}

func (b *hashBuilder) hash() *value.Map { return &b.h }

// number returns a number of JSON: whole if it is written so.
func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if !strings.ContainsAny(s, ".eE") && len(s) < 400 {
		if n, ok := new(big.Int).SetString(s, 10); ok {
			return n
		}
	}
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// fromYAML reads one YAML document.
func fromYAML(data []byte) (any, error) {
	root, err := yaml.ParseNode(data, yaml.Limits{Bytes: len(data) + 1, Depth: deepest, Nodes: mostValues})
	if err != nil || root == nil {
		return nil, err
	}
	return yamlValue(root)
}

func yamlValue(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := yamlValue(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		b := hashBuilder{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: a key is a list or map", n.Content[i].Line)
			}
			v, err := yamlValue(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			b.set(n.Content[i].Value, v)
		}
		return b.hash(), nil
	case yaml.ScalarNode:
		return yamlScalar(n), nil
	}
	return nil, fmt.Errorf("line %d: an alias", n.Line)
}

// yamlScalar returns a scalar as YAML 1.2 understands it. What has an odd form is text.
func yamlScalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		if b, err := strconv.ParseBool(strings.ToLower(n.Value)); err == nil {
			return b
		}
	case "!!int":
		if i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64); err == nil {
			return i
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	}
	return n.Value
}

// KeyText returns a key of a map as text.
func KeyText(k any) string { return fmt.Sprint(value.ForJSON(k)) }

// ScalarText returns a value as an environment variable or an argument holds it, and
// whether it is one that these can hold.
func ScalarText(v any) (string, bool) {
	switch v := value.ForJSON(v).(type) {
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case json.Number:
		return string(v), true
	case string:
		return v, !strings.Contains(v, "\x00")
	}
	return "", false
}

// ToJSON writes a value on one line, with its end.
func ToJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
