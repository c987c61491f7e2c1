package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"mcollective/filter"
)

// Stdin is the method that reads names from what is piped in: one to a line, or
// the JSON that mco writes with --json, an array of objects that have a sender or
// a certname.
type Stdin struct {
	Reader io.Reader
	Format string // "text", "json", or "auto" (and ""): JSON when it begins with [
}

// Discover reads all the input and returns the names in it that the identity
// filters select, in their order. Any other kind of filter is an error, and so is
// an input without names (ErrNoNames).
func (m Stdin) Discover(_ context.Context, q Query) ([]string, error) {
	if err := namesOnly("stdin", q.Filter); err != nil {
		return nil, err
	}
	data, err := readAll(m.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot read nodes from standard input: %w", err)
	}
	text := bytes.TrimSpace(data)
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: standard input is empty", ErrNoNames)
	}
	format := strings.ToLower(m.Format)
	if format == "" || format == "auto" {
		format = "text"
		if text[0] == '[' {
			format = "json"
		}
	}
	var names []string
	switch format {
	case "json":
		names, err = senders(text)
	case "text":
		names, err = lines(data, false)
	default:
		err = fmt.Errorf("the stdin discovery method only knows the types auto, text and json, not %q", m.Format)
	}
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: the list on standard input is empty", ErrNoNames)
	}
	return local(names, q)
}

// senders takes the names out of a JSON array of results.
func senders(text []byte) ([]string, error) {
	var results []struct {
		Sender   string `json:"sender"`
		Certname string `json:"certname"`
	}
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("not a JSON array of objects with a sender or certname: %w", err)
	}
	var names []string
	for i, r := range results {
		name := r.Sender
		if name == "" {
			name = r.Certname
		}
		if name == "" {
			return nil, fmt.Errorf("object %d of the JSON array has neither a sender nor a certname", i+1)
		}
		if !filter.IsIdentity(name) {
			return nil, fmt.Errorf("object %d: %q is no identity: only letters, digits and _ . - are allowed", i+1, name)
		}
		names = append(names, name)
	}
	return names, nil
}
