package ddl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mcollective/internal/suggest"
	"mcollective/rpc"
	"mcollective/value"
)

// Complete gives the inputs that are not optional their defaults, if they have
// one and the caller gave no value. The data belongs to the caller of Complete.
func (a *Action) Complete(data *value.Map) {
	for _, in := range a.Inputs {
		if in.Default != nil && !in.Optional && len(given(data, in.Name)) == 0 {
			data.Set(value.Symbol(in.Name), clone(in.Default))
		}
	}
}

// Completed is data with what Complete sets, and data itself if that is nothing.
func (a *Action) Completed(data *value.Map) *value.Map {
	for _, in := range a.Inputs {
		if in.Default != nil && !in.Optional && len(given(data, in.Name)) == 0 {
			all := value.NewMap()
			for k, v := range data.All() {
				all.Set(k, v)
			}
			a.Complete(all)
			return all
		}
	}
	return data
}

// Reply returns the reply of an action that did not fail so far: it holds the declared
// outputs in their order, with their defaults or else nil.
func (a *Action) Reply() *rpc.Reply {
	names := make([]string, len(a.Outputs))
	for i, o := range a.Outputs {
		names[i] = o.Name
	}
	r := rpc.NewReply(names...)
	for i, o := range a.Outputs {
		r.Data.Pairs[i].Value = clone(o.Default)
	}
	return r
}

// clone copies a value of a definition, which nobody may change.
func clone(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = clone(e)
		}
		return list
	case *value.Map:
		h := &value.Map{Pairs: make([]value.Pair, len(v.Pairs))}
		for i, p := range v.Pairs {
			h.Pairs[i] = value.Pair{Key: clone(p.Key), Value: clone(p.Value)}
		}
		return h
	}
	return v
}

// Suggest returns the declared input that was likely meant by one that is not
// declared, or "". Such an input is no error: agents may read what they like.
func (a *Action) Suggest(input string) string {
	if a.Input(input) != nil {
		return ""
	}
	names := make([]string, len(a.Inputs))
	for i, in := range a.Inputs {
		names[i] = in.Name
	}
	return suggest.Nearest(input, names)
}

// Coerce turns the text that a user typed for an input into a value of its type:
// true, t, yes, y, 1 and their opposites into booleans, digits into numbers,
// JSON into hashes and arrays (a text that is no JSON is an array of what is
// between its commas), one of a list into that. The text of any other input,
// and of one that is not declared, stays as it is. A value may still not be
// valid.
func (a *Action) Coerce(input, text string) (any, error) {
	in := a.Input(input)
	if in == nil {
		return text, nil
	}
	switch in.Type {
	case Boolean:
		return parseBoolean(text)
	case Integer, Float, Number:
		return parseNumber(text, in.Type)
	case List:
		return in.choice(text), nil
	case Hash:
		v, err := parseJSON(text)
		if _, ok := v.(*value.Map); err == nil && !ok {
			err = errors.New("not an object")
		}
		if err != nil {
			return nil, fmt.Errorf("%s does not look like a JSON object for %s: %w", text, input, err)
		}
		return v, nil
	case Array:
		return parseArray(text)
	case Any:
		if v, err := parseJSON(text); err == nil {
			return v, nil
		}
	}
	return text, nil
}

func parseBoolean(text string) (any, error) {
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "1":
		return true, nil
	case "false", "f", "no", "n", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%s does not look like a boolean argument", text)
}

// parseNumber reads digits with or without a point, as Ruby does, and a sign
// before them, which Ruby cannot.
func parseNumber(text string, t Type) (any, error) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if isDigits(whole) && (!point || isDigits(fraction)) {
		if !point && t != Float {
			if i, err := strconv.ParseInt(text, 10, 64); err == nil {
				return i, nil
			}
			return nil, fmt.Errorf("%s is beyond 64 bits", text)
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s does not look like a number", text)
}

// choice returns the member of the list that the text writes.
func (in *Input) choice(text string) any {
	var found any = text
	for _, v := range in.List {
		if s, ok := v.(string); ok && s == text {
			return s
		}
		if found == any(text) && rubyText(v) == text {
			found = v
		}
	}
	return clone(found)
}

func parseArray(text string) (any, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "[") {
		list := []any{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list, nil
	}
	v, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s does not look like a JSON array: %w", text, err)
	}
	return v, nil
}

// parseJSON reads a value with the keys of objects in their order.
func parseJSON(text string) (any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	v, err := jsonValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the value")
	}
	return v, nil
}

func jsonValue(dec *json.Decoder, depth int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(t), 10, 64); err == nil {
			return i, nil
		}
		return t.Float64()
	case json.Delim:
		if depth == maxDepth {
			return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
		}
		var list []any
		for dec.More() {
			v, err := jsonValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
		if t == '{' {
			h := value.NewMap()
			for i := 0; i+1 < len(list); i += 2 {
				h.Pairs = append(h.Pairs, value.Pair{Key: list[i], Value: list[i+1]})
			}
			return h, nil
		}
		if list == nil {
			list = []any{}
		}
		return list, nil
	}
	return t, nil
}

// CoerceOutput makes of a text that a program gave for an output a value of the
// declared type, if it reads as one. All else stays as it is, also for a nil Action.
func (a *Action) CoerceOutput(output string, v any) any {
	text, ok := v.(string)
	if a == nil || !ok {
		return v
	}
	o := a.Output(output)
	if o == nil {
		return v
	}
	text = strings.TrimSpace(text)
	switch o.Type {
	case Integer, Float, Number:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && o.Type != Float {
			return n
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && o.Type != Integer {
			return f
		}
	case Boolean:
		switch strings.ToLower(text) {
		case "true", "yes", "1":
			return true
		case "false", "no", "0":
			return false
		}
	}
	return v
}
