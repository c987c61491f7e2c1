package ddl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"mcollective/internal/yaml"
)

// JSON returns the definition in the native form, without what is the default anyway:
// the same bytes for equal definitions, and Parse of them is an equal one. The
// error is that of a definition which no file can say.
func (d *Definition) JSON() ([]byte, error) {
	n, err := d.node()
	if err != nil {
		return nil, err
	}
	return appendJSON(nil, n), nil
}

// YAML is JSON's content as people write it.
func (d *Definition) YAML() ([]byte, error) {
	n, err := d.node()
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(n)
}

// Hash returns the SHA-256 of the definition's JSON in hexadecimal digits, and "" for
// one that has no JSON.
func (d *Definition) Hash() string {
	data, err := d.JSON()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (d *Definition) node() (*yaml.Node, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("the %s %s cannot be written: %w", d.Kind, d.Metadata.Agent, err)
	}
	m := d.Metadata
	w := &writer{node: mapNode(string(d.Kind), textNode(m.Agent))}
	w.text("name", m.Name, m.Agent)
	w.text("description", m.Description, label(m.Agent))
	w.text("author", m.Author, "")
	w.text("license", m.License, "")
	w.text("version", m.Version, "")
	w.text("url", m.URL, "")
	w.duration("timeout", m.Timeout, defaultTime*time.Second)
	if len(d.Requires) > 0 {
		requires := mapNode()
		for _, r := range d.Requires {
			add(requires, r.Name, textNode(r.Version))
		}
		add(w.node, "requires", requires)
	}
	w.text("usage", d.Usage, "")
	switch {
	case d.Kind == Data && d.Query != nil:
		q := d.Query
		w.text("dataquery", q.Description, m.Description)
		for _, in := range q.Inputs {
			add(w.node, in.Name, w.input(in))
		}
		w.outputs(q.Outputs)
	case d.Kind == Agent && len(d.Actions) > 0:
		actions := mapNode()
		for _, a := range d.Actions {
			add(actions, a.Name, w.action(a))
		}
		add(w.node, "actions", actions)
	case d.Kind == Discovery && len(d.Capabilities) > 0:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, c := range d.Capabilities {
			list.Content = append(list.Content, textNode(c))
		}
		add(w.node, "capabilities", list)
	}
	return w.node, w.err
}

// A writer adds keys to a map unless they have their default.
type writer struct {
	node *yaml.Node
	err  error
}

// of is a writer of a map inside; its error is to be taken over.
func (w *writer) in(fill func(*writer)) *yaml.Node {
	inner := &writer{node: mapNode()}
	fill(inner)
	if w.err == nil {
		w.err = inner.err
	}
	return inner.node
}

func (w *writer) text(key, s, missing string) {
	if s != missing {
		add(w.node, key, textNode(s))
	}
}

func (w *writer) boolean(key string, b, missing bool) {
	if b != missing {
		add(w.node, key, boolNode(b))
	}
}

func (w *writer) duration(key string, d, missing time.Duration) {
	switch {
	case d == missing:
	case d%time.Second == 0:
		add(w.node, key, intNode(int64(d/time.Second)))
	default:
		add(w.node, key, textNode(d.String()))
	}
}

func (w *writer) value(key string, v any) {
	n, err := valueNode(v)
	if err != nil {
		if w.err == nil {
			w.err = fmt.Errorf("%s: %w", key, err)
		}
		return
	}
	add(w.node, key, n)
}

func (w *writer) action(a *Action) *yaml.Node {
	return w.in(func(w *writer) {
		w.text("description", a.Description, label(a.Name))
		w.text("display", string(a.Display), string(DisplayFailed))
		w.duration("timeout", a.Timeout, 0)
		w.boolean("destructive", a.Destructive, false)
		w.boolean("noop", a.Noop, false)
		w.boolean("other_inputs", a.OtherInputs, false)
		if len(a.Inputs) > 0 {
			inputs := mapNode()
			for _, in := range a.Inputs {
				add(inputs, in.Name, w.input(in))
			}
			add(w.node, "input", inputs)
		}
		w.outputs(a.Outputs)
		if len(a.Summaries) > 0 {
			list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
			for _, s := range a.Summaries {
				list.Content = append(list.Content, w.summary(s))
			}
			add(w.node, "summarize", list)
		}
	})
}

func (w *writer) input(in *Input) *yaml.Node {
	return w.in(func(w *writer) {
		switch {
		case slices.Contains(ourTypes, string(in.Type)) || knownValidator(string(in.Type)):
			w.text("type", string(in.Type), "")
		default:
			add(w.node, "type", mapNode("validator", textNode(string(in.Type))))
		}
		w.text("prompt", in.Prompt, label(in.Name))
		w.text("description", in.Description, in.Prompt)
		w.boolean("required", !in.Optional, in.Default != nil)
		if in.Default != nil {
			w.value("default", in.Default)
		}
		if in.MaxLength != 0 {
			add(w.node, "max_length", intNode(int64(in.MaxLength)))
		}
		w.validation(in.Validation)
		if in.Type == List {
			w.value("list", in.List)
		}
		w.boolean("sensitive", in.Sensitive, false)
	})
}

func (w *writer) validation(v Validation) {
	switch {
	case v.Validator != "" && isWord(v.Validator) && knownValidator(v.Validator):
		w.text("validation", v.Validator, "")
	case v.Validator != "":
		add(w.node, "validation", mapNode("validator", textNode(v.Validator)))
	case v.Class != "":
		add(w.node, "validation", mapNode("class", textNode(v.Class)))
	case v.List != nil:
		w.value("validation", v.List)
	case isWord(v.Regexp):
		add(w.node, "validation", mapNode("regexp", textNode(v.Regexp)))
	default:
		w.text("validation", v.Regexp, "")
	}
}

func (w *writer) outputs(outputs []*Output) {
	if len(outputs) == 0 {
		return
	}
	all := mapNode()
	for _, o := range outputs {
		add(all, o.Name, w.in(func(w *writer) {
			w.text("type", string(o.Type), "")
			w.text("description", o.Description, o.DisplayAs)
			w.text("display_as", o.DisplayAs, label(o.Name))
			if o.Default != nil {
				w.value("default", o.Default)
			}
		}))
	}
	add(w.node, "output", all)
}

func (w *writer) summary(s *Summary) *yaml.Node {
	return w.in(func(w *writer) {
		w.text("function", s.Function, "")
		w.text("output", s.Output, "")
		w.text("format", s.Format, "")
		if len(s.Options) > 0 {
			add(w.node, "options", w.in(func(w *writer) {
				for _, key := range slices.Sorted(maps.Keys(s.Options)) {
					w.value(key, s.Options[key])
				}
			}))
		}
	})
}
