package stdio

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"mcollective/ddl"
	"mcollective/internal/plaintext"
	"mcollective/rpc"
	"mcollective/value"
)

// An outputForm is what a program prints.
type outputForm string

const (
	guess    outputForm = ""
	jsonForm outputForm = "json"
	yamlForm outputForm = "yaml"
	kvForm   outputForm = "kv"
	textForm outputForm = "text"
)

// textOutput is where text goes that has no names.
const textOutput = "output"

// readOutput turns what a program printed into outputs. The form is the
// declared one, or what fits first: an object of JSON (or of YAML, if that is how
// the agent is spoken to), lines that are all key=value, text.
func readOutput(form outputForm, yamlSpoken bool, stdout []byte) (*value.Map, error) {
	switch form {
	case jsonForm, yamlForm:
		return readObject(form, stdout)
	case kvForm:
		if err := isText(stdout); err != nil {
			return nil, err
		}
		h, line := readPairs(stdout)
		if line > 0 {
			return nil, fmt.Errorf("it printed a line that is not key=value: line %d", line)
		}
		return h, nil
	case textForm:
		return readText(stdout)
	}
	if yamlSpoken {
		if h, err := readObject(yamlForm, stdout); err == nil {
			return h, nil
		}
	} else if trimmed := bytes.TrimSpace(stdout); len(trimmed) > 0 && trimmed[0] == '{' {
		if h, err := readObject(jsonForm, stdout); err == nil {
			return h, nil
		}
	}
	if h, line := readPairs(stdout); line == 0 && h.Len() > 0 && utf8.Valid(stdout) {
		return h, nil
	}
	return readText(stdout)
}

func readObject(form outputForm, stdout []byte) (*value.Map, error) {
	name, read := "JSON", fromJSON
	if form == yamlForm {
		name, read = "YAML", fromYAML
	}
	if len(bytes.TrimSpace(stdout)) == 0 {
		return nil, fmt.Errorf("it printed nothing, where its descriptor promises %s", name)
	}
	if err := isText(stdout); err != nil {
		return nil, err
	}
	v, err := read(stdout)
	if err != nil {
		return nil, fmt.Errorf("it printed what is no %s: %w", name, err)
	}
	h, ok := v.(*value.Map)
	if !ok {
		return nil, fmt.Errorf("it printed %s that is no object: outputs have names", name)
	}
	return h, nil
}

var errBinary = errors.New("it printed binary data, which is no text in UTF-8; encode it, in Base64 for example")

func isText(stdout []byte) error {
	if !utf8.Valid(stdout) || bytes.IndexByte(stdout, 0) >= 0 {
		return errBinary
	}
	return nil
}

func readText(stdout []byte) (*value.Map, error) {
	if err := isText(stdout); err != nil {
		return nil, err
	}
	return value.NewMap(textOutput, string(bytes.TrimRight(stdout, "\r\n"))), nil
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
		if !ok || !isWord(key) || n > mostValues {
			return b.hash(), n
		}
		b.set(key, value)
	}
	return b.hash(), 0
}

// isWord reports whether s is a name of letters, digits and underscores.
func isWord(s string) bool {
	return len(s) <= 128 && plaintext.IsWord(s)
}

// fill sets the outputs of a reply from what a program answered, and its status
// where the answer has the key "mco".
func fill(reply *rpc.Reply, action *ddl.Action, answer *value.Map) error {
	for k, v := range answer.All() {
		name := keyText(k)
		if h, ok := v.(*value.Map); ok && name == "mco" {
			if err := setStatus(reply, h); err != nil {
				return err
			}
			continue
		}
		if action != nil {
			v = asDeclared(action.Output(name), v)
		}
		reply.Set(name, v)
	}
	return nil
}

// asDeclared makes of a text what the output is declared to be, if it can.
func asDeclared(o *ddl.Output, v any) any {
	s, ok := v.(string)
	if o == nil || !ok {
		return v
	}
	s = strings.TrimSpace(s)
	switch o.Type {
	case ddl.Integer:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	case ddl.Float, ddl.Number:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && o.Type == ddl.Number {
			return n
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case ddl.Boolean:
		switch strings.ToLower(s) {
		case "true", "yes", "1":
			return true
		case "false", "no", "0":
			return false
		}
	}
	return v
}

// setStatus takes statuscode and statusmsg, as an answer gives them.
func setStatus(reply *rpc.Reply, h *value.Map) error {
	if v, ok := h.Get("statuscode"); ok {
		n, isInt := v.(int64)
		if !isInt || n < 0 || n > 255 {
			return fmt.Errorf("it answered with the statuscode %.40q, which is no number from 0 to 255", fmt.Sprint(plain(v, deepest)))
		}
		reply.Status = rpc.Status(n)
		if n != 0 && reply.Message == "OK" {
			reply.Message = "failed"
		}
	}
	if v, ok := h.Get("statusmsg"); ok && v != nil {
		s, ok := scalarText(v)
		if !ok {
			return errors.New("it answered with a statusmsg that is no text")
		}
		if s != "" {
			reply.Message = clip(s, mostMessage)
		}
	}
	return nil
}
