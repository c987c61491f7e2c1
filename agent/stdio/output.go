package stdio

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mcollective/rpc"
	"mcollective/value"
)

// TextOutput is the output of a program that prints text without names.
const TextOutput = "output"

// ReadOutput turns what a program printed into outputs. The form is the
// declared one, or with Guess what fits first: an object of JSON (or of YAML, if
// that is how the agent is spoken to), lines that are all key=value, text.
func ReadOutput(form, spoken Form, stdout []byte) (*value.Map, error) {
	switch form {
	case JSON, YAML:
		return ReadObject("stdout", form, stdout)
	case Pairs:
		if err := IsText("stdout", stdout); err != nil {
			return nil, err
		}
		h, line := readPairs(stdout)
		if line > 0 {
			return nil, fmt.Errorf("stdout has a line that is not key=value: line %d", line)
		}
		return h, nil
	case Plain:
		return ReadText(stdout)
	}
	if spoken == YAML {
		if h, err := ReadObject("stdout", YAML, stdout); err == nil {
			return h, nil
		}
	} else if trimmed := bytes.TrimSpace(stdout); len(trimmed) > 0 && trimmed[0] == '{' {
		if h, err := ReadObject("stdout", JSON, stdout); err == nil {
			return h, nil
		}
	}
	if h, line := readPairs(stdout); line == 0 && h.Len() > 0 && utf8.Valid(stdout) {
		return h, nil
	}
	return ReadText(stdout)
}

// ReadObject reads an object of JSON or YAML. The errors name what it was read from.
func ReadObject(from string, form Form, data []byte) (*value.Map, error) {
	name, read := "JSON", fromJSON
	if form == YAML {
		name, read = "YAML", fromYAML
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s is empty, want %s", from, name)
	}
	if err := IsText(from, data); err != nil {
		return nil, err
	}
	v, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not valid %s: %w", from, name, err)
	}
	h, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("%s is %s, but not an object: outputs have names", from, name)
	}
	return h, nil
}

// IsText returns an error for what is not UTF-8. It names what that was read from.
func IsText(from string, data []byte) error {
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return fmt.Errorf("%s is binary data and not UTF-8 text; encode it, in Base64 for example", from)
	}
	return nil
}

// ReadText makes one output of what a program printed.
func ReadText(stdout []byte) (*value.Map, error) {
	if err := IsText("stdout", stdout); err != nil {
		return nil, err
	}
	return value.NewMap(TextOutput, string(bytes.TrimRight(stdout, "\r\n"))), nil
}

// readPairs reads lines of key=value. Empty lines do not count. line is the number
// of the first that is something else, or 0.
func readPairs(stdout []byte) (h *value.Map, line int) {
	b := hashBuilder{}
	n := 0
	for text := range strings.Lines(string(stdout)) {
		n++
		text = strings.TrimRight(text, "\r\n")
		if strings.TrimSpace(text) == "" {
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || !IsWord(key) || n > mostValues {
			return b.hash(), n
		}
		b.set(key, value)
	}
	return b.hash(), 0
}

// A Converter makes of a value that a program gave for an output what the output
// is declared to be.
type Converter func(output string, v any) any

// Fill sets the outputs of a reply from what a program printed, and its status
// where that has the key "mco".
func Fill(reply *rpc.Reply, printed *value.Map, convert Converter) error {
	for k, v := range printed.All() {
		name := KeyText(k)
		if h, ok := v.(*value.Map); ok && name == "mco" {
			if err := setStatus(reply, h); err != nil {
				return err
			}
			continue
		}
		reply.Set(name, convert(name, v))
	}
	return nil
}

// FillFrom sets status and outputs of a reply from an object that has both: a
// worker's message, or what an external agent of Choria writes.
func FillFrom(reply *rpc.Reply, answer *value.Map, convert Converter) error {
	switch data, _ := answer.Get("data"); data := data.(type) {
	case nil:
	case *value.Map:
		for k, v := range data.All() {
			name := KeyText(k)
			reply.Set(name, convert(name, v))
		}
	default:
		return rpc.Errorf(rpc.UnknownError, "the data of its reply is not an object")
	}
	if err := setStatus(reply, answer); err != nil {
		return rpc.Errorf(rpc.UnknownError, "%v", err)
	}
	return nil
}

// AsGiven returns the Converter that leaves values as they are.
func AsGiven(_ string, v any) any { return v }

// setStatus takes statuscode and statusmsg, as an answer gives them.
func setStatus(reply *rpc.Reply, h *value.Map) error {
	if v, ok := h.Get("statuscode"); ok {
		n, isInt := v.(int64)
		if !isInt || n < 0 || n > 255 {
			return fmt.Errorf("it answered with the statuscode %.40q, not a number from 0 to 255", fmt.Sprint(value.ForJSON(v)))
		}
		reply.Status = rpc.Status(n)
		if n != 0 && reply.Message == "OK" {
			reply.Message = "failed"
		}
	}
	if v, ok := h.Get("statusmsg"); ok && v != nil {
		s, ok := ScalarText(v)
		if !ok {
			return errors.New("it answered with a statusmsg that is not text")
		}
		if s != "" {
			reply.Message = Clip(s, mostMessage)
		}
	}
	return nil
}
