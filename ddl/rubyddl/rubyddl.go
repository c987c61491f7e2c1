// Package rubyddl reads and writes definitions in Ruby's language, the .ddl files of Ruby MCollective.
//
// A .ddl is read and never executed. What the package cannot read is an error, never a
// definition that allows more.
package rubyddl

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mcollective/ddl"
	"mcollective/ddl/internal/ruby"
	"mcollective/internal/plainfile"
	"mcollective/internal/suggest"
	"mcollective/rpc"
)

// Parse reads a definition: a file that ends in .ddl is in Ruby's language, and
// [ddl.Parse] reads any other. The text is evaluated by our own evaluator of what such
// files use; nothing in it is executed. What the words of the language demand and make
// is what Ruby's classes for definitions do.
func Parse(file string, data []byte) (*ddl.Definition, error) {
	if !strings.EqualFold(filepath.Ext(file), Extension) {
		return ddl.Parse(file, data)
	}
	return ddl.ReadAs(file, data, func(text []byte) (*ddl.Definition, error) {
		r := &reader{def: &ddl.Definition{}}
		if err := ruby.Eval(file, text, r); err != nil {
			return nil, err
		}
		r.name(file)
		return r.def, nil
	})
}

// Read reads the definition of a file, as Parse does.
func Read(file string) (*ddl.Definition, error) {
	text, err := plainfile.Read(file, ddl.MaxBytes)
	if err != nil {
		return nil, err
	}
	return Parse(file, text)
}

// Extension is that of files in Ruby's language.
const Extension = ".ddl"

// A reader gives meaning to the words of a .ddl.
type reader struct {
	def         *ddl.Definition
	action      *ddl.Action // that the words of a block are about
	summarizing bool
	discovering bool
}

// vocabulary are the words of the language.
var vocabulary = []string{
	"action", "aggregate", "capabilities", "dataquery", "discovery", "display", "input", "metadata", "output", "requires", "summarize", "usage",
}

// Has reports whether a name is a word of the language.
func (r *reader) Has(name string) bool { return slices.Contains(vocabulary, name) }

// Call reads one word with its arguments.
func (r *reader) Call(c *ruby.Call) (any, bool, error) {
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
func (r *reader) unknown(c *ruby.Call) (any, bool, error) {
	if r.summarizing || r.action != nil && slices.Contains([]string{"average", "sum", "summary"}, c.Name) {
		f := &ruby.Hash{}
		f.Set(ruby.Symbol("function"), ruby.Symbol(c.Name))
		f.Set(ruby.Symbol("args"), &ruby.Array{Elems: c.Args})
		return f, true, nil
	}
	if near := suggest.Nearest(c.Name, vocabulary); near != "" && near != c.Name {
		return nil, true, fmt.Errorf("`%s` is not part of the DDL language; did you mean `%s`?", c.Name, near)
	}
	return nil, false, nil
}

// A props is the hash that a word takes as its last argument.
type props struct {
	c *ruby.Call
	h *ruby.Hash
}

// properties returns those behind n other arguments.
func properties(c *ruby.Call, n int) (props, error) {
	if len(c.Args) == n {
		return props{}, fmt.Errorf("%s needs properties, like `:description => \"...\"`", c.Name)
	}
	if len(c.Args) != n+1 {
		return props{}, fmt.Errorf("%s has %d arguments, it takes %d and then properties, like `:description => \"...\"`", c.Name, len(c.Args), n)
	}
	h, ok := c.Args[n].(*ruby.Hash)
	if !ok {
		return props{}, fmt.Errorf("the properties of %s are %s: write them as `:name => value`", c.Name, c.Inspect(c.Args[n]))
	}
	return props{c, h}, nil
}

func (p props) get(key string) any { v, _ := p.h.Get(ruby.Symbol(key)); return v }

func (p props) has(key string) bool { _, ok := p.h.Get(ruby.Symbol(key)); return ok }

func (p props) plain(key string) any { return p.c.Plain(p.get(key)) }

func (p props) text(key string) string { return validText(p.c.Text(p.get(key))) }

func (p props) truth(key string) bool { v := p.get(key); return v != nil && v != false }

// validText is s as YAML and JSON can hold it.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// need refuses properties that lack one of names.
func (p props) need(what string, names ...string) error {
	for _, n := range names {
		if !p.has(n) {
			return fmt.Errorf("%s needs a :%s property%s", what, n, p.meant(n))
		}
	}
	return nil
}

// meant says which property may have been meant to be the one that is missing.
func (p props) meant(name string) string {
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

func (r *reader) metadata(c *ruby.Call) error {
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

// timeLimit returns a time limit as definitions have it.
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

func (r *reader) requires(c *ruby.Call) error {
	h, err := properties(c, 0)
	if err != nil {
		return fmt.Errorf("%w; a requirement has the form :mcollective => \"2.2.1\"", err)
	}
	for i, k := range h.h.Keys {
		name := c.Text(k)
		if _, ok := k.(ruby.Symbol); !ok || name != "mcollective" && name != "choria" {
			return fmt.Errorf("requirement %s is not a valid requirement, only mcollective (and choria) is supported", name)
		}
		if i := slices.IndexFunc(r.def.Requires, func(q ddl.Requirement) bool { return q.Name == name }); i >= 0 {
			r.def.Requires = slices.Delete(r.def.Requires, i, i+1)
		}
		r.def.Requires = append(r.def.Requires, ddl.Requirement{Name: name, Version: c.Text(h.h.Values[i])})
	}
	return nil
}

func (r *reader) usage(c *ruby.Call) error {
	if len(c.Args) != 1 {
		return fmt.Errorf("usage has %d arguments, it takes one text", len(c.Args))
	}
	r.def.Usage = validText(c.Text(c.Args[0]))
	return nil
}

// become says which kind of plugin the definition is about, by one of its words.
func (r *reader) become(k ddl.Kind, c *ruby.Call) error {
	if r.def.Kind != "" && r.def.Kind != k {
		return fmt.Errorf("%s is for the definition of a %s plugin, and this one is of a %s plugin by its lines above", c.Name, k, r.def.Kind)
	}
	r.def.Kind = k
	return nil
}

// name takes from the path of the file what the text does not say.
func (r *reader) name(file string) {
	name := strings.TrimSuffix(filepath.Base(file), Extension)
	if r.def.Kind == "" {
		switch directory := ddl.Kind(path.Base(filepath.ToSlash(filepath.Dir(file)))); {
		case slices.Contains([]ddl.Kind{ddl.Agent, ddl.Data, ddl.Discovery, ddl.Validator, ddl.Aggregate, ddl.Connector}, directory):
			r.def.Kind = directory
		case strings.HasSuffix(name, "_data"):
			r.def.Kind = ddl.Data
		case strings.HasSuffix(name, "_validator"):
			r.def.Kind = ddl.Validator
		default:
			r.def.Kind = ddl.Agent
		}
	}
	switch r.def.Kind {
	case ddl.Data, ddl.Validator:
		name = strings.TrimSuffix(name, "_"+string(r.def.Kind))
	}
	r.def.Metadata.Agent = name
}
