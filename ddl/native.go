package ddl

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mcollective/internal/plainfile"
	"mcollective/internal/suggest"
	"mcollective/internal/yaml"
)

// MaxBytes is the size of the largest definition. It may come from another machine.
const MaxBytes = 1 << 20

// Further bounds on a definition.
const (
	maxDepth    = 24
	maxNodes    = 100_000
	maxActions  = 500
	maxMembers  = 500    // inputs, outputs or summaries of an action
	maxListed   = 10_000 // values of a list
	maxText     = 64 << 10
	maxName     = 128
	defaultTime = 10 // seconds
)

// runKeys are the keys of the top level that say how an agent in any language is
// run. They are package agent/stdio's, and no part of a Definition.
var runKeys = []string{"command", "args", "mode", "protocol", "format", "output", "user", "env", "directory", "limits",
	"concurrency", "max_requests", "idle", "start_timeout", "grace", "background", "activate"}

var kinds = []Kind{Agent, Data, Discovery, Validator, Aggregate, Connector}

// Parse reads a definition in the native form: the extension of the file is .yaml,
// .yml or .json. A .ddl is read by package rubyddl. The file's name also
// is in errors, with the line, and is the name of an agent that does not say it;
// the file is not opened. What is wrong in any way is refused as a whole.
//
// Keys that say how an agent is run, like "command", are passed over;
// ParseDescriptor returns them.
func Parse(file string, data []byte) (*Definition, error) {
	d, _, err := ParseDescriptor(file, data)
	return d, err
}

// ParseDescriptor is Parse, and also returns the keys of the top level that say
// how an agent is run, with their values: nil, bool, int64, float64, string, []any
// or map[string]any. Under "requires" are those requirements that are not of a
// version. The caller refuses what it does not know in there. Only agents in the
// native form have any.
func ParseDescriptor(file string, data []byte) (*Definition, map[string]any, error) {
	var extra map[string]any
	d, err := ReadAs(file, data, func(text []byte) (d *Definition, err error) {
		switch ext := strings.ToLower(filepath.Ext(file)); ext {
		case ".yaml", ".yml", ".json":
			d, extra, err = parseNative(file, ext, text)
			return d, err
		}
		return nil, fmt.Errorf("%s: a definition ends in .yaml, .yml, .json or .ddl", file)
	})
	if err != nil {
		return nil, nil, err
	}
	return d, extra, nil
}

// ReadAs has a definition read from a text of any form, and refuses what none may be:
// more bytes than MaxBytes, a text that is none, and what check finds. The file's name is
// for errors.
func ReadAs(file string, data []byte, read func(text []byte) (*Definition, error)) (*Definition, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%s: the definition has %d bytes, more than %d", file, len(data), MaxBytes)
	}
	text, err := plainfile.DecodeText(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d, err := read(text)
	if err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

func parseNative(file, ext string, data []byte) (*Definition, map[string]any, error) {
	var (
		root *yaml.Node
		err  error
	)
	if ext == ".json" {
		root, err = jsonNode(data)
	} else {
		root, err = yaml.ParseNode(data, yaml.Limits{Bytes: MaxBytes, Depth: maxDepth, Nodes: maxNodes})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	if root == nil {
		return nil, nil, fmt.Errorf("%s: the file is empty, which defines nothing", file)
	}
	r := &reader{file: file}
	d, extra := r.definition(root)
	if r.err != nil {
		return nil, nil, r.err
	}
	return d, extra, nil
}

// topKeys returns those of a definition of this kind.
func topKeys(k Kind) []string {
	keys := []string{string(k), "name", "description", "author", "license", "version", "url", "timeout", "requires", "usage"}
	switch k {
	case Agent:
		keys = append(keys, "actions")
	case Data:
		keys = append(keys, "dataquery", "query", "output")
	case Discovery:
		keys = append(keys, "capabilities")
	}
	return keys
}

func (r *reader) definition(root *yaml.Node) (*Definition, map[string]any) {
	all := r.mapping(root, "the definition")
	d := &Definition{Kind: Agent}
	for _, k := range kinds {
		n, ok := all.get(string(k))
		if !ok {
			continue
		}
		if d.Metadata.Agent != "" {
			r.fail(n, "it is of kind %s and cannot be of kind %s too", d.Kind, k)
			break
		}
		d.Kind, d.Metadata.Agent = k, r.text(n)
		if d.Metadata.Agent == "" {
			r.fail(n, "the %s has no name", k)
		}
	}
	if d.Metadata.Agent == "" {
		name := filepath.Base(r.file)
		d.Metadata.Agent = strings.TrimSuffix(name, filepath.Ext(name))
	}
	m := &d.Metadata
	m.Name = all.text("name", m.Agent)
	m.Description = all.text("description", label(m.Agent))
	m.Author, m.License = all.text("author", ""), all.text("license", "")
	m.Version, m.URL = all.text("version", ""), all.text("url", "")
	m.Timeout = all.duration("timeout", defaultTime)
	d.Usage = all.text("usage", "")

	extra := r.extra(all, d.Kind)
	r.requires(d, all, extra)
	switch d.Kind {
	case Agent:
		if n, ok := all.get("actions"); ok {
			d.Actions = r.actions(n)
		}
	case Data:
		d.Query = r.query(all, m.Description)
	case Discovery:
		d.Capabilities = all.texts("capabilities")
	}
	return d, extra
}

// extra takes the keys that are not ours. They are the business of who runs
// agents, so another kind of plugin cannot have any.
func (r *reader) extra(all *mapping, kind Kind) map[string]any {
	known := topKeys(kind)
	extra := map[string]any{}
	for i, key := range all.keys {
		if slices.Contains(known, key.Value) {
			continue
		}
		if kind != Agent {
			r.fail(key, "unknown key %q%s", key.Value, suggest.Hint(key.Value, known))
			return nil
		}
		if !slices.Contains(runKeys, key.Value) {
			r.fail(key, "unknown key %q%s", key.Value, suggest.Hint(key.Value, slices.Concat(known, runKeys)))
			return nil
		}
		extra[key.Value] = r.plain(all.values[i])
	}
	return extra
}

func (r *reader) requires(d *Definition, all *mapping, extra map[string]any) {
	n, ok := all.get("requires")
	if !ok {
		return
	}
	others := map[string]any{}
	m := r.mapping(n, "requires")
	for i, key := range m.keys {
		switch {
		case slices.Contains(programs, key.Value):
			d.Requires = append(d.Requires, Requirement{key.Value, r.text(m.values[i])})
		case d.Kind != Agent:
			r.fail(key, "unknown requirement %q; there are %s", key.Value, strings.Join(programs, ", "))
		default:
			others[key.Value] = r.plain(m.values[i])
		}
	}
	if len(others) > 0 {
		extra["requires"] = others
	}
}

func (r *reader) query(all *mapping, description string) *Action {
	q := &Action{Name: string(Data), Description: all.text("dataquery", description)}
	if n, ok := all.get("query"); ok {
		q.Inputs = []*Input{r.input("query", n)}
	}
	if n, ok := all.get("output"); ok {
		r.outputs(q, n)
	}
	return q
}
