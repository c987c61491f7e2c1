package rubyddl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mcollective/ddl"
	"mcollective/internal/plaintext"
	"mcollective/value"
)

// Format returns the definition as a .ddl, for the clients and servers of Ruby
// MCollective. What their language does not have is left out: types of outputs,
// time limits of actions, and which actions are destructive, know noop or take
// sensitive values. Ruby refuses every value of an input whose type is our own.
func Format(d *ddl.Definition) []byte {
	w := &writer{}
	m := d.Metadata
	w.properties(`metadata `, []property{
		{"name", m.Name}, {"description", m.Description}, {"author", m.Author}, {"license", m.License}, {"version", m.Version}, {"url", m.URL},
		{"timeout", number(m.Timeout.Seconds())},
	})
	for _, q := range d.Requires {
		fmt.Fprintf(w, "\nrequires :%s => %s\n", q.Name, quote(q.Version))
	}
	if d.Usage != "" {
		fmt.Fprintf(w, "\nusage %s\n", quote(d.Usage))
	}
	for _, a := range d.Actions {
		fmt.Fprintf(w, "\naction %s, :description => %s do\n", quote(a.Name), quote(a.Description))
		if a.Display != "" {
			fmt.Fprintf(w, "  display :%s\n", a.Display)
		}
		w.body(a)
	}
	if d.Query != nil {
		fmt.Fprintf(w, "\ndataquery :description => %s do\n", quote(d.Query.Description))
		w.body(d.Query)
	}
	if len(d.Capabilities) > 0 {
		fmt.Fprintf(w, "\ndiscovery do\n  capabilities [:%s]\nend\n", strings.Join(d.Capabilities, ", :"))
	}
	return []byte(w.String())
}

type writer struct{ strings.Builder }

// A property is one pair; a value that is a source stands as it is.
type property struct {
	key   string
	value any
}

type source string

func number(f float64) any {
	if f == float64(int64(f)) {
		return int64(f)
	}
	return f
}

// properties writes word and pairs, one on each line, in columns.
func (w *writer) properties(word string, all []property) {
	wide := 0
	for _, p := range all {
		wide = max(wide, len(p.key))
	}
	for i, p := range all {
		if i == 0 {
			w.WriteString(word)
		} else {
			w.WriteString(",\n" + strings.Repeat(" ", len(word)))
		}
		fmt.Fprintf(w, ":%-*s => %s", wide, p.key, literal(p.value))
	}
	w.WriteString("\n")
}

func (w *writer) body(a *ddl.Action) {
	for _, i := range a.Inputs {
		all := []property{{"prompt", i.Prompt}, {"description", i.Description}, {"type", value.Symbol(i.Type)}, {"optional", i.Optional}}
		switch i.Type {
		case ddl.String:
			all = append(all, property{"validation", validationSource(i.Validation)}, property{"maxlength", int64(i.MaxLength)})
		case ddl.List:
			all = append(all, property{"list", i.List})
		}
		if i.Default != nil {
			all = append(all, property{"default", i.Default})
		}
		w.about("input", i.Name, all)
	}
	for _, o := range a.Outputs {
		all := []property{{"description", o.Description}, {"display_as", o.DisplayAs}}
		if o.Default != nil {
			all = append(all, property{"default", o.Default})
		}
		w.about("output", o.Name, all)
	}
	if len(a.Summaries) > 0 {
		w.WriteString("\n  summarize do\n")
		for _, s := range a.Summaries {
			w.summary(s)
		}
		w.WriteString("  end\n")
	}
	w.WriteString("end\n")
}

func (w *writer) about(word, name string, all []property) {
	fmt.Fprintf(w, "\n  %s %s,\n", word, literal(value.Symbol(name)))
	w.properties(strings.Repeat(" ", len(word)+3), all)
}

func (w *writer) summary(s *ddl.Summary) {
	fmt.Fprintf(w, "    aggregate %s(%s", s.Function, literal(value.Symbol(s.Output)))
	if len(s.Options) > 0 {
		h := &value.Map{}
		if s.Format != "" {
			h.Set(value.Symbol("format"), s.Format)
		}
		for _, k := range sortedKeys(s.Options) {
			h.Set(value.Symbol(k), s.Options[k])
		}
		fmt.Fprintf(w, ", %s)\n", literal(h))
		return
	}
	w.WriteString(")")
	if s.Format != "" {
		fmt.Fprintf(w, ", :format => %s", quote(s.Format))
	}
	w.WriteString("\n")
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func validationSource(v ddl.Validation) any {
	switch {
	case v.Validator != "":
		return value.Symbol(v.Validator)
	case v.List != nil:
		return v.List
	case v.Class != "":
		return source(v.Class)
	}
	return v.Regexp
}

// literal returns a value as Ruby's source has it.
func literal(v any) string {
	switch v := v.(type) {
	case source:
		return string(v)
	case string:
		return quote(v)
	case value.Symbol:
		if isWord(string(v)) {
			return ":" + string(v)
		}
		return ":" + quote(string(v))
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return plaintext.Float(v)
	case []any:
		all := make([]string, len(v))
		for i, e := range v {
			all[i] = literal(e)
		}
		return "[" + strings.Join(all, ", ") + "]"
	case *value.Map:
		all := make([]string, len(v.Pairs))
		for i, p := range v.Pairs {
			all[i] = literal(p.Key) + " => " + literal(p.Value)
		}
		return "{" + strings.Join(all, ", ") + "}"
	case nil:
		return "nil"
	}
	return fmt.Sprint(v)
}

func isWord(s string) bool {
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}

// quote returns a string in double quotes in which nothing is evaluated.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '#':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
