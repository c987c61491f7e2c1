package ddl

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/ddl/internal/ruby"
	"mcollective/internal/suggest"
	"mcollective/rpc"
)

// parseRuby reads a Ruby .ddl. The text is evaluated by our own evaluator of the
// language that such files use; nothing in it is executed. What the words of the
// language demand and make is what Ruby's classes for definitions do.
func parseRuby(file string, data []byte) (*Definition, error) {
	r := &rubyReader{def: &Definition{}}
	if err := ruby.Eval(file, data, r); err != nil {
		return nil, err
	}
	r.name(file)
	return r.def, nil
}

// A rubyReader gives meaning to the words of a .ddl.
type rubyReader struct {
	def         *Definition
	action      *Action // that the words of a block are about
	summarizing bool
	discovering bool
}

// rubyWords are the words of the language.
var rubyWords = []string{
	"action", "aggregate", "capabilities", "dataquery", "discovery", "display", "input", "metadata", "output", "requires", "summarize", "usage",
}

// Has reports whether a name is a word of the language.
func (r *rubyReader) Has(name string) bool { return slices.Contains(rubyWords, name) }

// Call reads one word with its arguments.
func (r *rubyReader) Call(c *ruby.Call) (any, bool, error) {
	if !r.Has(c.Name) {
		return r.unknown(c)
	}
	words := map[string]func(*ruby.Call) error{
		"metadata": r.metadata, "requires": r.requires, "usage": r.usage, "action": r.beginAction, "input": r.input, "output": r.output,
		"display": r.display, "summarize": r.summarize, "aggregate": r.aggregate, "dataquery": r.dataquery, "discovery": r.discovery,
		"capabilities": r.capabilities,
	}
	return nil, true, words[c.Name](c)
}

// unknown answers any other name: in summarize, it is a function.
func (r *rubyReader) unknown(c *ruby.Call) (any, bool, error) {
	if r.summarizing || r.action != nil && slices.Contains([]string{"average", "sum", "summary"}, c.Name) {
		f := &ruby.Hash{}
		f.Set(ruby.Symbol("function"), ruby.Symbol(c.Name))
		f.Set(ruby.Symbol("args"), &ruby.Array{Elems: c.Args})
		return f, true, nil
	}
	if near := suggest.Nearest(c.Name, rubyWords); near != "" && near != c.Name {
		return nil, true, fmt.Errorf("`%s` is not part of the DDL language; did you mean `%s`?", c.Name, near)
	}
	return nil, false, nil
}

// A rubyProps is the hash that a word takes as its last argument.
type rubyProps struct {
	c *ruby.Call
	h *ruby.Hash
}

// properties are those behind n other arguments.
func properties(c *ruby.Call, n int) (rubyProps, error) {
	if len(c.Args) == n {
		return rubyProps{}, fmt.Errorf("%s needs properties, like `:description => \"...\"`", c.Name)
	}
	if len(c.Args) != n+1 {
		return rubyProps{}, fmt.Errorf("%s has %d arguments, it takes %d and then properties, like `:description => \"...\"`", c.Name, len(c.Args), n)
	}
	h, ok := c.Args[n].(*ruby.Hash)
	if !ok {
		return rubyProps{}, fmt.Errorf("the properties of %s are %s: write them as `:name => value`", c.Name, c.Inspect(c.Args[n]))
	}
	return rubyProps{c, h}, nil
}

func (p rubyProps) get(key string) any { v, _ := p.h.Get(ruby.Symbol(key)); return v }

func (p rubyProps) has(key string) bool { _, ok := p.h.Get(ruby.Symbol(key)); return ok }

func (p rubyProps) plain(key string) any { return p.c.Plain(p.get(key)) }

func (p rubyProps) text(key string) string { return validText(p.c.Text(p.get(key))) }

func (p rubyProps) truth(key string) bool { v := p.get(key); return v != nil && v != false }

// validText is s as YAML and JSON can hold it.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// need refuses properties that lack one of names.
func (p rubyProps) need(what string, names ...string) error {
	for _, n := range names {
		if !p.has(n) {
			return fmt.Errorf("%s needs a :%s property%s", what, n, p.meant(n))
		}
	}
	return nil
}

