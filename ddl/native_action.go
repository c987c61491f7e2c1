package ddl

import (
	"slices"

	"mcollective/internal/suggest"
	"mcollective/internal/yaml"
)

var (
	actionKeys  = []string{"description", "display", "input", "output", "summarize", "timeout", "destructive", "noop", "other_inputs"}
	inputKeys   = []string{"type", "prompt", "description", "required", "default", "max_length", "validation", "list", "sensitive"}
	outputKeys  = []string{"type", "description", "display_as", "default", "summarize"}
	summaryKeys = []string{"function", "output", "format", "options"}
	displays    = []string{string(DisplayOK), string(DisplayFailed), string(DisplayAlways), string(DisplayFlatten)}
	ourTypes    = []string{string(String), string(List), string(Boolean), string(Integer), string(Float), string(Number), string(Hash), string(Array), string(Any)}
)

func (r *reader) actions(n *yaml.Node) []*Action {
	m := r.mapping(n, "actions")
	var actions []*Action
	for i, key := range m.keys {
		actions = append(actions, r.action(key.Value, m.values[i]))
	}
	return actions
}

func (r *reader) action(name string, n *yaml.Node) *Action {
	m := r.mapping(n, "action "+name, actionKeys...)
	a := &Action{
		Name:        name,
		Description: m.text("description", label(name)),
		Display:     Display(m.text("display", string(DisplayFailed))),
		Timeout:     m.duration("timeout", 0),
		Destructive: m.boolean("destructive", false),
		Noop:        m.boolean("noop", false),
		OtherInputs: m.boolean("other_inputs", false),
	}
	if n, ok := m.get("display"); ok && !slices.Contains(displays, string(a.Display)) {
		r.fail(n, "display %q is none of ok, failed, always and flatten", a.Display)
	}
	if n, ok := m.get("input"); ok {
		inputs := r.mapping(n, "the inputs of "+name)
		for i, key := range inputs.keys {
			a.Inputs = append(a.Inputs, r.input(key.Value, inputs.values[i]))
		}
	}
	if n, ok := m.get("output"); ok {
		r.outputs(a, n)
	}
	if n, ok := m.get("summarize"); ok {
		r.summaries(a, "", n)
	}
	return a
}

func (r *reader) input(name string, n *yaml.Node) *Input {
	m := r.mapping(n, "input "+name, inputKeys...)
	in := &Input{Name: name, Type: String, Prompt: m.text("prompt", label(name))}
	in.Description = m.text("description", in.Prompt)
	if n, ok := m.get("default"); ok {
		in.Default = r.value(n, 0)
	}
	in.Optional = !m.boolean("required", in.Default != nil)
	in.Sensitive = m.boolean("sensitive", false)
	if _, ok := m.get("list"); ok {
		in.Type = List
	}
	if n, ok := m.get("type"); ok {
		in.Type = r.inputType(n)
	}
	if list, ok := m.get("list"); ok {
		if in.Type != List {
			r.fail(list, "input %s has a list, so its type is list and not %s; to judge a string by a list, put it under validation", name, in.Type)
		}
		in.List = r.list(list)
	} else if in.Type == List {
		r.fail(n, "input %s is of type list and has no list of what it may be", name)
	}
	for _, key := range []string{"max_length", "validation"} {
		if n, ok := m.get(key); ok && in.Type != String {
			r.fail(n, "%s is for inputs of type string, and %s is of type %s", key, name, in.Type)
		}
	}
	in.MaxLength = m.count("max_length")
	if n, ok := m.get("validation"); ok {
		in.Validation = r.validation(n)
	}
	return in
}

// inputType reads a type that we know or the name of a validator that we have;
// any other validator must be called one, so that a typing error is found.
func (r *reader) inputType(n *yaml.Node) Type {
	if n.Kind == yaml.MappingNode {
		return Type(r.mapping(n, "type", "validator").text("validator", ""))
	}
	t := r.text(n)
	if !slices.Contains(ourTypes, t) && !knownValidator(t) {
		r.fail(n, "unknown type %q%s", t, suggest.Hint(t, append(validatorNames(), ourTypes...)))
	}
	return Type(t)
}

// validation reads a list, the name of a validator or a regular expression. A
// plain word is taken for the validator that it most likely is.
func (r *reader) validation(n *yaml.Node) (v Validation) {
	switch n.Kind {
	case yaml.SequenceNode:
		v.List = r.list(n)
	case yaml.MappingNode:
		m := r.mapping(n, "validation", "regexp", "validator", "list", "class")
		if len(m.keys) != 1 {
			r.fail(n, "a validation is one of regexp, validator, list and class")
		}
		v.Regexp, v.Validator, v.Class = m.text("regexp", ""), m.text("validator", ""), m.text("class", "")
		if n, ok := m.get("list"); ok {
			v.List = r.list(n)
		}
	default:
		text := r.text(n)
		switch {
		case !isWord(text):
			v.Regexp = text
		case knownValidator(text):
			v.Validator = text
		default:
			r.fail(n, "unknown validator %q%s; a regular expression that is one word goes under regexp", text, suggest.Hint(text, validatorNames()))
		}
	}
	return v
}

// isWord holds for lower case letters, digits and underscores.
func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func (r *reader) list(n *yaml.Node) []any {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "a list is needed")
		return nil
	}
	list, _ := r.value(n, 0).([]any)
	return list
}

func (r *reader) outputs(a *Action, n *yaml.Node) {
	m := r.mapping(n, "the outputs of "+a.Name)
	for i, key := range m.keys {
		f := r.mapping(m.values[i], "output "+key.Value, outputKeys...)
		o := &Output{Name: key.Value, DisplayAs: f.text("display_as", label(key.Value))}
		o.Description = f.text("description", o.DisplayAs)
		if n, ok := f.get("type"); ok {
			o.Type = Type(r.text(n))
			if !slices.Contains(ourTypes, string(o.Type)) {
				r.fail(n, "unknown type %q%s", o.Type, suggest.Hint(string(o.Type), ourTypes))
			}
		}
		if n, ok := f.get("default"); ok {
			o.Default = r.value(n, 0)
		}
		if n, ok := f.get("summarize"); ok {
			r.summaries(a, o.Name, n)
		}
		a.Outputs = append(a.Outputs, o)
	}
}

// summaries reads a summary or several, of the output if it has a name. The name
// of a function stands for a summary without more.
func (r *reader) summaries(a *Action, output string, n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			if c.Kind == yaml.SequenceNode {
				r.fail(c, "a summary cannot be a list")
				return
			}
			r.summaries(a, output, c)
		}
		return
	}
	s := &Summary{Output: output}
	if n.Kind == yaml.ScalarNode {
		s.Function = r.text(n)
	} else {
		m := r.mapping(n, "a summary", summaryKeys...)
		s.Function, s.Format = m.text("function", ""), m.text("format", "")
		if n, ok := m.get("output"); ok {
			if output != "" {
				r.fail(n, "the summary is of the output %s already", output)
			}
			s.Output = r.text(n)
		}
		if n, ok := m.get("options"); ok {
			s.Options = r.options(n)
		}
	}
	if s.Function == "" {
		r.fail(n, "a summary needs a function")
	}
	a.Summaries = append(a.Summaries, s)
}

func (r *reader) options(n *yaml.Node) map[string]any {
	m := r.mapping(n, "options")
	options := make(map[string]any, len(m.keys))
	for i, key := range m.keys {
		options[key.Value] = r.value(m.values[i], 0)
	}
	return options
}
