package ddl

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mcollective/filter"
	"mcollective/internal/plaintext"
	"mcollective/rpc"
	"mcollective/value"
)

// Validate judges a request by the definition, in Ruby's order and with its
// texts: the action must be declared, and its inputs, in the order of the
// definition, be there unless they are optional and be what they must. The
// inputs may be under symbols or strings; one that is under both is judged
// twice. What is not declared is not judged. The error is an rpc.Error with the
// status InvalidData. A client calls Complete before it.
func (d *Definition) Validate(action string, data *value.Map) error {
	a := d.Action(action)
	if a == nil {
		return rpc.Errorf(rpc.InvalidData, "Attempted to call action %s for %s but it's not declared in the DDL", action, d.Metadata.Agent)
	}
	for _, in := range a.Inputs {
		values := given(data, in.Name)
		if len(values) == 0 && !in.Optional {
			return rpc.Errorf(rpc.InvalidData, "Action %s needs a %s argument", action, in.Name)
		}
		for _, v := range values {
			if err := in.Validate(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// given returns the values of an input, that under the symbol first.
func given(data *value.Map, name string) (values []any) {
	if v, ok := data.Get(value.Symbol(name)); ok {
		values = append(values, v)
	}
	if v, ok := data.Get(name); ok {
		values = append(values, v)
	}
	return values
}

// ValidateQuery judges the query of a data plugin, as Ruby does; nil means that
// there is none. The error is an rpc.Error with the status InvalidData.
func (d *Definition) ValidateQuery(query any) error {
	name, q := d.Metadata.Name, d.Query
	switch {
	case q == nil:
		return rpc.Errorf(rpc.InvalidData, "No dataquery has been defined in the DDL for data plugin %s", name)
	case len(q.Outputs) == 0:
		return rpc.Errorf(rpc.InvalidData, "No output has been defined in the DDL for data plugin %s", name)
	}
	if in := q.Input("query"); in != nil {
		if query == nil && in.Optional {
			return nil
		}
		return in.Validate(query)
	}
	if query != nil && query != false {
		return rpc.Errorf(rpc.InvalidData, "No data plugin argument was declared in the %s DDL but an input was supplied", name)
	}
	return nil
}

// Validate judges a value of the input. The error is an rpc.Error with the
// status InvalidData.
func (in *Input) Validate(v any) error {
	if err := in.judge(v); err != nil {
		return rpc.Errorf(rpc.InvalidData, "Cannot validate input %s: %s", in.Name, err)
	}
	return nil
}

func (in *Input) judge(v any) error {
	switch in.Type {
	case String, "":
		t, ok := textOf(v)
		if !ok {
			return wrongType(string(String))
		}
		if in.MaxLength > 0 && t.length() > in.MaxLength {
			return fmt.Errorf("Input string is longer than %d character(s)", in.MaxLength)
		}
		return in.Validation.judge(v, t)
	case List:
		return oneOf(v, in.List)
	case Boolean, Integer, Float, Number, Hash, Array, Any:
		if !isType(v, in.Type) {
			return wrongType(string(in.Type))
		}
		return nil
	}
	return validate(string(in.Type), v)
}

func (val Validation) judge(v any, t text) error {
	switch {
	case val.Validator != "":
		return validate(val.Validator, v)
	case val.List != nil:
		return oneOf(v, val.List)
	case val.Class != "":
		if !isClass(v, val.Class) {
			return wrongType(val.Class)
		}
	case val.Regexp != "":
		return matches(val.Regexp, t)
	}
	return nil
}

func wrongType(name string) error { return fmt.Errorf("value should be a %s", name) }

func oneOf(v any, list []any) error {
	texts := make([]string, len(list))
	for i, e := range list {
		if equal(v, e) {
			return nil
		}
		texts[i] = rubyText(e)
	}
	return fmt.Errorf("value should be one of %s", strings.Join(texts, ", "))
}

// matches looks for a regular expression in a text. What cannot be evaluated
// lets no text through.
func matches(regexp string, t text) error {
	s, err := t.characters(regexp)
	if err != nil {
		return err
	}
	ok, err := filter.MatchRegexp(regexp, s)
	if err != nil {
		return fmt.Errorf("value should match %s, of which it cannot be told: %w", regexp, err)
	}
	if !ok {
		return fmt.Errorf("value should match %s", regexp)
	}
	return nil
}

// A text is a string of Ruby: bytes and what they mean.
type text struct {
	bytes    string
	encoding string // "" is binary
}

const utf8Name = "UTF-8"

func textOf(v any) (text, bool) {
	switch v := v.(type) {
	case string:
		return text{v, utf8Name}, true
	case value.Binary:
		return text{string(v), ""}, true
	case *value.String:
		if v != nil {
			return text{v.Bytes, v.Encoding}, true
		}
	}
	return text{}, false
}

func (t text) length() int {
	if t.encoding == utf8Name {
		return utf8.RuneCountInString(t.bytes)
	}
	return len(t.bytes)
}

// characters returns the text as package filter takes it. Ruby refuses to match what
// is not valid in its encoding, or in another one than the expression's; of
// other encodings than UTF-8 only those texts that are ASCII, or bytes.
func (t text) characters(regexp string) (string, error) {
	switch {
	case strings.HasPrefix(t.encoding, "UTF-16") || strings.HasPrefix(t.encoding, "UTF-32"):
		return "", fmt.Errorf("incompatible encoding regexp match (US-ASCII regexp with %s string)", t.encoding)
	case plaintext.IsASCII(t.bytes):
	case t.encoding == utf8Name:
		if !utf8.ValidString(t.bytes) {
			return "", errors.New("invalid byte sequence in UTF-8")
		}
	case t.encoding != "":
		return "", fmt.Errorf("incompatible encoding regexp match (US-ASCII regexp with %s string)", t.encoding)
	case !plaintext.IsASCII(regexp):
		return "", errors.New("incompatible encoding regexp match (UTF-8 regexp with ASCII-8BIT string)")
	default:
		runes := make([]rune, len(t.bytes))
		for i := range len(t.bytes) {
			runes[i] = rune(t.bytes[i])
		}
		return string(runes), nil
	}
	return t.bytes, nil
}