// meant says which property may have been meant to be the one that is missing.
func (p rubyProps) meant(name string) string {
	if _, ok := p.h.Get(&ruby.String{S: name}); ok {
		return fmt.Sprintf("; %q is there as a string, write :%s", name, name)
	}
	var have []string
	for _, k := range p.h.Keys {
		have = append(have, p.c.Text(k))
	}
	if near := suggest.Nearest(name, have); near != "" {
		return fmt.Sprintf("; is :%s meant to be it?", near)
	}
	return ""
}

func (r *rubyReader) metadata(c *ruby.Call) error {
	h, err := properties(c, 0)
	if err != nil {
		return err
	}
	if err := h.need("metadata", "name", "description", "author", "license", "version", "url", "timeout"); err != nil {
		return err
	}
	timeout, err := timeLimit(h.plain("timeout"))
	if err != nil {
		return fmt.Errorf("the :timeout of metadata is %s: %w", c.Inspect(h.get("timeout")), err)
	}
	r.def.Metadata = rpc.Metadata{
		Name: h.text("name"), Description: h.text("description"), Author: h.text("author"), License: h.text("license"),
		Version: h.text("version"), URL: h.text("url"), Timeout: timeout,
	}
	return nil
}

// timeLimit is a time limit as definitions have it.
func timeLimit(v any) (time.Duration, error) {
	var s float64
	switch v := v.(type) {
	case nil:
	case int64:
		s = float64(v)
	case float64:
		s = v
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return 0, errors.New("a number of seconds is needed")
		}
		s = f
	default:
		return 0, errors.New("a number of seconds is needed")
	}
	if !(s >= 0 && s <= 1e9) {
		return 0, errors.New("the seconds must lie between 0 and 1000000000")
	}
	return time.Duration(s * float64(time.Second)), nil
}

func (r *rubyReader) requires(c *ruby.Call) error {
	h, err := properties(c, 0)
	if err != nil {
		return fmt.Errorf("%w; a requirement has the form :mcollective => \"2.2.1\"", err)
	}
	for i, k := range h.h.Keys {
		name := c.Text(k)
		if _, ok := k.(ruby.Symbol); !ok || name != "mcollective" && name != "choria" {
			return fmt.Errorf("requirement %s is not a valid requirement, only mcollective (and choria) is supported", name)
		}
		if i := slices.IndexFunc(r.def.Requires, func(q Requirement) bool { return q.Name == name }); i >= 0 {
			r.def.Requires = slices.Delete(r.def.Requires, i, i+1)
		}
		r.def.Requires = append(r.def.Requires, Requirement{name, c.Text(h.h.Values[i])})
	}
	return nil
}

func (r *rubyReader) usage(c *ruby.Call) error {
	if len(c.Args) != 1 {
		return fmt.Errorf("usage has %d arguments, it takes one text", len(c.Args))
	}
	r.def.Usage = validText(c.Text(c.Args[0]))
	return nil
}

// become says which kind of plugin the definition is about, by one of its words.
func (r *rubyReader) become(k Kind, c *ruby.Call) error {
	if r.def.Kind != "" && r.def.Kind != k {
		return fmt.Errorf("%s is for the definition of a %s plugin, and this one is of a %s plugin by its lines above", c.Name, k, r.def.Kind)
	}
	r.def.Kind = k
	return nil
}

// name takes from the path of the file what the text does not say.
func (r *rubyReader) name(file string) {
	name := strings.TrimSuffix(filepath.Base(file), ".ddl")
	if r.def.Kind == "" {
		switch directory := Kind(path.Base(filepath.ToSlash(filepath.Dir(file)))); {
		case slices.Contains([]Kind{Agent, Data, Discovery, Validator, Aggregate, Connector}, directory):
			r.def.Kind = directory
		case strings.HasSuffix(name, "_data"):
			r.def.Kind = Data
		case strings.HasSuffix(name, "_validator"):
			r.def.Kind = Validator
		default:
			r.def.Kind = Agent
		}
	}
	switch r.def.Kind {
	case Data, Validator:
		name = strings.TrimSuffix(name, "_"+string(r.def.Kind))
	}
	r.def.Metadata.Agent = name
}
